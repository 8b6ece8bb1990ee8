# SPDX-License-Identifier: GPL-2.0-or-later
"""A refused login in words: what the server said, the likely reason, and the line to change.

C upsmon says once what the server answered, goes on reading, and never tries the login again.
A host whose login is refused is not waited for by its primary, or can't order its secondaries down:
that is told as a notice and as an error, again and again, until the login is accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ridethrough.monitor.messages import Emit, LoginRefused
from ridethrough.monitor.settings import Supply
from ridethrough.protocol.errors import Err
from ridethrough.ups.notices import Notice, NotifyType


def line_of(supply: Supply) -> str:
    """The MONITOR line as a place: `upsmon.conf:3`."""
    return f"upsmon.conf:{supply.line}" if supply.line else "its MONITOR line"


def _section(supply: Supply) -> str:
    user = f"section [{supply.username}]" if supply.username else "the user's section"
    return f"{user} of upsd.users on {supply.server}"


def _denied(supply: Supply) -> str:
    """The server keeps to itself whether it was the user, the password, or the right."""
    role = "primary" if supply.primary else "secondary"
    return f"compare {line_of(supply)} with {_section(supply)}: the password, and the line: upsmon {role}"


def _role(supply: Supply) -> str:
    return (
        f"this user may log in, but not as primary: write 'upsmon primary' in {_section(supply)}, "
        f"or secondary in {line_of(supply)} if the UPS is not connected to this host"
    )


def _stranger(supply: Supply) -> str:
    name = supply.ups.partition("@")[0]
    return (
        f"the server on {supply.server} has no UPS '{name}': correct {line_of(supply)} "
        f"('upsc -l {supply.server}' lists those it has), or write [{name}] in ups.conf there"
    )


def _nobody(supply: Supply) -> str:
    return f"the server wants user and password: write those of {_section(supply)} in {line_of(supply)}"


def _twice(supply: Supply) -> str:
    return f"this connection has a login already; if it stays so, restart upsd on {supply.server}"


def _old(supply: Supply) -> str:
    return f"the server on {supply.server} does not know LOGIN: it is no upsd, or too old"


_ADVICE: Mapping[Err, Callable[[Supply], str]] = MappingProxyType(
    {
        Err.ACCESS_DENIED: _denied,
        Err.UNKNOWN_UPS: _stranger,
        Err.USERNAME_REQUIRED: _nobody,
        Err.PASSWORD_REQUIRED: _nobody,
        Err.ALREADY_LOGGED_IN: _twice,
        Err.UNKNOWN_COMMAND: _old,
    }
)
"""What the server answered -> what to look at; anything else is an account that does not fit."""


def advice(supply: Supply, event: LoginRefused) -> str:
    """The likely reason, and the line to change."""
    if event.counted:
        return _role(supply)
    if event.err is None:
        return f"correct {line_of(supply)}"
    return _ADVICE.get(event.err, _denied)(supply)


def unknown_ups(supply: Supply) -> str:
    """The same for a UPS that is only read, and that its server does not have."""
    return _stranger(supply)


def told(supply: Supply, event: LoginRefused) -> Emit:
    """The notice.  OTHER is the nearest type NUT has: COMMBAD would tell scripts that the UPS is gone."""
    lost = (
        "this host can't order its secondaries down"
        if event.counted
        else "this host is not protected: nobody waits for it to shut down"
    )
    text = f"UPS {supply.ups}: login refused: {event.why}; {lost}; {advice(supply, event)}"
    return Emit(Notice(NotifyType.OTHER, supply.ups, text), loud=True)

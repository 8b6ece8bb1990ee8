# SPDX-License-Identifier: GPL-2.0-or-later
"""A refused login in words."""

from __future__ import annotations

import pytest

from ridethrough.monitor.messages import LoginRefused
from ridethrough.monitor.refusals import advice, told
from ridethrough.monitor.settings import Supply
from ridethrough.protocol.errors import Err
from ridethrough.ups.notices import NotifyType

PRIMARY = Supply("rack@nas:3494", line=12, username="mon")
SECONDARY = Supply("rack", primary=False, line=3)

ADVICE = [
    (
        PRIMARY,
        Err.ACCESS_DENIED,
        False,
        "compare upsmon.conf:12 with section [mon] of upsd.users on nas:3494",
    ),
    (PRIMARY, Err.ACCESS_DENIED, False, "the password, and the line: upsmon primary"),
    (
        SECONDARY,
        Err.ACCESS_DENIED,
        False,
        "the user's section of upsd.users on localhost: the password, and th",
    ),
    (
        PRIMARY,
        Err.ACCESS_DENIED,
        True,
        "not as primary: write 'upsmon primary' in section [mon] of upsd.users",
    ),
    (PRIMARY, Err.UNKNOWN_UPS, False, "no UPS 'rack': correct upsmon.conf:12 ('upsc -l nas:3494' lists"),
    (PRIMARY, Err.USERNAME_REQUIRED, False, "wants user and password: write those of section [mon]"),
    (PRIMARY, Err.PASSWORD_REQUIRED, False, "in upsmon.conf:12"),
    (PRIMARY, Err.ALREADY_LOGGED_IN, False, "restart upsd on nas:3494"),
    (PRIMARY, Err.UNKNOWN_COMMAND, False, "it is no upsd, or too old"),
    (PRIMARY, Err.INVALID_PASSWORD, False, "compare upsmon.conf:12"),
    (PRIMARY, None, False, "correct upsmon.conf:12"),
    (Supply("rack@nas"), None, False, "correct its MONITOR line"),
]


@pytest.mark.parametrize(("supply", "err", "counted", "said"), ADVICE)
def test_the_likely_reason_and_the_line_to_change(
    supply: Supply, err: Err | None, counted: bool, said: str
) -> None:
    """For each answer of a server: what to look at, with file and line here and the section there."""
    assert said in advice(supply, LoginRefused(supply.ups, "why", counted, err))


def test_what_is_lost_by_it_is_said() -> None:
    """No login: nobody waits for this host.  No role: it can't order its secondaries down."""
    login = told(PRIMARY, LoginRefused(PRIMARY.ups, "ACCESS-DENIED", False, Err.ACCESS_DENIED))
    assert "UPS rack@nas:3494: login refused: ACCESS-DENIED; this host is not protected" in login.notice.text
    assert (login.notice.type, login.loud) == (NotifyType.OTHER, True)
    role = told(PRIMARY, LoginRefused(PRIMARY.ups, "ACCESS-DENIED", True, Err.ACCESS_DENIED))
    assert "this host can't order its secondaries down" in role.notice.text

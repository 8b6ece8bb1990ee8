# SPDX-License-Identifier: GPL-2.0-or-later
"""What the monitor's core is told (events) and what it asks for (effects)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from ridethrough.monitor.settings import Settings
from ridethrough.ups.notices import Notice
from ridethrough.ups.status import Status


class Level(StrEnum):
    """How urgent a log line is; the shell maps it to what its log knows."""

    DEBUG = "debug"
    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class FailKind(StrEnum):
    """Why a poll gave no status."""

    UNREACHABLE = "unreachable"
    NO_ANSWER = "no answer"
    STALE = "data stale"
    NOT_CONNECTED = "driver not connected"
    UNKNOWN_UPS = "unknown UPS"
    REFUSED = "refused"
    EMPTY = "no status"


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Polled:
    """A UPS answered.  `readings` are other variables of the same poll, by name."""

    ups: str
    status: Status
    readings: Mapping[str, str] = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True)
class PollFailed:
    """A UPS did not answer, or its data can't be trusted; `detail` says so in words."""

    ups: str
    kind: FailKind = FailKind.UNREACHABLE
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The server accepted the login (and the role)."""

    ups: str


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """The connection with the login is gone; the server no longer counts this host."""

    ups: str


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """The server refused user, password or role; its readings may still be there.

    `counted`: the server took the login, and refused only the role; it counts this host.
    """

    ups: str
    why: str
    counted: bool = False


@dataclass(frozen=True, slots=True)
class LoginCount:
    """How many hosts are logged in to a UPS; this one is among them if it is logged in."""

    ups: str
    count: int


@dataclass(frozen=True, slots=True)
class FsdAcknowledged:
    """The server has set FSD.  `dry`: it was not asked, as nothing may be changed."""

    ups: str
    dry: bool = False


@dataclass(frozen=True, slots=True)
class FsdFailed:
    """The server could not be told to set FSD."""

    ups: str
    why: str


@dataclass(frozen=True, slots=True)
class UserFsd:
    """A person (or a script of his) orders the shutdown: `upsmon -c fsd`."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """upsmon.conf was read again."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Event = (
    Polled
    | PollFailed
    | LoggedIn
    | LoggedOut
    | LoginRefused
    | LoginCount
    | FsdAcknowledged
    | FsdFailed
    | UserFsd
    | Reloaded
    | Tick
)


@dataclass(frozen=True, slots=True)
class Emit:
    """Publish a notice; where it goes is the shell's matter (NOTIFYFLAG)."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class SetFsd:
    """Tell the server to set FSD; `FsdAcknowledged` or `FsdFailed` is owed."""

    ups: str


@dataclass(frozen=True, slots=True)
class AskLogins:
    """Ask how many hosts are logged in; `LoginCount` is owed, or nothing if nobody answers."""

    ups: str


@dataclass(frozen=True, slots=True)
class WritePowerdownFlag:
    """Write POWERDOWNFLAG; it must be there before what follows is done."""


@dataclass(frozen=True, slots=True)
class RunShutdown:
    """Run SHUTDOWNCMD.  It is asked for once in the life of a monitor."""


@dataclass(frozen=True, slots=True)
class LogDecision:
    """Write down what was decided, and the readings behind it."""

    text: str
    readings: Mapping[str, str] = field(default_factory=_nothing)
    level: Level = Level.WARNING

    def __str__(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self.readings.items())
        return f"{self.text} [{told}]" if told else self.text


@dataclass(frozen=True, slots=True)
class Logout:
    """Leave the server."""

    ups: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The monitor has done its work and ends."""

    exit: int = 0


Effect = Emit | SetFsd | AskLogins | WritePowerdownFlag | RunShutdown | LogDecision | Logout | Stop

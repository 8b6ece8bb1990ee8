# SPDX-License-Identifier: GPL-2.0-or-later
"""What the monitor's core is told (events) and what it asks for (effects)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from ridethrough.monitor.settings import Settings
from ridethrough.protocol.errors import Err
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
    WAITING = "the driver has not told everything yet"


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
    `err`: the server's word, or None if the request could not even be written.
    """

    ups: str
    why: str
    counted: bool = False
    err: Err | None = None


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
    """A person orders the shutdown: `upsmon -c fsd`; or a script does, of a notice of the type `script`."""

    script: str = ""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """upsmon.conf was read again."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Until when automatic shutdowns are held back, and who wants that; made by `maintenance.of`.

    `since` and `until` are points on the monotonic clock.  `until_text` is the end as people read it (HH:MM);
    nothing is decided on it.  `even_fsd`: also a forced shutdown that a server announces is held back.
    """

    since: float
    until: float
    until_text: str
    who: str
    reason: str = ""
    even_fsd: bool = False


@dataclass(frozen=True, slots=True)
class MaintenanceOn:
    """A person begins a maintenance, or changes one; `resumed`: it was on before the monitor's restart."""

    maintenance: Maintenance
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class MaintenanceOff:
    """A person ends the maintenance."""

    who: str


@dataclass(frozen=True, slots=True)
class SleepStarting:
    """The machine is about to suspend or hibernate; it still runs for a moment."""


@dataclass(frozen=True, slots=True)
class SleepFinished:
    """The machine runs again after a sleep that was announced."""


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
    | MaintenanceOn
    | MaintenanceOff
    | SleepStarting
    | SleepFinished
    | Tick
)


@dataclass(frozen=True, slots=True)
class Emit:
    """Publish a notice; where it goes is the shell's matter (NOTIFYFLAG).

    `loud`: it is an error, and is logged as one whatever NOTIFYFLAG says.
    """

    notice: Notice
    loud: bool = False


@dataclass(frozen=True, slots=True)
class PollNow:
    """Ask all UPSes at once: what is known of them is old."""


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


@dataclass(frozen=True, slots=True)
class KeepMaintenance:
    """Remember the maintenance over a restart of the monitor, or (None) forget it."""

    maintenance: Maintenance | None


Effect = (
    Emit
    | SetFsd
    | AskLogins
    | WritePowerdownFlag
    | RunShutdown
    | LogDecision
    | Logout
    | KeepMaintenance
    | PollNow
    | Stop
)

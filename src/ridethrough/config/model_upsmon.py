# SPDX-License-Identifier: GPL-2.0-or-later
"""What upsmon.conf and upssched.conf say. Defaults are NUT's (upsmon.conf(5), upssched.conf(5))."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ridethrough.config.echo import shown
from ridethrough.config.model_upsd import CertIdent, Role
from ridethrough.config.secret import Secret
from ridethrough.ups.notices import DEFAULT_FLAGS, DEFAULT_MESSAGES, NotifyFlag, NotifyType

DEFAULT_NOTIFYFLAGS: Mapping[NotifyType, NotifyFlag] = MappingProxyType(
    dict.fromkeys(NotifyType, DEFAULT_FLAGS)
)
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "localhost.localdomain", "ip6-localhost"})


@dataclass(frozen=True, slots=True)
class MonitorLine:
    """One MONITOR line. `system` is what was written: `ups`, `ups@host` or `ups@host:port`."""

    ups: str
    host: str
    port: int
    power_value: int
    username: str
    password: Secret
    role: Role
    system: str
    line: int = 0

    @property
    def shown(self) -> str:
        """The UPS for a message; not a word without @, for in a jumbled line that may be the password."""
        return shown(self.system, "this UPS") if "@" in self.system else "this UPS"

    @property
    def is_local(self) -> bool:
        """Whether the server is this host's own."""
        return self.host.casefold() in LOCAL_HOSTS


@dataclass(frozen=True, slots=True)
class CertHost:
    """One CERTHOST line: what is demanded of the TLS of one server (`host` may carry `:port`)."""

    host: str
    name: str
    verify: bool
    force: bool


@dataclass(frozen=True, slots=True)
class UpsmonConf:
    """upsmon.conf. Empty strings mean that the file does not say.

    `shutdownexit` is the delay in seconds between SHUTDOWNCMD and the end of the monitor; None: it stays.
    `notifymsg` and `notifyflag` are complete: NUT's own with the file's laid over them.
    `shutdowncmd` and `notifycmd` are command lines for a shell.
    """

    monitors: tuple[MonitorLine, ...] = ()
    minsupplies: int = 1
    pollfreq_s: float = 5
    pollfreqalert_s: float = 5
    deadtime_s: float = 15
    hostsync_s: float = 15
    finaldelay_s: float = 5
    nocommwarntime_s: float = 300
    rbwarntime_s: float = 43200
    pollfail_log_throttle_max: int = -1
    offduration_s: float = 30
    oblbduration_s: float = 0
    overduration_s: float = -1
    alarmcritical: bool = True
    shutdownexit: float | None = 0
    run_as_user: str = ""
    powerdownflag: str = ""
    shutdowncmd: str = ""
    notifycmd: str = ""
    notifymsg: Mapping[NotifyType, str] = field(default_factory=lambda: DEFAULT_MESSAGES, repr=False)
    notifyflag: Mapping[NotifyType, NotifyFlag] = field(
        default_factory=lambda: DEFAULT_NOTIFYFLAGS, repr=False
    )
    certpath: str = ""
    certfile: str = ""
    certident: CertIdent | None = None
    certhosts: tuple[CertHost, ...] = ()
    certverify: bool = False
    forcessl: bool = False
    debug_min: int = 0

    @property
    def power(self) -> int:
        """The sum of the power values: how many supplies the monitored UPSes feed here."""
        return sum(monitor.power_value for monitor in self.monitors)


@dataclass(frozen=True, slots=True)
class AtRule:
    """One AT line. `notify_type` and `command` are in capitals; `ups` is `*` or a MONITOR's system.

    `args`: (timer, seconds) for START-TIMER and START-TIMER-SHARED, (timer[, command]) for CANCEL-TIMER
    and CANCEL-TIMER-MATCHED, (command,) for EXECUTE.
    """

    notify_type: str
    ups: str
    command: str
    args: tuple[str, ...]
    line: int = 0


@dataclass(frozen=True, slots=True)
class UpsschedConf:
    """upssched.conf. `cmdscript` is a command line for a shell."""

    cmdscript: str = ""
    pipefn: str = ""
    lockfn: str = ""
    rules: tuple[AtRule, ...] = ()
    debug_min: int = 0

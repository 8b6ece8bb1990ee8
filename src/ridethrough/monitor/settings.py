# SPDX-License-Identifier: GPL-2.0-or-later
"""What the monitor's pure modules need to know of upsmon.conf; no password is among it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ridethrough.config.model_upsd import Role
from ridethrough.config.model_upsmon import UpsmonConf
from ridethrough.ups.notices import DEFAULT_MESSAGES, WITHOUT_UPS, Notice, NotifyType, render


@dataclass(frozen=True, slots=True)
class Supply:
    """One MONITOR line: which UPS, and how many of this host's power supplies it feeds.

    `login` says whether this host logs in to it.  A line with power value 0 is only watched: a login
    would tell the primary to wait for a host that the UPS does not feed.
    """

    ups: str
    power_value: int = 1
    primary: bool = True
    login: bool = True
    line: int = 0
    username: str = ""

    @property
    def server(self) -> str:
        """The server as it is written: `host` or `host:port`."""
        return self.ups.partition("@")[2] or "localhost"


@dataclass(frozen=True, slots=True)
class Settings:
    """Times are in seconds.  `strict_c` restores decisions of C upsmon that ours makes more slowly.

    `shutdownexit_s`: how long the monitor stays after SHUTDOWNCMD; None: until it is ended.
    """

    supplies: tuple[Supply, ...] = ()
    minsupplies: int = 1
    pollfreq_s: float = 5
    pollfreqalert_s: float = 5
    deadtime_s: float = 15
    hostsync_s: float = 15
    finaldelay_s: float = 5
    nocommwarntime_s: float = 300
    rbwarntime_s: float = 43200
    offduration_s: float = 30
    oblbduration_s: float = 0
    overduration_s: float = -1
    pollfail_log_throttle_max: int = -1
    alarmcritical: bool = True
    shutdownexit_s: float | None = 0
    messages: Mapping[NotifyType, str] = field(default_factory=lambda: MappingProxyType({}))
    strict_c: bool = False

    def supply(self, ups: str) -> Supply | None:
        """The MONITOR line of a UPS, or None for a name that is not watched."""
        return next((supply for supply in self.supplies if supply.ups == ups), None)

    @property
    def primaries(self) -> tuple[str, ...]:
        """The UPSes that this host is the primary of."""
        return tuple(supply.ups for supply in self.supplies if supply.primary)

    @property
    def heartbeat_s(self) -> float:
        """How often the pure core is told the time, even if nothing happens."""
        return max(self.pollfreq_s, self.pollfreqalert_s, 1.0)

    def notice(self, kind: NotifyType, ups: str = "", extra: str = "") -> Notice:
        """A notice with its text from NOTIFYMSG; the first `%s` is the UPS, the second `extra`."""
        template = self.messages.get(kind, DEFAULT_MESSAGES[kind])
        values = (extra,) if kind is NotifyType.SUSPEND_TIMEJUMP_UNEXPECTED else (ups, extra)
        return Notice(kind, "" if kind in WITHOUT_UPS else ups, render(template, *values))


def from_conf(conf: UpsmonConf, *, strict_c: bool = False) -> Settings:
    """The settings of an upsmon.conf.  A UPS that is named twice counts once, as in C."""
    supplies: dict[str, Supply] = {}
    for monitor in conf.monitors:
        primary = monitor.role is Role.PRIMARY
        supply = Supply(
            ups=monitor.system,
            power_value=monitor.power_value,
            primary=primary,
            login=monitor.power_value > 0 or primary or strict_c,
            line=monitor.line,
            username=monitor.username,
        )
        supplies.setdefault(monitor.system, supply)
    return Settings(
        supplies=tuple(supplies.values()),
        minsupplies=conf.minsupplies,
        pollfreq_s=max(conf.pollfreq_s, 0.1),
        pollfreqalert_s=max(conf.pollfreqalert_s, 0.1),
        deadtime_s=conf.deadtime_s,
        hostsync_s=conf.hostsync_s,
        finaldelay_s=conf.finaldelay_s,
        nocommwarntime_s=conf.nocommwarntime_s,
        rbwarntime_s=conf.rbwarntime_s,
        offduration_s=conf.offduration_s,
        oblbduration_s=conf.oblbduration_s,
        overduration_s=conf.overduration_s,
        pollfail_log_throttle_max=conf.pollfail_log_throttle_max,
        alarmcritical=conf.alarmcritical,
        shutdownexit_s=conf.shutdownexit,
        messages=conf.notifymsg,
        strict_c=strict_c,
    )

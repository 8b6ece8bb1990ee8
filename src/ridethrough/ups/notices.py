# SPDX-License-Identifier: GPL-2.0-or-later
"""Notices: what `upsmon` tells people and scripts (NUT's `upsmon.conf(5)`, NOTIFYMSG and NOTIFYFLAG).

Names and default texts are NUT's, since scripts and log filters match them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Flag, StrEnum, auto
from types import MappingProxyType


class NotifyType(StrEnum):
    """The notice types of NUT 2.8.5."""

    ONLINE = "ONLINE"
    ONBATT = "ONBATT"
    LOWBATT = "LOWBATT"
    FSD = "FSD"
    COMMOK = "COMMOK"
    COMMBAD = "COMMBAD"
    SHUTDOWN = "SHUTDOWN"
    SHUTDOWN_HOSTSYNC = "SHUTDOWN_HOSTSYNC"
    REPLBATT = "REPLBATT"
    NOCOMM = "NOCOMM"
    NOPARENT = "NOPARENT"
    CAL = "CAL"
    NOTCAL = "NOTCAL"
    OFF = "OFF"
    NOTOFF = "NOTOFF"
    BYPASS = "BYPASS"
    NOTBYPASS = "NOTBYPASS"
    ECO = "ECO"
    NOTECO = "NOTECO"
    ALARM = "ALARM"
    NOTALARM = "NOTALARM"
    OVER = "OVER"
    NOTOVER = "NOTOVER"
    TRIM = "TRIM"
    NOTTRIM = "NOTTRIM"
    BOOST = "BOOST"
    NOTBOOST = "NOTBOOST"
    OTHER = "OTHER"
    NOTOTHER = "NOTOTHER"
    SUSPEND_TIMEJUMP_UNEXPECTED = "SUSPEND_TIMEJUMP_UNEXPECTED"
    SUSPEND_STARTING = "SUSPEND_STARTING"
    SUSPEND_FINISHED = "SUSPEND_FINISHED"


class NotifyFlag(Flag):
    """Where a notice goes; IGNORE alone means nowhere."""

    IGNORE = 0
    SYSLOG = auto()
    WALL = auto()
    EXEC = auto()


DEFAULT_FLAGS = NotifyFlag.SYSLOG | NotifyFlag.WALL

DEFAULT_MESSAGES: Mapping[NotifyType, str] = MappingProxyType(
    {
        NotifyType.ONLINE: "UPS %s on line power",
        NotifyType.ONBATT: "UPS %s on battery",
        NotifyType.LOWBATT: "UPS %s battery is low",
        NotifyType.FSD: "UPS %s: forced shutdown in progress",
        NotifyType.COMMOK: "Communications with UPS %s established",
        NotifyType.COMMBAD: "Communications with UPS %s lost",
        NotifyType.SHUTDOWN: "Auto logout and shutdown proceeding",
        NotifyType.SHUTDOWN_HOSTSYNC: "Shutdown initiated; primary system is waiting for secondaries"
        " to log out or time out",
        NotifyType.REPLBATT: "UPS %s battery needs to be replaced",
        NotifyType.NOCOMM: "UPS %s is unavailable",
        NotifyType.NOPARENT: "upsmon parent process died - shutdown impossible",
        NotifyType.CAL: "UPS %s: calibration in progress",
        NotifyType.NOTCAL: "UPS %s: calibration finished",
        NotifyType.OFF: "UPS %s: administratively OFF or asleep",
        NotifyType.NOTOFF: "UPS %s: no longer administratively OFF or asleep",
        NotifyType.BYPASS: "UPS %s: on bypass (powered, not protecting)",
        NotifyType.NOTBYPASS: "UPS %s: no longer on bypass",
        NotifyType.ECO: "UPS %s: in ECO mode (as defined by vendor)",
        NotifyType.NOTECO: "UPS %s: no longer in ECO mode",
        NotifyType.ALARM: "UPS %s: one or more active alarms: [%s]",
        NotifyType.NOTALARM: "UPS %s is no longer in an alarm state (no active alarms)",
        NotifyType.OVER: "UPS %s: overloaded",
        NotifyType.NOTOVER: "UPS %s: no longer overloaded",
        NotifyType.TRIM: "UPS %s: trimming incoming voltage",
        NotifyType.NOTTRIM: "UPS %s: no longer trimming incoming voltage",
        NotifyType.BOOST: "UPS %s: boosting incoming voltage",
        NotifyType.NOTBOOST: "UPS %s: no longer boosting incoming voltage",
        NotifyType.OTHER: "UPS %s: has at least one unclassified status token: [%s]",
        NotifyType.NOTOTHER: "UPS %s has no unclassified status tokens anymore",
        NotifyType.SUSPEND_TIMEJUMP_UNEXPECTED: "Unexpected clock change by %s,"
        " treating as wake up from sleep",
        NotifyType.SUSPEND_STARTING: "OS is entering sleep/suspend/hibernate mode",
        NotifyType.SUSPEND_FINISHED: "OS just finished sleep/suspend/hibernate mode,"
        " de-activating obsolete UPS readings to avoid an unfortunate shutdown",
    }
)

WITHOUT_UPS = frozenset(
    {
        NotifyType.SHUTDOWN,
        NotifyType.SHUTDOWN_HOSTSYNC,
        NotifyType.NOPARENT,
        NotifyType.SUSPEND_STARTING,
        NotifyType.SUSPEND_FINISHED,
        NotifyType.SUSPEND_TIMEJUMP_UNEXPECTED,
    }
)
"""Notices that belong to the host; their UPSNAME is empty."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice. `ups` is `name@host` as written in MONITOR, or empty for a notice of the host itself."""

    type: NotifyType
    ups: str
    text: str


def render(template: str, *values: str) -> str:
    """A NOTIFYMSG template with its `%s` filled in order.

    A template with fewer places takes fewer values; places beyond the values become empty;
    `%%` is a percent sign; other `%` sequences stay as they are.
    Nothing that a user writes in NOTIFYMSG can fail in the night.
    """
    left = list(values)
    out: list[str] = []
    at = 0
    while at < len(template):
        pair = template[at : at + 2]
        if pair == "%s":
            out.append(left.pop(0) if left else "")
        elif pair == "%%":
            out.append("%")
        else:
            out.append(template[at])
            at += 1
            continue
        at += 2
    return "".join(out)

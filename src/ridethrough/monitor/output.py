# SPDX-License-Identifier: GPL-2.0-or-later
"""What the monitor's shell needs done by others, and what it tells of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ridethrough.monitor.core import MonitorState
from ridethrough.monitor.life import Comm
from ridethrough.monitor.messages import Level, LogDecision
from ridethrough.monitor.refusals import advice
from ridethrough.ups.notices import Notice, NotifyFlag


class MonitorOutput(Protocol):
    """What the monitor needs done.  Nothing here may block; the coroutines are waited for a bounded time."""

    def notice(self, notice: Notice, flags: NotifyFlag) -> None:
        """Every notice; run NOTIFYCMD if `flags` has EXEC.  SYSLOG and WALL are seen to already."""
        ...

    def wall(self, text: str) -> None:
        """Show a text to everybody who is logged in to this host."""
        ...

    def log(self, level: Level, text: str) -> None:
        """Write a line to the log."""
        ...

    def decision(self, decision: LogDecision) -> None:
        """A decision and the readings behind it; it belongs into the log."""
        ...

    async def powerdownflag(self) -> None:
        """Write POWERDOWNFLAG; return when it is on the disk."""
        ...

    async def shutdown(self) -> None:
        """Run SHUTDOWNCMD; return when it was started."""
        ...


@dataclass(frozen=True, slots=True)
class UpsSummary:
    """What `status` shows of one MONITOR line.

    `refused` is why the login was not accepted, or empty; `advice` is the likely reason and what to change.
    """

    ups: str
    primary: bool
    power_value: int
    fresh: bool
    status: str
    wants_login: bool
    logged_in: bool
    refused: str
    advice: str
    failure: str
    critical: bool
    reason: str


def summarise(state: MonitorState) -> tuple[UpsSummary, ...]:
    """What is known of every MONITOR line, in the order of upsmon.conf."""
    return tuple(
        UpsSummary(
            ups=supply.ups,
            primary=supply.primary,
            power_value=supply.power_value,
            fresh=seen.life.comm is Comm.OK and not seen.life.stale,
            status=str(seen.life.status),
            wants_login=supply.login,
            logged_in=seen.logged_in,
            refused=seen.refused.why if seen.refused is not None else "",
            advice=advice(supply, seen.refused) if seen.refused is not None else "",
            failure=seen.failure.value if seen.failure is not None else "",
            critical=seen.verdict.critical,
            reason=seen.verdict.reason,
        )
        for supply in state.settings.supplies
        for seen in (state.watched[supply.ups],)
    )

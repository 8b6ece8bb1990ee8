# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a monitor's effects go in `serve`: to the bus, to the schedule of this process, and to commands."""

from __future__ import annotations

import os
import shlex

from ridethrough.app.bus import Bus
from ridethrough.app.commands import CommandOutput
from ridethrough.app.stamp import Stamp
from ridethrough.config.models import UpsmonConf
from ridethrough.monitor.messages import Level, LogDecision
from ridethrough.privsep.actions import Actions
from ridethrough.schedule.shell import Scheduler
from ridethrough.ups.notices import Notice, NotifyFlag


class Output:
    """A `MonitorOutput` for one host. Nothing here blocks the monitor."""

    def __init__(
        self,
        host: str,
        conf: UpsmonConf,
        bus: Bus,
        actions: Actions,
        scheduler: Scheduler | None,
        *,
        dry: bool,
        stamp: Stamp | None = None,
    ) -> None:
        """`scheduler` takes the place of NOTIFYCMD if that is upssched; `dry`: `actions` run nothing."""
        self._host = host
        self._bus = bus
        self._scheduler = scheduler if names_upssched(conf.notifycmd) else None
        self._commands = CommandOutput(conf, actions, self._say, dry=dry, stamp=stamp)

    def notice(self, notice: Notice, flags: NotifyFlag) -> None:
        """Tell everybody; where the flag asks for it, the schedule or NOTIFYCMD."""
        self._bus.tell("notice", host=self._host, type=notice.type.value, ups=notice.ups, text=notice.text)
        if self._scheduler is None:
            self._commands.notice(notice, flags)
        elif NotifyFlag.EXEC in flags:
            self._scheduler.notice(notice)

    def wall(self, text: str) -> None:
        """Show it on every terminal of this host."""
        self._commands.wall(text)

    def log(self, level: Level, text: str) -> None:
        """A line of the monitor. The texts of notices (level NOTICE) are told by `notice` already."""
        if level is not Level.NOTICE:
            self._say(level.value, text)

    def decision(self, decision: LogDecision) -> None:
        """What was decided, with the readings behind it."""
        readings = ", ".join(f"{name} {value}" for name, value in decision.readings.items())
        self._bus.tell("decision", host=self._host, text=decision.text, readings=readings)

    async def powerdownflag(self) -> None:
        """Write POWERDOWNFLAG, if upsmon.conf names one."""
        await self._commands.powerdownflag()

    async def shutdown(self) -> None:
        """Run SHUTDOWNCMD."""
        await self._commands.shutdown()

    async def close(self) -> None:
        """Wait shortly for what still runs."""
        await self._commands.close()

    def _say(self, level: str, text: str) -> None:
        self._bus.log(level, f"{self._host}: {text}")


def names_upssched(notifycmd: str) -> bool:
    """Whether NOTIFYCMD is upssched, so that the schedule of this process takes its place."""
    try:
        words = shlex.split(notifycmd)
    except ValueError:
        return False
    return bool(words) and os.path.basename(words[0]) == "upssched"

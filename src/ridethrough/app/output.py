# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the monitor's effects go in `serve`: the bus, the schedule, and the helper that runs commands."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Coroutine
from typing import Any, Final

from ridethrough.app.bus import Bus
from ridethrough.config.models import UpsmonConf
from ridethrough.monitor.messages import Level, LogDecision
from ridethrough.privsep.actions import Actions
from ridethrough.schedule.shell import Scheduler
from ridethrough.ups.notices import Notice, NotifyFlag

MAX_WAITING: Final = 256


class Output:
    """One host's output. Nothing here blocks the monitor: commands run as tasks, bounded in number."""

    def __init__(
        self, host: str, conf: UpsmonConf, bus: Bus, actions: Actions, scheduler: Scheduler | None
    ) -> None:
        self._host = host
        self._conf = conf
        self._bus = bus
        self._actions = actions
        self._scheduler = scheduler if names_upssched(conf.notifycmd) else None
        self._tasks: set[asyncio.Task[None]] = set()
        self.powerdownflag_written = False

    def notice(self, notice: Notice, flags: NotifyFlag) -> None:
        """Tell everybody; NOTIFYCMD is run where the flag asks for it, upssched within this process."""
        self._bus.tell("notice", host=self._host, type=notice.type.value, ups=notice.ups, text=notice.text)
        if NotifyFlag.EXEC not in flags:
            return
        if self._scheduler is not None:
            self._scheduler.notice(notice)
        elif self._conf.notifycmd:
            self._in_background("NOTIFYCMD", self._notify(notice))

    def wall(self, text: str) -> None:
        """Show it on every terminal of this host."""
        self._in_background("wall", self._actions.wall(text))

    def log(self, level: Level, text: str) -> None:
        """A line of the monitor. The texts of notices (level NOTICE) are told by `notice` already."""
        if level is not Level.NOTICE:
            self._bus.log(level.value, f"{self._host}: {text}")

    def decision(self, decision: LogDecision) -> None:
        """What was decided, with the readings behind it."""
        readings = ", ".join(f"{name} {value}" for name, value in decision.readings.items())
        self._bus.tell("decision", host=self._host, text=decision.text, readings=readings)

    async def powerdownflag(self) -> None:
        """Write POWERDOWNFLAG, if upsmon.conf names one."""
        if self._conf.powerdownflag:
            await self._actions.write_powerdownflag()
            self.powerdownflag_written = True

    async def shutdown(self) -> None:
        """Run SHUTDOWNCMD."""
        if not self._conf.shutdowncmd:
            self._bus.log("critical", f"{self._host}: upsmon.conf has no SHUTDOWNCMD: nothing can be run")
            return
        await self._actions.shutdown()

    async def close(self) -> None:
        """Wait shortly for what still runs."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=2.0)

    async def _notify(self, notice: Notice) -> None:
        status = await self._actions.notify(notice)
        if status:
            self._bus.log("warning", f"{self._host}: NOTIFYCMD for {notice.type} gave exit status {status}")

    def _in_background(self, what: str, deed: Coroutine[Any, Any, object]) -> None:
        if len(self._tasks) >= MAX_WAITING:
            deed.close()
            self._bus.log("error", f"{self._host}: {MAX_WAITING} commands wait already; {what} is left out")
            return
        task = asyncio.get_running_loop().create_task(self._guarded(what, deed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, what: str, deed: Coroutine[Any, Any, object]) -> None:
        try:
            await deed
        except Exception as error:
            # Whatever a command does wrong, the monitor goes on.
            self._bus.log("error", f"{self._host}: {what} failed: {error}")


def names_upssched(notifycmd: str) -> bool:
    """Whether NOTIFYCMD is upssched, so that the schedule of this process takes its place."""
    try:
        words = shlex.split(notifycmd)
    except ValueError:
        return False
    return bool(words) and os.path.basename(words[0]) == "upssched"

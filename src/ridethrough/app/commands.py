# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the effects of a monitor that stands alone go: the log, and commands that the helper runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from ridethrough.app.stamp import Stamp
from ridethrough.config.echo import shown_command
from ridethrough.config.model_upsmon import UpsmonConf
from ridethrough.monitor.messages import Level, LogDecision
from ridethrough.privsep.actions import Actions
from ridethrough.privsep.client import Helper
from ridethrough.privsep.errors import HelperError
from ridethrough.ups.notices import Notice, NotifyFlag

MAX_RUNNING: Final = 256
CLOSE_LIMIT_S: Final = 2.0
OUTCOME_LIMIT_S: Final = 1.0

Say = Callable[[str, str], None]


class CommandOutput:
    """A `MonitorOutput`.  Nothing here blocks the monitor: commands run as tasks, bounded in number."""

    def __init__(
        self, conf: UpsmonConf, actions: Actions, say: Say, *, dry: bool = False, stamp: Stamp | None = None
    ) -> None:
        """`dry`: `actions` run nothing and tell so themselves; nothing is said to have been run.

        `stamp` remembers SHUTDOWNCMD for a monitor that is started after this one was killed.
        """
        self._conf = conf
        self._dry = dry
        self._stamp = stamp
        self._actions = actions
        self._say = say
        self._tasks: set[asyncio.Task[None]] = set()

    def use(self, actions: Actions) -> None:
        """From now on let others run the commands, with what rights they have.

        What they start may fail for want of rights: it must not keep the next monitor from doing it.
        """
        self._actions = actions
        self._stamp = None

    def notice(self, notice: Notice, flags: NotifyFlag) -> None:
        """Run NOTIFYCMD where the flag asks for it."""
        if NotifyFlag.EXEC in flags and self._conf.notifycmd:
            self._in_background(f"NOTIFYCMD for {notice.type}", self._actions.notify(notice))

    def wall(self, text: str) -> None:
        """Show it on every terminal of this host."""
        self._in_background("wall", self._actions.wall(text))

    def log(self, level: Level, text: str) -> None:
        """A line of the log."""
        self._say(level.value, text)

    def decision(self, decision: LogDecision) -> None:
        """A line of the log, the readings in brackets."""
        self._say(decision.level.value, str(decision))

    async def powerdownflag(self) -> None:
        """Write POWERDOWNFLAG, if upsmon.conf names one."""
        if self._conf.powerdownflag:
            await self._actions.write_powerdownflag()
            if not self._dry:
                self._say("notice", f"POWERDOWNFLAG {self._conf.powerdownflag} is written")

    async def shutdown(self) -> None:
        """Run SHUTDOWNCMD."""
        if not self._conf.shutdowncmd:
            self._say("critical", "upsmon.conf has no SHUTDOWNCMD: this host is not shut down")
            return
        if not self._dry:
            self._say("critical", f"running SHUTDOWNCMD: {shown_command(self._conf.shutdowncmd)}")
        if self._stamp is not None and not self._dry:
            await self._stamp.write(asyncio.get_running_loop().time())
        try:
            await self._actions.shutdown()
            await self._not_failed_at_once()
        except HelperError:
            if self._stamp is not None:
                self._stamp.remove()
            raise

    async def _not_failed_at_once(self) -> None:
        """A SHUTDOWNCMD that fails while we look was none: the next start of the monitor tries again."""
        if self._stamp is None or not isinstance(self._actions, Helper):
            return
        status = await self._actions.shutdown_status(OUTCOME_LIMIT_S)
        if status:
            raise HelperError(f"it ended with status {status}")

    async def close(self) -> None:
        """Wait shortly for commands that still run; the helper does not end them."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=CLOSE_LIMIT_S)
        for task in tuple(self._tasks):
            task.cancel()

    def _in_background(self, what: str, deed: Coroutine[Any, Any, object]) -> None:
        if len(self._tasks) >= MAX_RUNNING:
            deed.close()
            self._say("error", f"{MAX_RUNNING} commands run already; {what} is left out")
            return
        task = asyncio.get_running_loop().create_task(self._guarded(what, deed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, what: str, deed: Coroutine[Any, Any, object]) -> None:
        try:
            await deed
        except Exception as error:
            # Whatever goes wrong with a command, the monitor goes on.
            self._say("warning", f"{what} was not run: {error}")

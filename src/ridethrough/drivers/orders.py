# SPDX-License-Identifier: GPL-2.0-or-later
"""What NUT may order whoever runs a driver: end, read the settings again, kill the power.

`driver.exit`, `driver.reload`, `driver.reload-or-error`, `driver.reload-or-exit`, `driver.killpower`,
`shutdown.default`, and SET of `driver.flag.allow_killpower` and `driver.debug` (NUT's nutupsdrv(8),
ups.conf(5)).
A driver in a process of its own ends that process, for the service manager to start it anew.
Inside `ridethrough serve`, which is its service manager, the driver begins anew in its place.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from ridethrough.config.models import UpsConf, UpsSection
from ridethrough.drivers import order_plan
from ridethrough.drivers.adjust import ALLOW_KILLPOWER, DEBUG, STATE
from ridethrough.drivers.base import Driver, DriverError, Log
from ridethrough.drivers.runner import Runner
from ridethrough.drivers.setting import Setting
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Snapshot

Reread = Callable[[], tuple[UpsConf, UpsSection]]
"""Reads ups.conf again.  Raises OrderError."""

SetDebug = Callable[[UpsSection, UpsConf, int], int]

EXIT_OK: Final = 0
EXIT_LOST: Final = 1
"""The device was lost, and `reconnect_max_tries` is used up."""
EXIT_TO_RELOAD: Final = 128 + signal.SIGUSR1
"""Ended by `reload-or-exit`: whoever looks after the driver is to start it again (NUT's main.c)."""


class OrderError(Exception):
    """An order can't be obeyed; the text says why."""


@dataclass(frozen=True, slots=True)
class Remake:
    """How a driver is made of new settings.

    `driver` and `setting` raise DriverError for a section that makes no sense; nothing is opened yet.
    `renewable` are the settings that another instance can take over without a gap.
    """

    driver: Callable[[UpsSection], Driver]
    setting: Callable[[UpsSection, UpsConf], Setting]
    renewable: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Master:
    """Who runs the driver.

    `end` ends its process with an exit status; None where it lives in a process that goes on.
    `set_debug` takes a level, below 0 for that of the settings, and gives the level that counts now.
    """

    reread: Reread
    end: Callable[[int], None] | None = None
    set_debug: SetDebug = order_plan.debug_level


async def kill_power(runner: Runner, section: UpsSection, log: Log) -> Outcome:
    """Switch the UPS off by the first command that works; UNKNOWN if there is none."""
    commands = order_plan.kill_commands(section, runner.view.snapshot.commands)
    return await _first_that_works(runner, commands, section, log)


async def _first_that_works(
    runner: Runner, commands: tuple[str, ...], section: UpsSection, log: Log
) -> Outcome:
    outcome = Outcome.UNKNOWN
    for name in commands:
        outcome = await runner.device_command(name)
        log("warning", f"[{section.name}] switching the UPS off: {name}: {outcome}")
        if outcome is Outcome.HANDLED:
            break
    if not commands:
        log("error", f"[{section.name}] shutdown not supported by {section.driver}")
    return outcome


class Orders:
    """The orders to one running driver; `runner.orders` once it is made."""

    def __init__(
        self, runner: Runner, section: UpsSection, conf: UpsConf, remake: Remake, master: Master, log: Log
    ) -> None:
        self.section = section
        self.conf = conf
        self._runner = runner
        self._remake = remake
        self._master = master
        self._log = log
        self._debug = -1
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._may_kill = False
        self._allow(section.flag("allow_killpower"))
        self._show_debug()
        runner.orders = self

    @property
    def snapshot(self) -> Snapshot:
        """What the driver knows."""
        return self._runner.view.snapshot

    async def instcmd(self, name: str) -> Outcome | None:
        """Obey a command; None for one that is the driver's own."""
        match name:
            case "driver.exit":
                self._log("info", f"[{self.section.name}] told to exit")
                return await self._exit(EXIT_OK)
            case "driver.reload" | "driver.reload-or-error" | "driver.reload-or-exit":
                return await self.reload(name.removeprefix("driver."))
            case "driver.killpower" if self._may_kill:
                return await self._killing(order_plan.kill_commands(self.section, self.snapshot.commands))
            case "driver.killpower":
                text = "driver.killpower was refused: driver.flag.allow_killpower is not set"
                self._log("warning", f"[{self.section.name}] {text}")
                return Outcome.INVALID
            case order_plan.SHUTDOWN_DEFAULT:
                return await self._killing(order_plan.default_commands(self.snapshot.commands))
        return None

    async def setvar(self, name: str, value: str) -> Outcome | None:
        """Set one of the two switches; None for a variable that is the driver's own."""
        if name == ALLOW_KILLPOWER:
            self._allow(order_plan.means_yes(value))
            return Outcome.HANDLED
        if name == DEBUG:
            level = order_plan.level_of(value)
            if level is None:
                return Outcome.INVALID
            self._debug = level
            self._show_debug()
            return Outcome.HANDLED
        return None

    def give_up(self) -> None:
        """The device was lost for longer than `reconnect_max_tries` allows."""
        then = "beginning anew" if self._master.end is None else "exiting"
        self._log(
            "error", f"[{self.section.name}] the device is lost, and reconnect_max_tries is used up: {then}"
        )
        self.order(self._exit(EXIT_LOST))

    def order(self, work: Coroutine[Any, Any, object]) -> None:
        """Have something done that nobody waits for, as by a signal."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def reload(self, order: str = "reload") -> Outcome:
        """Read the settings again, and take over what can be.

        What needs a restart is INVALID for `reload-or-error`, and a reason to end for `reload-or-exit`.
        Settings that can't be read, or do not work, are FAILED, and the old ones stay in force.
        """
        async with self._lock:
            self._runner.show(STATE, "reloading")
            try:
                conf, section = self._master.reread()
                done = order_plan.reload(self.section, self.conf, section, conf, self._remake.renewable)
                if done.live or done.section.desc != self.section.desc:
                    await self._take(done)
            except (OrderError, DriverError) as error:
                self._log("error", f"{error}; the old settings stay in force")
                return Outcome.FAILED
            finally:
                self._runner.show(STATE, "quiet")
            self.section, self.conf = done.section, done.conf
            self._log("warning" if done.restart else "info", f"[{section.name}] {done}")
            if done.restart and order == "reload-or-exit":
                if self._master.end is None:
                    return await self._anew(section, conf)
                self._master.end(EXIT_TO_RELOAD)
                return Outcome.HANDLED
            return Outcome.INVALID if done.restart and order == "reload-or-error" else Outcome.HANDLED

    async def _take(self, done: order_plan.Reload) -> None:
        setting = self._remake.setting(done.section, done.conf)
        why_not = (
            await self._runner.swap(self._remake.driver(done.section), setting)
            if done.anew
            else self._runner.lay_over(setting)
        )
        if why_not:
            raise OrderError(why_not if why_not.startswith("[") else f"[{done.section.name}] {why_not}")
        if done.section.flag("allow_killpower") != self.section.flag("allow_killpower"):
            self._allow(done.section.flag("allow_killpower"))
        self.section, self.conf = done.section, done.conf
        # A level that was set over the socket goes before, until it is taken back.
        self._show_debug()

    async def _exit(self, status: int) -> Outcome:
        if self._master.end is not None:
            self._master.end(status)
            return Outcome.HANDLED
        try:
            conf, section = self._master.reread()
        except OrderError as error:
            self._log("warning", f"{error}; it begins anew with the old settings")
            conf, section = self.conf, self.section
        async with self._lock:
            return await self._anew(section, conf)

    async def _anew(self, section: UpsSection, conf: UpsConf) -> Outcome:
        """Begin from scratch with these settings, inside a process that goes on."""
        try:
            if section.driver != self.section.driver:
                raise DriverError(
                    f"[{section.name}] has another driver now: send SIGHUP to ridethrough serve"
                )
            setting, driver = self._remake.setting(section, conf), self._remake.driver(section)
        except DriverError as error:
            self._log("error", f"{error}; the old settings stay in force")
            return Outcome.FAILED
        self.section, self.conf = section, conf
        self._allow(section.flag("allow_killpower"))
        self._log("info", f"[{section.name}] the driver begins anew")
        await self._runner.renew(driver, setting)
        return Outcome.HANDLED

    async def _killing(self, commands: tuple[str, ...]) -> Outcome:
        self._runner.show(STATE, "fsd.killpower")
        try:
            return await _first_that_works(self._runner, commands, self.section, self._log)
        finally:
            self._runner.show(STATE, "quiet")

    def _show_debug(self) -> None:
        level = self._master.set_debug(self.section, self.conf, self._debug)
        self._runner.show(DEBUG, str(level))

    def _allow(self, wanted: bool) -> None:
        self._may_kill = wanted
        self._runner.show(ALLOW_KILLPOWER, str(int(wanted)))

# SPDX-License-Identifier: GPL-2.0-or-later
"""What NUT may order any driver process to do over its socket: end, read its settings again, kill the power.

`driver.exit`, `driver.reload`, `driver.reload-or-error`, `driver.reload-or-exit`, `driver.killpower`, and SET
of `driver.flag.allow_killpower` and `driver.debug` (NUT's nutupsdrv(8), ups.conf(5)).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ridethrough.config.models import UpsConf, UpsSection
from ridethrough.drivers import order_plan
from ridethrough.drivers.base import Log
from ridethrough.drivers.registry import KINDS, poll_interval_s
from ridethrough.drivers.runner import Runner
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Snapshot

Reread = Callable[[], tuple[UpsConf, UpsSection]]
"""Reads ups.conf again.  Raises OrderError."""

ALLOW_KILLPOWER: Final = "driver.flag.allow_killpower"
DEBUG: Final = "driver.debug"


class OrderError(Exception):
    """An order can't be obeyed; the text says why."""


async def kill_power(runner: Runner, section: UpsSection, log: Log) -> Outcome:
    """Switch the UPS off by the first command that works; UNKNOWN if there is none."""
    commands = order_plan.kill_commands(section, runner.view.snapshot.commands)
    outcome = Outcome.UNKNOWN
    for name in commands:
        outcome = await runner.instcmd(name)
        log("warning", f"[{section.name}] switching the UPS off: {name}: {outcome}")
        if outcome is Outcome.HANDLED:
            break
    if not commands:
        log("error", f"[{section.name}] shutdown not supported by {section.driver}")
    return outcome


class Orders:
    """The orders to one running driver."""

    def __init__(
        self,
        runner: Runner,
        section: UpsSection,
        conf: UpsConf,
        *,
        stop: Callable[[], None],
        reread: Reread,
        set_debug: Callable[[int], None],
        log: Log,
    ) -> None:
        """`stop` ends the process; `set_debug` takes a level, below 0 for that of the settings."""
        self.section = section
        self.conf = conf
        self._runner = runner
        self._stop = stop
        self._reread = reread
        self._set_debug = set_debug
        self._log = log
        self._may_kill = section.flag("allow_killpower")

    @property
    def snapshot(self) -> Snapshot:
        """What the driver knows."""
        return self._runner.view.snapshot

    async def instcmd(self, name: str) -> Outcome | None:
        """Obey a command; None for one that is the driver's own."""
        head, _, order = name.partition(".")
        if head != "driver":
            return None
        match order:
            case "exit":
                self._log("info", f"[{self.section.name}] told to exit")
                self._stop()
                return Outcome.HANDLED
            case "reload" | "reload-or-error" | "reload-or-exit":
                return self.reload(order)
            case "killpower" if self._may_kill:
                return await kill_power(self._runner, self.section, self._log)
            case "killpower":
                text = "driver.killpower was refused: driver.flag.allow_killpower is not set"
                self._log("warning", f"[{self.section.name}] {text}")
                return Outcome.INVALID
        return None

    async def setvar(self, name: str, value: str) -> Outcome | None:
        """Set one of the two switches; None for a variable that is the driver's own."""
        if name == ALLOW_KILLPOWER:
            self._may_kill = order_plan.means_yes(value)
            return Outcome.HANDLED
        if name == DEBUG:
            try:
                self._set_debug(int(value))
            except ValueError:
                return Outcome.INVALID
            return Outcome.HANDLED
        return None

    def reload(self, order: str = "reload") -> Outcome:
        """Read the settings again.  What needs a restart is INVALID for `reload-or-error`, and ends
        the process for `reload-or-exit`."""
        try:
            conf, section = self._reread()
        except OrderError as error:
            self._log("error", f"{error}; the old settings stay in force")
            return Outcome.FAILED
        done = order_plan.reload(self.section, self.conf, section, conf)
        self.section, self.conf = done.section, done.conf
        self._log("warning" if done.restart else "info", f"[{section.name}] {done}")
        if done.live:
            interval_s = poll_interval_s(self.section, self.conf, KINDS[self.section.driver])
            self._runner.set_interval(interval_s)
            self._set_debug(-1)
        if done.restart and order == "reload-or-exit":
            self._stop()
        return Outcome.INVALID if done.restart and order == "reload-or-error" else Outcome.HANDLED

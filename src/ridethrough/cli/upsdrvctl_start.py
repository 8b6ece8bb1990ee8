# SPDX-License-Identifier: GPL-2.0-or-later
"""`upsdrvctl start` and `shutdown`: programs found and run, in the background or as our children."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ridethrough.cli.client_args import Stop
from ridethrough.cli.link import own_program
from ridethrough.config.models import UpsConf
from ridethrough.drivers import control_plan
from ridethrough.drivers.control_plan import Launch, Over, Passed, Task, Wait
from ridethrough.drivers.orders import EXIT_TO_RELOAD
from ridethrough.drivers.registry import KINDS

DRIVERPATH: Final = Path("/lib/nut")
"""Debian's."""
RESTART_WITHIN_S: Final = 60.0
"""A driver that ends so soon after `reload-or-exit` has obeyed, and is started anew."""
CHILD_END_S: Final = 10.0
RESTART_PAUSE_S: Final = 1.0
NOT_STARTED: Final = 127
"""The status of a program that can't be run, as shells have it."""
_PASSED_ON: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGURG)


class ProgramError(Exception):
    """There is no such driver; the text says where it was looked for."""


def program(driver: str, conf: UpsConf) -> tuple[str, ...]:
    """The command that runs a driver.  Raises ProgramError.

    `driverpath` of ups.conf goes first, then our own drivers, then the place of Debian's.
    One of ours that has not been tried on real devices yet comes last.
    """
    if "/" in driver or driver in ("", ".", ".."):
        raise ProgramError(f"Can't start '{driver}': 'driver' in ups.conf is a name, not a path")
    path = Path(conf.driverpath or DRIVERPATH) / driver
    if driver in KINDS and not ((conf.driverpath or KINDS[driver].alone) and path.exists()):
        own = own_program()
        # -P: nothing is imported from the directory that the user happens to stand in.
        start = [str(own)] if own else [sys.executable, "-P", "-m", "ridethrough.cli.main"]
        return (*start, driver)
    if not path.exists():
        raise ProgramError(f"Can't start {path}: No such file or directory; check 'driver' and 'driverpath'")
    return (str(path),)


@dataclass(slots=True)
class Starter:
    """Runs drivers.  `failures` counts what did not work."""

    conf: UpsConf
    passed: Passed
    env: Mapping[str, str]
    testing: bool = False
    debug: int = 0
    failures: int = 0

    @property
    def waits(self) -> bool:
        """Whether a driver's start or shutdown is waited for."""
        return not self.conf.nowait or self.env.get("NUT_IGNORE_NOWAIT") == "true"

    def start(self, tasks: Sequence[Task]) -> None:
        """Start them all, or stay with them in the foreground until the end."""
        commands = [(task, words) for task in tasks if (words := self._words(task, "start"))]
        if self.testing:
            return
        if self.passed.place.foreground and commands:
            self._foreground(commands, alone=len(tasks) == 1)
            return
        if not self.passed.detaches and len(tasks) > 1:
            _say('Starting "all" drivers in debug mode without backgrounding: nobody waits for their start')
        for task, words in commands:
            if self.waits and self.passed.detaches:
                self._attempts(task, words)
            else:
                self.failures += _launch(words) is None

    def shutdown(self, tasks: Sequence[Task]) -> None:
        """Have each switch its UPS off, in the order given."""
        for task in tasks:
            words = self._words(task, "shutdown")
            if not words or self.testing:
                continue
            child = _launch(words)
            if child is None or self.waits:
                self._judge(task, _status(child, task.start_limit_s))

    def _words(self, task: Task, what: str) -> list[str]:
        """The command line of a task; empty, and one more failure, if there is no such driver."""
        options = control_plan.start_words if what == "start" else control_plan.shutdown_words
        try:
            words = [*program(task.driver, self.conf), *options(task, self.passed)]
        except ProgramError as error:
            _say(f"[{task.ups}] {error}")
            self.failures += 1
            return []
        if self.testing or self.debug:
            _say(f"{'Starting' if what == 'start' else 'Shutdown'} UPS: {task.ups}")
        if self.testing or self.debug > 1:
            _say(f"exec:  {' '.join(words)}")
        return words

    def _attempts(self, task: Task, words: list[str]) -> None:
        state, move = control_plan.begin(task)
        child: subprocess.Popen[bytes] | None = None
        while not isinstance(move, Over):
            if isinstance(move, Launch):
                time.sleep(move.pause_s)
                child = _launch(words)
            status = _status(child, move.seconds if isinstance(move, Wait) else move.wait_s)
            if status is None:
                _say(f"[{task.ups}] Startup timer elapsed and the driver is still starting, continuing...")
            elif status:
                _say(f"[{task.ups}] {_ended(status)}")
            state, move = control_plan.after(state, status)
        if move.still_starting and child is not None:
            _say(
                f"Driver [{task.ups}] PID {child.pid} initially exceeded maxstartdelay"
                f" {task.start_limit_s:g} sec and is still starting"
            )
        self.failures += not move.ok

    def _judge(self, task: Task, status: int | None) -> None:
        if status is None:
            _say(f"[{task.ups}] the driver has not ended its shutdown for {task.start_limit_s:g} s")
        elif status:
            _say(f"[{task.ups}] {_ended(status)}")
        self.failures += status != 0

    def _foreground(self, commands: Sequence[tuple[Task, list[str]]], *, alone: bool) -> None:
        if alone:
            _, words = commands[0]
            try:
                os.execv(words[0], words)
            except OSError as error:
                raise Stop(1, f"Can't start {words[0]}: {error.strerror}\n") from None
        _say('Starting "all" drivers but requested the foreground mode! nobody waits for their start')
        self.failures += not asyncio.run(_Group(commands).run())


class _Group:
    """Drivers that are our children: signals are passed on, and one that ends takes the others with it."""

    def __init__(self, commands: Sequence[tuple[Task, list[str]]]) -> None:
        self._commands = commands
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._stop = asyncio.Event()
        self._ok = True
        self._dangerous_at = -RESTART_WITHIN_S

    async def run(self) -> bool:
        """Until a signal ends it (True), or a driver has ended by itself (False)."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._stop.set)
        for number in _PASSED_ON:
            loop.add_signal_handler(number, self._pass_on, number)
        watchers = [loop.create_task(self._watch(task, words)) for task, words in self._commands]
        try:
            await self._stop.wait()
        finally:
            for child in self._children.values():
                _signal(child, signal.SIGTERM)
            _, left = await asyncio.wait(watchers, timeout=CHILD_END_S)
            for child in self._children.values():
                _signal(child, signal.SIGKILL)
            if left:
                await asyncio.wait(left, timeout=CHILD_END_S)
        return self._ok

    async def _watch(self, task: Task, words: list[str]) -> None:
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            try:
                child = await asyncio.create_subprocess_exec(*words)
            except OSError as error:
                _say(f"[{task.ups}] Can't start {words[0]}: {error.strerror}")
                break
            self._children[task.ups] = child
            if self._stop.is_set():
                _signal(child, signal.SIGTERM)
            status = await child.wait()
            del self._children[task.ups]
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), RESTART_PAUSE_S)
                return
            obeyed = loop.time() - self._dangerous_at < RESTART_WITHIN_S or status == EXIT_TO_RELOAD
            if not obeyed:
                _say(f"[{task.ups}] {_ended(status)}: stopping upsdrvctl and the other drivers")
                break
        if not self._stop.is_set():
            self._ok = False
            self._stop.set()

    def _pass_on(self, number: signal.Signals) -> None:
        if number == signal.SIGUSR1:
            self._dangerous_at = asyncio.get_running_loop().time()
        for child in self._children.values():
            _signal(child, number)


def _signal(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(number)


def _launch(words: Sequence[str]) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL)
    except OSError as error:
        _say(f"Can't start {words[0]}: {error.strerror}")
        return None


def _status(child: subprocess.Popen[bytes] | None, limit_s: float) -> int | None:
    """The exit status (below 0: the signal that ended it), or None if it has not ended within the time."""
    if child is None:
        return NOT_STARTED
    try:
        return child.wait(limit_s)
    except subprocess.TimeoutExpired:
        return None


def _ended(status: int) -> str:
    if status < 0:
        return f"Driver died after signal {-status}"
    return f"Driver failed to start (exit status={status})"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)

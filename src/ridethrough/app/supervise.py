# SPDX-License-Identifier: GPL-2.0-or-later
"""Child processes, each apart from the core: started, watched, restarted within a budget, ended in reverse.

An observer that spins, hangs or dies changes nothing in the core: its output is read and bounded,
its end is logged, and after the budget it stays down, loudly.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from ridethrough.app import budget as rules

LINE_LIMIT_BYTES = 4096
STOP_WAIT_S = 5.0
STAGE_PAUSE_S = 5.0

Say = Callable[[str, str], None]
"""(level, text)"""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run. `nice` keeps observers behind the core on a busy machine."""

    name: str
    argv: tuple[str, ...]
    budget: rules.Budget = field(default_factory=rules.Budget)
    nice: int = 10
    env: dict[str, str] | None = None


async def lasting(what: str, run: Callable[[], Awaitable[None]], say: Say) -> None:
    """Run a stage of this process until it ends or is cancelled; a defect is said, and it is run again."""
    while True:
        try:
            return await run()
        except Exception as error:
            say("critical", f"{what} failed and begins anew: {error!r}")
            await asyncio.sleep(STAGE_PAUSE_S)


class Supervisor:
    """Runs the children of `specs`. The caller owes `close()`."""

    def __init__(self, specs: Sequence[ChildSpec], say: Say) -> None:
        self._specs = tuple(specs)
        self._say = say
        self._tasks: list[asyncio.Task[None]] = []
        self._running: dict[str, Process] = {}

    def start(self) -> None:
        """Start every child; returns at once."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep(spec), name=f"child-{spec.name}") for spec in self._specs]

    @property
    def running(self) -> dict[str, int]:
        """Name and pid of the children that run now."""
        return {name: process.pid for name, process in self._running.items()}

    async def close(self) -> None:
        """End all children, the last started first, each within a bounded wait."""
        for task in reversed(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def _keep(self, spec: ChildSpec) -> None:
        loop = asyncio.get_running_loop()
        child = rules.Child()
        while True:
            child = rules.started(child, loop.time())
            status = await self._run(spec)
            child, verdict = rules.ended(child, spec.budget, status, loop.time())
            if isinstance(verdict, rules.GiveUp):
                self._say("error", f"{spec.name} is given up: {verdict.why}; the rest goes on without it")
                return
            wait_s = verdict.at - loop.time()
            self._say("warning", f"{spec.name} ended with status {status}; it starts again in {wait_s:.0f} s")
            await asyncio.sleep(wait_s)

    async def _run(self, spec: ChildSpec) -> int:
        try:
            process = await asyncio.create_subprocess_exec(
                *spec.argv,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                env=spec.env,
                start_new_session=True,
                limit=LINE_LIMIT_BYTES,
            )
        except OSError as error:
            self._say("error", f"{spec.name} can't be started: {error.strerror}: {spec.argv[0]}")
            return 127
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, spec.nice)
        self._running[spec.name] = process
        reader = asyncio.get_running_loop().create_task(self._read(spec.name, process))
        try:
            return await process.wait()
        finally:
            await _end(process)
            self._running.pop(spec.name, None)
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader

    async def _read(self, name: str, process: Process) -> None:
        """Pass the child's lines on, so that a full pipe never stops it and its last words are kept."""
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:
                self._say("warning", f"{name}: a line over {LINE_LIMIT_BYTES} bytes was left out")
                continue
            if not line:
                return
            self._say("info", f"{name}: {line.decode('utf-8', 'replace').rstrip()}")


async def _end(process: Process) -> None:
    """End a child and what it started: TERM, a bounded wait, KILL."""
    if process.returncode is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            await asyncio.wait_for(asyncio.shield(process.wait()), STOP_WAIT_S)
        except TimeoutError:
            continue
        return

# SPDX-License-Identifier: GPL-2.0-or-later
"""upssched inside a process that has an event loop (`ridethrough serve`): no fork, no PIPEFN.

Deadlines are in the loop's time, so that a scaled or a virtual loop moves the timers with it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ridethrough.config.models import UpsschedConf
from ridethrough.schedule import core
from ridethrough.schedule.rules import Cause, read_seconds, script_names
from ridethrough.ups.notices import Notice

PATIENCE_S = 10.0
MAX_CALLS = 256
MAX_TYPE = 40

RunScript = Callable[[str, Cause], Awaitable[object]]
"""Runs CMDSCRIPT with a name and a cause, and returns when it has ended (the app asks the root helper)."""
Log = Callable[[str, bool], None]


class ScheduleError(ValueError):
    """A request that can't be obeyed; the text says why."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A running timer as it is shown: seconds left, seconds in all, and which notices are behind it."""

    name: str
    left_s: float
    seconds: float
    types: str
    upses: str

    def fields(self) -> dict[str, object]:
        """As an entry of the control socket's `timers.list`."""
        return {
            "name": self.name,
            "left_s": round(self.left_s, 3),
            "seconds": self.seconds,
            "types": self.types,
            "upses": self.upses,
        }


class Scheduler:
    """Carries out AT lines. Make it, run `run()` in a task, and hand it notices from the same loop.

    Scripts of one notice run one after another, those of different notices side by side.
    A script that hangs delays the next of its notice by PATIENCE_S only.
    """

    def __init__(self, conf: UpsschedConf, run_script: RunScript, log: Log) -> None:
        self._conf = conf
        self._names = script_names(conf.rules)
        self._run_script = run_script
        self._log = log
        self._state = core.initial(conf)
        self._wake = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()

    @property
    def script_names(self) -> tuple[str, ...]:
        """Every word that CMDSCRIPT may be called with; the root helper refuses others."""
        return self._names

    def reload(self, conf: UpsschedConf) -> None:
        """Put other AT lines in force; the timers that run go on.

        CMDSCRIPT and its names stay those of the start, since they stand in the root helper's own table.
        """
        old = self._conf.cmdscript
        if conf.cmdscript != old:
            self._log(
                f"CMDSCRIPT is {conf.cmdscript or 'gone'} now: restart serve; until then {old} runs", True
            )
        for rule in conf.rules:
            for name in set(script_names([rule])) - set(self._names):
                where = f"upssched.conf:{rule.line}: {name}"
                self._log(f"{where} is new: restart serve; until then CMDSCRIPT does not run with it", True)
        self._conf = replace(conf, cmdscript=old)
        self._step(core.Reload(conf.rules))
        running = len(self._state.timers.running)
        self._log(f"{len(conf.rules)} AT lines are in force, {running} timers go on", False)

    def notice(self, notice: Notice | Cause) -> None:
        """A notice has come; its AT lines are carried out. Never blocks."""
        self._step(core.Noticed(notice))

    def list(self) -> list[Pending]:
        """The running timers, the next to run out first."""
        now = self._now()
        return [
            Pending(timer.name, timer.left(now), timer.seconds, timer.cause.type, timer.cause.ups)
            for timer in core.timers(self._state)
        ]

    def start(self, name: str, seconds: float) -> None:
        """Start a timer by hand. Raises `ScheduleError` if no AT line has the name, or too many run."""
        if name not in self._names:
            known = ", ".join(self._names) or "none"
            raise ScheduleError(f"no AT line of upssched.conf has the name {name!a}; known names: {known}")
        if self._state.timers.full:
            raise ScheduleError("too many timers run already; see upsschedctl list")
        self._step(core.StartTimer(name, seconds))

    def cancel(self, name: str) -> int:
        """Cancel the timers of a name by hand; gives how many there were."""
        count = len(self._state.timers.named(name))
        self._step(core.CancelTimer(name))
        return count

    def control(self, verb: str, args: Mapping[str, object]) -> dict[str, object]:
        """Answer the control socket: `timers.list`, `timers.start` (name, seconds), `timers.cancel` (name),
        `timers.notice` (type, ups, text: all AT lines for it are carried out, as if upsmon had told it).

        Raises `ScheduleError`, whose text is the answer to the person.
        """
        if verb == "timers.list":
            return {"timers": [pending.fields() for pending in self.list()]}
        if verb == "timers.notice":
            return {"lines": self._test(args)}
        name = args.get("name")
        if not isinstance(name, str) or not name:
            raise ScheduleError(f"{verb} needs the name of a timer")
        if verb == "timers.cancel":
            return {"cancelled": self.cancel(name)}
        if verb != "timers.start":
            raise ScheduleError(f"unknown request {verb}")
        try:
            seconds, _ = read_seconds(str(args.get("seconds", "")))
        except ValueError as bad:
            raise ScheduleError(f"timer {name}: {bad}") from None
        self.start(name, seconds)
        return {"started": name, "seconds": seconds}

    def _test(self, args: Mapping[str, object]) -> tuple[str, ...]:
        """Carry out the AT lines for a notice made by hand; gives what each of them does."""
        words = [args.get(key, "") for key in ("type", "ups", "text")]
        kind, ups, text = (word if isinstance(word, str) else "" for word in words)
        if not kind or len(kind) > MAX_TYPE or not kind.isascii():
            raise ScheduleError("timers.notice needs the type of a notice, such as ONBATT")
        cause = Cause(kind.upper(), ups, text or f"test of {kind.upper()} {ups}".rstrip())
        lines = tuple(core.explain(self._conf, cause))
        self.notice(cause)
        return lines

    async def run(self) -> None:
        """Let timers run out, until cancelled. Scripts that still run then are left to end by themselves."""
        while True:
            self._wake.clear()
            deadline = core.next_deadline(self._state)
            wait_s = None if deadline is None else max(0.0, deadline - self._now())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait_s)
            self._step(core.Tick())

    async def drain(self, timeout_s: float = PATIENCE_S) -> None:
        """Wait until all scripts asked for so far have been started and have ended, or the time is over."""
        if self._calls:
            await asyncio.wait(self._calls, timeout=timeout_s)

    # -----------------------------------------------------------------------------------------

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _step(self, event: core.Event) -> None:
        self._state, effects = core.step(self._state, event, self._now())
        scripts: list[core.RunScript] = []
        for effect in effects:
            if isinstance(effect, core.RunScript):
                scripts.append(effect)
            else:
                self._log(effect.text, effect.warning)
        if scripts:
            self._call(scripts)
        self._wake.set()

    def _call(self, scripts: Sequence[core.RunScript]) -> None:
        if len(self._calls) >= MAX_CALLS:
            names = ", ".join(script.command for script in scripts)
            self._log(f"{MAX_CALLS} notices wait for their scripts; not executed: {names}", True)
            return
        task = asyncio.get_running_loop().create_task(self._one_after_another(scripts))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _one_after_another(self, scripts: Sequence[core.RunScript]) -> None:
        running = [await self._begin(script) for script in scripts]
        await asyncio.wait(running)

    async def _begin(self, script: core.RunScript) -> asyncio.Task[None]:
        """Start one script; returns when it has ended, or after PATIENCE_S while it goes on."""
        task = asyncio.get_running_loop().create_task(self._guarded(script))
        _, late = await asyncio.wait({task}, timeout=PATIENCE_S)
        if late:
            self._log(f"CMDSCRIPT {script.command} has not ended after {PATIENCE_S:g} s; it goes on", True)
        return task

    async def _guarded(self, script: core.RunScript) -> None:
        try:
            await self._run_script(script.command, script.cause)
        except Exception as error:
            self._log(f"Execute command failure: {script.command}: {error}", True)

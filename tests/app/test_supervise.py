# SPDX-License-Identifier: GPL-2.0-or-later
"""Children are restarted within a budget and ended by pid."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ridethrough.app.budget import Budget, Child, GiveUp, Restart, ended, started
from ridethrough.app.supervise import STAGE_PAUSE_S, ChildSpec, Supervisor, lasting
from ridethrough.sim.clock import ScaledLoop
from tests.support.vloop import run_virtual


def test_waits_grow_and_the_budget_ends() -> None:
    """A crash loop waits longer each time and is then left alone."""
    child, now, waits = Child(), 0.0, []
    for _ in range(5):
        child = started(child, now)
        child, verdict = ended(child, Budget(), 1, now)
        if isinstance(verdict, GiveUp):
            assert child.given_up
            assert "5 times" in verdict.why
            break
        waits.append(verdict.at - now)
        now = verdict.at
    assert waits == [2, 4, 8, 16]


def test_a_stage_with_a_defect_begins_anew() -> None:
    """One fault must not end upssched's timers for good; a stage that ends by itself is not run again."""
    said: list[str] = []
    runs: list[float] = []

    async def stage() -> None:
        runs.append(asyncio.get_running_loop().time())
        if len(runs) < 3:
            raise ValueError("a defect")

    run_virtual(lasting("the stage", stage, lambda level, text: said.append(f"{level}: {text}")))
    assert runs == [0.0, STAGE_PAUSE_S, 2 * STAGE_PAUSE_S]
    assert said == ["critical: the stage failed and begins anew: ValueError('a defect')"] * 2


def test_a_child_that_ran_long_begins_anew() -> None:
    """An end after a good day is no crash loop."""
    child = Child(started_at=(0.0, 1.0, 2.0, 3.0), failures=4)
    child, verdict = ended(started(child, 10.0), Budget(), 0, 10_000.0)
    assert verdict == Restart(10_001.0)
    assert child.failures == 0


@given(st.lists(st.floats(0, 1000), max_size=60))
def test_never_more_starts_than_the_budget(lives: list[float]) -> None:
    """Whatever the child does, no window of 300 s sees more than five starts."""
    child, now, starts = Child(), 0.0, []
    for life in lives:
        child = started(child, now)
        starts.append(now)
        now += life
        child, verdict = ended(child, Budget(), 1, now)
        if isinstance(verdict, GiveUp):
            break
        now = verdict.at
    for at in starts:
        assert sum(at - 300 < other <= at for other in starts) <= 5


def run(specs: list[ChildSpec], until: Callable[[list[str], Supervisor], bool]) -> tuple[list[str], set[int]]:
    """Run the children until `until`; gives what was said and the pids that lived last."""
    said: list[str] = []

    async def main() -> set[int]:
        done = asyncio.Event()

        def say(level: str, text: str) -> None:
            said.append(f"{level}: {text}")
            if until(said, supervisor):
                done.set()

        supervisor = Supervisor(specs, say)
        supervisor.start()
        async with asyncio.timeout(2_000):
            await done.wait()
        pids = set(supervisor.running.values())
        await supervisor.close()
        return pids

    with asyncio.Runner(loop_factory=lambda: ScaledLoop(100)) as runner:
        return said, runner.run(main())


def test_a_dying_observer_is_given_up_and_its_last_words_are_kept() -> None:
    """It costs its own lines in the log, and nothing else."""
    spec = ChildSpec("web", (sys.executable, "-c", "print('no page'); raise SystemExit(3)"), Budget(starts=2))
    said, _ = run([spec], lambda said, _: any("given up" in line for line in said))
    assert "info: web: no page" in said
    assert any("ended with status 3; it starts again in 2 s" in line for line in said)


def test_a_program_that_is_missing_is_named() -> None:
    """No traceback: the name of what can't be started."""
    said, _ = run([ChildSpec("x", ("/no/such",), Budget(starts=1))], lambda said, _: len(said) == 2)
    assert said[0] == "error: x can't be started: No such file or directory: /no/such"


def test_a_spinning_and_a_flooding_child_are_ended_by_pid(tmp_path: Path) -> None:
    """Neither an endless line nor deaf ears keep a child alive after close()."""
    deaf = "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True)\nwhile True: pass"
    flood = "print('x' * 1_000_000, flush=True); input_ = 1\nwhile True: pass"
    specs = [
        ChildSpec(name, (sys.executable, "-c", code)) for name, code in (("deaf", deaf), ("flood", flood))
    ]

    def until(said: list[str], _: Supervisor) -> bool:
        return "info: deaf: deaf" in said and any("was left out" in line for line in said)

    _, pids = run(specs, until)
    assert len(pids) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids if pid != os.getpid())

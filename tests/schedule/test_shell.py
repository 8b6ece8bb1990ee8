# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ridethrough.schedule.shell on a virtual loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from ridethrough.config.upssched import parse_upssched
from ridethrough.schedule import shell
from ridethrough.schedule.rules import Cause
from ridethrough.schedule.shell import ScheduleError, Scheduler
from ridethrough.ups.notices import Notice, NotifyType
from tests.support.vloop import run_virtual

CONF, _ = parse_upssched(
    b"CMDSCRIPT /cmd\nPIPEFN /run/p\nLOCKFN /run/l\n"
    b"AT ONBATT * START-TIMER onbatt 30\nAT ONLINE * CANCEL-TIMER onbatt\n"
    b"AT LOWBATT * EXECUTE first\nAT LOWBATT * EXECUTE second\n"
)
ONBATT = Notice(NotifyType.ONBATT, "a@h", "UPS a@h on battery")
ONLINE = Notice(NotifyType.ONLINE, "a@h", "UPS a@h on line power")
LOWBATT = Notice(NotifyType.LOWBATT, "a@h", "UPS a@h battery is low")


class Stage:
    """A scheduler in its loop, with a script that takes `takes` virtual seconds by its name."""

    def __init__(self, takes: dict[str, float]) -> None:
        self.calls: list[tuple[float, str, Cause]] = []
        self.said: list[str] = []
        self._takes = takes
        self.scheduler = Scheduler(CONF, self.script, lambda text, _: self.said.append(text))

    async def script(self, name: str, cause: Cause) -> None:
        self.calls.append((asyncio.get_running_loop().time(), name, cause))
        takes = self._takes.get(name, 0.0)
        if takes < 0:
            raise OSError("no such helper")
        await asyncio.sleep(takes)

    @property
    def ran(self) -> list[tuple[float, str]]:
        return [(at, name) for at, name, _ in self.calls]


def play(story: Callable[[Stage], Awaitable[None]], **takes: float) -> Stage:
    async def main() -> Stage:
        stage = Stage(takes)
        task = asyncio.create_task(stage.scheduler.run())
        await story(stage)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return stage

    return run_virtual(main())


def test_a_timer_runs_its_script_on_time() -> None:
    """A timer's script runs exactly when its seconds are over, with the notice that started it."""

    async def story(stage: Stage) -> None:
        await asyncio.sleep(1)
        stage.scheduler.notice(ONBATT)
        assert [pending.fields() for pending in stage.scheduler.list()] == [
            {"name": "onbatt", "left_s": 30.0, "seconds": 30.0, "types": "ONBATT", "upses": "a@h"}
        ]
        await asyncio.sleep(100)

    stage = play(story)
    assert stage.calls == [(31.0, "onbatt", Cause("ONBATT", "a@h", "UPS a@h on battery"))]
    assert stage.said == ["New timer: onbatt (30 seconds)", "Event: onbatt "]


def test_a_cancelled_timer_runs_nothing() -> None:
    """The mains is back before the time is over: nothing happens."""

    async def story(stage: Stage) -> None:
        stage.scheduler.notice(ONBATT)
        await asyncio.sleep(29.9)
        stage.scheduler.notice(ONLINE)
        await asyncio.sleep(100)

    assert play(story).ran == []


def test_scripts_of_one_notice_follow_each_other() -> None:
    """The second EXECUTE of a notice begins when the first has ended."""

    async def story(stage: Stage) -> None:
        stage.scheduler.notice(LOWBATT)
        await asyncio.sleep(20)

    assert play(story, first=4.0).ran == [(0.0, "first"), (4.0, "second")]


def test_a_hanging_script_delays_neither_the_next_nor_other_notices() -> None:
    """A script that never ends costs its successor PATIENCE_S, and other notices nothing."""

    async def story(stage: Stage) -> None:
        stage.scheduler.notice(ONBATT)
        await asyncio.sleep(25)
        stage.scheduler.notice(LOWBATT)
        await asyncio.sleep(20)

    stage = play(story, first=10_000.0)
    assert stage.ran == [(25.0, "first"), (30.0, "onbatt"), (35.0, "second")]
    assert "CMDSCRIPT first has not ended after 10 s; it goes on" in stage.said


def test_a_script_that_cannot_run_is_said() -> None:
    """A failing helper is in the log, and the next script runs."""

    async def story(stage: Stage) -> None:
        stage.scheduler.notice(LOWBATT)
        await stage.scheduler.drain()

    stage = play(story, first=-1.0)
    assert "Execute command failure: first: no such helper" in stage.said
    assert stage.ran == [(0.0, "first"), (0.0, "second")]


def test_drain_waits_for_scripts_but_not_for_ever() -> None:
    """At the end of the service running scripts get a bounded time."""

    async def story(stage: Stage) -> None:
        loop = asyncio.get_running_loop()
        await stage.scheduler.drain()
        assert loop.time() == 0
        stage.scheduler.notice(LOWBATT)
        await stage.scheduler.drain(3)
        assert loop.time() == 3

    assert play(story, first=10_000.0).ran == [(0.0, "first")]


def test_the_control_socket_lists_starts_and_cancels() -> None:
    """upsschedctl's three requests work on the timers of a running service."""

    async def story(stage: Stage) -> None:
        control = stage.scheduler.control
        assert control("timers.list", {}) == {"timers": []}
        assert control("timers.start", {"name": "onbatt", "seconds": 5}) == {
            "started": "onbatt",
            "seconds": 5.0,
        }
        assert control("timers.cancel", {"name": "onbatt"}) == {"cancelled": 1}
        assert control("timers.cancel", {"name": "onbatt"}) == {"cancelled": 0}
        control("timers.start", {"name": "onbatt", "seconds": "5"})
        await asyncio.sleep(60)

    assert play(story).ran == [(5.0, "onbatt")]


def test_a_notice_by_hand_is_explained_and_carried_out() -> None:
    """`upssched test` on a running service: what each AT line does is told, and done."""

    async def story(stage: Stage) -> None:
        told = stage.scheduler.control("timers.notice", {"type": "onbatt", "ups": "a@h", "text": "by hand"})
        assert told == {
            "lines": (
                "upssched.conf:4: AT ONBATT * START-TIMER onbatt 30:"
                " starts timer onbatt; after 30 seconds runs /cmd onbatt",
            )
        }
        assert [pending.name for pending in stage.scheduler.list()] == ["onbatt"]
        await asyncio.sleep(40)
        stage.scheduler.control("timers.notice", {"type": "LOWBATT"})
        await stage.scheduler.drain()

    assert play(story).calls == [
        (30.0, "onbatt", Cause("ONBATT", "a@h", "by hand")),
        (40.0, "first", Cause("LOWBATT", "", "test of LOWBATT")),
        (40.0, "second", Cause("LOWBATT", "", "test of LOWBATT")),
    ]


def test_a_notice_that_no_line_is_for_says_so() -> None:
    """Nothing happens, and the answer tells which types there are."""

    async def story(stage: Stage) -> None:
        told = stage.scheduler.control("timers.notice", {"type": "COMMBAD", "ups": "a@h"})
        assert "nothing is done" in str(told["lines"])
        assert stage.scheduler.list() == []

    assert play(story).ran == []


@pytest.mark.parametrize(
    ("verb", "args", "said"),
    [
        ("timers.start", {"name": "rm", "seconds": 5}, "no AT line of upssched.conf has the name 'rm'"),
        ("timers.start", {"name": "onbatt", "seconds": "soon"}, "is not a number of seconds"),
        ("timers.start", {"name": "onbatt"}, "is not a number of seconds"),
        ("timers.start", {"name": "onbatt", "seconds": -3}, "is less than 0"),
        ("timers.start", {}, "needs the name of a timer"),
        ("timers.notice", {}, "needs the type of a notice"),
        ("timers.notice", {"type": 7, "ups": "a@h"}, "needs the type of a notice"),
        ("timers.notice", {"type": "X" * 41}, "needs the type of a notice"),
        ("timers.cancel", {"name": 7}, "needs the name of a timer"),
        ("timers.explode", {"name": "onbatt"}, "unknown request timers.explode"),
    ],
)
def test_requests_that_cannot_be_obeyed_are_refused(verb: str, args: dict[str, object], said: str) -> None:
    """A wrong request by hand starts nothing, and its answer says why."""

    async def story(stage: Stage) -> None:
        with pytest.raises(ScheduleError, match=said):
            stage.scheduler.control(verb, args)
        assert stage.scheduler.list() == []

    assert play(story).ran == []


def test_a_reload_replaces_the_rules_and_keeps_the_timers() -> None:
    """New AT lines are in force at once; what ran before runs out at its time, with its notice."""
    new, _ = parse_upssched(
        b"CMDSCRIPT /cmd\nPIPEFN /run/p\nLOCKFN /run/l\n"
        b"AT ONLINE * CANCEL-TIMER onbatt\nAT ONBATT * START-TIMER onbatt 10\nAT LOWBATT * EXECUTE first\n"
    )

    async def story(stage: Stage) -> None:
        stage.scheduler.notice(ONBATT)
        await asyncio.sleep(5)
        stage.scheduler.reload(new)
        assert [(pending.name, pending.left_s) for pending in stage.scheduler.list()] == [("onbatt", 25.0)]
        stage.scheduler.notice(LOWBATT)
        stage.scheduler.notice(ONBATT)
        await asyncio.sleep(100)
        told = stage.scheduler.control("timers.notice", {"type": "ONBATT", "ups": "a@h"})
        assert "starts timer onbatt; after 10 seconds" in str(told["lines"])
        stage.scheduler.notice(ONLINE)
        assert stage.scheduler.list() == []

    stage = play(story)
    assert stage.ran == [(5.0, "first"), (15.0, "onbatt"), (30.0, "onbatt")]
    assert "3 AT lines are in force, 1 timers go on" in stage.said


def test_a_reload_says_what_needs_a_restart() -> None:
    """CMDSCRIPT and the names that it may be called with stand in root's table: said with the line."""
    new, _ = parse_upssched(
        b"CMDSCRIPT /other\nPIPEFN /run/p\nLOCKFN /run/l\n"
        b"AT LOWBATT * EXECUTE third\nAT LOWBATT * EXECUTE first\n"
    )

    async def story(stage: Stage) -> None:
        stage.scheduler.notice(ONBATT)
        stage.scheduler.reload(new)
        told = stage.scheduler.control("timers.notice", {"type": "LOWBATT"})
        assert "runs /cmd first at once" in str(told["lines"])
        await stage.scheduler.drain()

    said = play(story).said
    assert "CMDSCRIPT is /other now: restart serve; until then /cmd runs" in said
    assert "upssched.conf:4: third is new: restart serve; until then CMDSCRIPT does not run with it" in said
    kept = "timer onbatt goes on, though no AT line names it any more; end it: upsschedctl cancel onbatt"
    assert kept in said


def test_floods_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither hanging scripts nor timers started by hand can pile up without end."""
    monkeypatch.setattr(shell, "MAX_CALLS", 2)

    async def story(stage: Stage) -> None:
        for _ in range(3):
            stage.scheduler.notice(LOWBATT)
        for _ in range(1024):
            stage.scheduler.start("onbatt", 1000)
        with pytest.raises(ScheduleError, match="too many timers"):
            stage.scheduler.start("onbatt", 1000)

    stage = play(story)
    assert "2 notices wait for their scripts; not executed: first, second" in stage.said
    assert stage.scheduler.script_names == ("onbatt", "first", "second")

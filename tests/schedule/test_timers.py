# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ridethrough.schedule.timers."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ridethrough.config.upssched import parse_upssched
from ridethrough.schedule.core import (
    CancelTimer,
    Event,
    Log,
    Noticed,
    Reload,
    RunScript,
    StartTimer,
    State,
    Tick,
    next_deadline,
    step,
)
from ridethrough.schedule.rules import Cause
from ridethrough.schedule.timers import MAX_CAUSES, MAX_TIMERS, Timers

A = Cause("ONBATT", "a@h", "a on battery")
B = Cause("ONBATT", "b@h", "b on battery")


def test_a_repeated_start_is_an_independent_timer() -> None:
    """START-TIMER for a running name starts a second timer with its own end."""
    timers = Timers().start("t", 10, A, 0).start("t", 10, B, 4)
    assert [(timer.name, timer.deadline, timer.causes) for timer in timers.running] == [
        ("t", 10, (A,)),
        ("t", 14, (B,)),
    ]


def test_sharing_keeps_the_deadline_and_joins_the_causes() -> None:
    """A shared timer reports every UPS and message once, joined as NUT 2.8.5 does, at its first deadline."""
    timers = Timers().start("t", 10, A, 0).share("t", B).share("t", B)
    (timer,) = timers.running
    assert timer.deadline == 10
    assert timer.cause == Cause("ONBATT", "a@h,b@h", "a on battery.\tb on battery")


def test_causes_of_a_shared_timer_are_bounded() -> None:
    """A flood of notices can't grow a shared timer without end."""
    timers = Timers().start("t", 10, A, 0)
    for number in range(2 * MAX_CAUSES):
        timers = timers.share("t", Cause("ONBATT", f"u{number}", ""))
    assert len(timers.running[0].causes) == MAX_CAUSES


def test_cancel_takes_every_timer_of_the_name_and_no_other() -> None:
    """CANCEL-TIMER leaves no timer of its name behind."""
    timers = Timers().start("t", 10, A, 0).start("other", 10, A, 0).start("t", 20, B, 0).cancel("t")
    assert [timer.name for timer in timers.running] == ["other"]


def test_matched_cancel_keeps_a_shared_timer_for_the_others() -> None:
    """One UPS that is back on line does not call off what another still waits for."""
    timers = Timers().start("t", 10, A, 0).share("t", B)
    for_b = timers.cancel_matched("t", "a@h")
    assert [timer.causes for timer in for_b.running] == [(B,)]
    assert for_b.running[0].deadline == 10
    assert for_b.cancel_matched("t", "b@h").running == ()
    assert timers.cancel_matched("t", "c@h") == timers


def test_expiry_is_by_deadline_then_by_start() -> None:
    """Timers run out earliest first; of two at one moment the one started first."""
    timers = (
        Timers().start("late", 5, A, 0).start("one", 3, A, 1).start("two", 4, A, 0).start("left", 9, A, 0)
    )
    left, fired = timers.expire(6)
    assert [timer.name for timer in fired] == ["one", "two", "late"]
    assert [timer.name for timer in left.running] == ["left"]
    assert left.next_deadline == 9
    assert Timers().next_deadline is None
    assert timers.expire(3.9) == (timers, ())


NAMES = st.sampled_from(["onbatt", "earlyshutdown", "gone"])
CAUSES = st.builds(Cause, st.just("ONBATT"), st.sampled_from(["a@h", "b@h"]), st.just("text"))
RULES = parse_upssched(
    b"CMDSCRIPT /cmd\nPIPEFN /run/p\nLOCKFN /run/l\n"
    b"AT ONBATT * START-TIMER onbatt 20\nAT ONBATT a@h START-TIMER-SHARED gone 5\n"
    b"AT ONBATT b@h CANCEL-TIMER-MATCHED gone late\nAT ONBATT * CANCEL-TIMER earlyshutdown\n"
)[0].rules


@dataclass
class Running:
    """What the model knows of a timer."""

    name: str
    deadline: float
    upses: set[str]


class TimerMachine(RuleBasedStateMachine):
    """Starts, cancels, notices, reloads and time in any order, held against a plain list of timers."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.state = State()
        self.model: list[Running] = []

    def send(self, event: Event) -> list[str]:
        self.state, effects = step(self.state, event, self.now)
        return [effect.command for effect in effects if isinstance(effect, RunScript)]

    def begin(self, name: str, seconds: float, ups: str, shared: bool = False) -> None:
        """What a start is in the model."""
        joined = [timer for timer in self.model if timer.name == name]
        if shared and joined:
            joined[0].upses.add(ups)
        else:
            self.model.append(Running(name, self.now + seconds, {ups}))

    def end(self, name: str, ups: str, matched: bool) -> bool:
        """What a cancel is in the model; whether there was anything to cancel."""
        mine = [timer for timer in self.model if timer.name == name and (not matched or ups in timer.upses)]
        for timer in mine:
            timer.upses -= {ups} if matched else timer.upses
        self.model = [timer for timer in self.model if timer.upses]
        return bool(mine)

    @rule(name=NAMES, seconds=st.floats(0, 50), cause=CAUSES, shared=st.booleans())
    def start(self, name: str, seconds: float, cause: Cause, shared: bool) -> None:
        assert self.send(StartTimer(name, seconds, cause, shared)) == []
        self.begin(name, seconds, cause.ups, shared)

    @rule(name=NAMES, command=st.sampled_from(["", "late"]), cause=CAUSES, matched=st.booleans())
    def cancel(self, name: str, command: str, cause: Cause, matched: bool) -> None:
        ran = self.send(CancelTimer(name, command, cause, matched))
        assert ran == ([command] if not self.end(name, cause.ups, matched) and command else [])

    @rule(count=st.integers(0, len(RULES)))
    def reload(self, count: int) -> None:
        assert self.send(Reload(RULES[:count])) == []

    @rule(cause=CAUSES)
    def notice(self, cause: Cause) -> None:
        ran, expected = self.send(Noticed(cause)), []
        for number, _ in enumerate(self.state.rules):
            if number == 0:
                self.begin("onbatt", 20, cause.ups)
            elif number == 1 and cause.ups == "a@h":
                self.begin("gone", 5, cause.ups, shared=True)
            elif number == 2 and cause.ups == "b@h":
                expected += [] if self.end("gone", cause.ups, matched=True) else ["late"]
            elif number == 3:
                self.end("earlyshutdown", cause.ups, matched=False)
        assert ran == expected

    @rule(seconds=st.one_of(st.floats(0, 60), st.just(7 * 86400.0)))
    def pass_time(self, seconds: float) -> None:
        """Also a week at once: the machine slept, and the clock counts that."""
        self.now += seconds

    @rule()
    def tick(self) -> None:
        ran = self.send(Tick())
        due = [timer for timer in self.model if timer.deadline <= self.now]
        assert ran == [timer.name for timer in sorted(due, key=lambda timer: timer.deadline)]
        self.model = [timer for timer in self.model if timer.deadline > self.now]
        assert self.send(Tick()) == []

    @invariant()
    def agrees(self) -> None:
        running = [(timer.name, timer.deadline) for timer in self.state.timers.running]
        assert running == [(timer.name, timer.deadline) for timer in self.model]
        assert len(running) <= MAX_TIMERS
        assert next_deadline(self.state) == min((timer.deadline for timer in self.model), default=None)


TimerMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestTimerMachine = TimerMachine.TestCase
"""Promise: a timer fires exactly once, never after its cancel, whatever is reloaded, however time jumps."""


def test_the_number_of_timers_is_bounded() -> None:
    """Timer 1025 is refused in words, and the 1024 others go on."""
    state = State()
    for _ in range(MAX_TIMERS):
        state, _ = step(state, StartTimer("t", 60), 0.0)
    full, effects = step(state, StartTimer("t", 60), 0.0)
    assert full == state
    (said,) = effects
    assert isinstance(said, Log)
    assert said.warning
    assert "1024 timers run already" in said.text
    emptied, fired = step(full, Tick(), 60.0)
    assert sum(isinstance(effect, RunScript) for effect in fired) == MAX_TIMERS
    assert emptied.timers.running == ()

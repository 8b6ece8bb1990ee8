# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ridethrough.schedule.timers."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ridethrough.schedule.core import (
    CancelTimer,
    Log,
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


class TimerMachine(RuleBasedStateMachine):
    """Starts, cancels and time in any order, held against a list of (name, deadline)."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.state = State()
        self.model: list[tuple[str, float]] = []

    def send(self, event: StartTimer | CancelTimer | Tick) -> list[str]:
        self.state, effects = step(self.state, event, self.now)
        return [effect.command for effect in effects if isinstance(effect, RunScript)]

    @rule(name=NAMES, seconds=st.floats(0, 50), cause=CAUSES)
    def start(self, name: str, seconds: float, cause: Cause) -> None:
        assert self.send(StartTimer(name, seconds, cause)) == []
        self.model.append((name, self.now + seconds))

    @rule(name=NAMES, seconds=st.floats(0, 50), cause=CAUSES)
    def start_shared(self, name: str, seconds: float, cause: Cause) -> None:
        assert self.send(StartTimer(name, seconds, cause, shared=True)) == []
        if name not in [running for running, _ in self.model]:
            self.model.append((name, self.now + seconds))

    @rule(name=NAMES, command=st.sampled_from(["", "late"]))
    def cancel(self, name: str, command: str) -> None:
        pending = any(running == name for running, _ in self.model)
        ran = self.send(CancelTimer(name, command))
        assert ran == ([command] if command and not pending else [])
        self.model = [timer for timer in self.model if timer[0] != name]

    @rule(seconds=st.floats(0, 60))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def tick(self) -> None:
        ran = self.send(Tick())
        due = sorted(
            (deadline, index) for index, (_, deadline) in enumerate(self.model) if deadline <= self.now
        )
        assert ran == [self.model[index][0] for _, index in due]
        self.model = [timer for timer in self.model if timer[1] > self.now]
        assert self.send(Tick()) == []

    @invariant()
    def agrees(self) -> None:
        running = [(timer.name, timer.deadline) for timer in self.state.timers.running]
        assert running == self.model
        assert len(running) <= MAX_TIMERS
        assert next_deadline(self.state) == min((deadline for _, deadline in self.model), default=None)


TimerMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestTimerMachine = TimerMachine.TestCase
"""Promise: a timer fires exactly once, never after its cancel, and the next deadline is always right."""


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

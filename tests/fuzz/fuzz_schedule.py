# SPDX-License-Identifier: GPL-2.0-or-later
"""upssched: random AT lines, notices and ticks, and any bytes over PIPEFN.

Held against a model of two lines: a timer fires once, when it is due and not before, unless it was cancelled.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from ridethrough.config.models import AtRule, UpsschedConf
from ridethrough.schedule import messages
from ridethrough.schedule.core import (
    CancelTimer,
    Event,
    Log,
    Noticed,
    RunScript,
    StartTimer,
    State,
    Tick,
    explain,
    initial,
    next_deadline,
    step,
    timers,
)
from ridethrough.schedule.messages import PIPE_LIMITS, Bad
from ridethrough.schedule.rules import Cause, action, script_names
from ridethrough.schedule.timers import MAX_CAUSES, MAX_TIMERS
from ridethrough.wire.words import WordStream, decode
from tests.support.fuzzing import try_inputs
from tests.support.mutation import mutated

TYPES = ("ONBATT", "ONLINE", "LOWBATT", "COMMBAD", "onbatt", "X")
UPSES = ("a@host", "b@host", "")
NAMES = ("one", "two", "t h r e e", "")
COMMANDS = (
    "START-TIMER",
    "START-TIMER-SHARED",
    "CANCEL-TIMER",
    "CANCEL-TIMER-MATCHED",
    "EXECUTE",
    "start-timer",
    "NO",
)
SECONDS = ("0", "5", "5.5", "30s", "+3", "-1", "x", "", "1e3", "99999999999")
MAX_LOG = messages.MAX_TEXT_BYTES + 8192  # a notice's text, as far as the pipe takes it
WAITS_S = (0.0, 0.0, 0.5, 5.0, 30.0, 100.0)
PIPE = (
    b'START "onbatt" "30" "ONBATT" "ups@localhost" "UPS on battery"\n',
    b'START-SHARED "onbatt" "5" "LOWBATT" "b@h" ""\nCANCEL-MATCHED "onbatt" "" "ONLINE" "b@h" "x"\n',
    b'CANCEL "onbatt" "gone"\nLIST-TIMERS\n',
)
ANSWERS = (
    b"OK\n",
    b'ERR INVALID "timer x"\n',
    b"BEGIN LIST TIMERS\nonbatt\t1700000000\t30\tONBATT\tups@h\tUPS on battery\nEND LIST TIMERS\nOK\n",
)


@dataclass(frozen=True, slots=True)
class Case:
    """AT lines, events with the seconds before each, and bytes of both sides of the pipe."""

    rules: tuple[AtRule, ...]
    events: tuple[tuple[float, Event], ...]
    pipe: bytes
    answer: bytes


def make(rng: random.Random) -> Case:
    """A few of each."""
    rules = tuple(
        AtRule(rng.choice(TYPES), rng.choice((*UPSES, "*")), rng.choice(COMMANDS), any_args(rng), line)
        for line in range(rng.randrange(6))
    )
    events = tuple((rng.choice(WAITS_S), any_event(rng)) for _ in range(rng.randrange(25)))
    return Case(rules, events, mutated(rng, PIPE), mutated(rng, ANSWERS))


def any_args(rng: random.Random) -> tuple[str, ...]:
    """A name and seconds or a command; at times less or more."""
    return (rng.choice(NAMES), rng.choice((*SECONDS, "gone")), "more")[: rng.choice((0, 1, 2, 2, 2, 3))]


def any_event(rng: random.Random) -> Event:
    """A notice, mostly."""
    cause = Cause(rng.choice(TYPES), rng.choice(UPSES), decode(mutated(rng, PIPE))[:50])
    if rng.random() < 0.6:
        return Noticed(cause)
    name = rng.choice(NAMES[:3])  # An empty one is refused before it comes here.
    return rng.choice(
        (
            StartTimer(name, rng.choice((0.0, 2.5, 5.0, 60.0)), cause, rng.random() < 0.5),
            CancelTimer(name, rng.choice(("", "gone")), cause, rng.random() < 0.5),
            Tick(),
        )
    )


def attempt(case: Case) -> None:
    """The scheduler in a house, then the pipe of the stand-alone one."""
    state, now = initial(UpsschedConf(rules=case.rules)), 0.0
    for wait_s, event in case.events:
        now += wait_s
        while (due := next_deadline(state)) is not None and due <= now:
            state = tell(state, Tick(), due)
        state = tell(state, event, now)
    for notice in {event.notice for _, event in case.events if isinstance(event, Noticed)}:
        assert explain(UpsschedConf(rules=case.rules), notice)
    for rule in case.rules:
        action(rule)
    assert all(script_names(case.rules))
    talk(case.pipe)
    listen(case.answer)


def tell(state: State, event: Event, now: float) -> State:
    """One step; what has fired is what was due, and nothing else is gone but what was cancelled."""
    before = timers(state)
    state, effects = step(state, event, now)
    after = timers(state)
    ran = [effect for effect in effects if isinstance(effect, RunScript)]
    for effect in effects:
        assert effect.command if isinstance(effect, RunScript) else len(effect.text) < MAX_LOG
    gone = {timer.number for timer in before} - {timer.number for timer in after}
    if isinstance(event, Tick):
        due = [timer for timer in before if timer.deadline <= now]
        assert [effect.command for effect in ran] == [timer.name for timer in due]
        assert gone == {timer.number for timer in due}
    elif isinstance(event, StartTimer):
        assert not gone
        assert not ran
        assert any(timer.name == event.name for timer in after) or any(
            isinstance(e, Log) and e.warning for e in effects
        )
    elif isinstance(event, CancelTimer):
        assert gone <= {timer.number for timer in before if timer.name == event.name}
        assert event.matched or not any(timer.name == event.name for timer in after)
        assert len(ran) == (bool(event.command) and before == after)
    assert len(after) <= MAX_TIMERS
    assert len({timer.number for timer in after}) == len(after)
    assert all(len(timer.causes) <= MAX_CAUSES for timer in after)
    assert [timer.deadline for timer in after] == sorted(timer.deadline for timer in after)
    return state


def talk(data: bytes) -> None:
    """What a daemon makes of any bytes: an event, or an answer in one line."""
    stream, state = WordStream(PIPE_LIMITS), State()
    for line in stream.feed(data) + stream.finish():
        if line.error is not None or not line.words:
            continue
        asked = messages.read(line.words)
        if isinstance(asked, Bad):
            answer = messages.refusal(asked)
            assert answer.startswith(b"ERR ")
            assert answer.count(b"\n") == 1
            assert messages.outcome(answer)
        elif not isinstance(asked, str):
            state = tell(state, asked, 0.0)
            again = WordStream(PIPE_LIMITS).feed(messages.request(asked))
            assert len(again) == 1, "a request is one line"
    listed = messages.listing(timers(state), 0.0, 1.7e9)
    assert messages.complete(listed)
    assert len(messages.rows(listed)) == len(timers(state))


def listen(answer: bytes) -> None:
    """What a client makes of any answer."""
    messages.complete(answer)
    messages.outcome(answer)
    messages.rows(answer)


def fuzz(rng: random.Random, deadline: float) -> int:
    """Run until the deadline."""
    return try_inputs(rng, deadline, make, attempt)

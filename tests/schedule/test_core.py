# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ridethrough.schedule.core: notices in, scripts and log lines out, with times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ridethrough.config.models import UpsschedConf
from ridethrough.config.upssched import parse_upssched
from ridethrough.schedule.core import (
    CancelTimer,
    Log,
    Noticed,
    Reload,
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
from ridethrough.schedule.rules import Cause
from ridethrough.ups.notices import Notice, NotifyType

HEAD = b"CMDSCRIPT /cmd\nPIPEFN /run/p\nLOCKFN /run/l\n"


def conf_of(rules: bytes) -> UpsschedConf:
    return parse_upssched(HEAD + rules)[0]


def play(conf: UpsschedConf, *events: tuple[float, str | None, str]) -> list[tuple[float, str, str, str]]:
    """Send (time, type or None for nothing, UPS); gives (time, script, NOTIFYTYPE, UPSNAME) of each call."""
    state = initial(conf)
    calls: list[tuple[float, str, str, str]] = []

    def send(event: Noticed | Tick, now: float) -> None:
        nonlocal state
        state, effects = step(state, event, now)
        calls.extend(
            (now, effect.command, effect.cause.type, effect.cause.ups)
            for effect in effects
            if isinstance(effect, RunScript)
        )

    for at, kind, ups in events:
        while (deadline := next_deadline(state)) is not None and deadline <= at:
            send(Tick(), deadline)
        if kind is not None:
            send(Noticed(Cause(kind, ups, f"{ups} {kind}")), at)
    return calls


@pytest.mark.parametrize(
    ("rules", "events", "calls"),
    [
        pytest.param(
            b"AT LOWBATT * EXECUTE now\n",
            [(5, "LOWBATT", "a@h")],
            [(5, "now", "LOWBATT", "a@h")],
            id="EXECUTE runs at once",
        ),
        pytest.param(
            b"AT ONBATT * START-TIMER t 30\n",
            [(1, "ONBATT", "a@h"), (100, None, "")],
            [(31, "t", "ONBATT", "a@h")],
            id="a timer runs out after its time, with the notice that started it",
        ),
        pytest.param(
            b"AT ONBATT * START-TIMER t 30\nAT ONLINE * CANCEL-TIMER t\n",
            [(1, "ONBATT", "a@h"), (30.9, "ONLINE", "a@h"), (100, None, "")],
            [],
            id="a cancelled timer never runs",
        ),
        pytest.param(
            b"AT ONBATT * START-TIMER t 30\nAT ONLINE * CANCEL-TIMER t late\n",
            [(1, "ONBATT", "a@h"), (40, "ONLINE", "a@h"), (50, "ONLINE", "b@h")],
            [(31, "t", "ONBATT", "a@h"), (40, "late", "ONLINE", "a@h"), (50, "late", "ONLINE", "b@h")],
            id="a cancel's command runs only if the timer was not pending",
        ),
        pytest.param(
            b"AT ONBATT * START-TIMER t 30\nAT ONLINE * CANCEL-TIMER t late\n",
            [(1, "ONBATT", "a@h"), (2, "ONLINE", "a@h"), (100, None, "")],
            [],
            id="a cancel's command does not run if the timer was pending",
        ),
        pytest.param(
            b"AT ONBATT * START-TIMER t 30\n",
            [(0, "ONBATT", "a@h"), (10, "ONBATT", "b@h"), (100, None, "")],
            [(30, "t", "ONBATT", "a@h"), (40, "t", "ONBATT", "b@h")],
            id="each START-TIMER is a timer of its own",
        ),
        pytest.param(
            b"AT COMMBAD * START-TIMER-SHARED t 30\n",
            [(0, "COMMBAD", "a@h"), (10, "COMMBAD", "b@h"), (100, None, "")],
            [(30, "t", "COMMBAD", "a@h,b@h")],
            id="START-TIMER-SHARED runs once for all",
        ),
        pytest.param(
            b"AT ONBATT * START-TIMER-SHARED t 30\nAT ONLINE * CANCEL-TIMER-MATCHED t late\n",
            [(0, "ONBATT", "a@h"), (1, "ONBATT", "b@h"), (2, "ONLINE", "a@h"), (100, None, "")],
            [(30, "t", "ONBATT", "b@h")],
            id="CANCEL-TIMER-MATCHED takes out its own UPS only",
        ),
        pytest.param(
            b"AT ONBATT * START-TIMER t 30\nAT ONLINE * CANCEL-TIMER-MATCHED t\n",
            [(0, "ONBATT", "a@h"), (1, "ONBATT", "b@h"), (2, "ONLINE", "a@h"), (100, None, "")],
            [(31, "t", "ONBATT", "b@h")],
            id="CANCEL-TIMER-MATCHED leaves the timer of another UPS",
        ),
        pytest.param(
            b"AT ONBATT a@h EXECUTE one\nAT ONBATT * START-TIMER two 0\nAT ONBATT * EXECUTE three\n",
            [(0, "ONBATT", "a@h"), (0, None, "")],
            [(0, "one", "ONBATT", "a@h"), (0, "three", "ONBATT", "a@h"), (0, "two", "ONBATT", "a@h")],
            id="all lines run in file order; a timer of 0 s runs at the next look",
        ),
        pytest.param(
            b"AT SHUTDOWN * EXECUTE bye\nAT NOPARENT a@h EXECUTE never\n",
            [(0, "SHUTDOWN", ""), (1, "NOPARENT", "")],
            [(0, "bye", "SHUTDOWN", "")],
            id="a notice without a UPS meets the star only",
        ),
    ],
)
def test_notices_lead_to_scripts(
    rules: bytes, events: list[tuple[float, str | None, str]], calls: list[tuple[float, str, str, str]]
) -> None:
    """The same AT lines and notices lead to the same scripts at the same times as in NUT."""
    assert play(conf_of(rules), *events) == calls


def logs(effects: tuple[object, ...]) -> list[str]:
    return [effect.text for effect in effects if isinstance(effect, Log)]


def test_log_lines_begin_as_nuts_do() -> None:
    """What people grep for in the log of upssched is found in ours."""
    conf = conf_of(b"AT ONBATT * START-TIMER onbatt 30\nAT LOWBATT * EXECUTE now\n")
    state, effects = step(initial(conf), Noticed(Notice(NotifyType.ONBATT, "a@h", "m")), 0)
    assert logs(effects) == ["New timer: onbatt (30 seconds)"]
    assert logs(step(state, Tick(), 30)[1]) == ["Event: onbatt "]
    assert logs(step(state, CancelTimer("onbatt"), 30)[1]) == ["Cancelling timer: onbatt"]
    with_text = CancelTimer("onbatt", "x", Cause("ONLINE", "a@h", "UPS a@h on line power"))
    assert logs(step(state, with_text, 30)[1]) == ["Cancelling timer: onbatt: UPS a@h on line power"]
    assert logs(step(state, CancelTimer("gone", "late"), 0)[1]) == ["Cancel gone, event: late"]
    assert logs(step(state, Noticed(Cause("LOWBATT", "a@h", "")), 0)[1]) == ["Executing command: now"]
    shared = StartTimer("onbatt", 5, Cause("ONBATT", "b@h", ""), shared=True)
    joined = "Append data to shared timer: onbatt (will elapse in 20 seconds)"
    assert logs(step(state, shared, 10)[1]) == [joined]


def test_a_shared_timer_that_goes_on_is_said() -> None:
    """Nobody reads `Cancelling timer` for a timer that goes on for another UPS."""
    state = State()
    for ups in ("a@h", "b@h"):
        state, _ = step(state, StartTimer("t", 30, Cause("ONBATT", ups, ""), shared=True), 0)
    state, effects = step(state, CancelTimer("t", "late", Cause("ONLINE", "a@h", ""), matched=True), 1)
    assert logs(effects) == ["Timer t goes on without a@h"]
    assert [timer.name for timer in timers(state)] == ["t"]


def test_a_matched_cancel_by_hand_takes_all() -> None:
    """Without a UPS of its own a matched cancel is a plain one, as in C."""
    state, _ = step(State(), StartTimer("t", 30, Cause("ONBATT", "a@h", "")), 0)
    state, effects = step(state, CancelTimer("t", matched=True), 1)
    assert timers(state) == ()
    assert logs(effects) == ["Cancelling timer: t"]


def test_a_reload_keeps_timers_and_names_those_that_no_line_names() -> None:
    """New rules are in force at once; a timer of an old rule runs out at its time, and is pointed at."""
    state, _ = step(initial(conf_of(b"AT ONBATT * START-TIMER t 30\n")), Noticed(Cause("ONBATT", "a", "")), 0)
    same, effects = step(state, Reload(conf_of(b"AT ONBATT * START-TIMER t 5\n").rules), 1)
    assert effects == ()
    assert timers(same) == timers(state)
    other, effects = step(same, Reload(conf_of(b"AT ONLINE * EXECUTE now\n").rules), 2)
    assert logs(effects) == [
        "timer t goes on, though no AT line names it any more; end it: upsschedctl cancel t"
    ]
    assert step(other, Noticed(Cause("ONBATT", "a", "")), 3) == (other, ())
    assert RunScript("t", Cause("ONBATT", "a", "")) in step(other, Tick(), 30)[1]


def test_a_bad_line_is_said_and_stops_no_other() -> None:
    """One impossible AT line costs nothing but itself."""
    conf = conf_of(b"AT ONBATT * EXECUTE good\n")
    (good,) = conf.rules
    wrong = replace(good, command="START-TIMER", args=("t", "soon"), line=7)
    odd = replace(good, command="START-TIMER", args=("t", "30s"), line=8)
    _, effects = step(initial(replace(conf, rules=(wrong, odd, good))), Noticed(Cause("ONBATT", "a", "")), 0)
    said = logs(effects)
    assert said[0].startswith("upssched.conf:7: START-TIMER t: bogus offset for timer, ignoring")
    assert said[1].startswith("upssched.conf:8: '30s' is read as 30 seconds")
    assert said[2:] == ["New timer: t (30 seconds)", "Executing command: good"]
    assert RunScript("good", Cause("ONBATT", "a", "")) in effects


def test_timers_are_listed_by_what_comes_next() -> None:
    """A list of timers begins with the next to run out."""
    state = State()
    for name, seconds in (("late", 300.0), ("soon", 30.0)):
        state, _ = step(state, StartTimer(name, seconds), 0)
    assert [(timer.name, timer.left(10)) for timer in timers(state)] == [("soon", 20), ("late", 290)]


def test_explain_says_what_each_line_would_do() -> None:
    """`upssched test` says in words what every AT line for a notice does, and names its line."""
    conf = conf_of(
        b"AT ONBATT * START-TIMER t 30\nAT ONBATT * START-TIMER-SHARED s 5\nAT ONBATT * CANCEL-TIMER t late\n"
        b"AT ONBATT * CANCEL-TIMER-MATCHED t\nAT ONBATT * EXECUTE now\nAT ONLINE * EXECUTE no\n"
    )
    assert explain(conf, Cause("ONBATT", "a@h", "")) == [
        "upssched.conf:4: AT ONBATT * START-TIMER t 30: starts timer t; after 30 seconds runs /cmd t",
        "upssched.conf:5: AT ONBATT * START-TIMER-SHARED s 5:"
        " starts timer s, or joins it if it runs already; after 5 seconds runs /cmd s",
        "upssched.conf:6: AT ONBATT * CANCEL-TIMER t late:"
        " cancels timer t; if it is not running, runs /cmd late",
        "upssched.conf:7: AT ONBATT * CANCEL-TIMER-MATCHED t:"
        " cancels timer t as far as this UPS had started it",
        "upssched.conf:8: AT ONBATT * EXECUTE now: runs /cmd now at once",
    ]


def test_explain_says_why_nothing_happens() -> None:
    """A notice that no line is for is told apart: wrong name of the UPS, or no line of this type."""
    conf = conf_of(b"AT ONBATT a@h EXECUTE now\nAT ONLINE * EXECUTE no\n")
    assert explain(conf, Cause("ONBATT", "a", "")) == [
        "no AT line of upssched.conf is for ONBATT of UPS 'a': nothing is done",
        "AT lines for ONBATT name: a@h; the name must be as in MONITOR, with @host, or *",
    ]
    assert explain(conf, Cause("SHUTDOWN", "", "")) == [
        "no AT line of upssched.conf is for SHUTDOWN: nothing is done",
        "there are AT lines for: ONBATT, ONLINE",
    ]
    assert explain(UpsschedConf(), Cause("SHUTDOWN", "", "")) == [
        "no AT line of upssched.conf is for SHUTDOWN: nothing is done"
    ]


def test_explain_names_what_a_line_cannot_do() -> None:
    """`upssched test` names an AT line that can't be carried out."""
    rule = conf_of(b"AT ONBATT * EXECUTE now\n").rules[0]
    conf = UpsschedConf(rules=(replace(rule, command="NONSENSE"),))
    (line,) = explain(conf, Cause("ONBATT", "a", ""))
    assert line.endswith("does nothing: Invalid command: NONSENSE")

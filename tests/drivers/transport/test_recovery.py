# SPDX-License-Identifier: GPL-2.0-or-later
"""Getting a device back, on a virtual clock."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.drivers.transport import recovery as r
from ridethrough.drivers.transport.base import Fault
from ridethrough.drivers.transport.recovery import Phase, State
from ridethrough.drivers.transport.recovery_messages import (
    Answered,
    Close,
    Due,
    Effect,
    Event,
    Failed,
    Fresh,
    Look,
    Open,
    Opened,
    OpenFailed,
    Place,
    Reset,
    ResetDone,
    Say,
    Seen,
    Stale,
    Unseen,
)
from tests.support.usb_life import Fate, Life

HERE = Seen(Place("1-2", 4), "UPS")
GONE = Failed(Fault.GONE)


def after(events: list[tuple[float, Event]], state: State | None = None) -> tuple[State, tuple[Effect, ...]]:
    """The state after all, and the effects of the last."""
    state, effects = state or r.begin(0), ()
    for now, event in events:
        state, effects = r.step(state, event, now)
    return state, effects


def running(now: float = 0.0) -> State:
    return after([(now, Due()), (now, HERE), (now, Opened()), (now, Answered())])[0]


def texts(effects: tuple[Effect, ...]) -> list[str]:
    return [effect.text for effect in effects if isinstance(effect, Say)]


def kinds(effects: tuple[Effect, ...]) -> list[type[Effect]]:
    return [type(effect) for effect in effects]


# -- one thing at a time ---------------------------------------------------------------------------


def test_a_device_is_taken_at_once_at_the_start() -> None:
    """Look, open, and the first answer makes it fresh; nothing needs telling."""
    state = r.begin(7)
    assert state.due_at == 7
    state, effects = r.step(state, Due(), 7)
    assert effects == (Look(),)
    state, effects = r.step(state, HERE, 7)
    assert effects == (Open(),)
    state, effects = r.step(state, Opened(), 7)
    assert effects == ()
    assert r.step(state, Answered(), 7)[1] == (Fresh(),)


def test_unplugging_makes_the_readings_stale_and_the_search_begin_at_once() -> None:
    """No failure is forgiven that says the device is gone."""
    state, effects = r.step(running(), GONE, 5)
    assert kinds(effects) == [Close, Stale, Say]
    assert texts(effects) == ["UPS has vanished from port 1-2"]
    assert state.due_at == 5


def test_the_way_back_is_told_in_words_a_person_understands() -> None:
    """When it went, from where, how long it was away, and where it is now."""
    lost = r.step(running(), GONE, 5)[0]
    back = [(5.0, Due()), (5.0, Unseen()), (8.0, Due()), (8.0, HERE), (8.1, Opened()), (8.1, Answered())]
    _, effects = after(back, lost)
    assert effects == (Say("info", "UPS: vanished from port 1-2 and came back 3.1 s later"), Fresh())
    back[3] = (8.0, Seen(Place("1-4", 5), "UPS"))
    assert texts(after(back, lost)[1]) == [
        "UPS: vanished from port 1-2 and came back on port 1-4 3.1 s later"
    ]


def test_a_device_that_goes_again_before_it_answers_has_been_away_all_the_time() -> None:
    """What counts for people is since when there are no readings."""
    state = r.step(running(), GONE, 5)[0]
    for start in (6.0, 8.0):
        state = after([(start, Due()), (start, HERE), (start, Opened()), (start + 1, GONE)], state)[0]
    _, effects = after([(10, Due()), (10, HERE), (10, Opened()), (10, Answered())], state)
    assert texts(effects) == ["UPS: vanished from port 1-2 and came back 5.0 s later"]


def test_a_device_that_goes_while_it_is_opened_is_not_overlooked() -> None:
    """Its end is told only once by the system."""
    state, _ = after([(0, Due()), (0, HERE), (0, GONE), (0, Opened())])
    assert state.phase is Phase.SEARCHING


def test_a_hint_makes_the_next_look_early_but_cuts_no_pause_short() -> None:
    """A device that was plugged in is looked at at once; one that was just refused is left in peace."""
    state = after([(0, Due()), (0, Unseen())])[0]
    assert r.step(state, Due(), 0.1)[1] == ()
    assert r.step(state, Due(hint=True), 0.1)[1] == (Look(),)
    refused = after([(0, Due()), (0, HERE), (0, OpenFailed(Fault.BUSY, "held by x (pid 3)"))])[0]
    assert r.step(refused, Due(hint=True), 0.1)[1] == ()


def test_what_stands_in_the_way_is_told_once() -> None:
    """The same reason twice in a row is one line; a new one is a new line."""
    busy = OpenFailed(Fault.BUSY, "held by x (pid 3)")
    state, effects = after([(0, Due()), (0, HERE), (0, busy)])
    assert effects == (Close(), Say("error", "held by x (pid 3)"))
    state, effects = after([(1, Due()), (1, HERE), (1, busy)], state)
    assert effects == (Close(),)
    other = OpenFailed(Fault.BUSY, "held by y (pid 4)")
    state, effects = after([(9, Due()), (9, HERE), (9, other)], state)
    assert texts(effects) == ["held by y (pid 4)"]
    state, effects = after([(20, Due()), (20, HERE), (20, Opened()), (20, Answered())], state)
    assert texts(effects) == ["UPS: answers"]
    empty, effects = after([(0, Due()), (0, Unseen())])
    assert texts(effects) == ["no UPS is plugged in by USB"]
    assert after([(1, Due()), (1, Unseen())], empty)[1] == ()
    wrong = Unseen("no device fits serial = G9")
    assert texts(after([(2, Due()), (2, wrong)], empty)[1]) == [wrong.words]


def test_a_node_that_udev_has_not_opened_yet_is_no_error() -> None:
    """Just after plugging it belongs to root for a moment; only a refusal that lasts is told."""
    denied = OpenFailed(Fault.DENIED, "install the rule")
    state = r.begin(0)
    for now in (0.0, 0.3, 0.9):
        state, effects = after([(now, Due()), (now, HERE), (now, denied)], state)
        assert effects == (Close(),)
    assert texts(after([(2, Due()), (2, HERE), (2, denied)], state)[1]) == ["install the rule"]


def test_refused_opens_are_tried_again_in_growing_pauses() -> None:
    """Soon at first, and every 15 s for ever."""
    state, now, pauses = r.begin(0), 0.0, []
    for _ in range(9):
        state = after([(now, Due()), (now, HERE), (now, OpenFailed(Fault.BUSY, "x"))], state)[0]
        assert state.due_at is not None
        pauses.append(state.due_at - now)
        now = state.due_at
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 15, 15, 15]


def test_requests_that_a_device_does_not_have_mean_nothing() -> None:
    """The first walk over all reports may meet a hundred refusals, and no pause or reset comes of it."""
    state = running()
    for number in range(100):
        state, effects = r.step(state, Failed(Fault.STALL, known=False), 1 + number)
        assert effects == ()
        assert state.ask_at <= 1
    assert state == running()


def test_a_single_failure_is_forgiven_by_the_next_answer() -> None:
    """A failed request now and then, for days, never adds up."""
    state = running()
    for number in range(50):
        state, effects = after([(number * 9, Failed(Fault.TIMEOUT)), (number * 9 + 5, Answered())], state)
        assert effects == ()


def test_a_device_that_leaves_the_bus_often_is_told_of_once() -> None:
    """Five times in ten minutes is a cable, a port or a hub."""
    state, said = running(), []
    for number in range(12):
        now = 10.0 * number
        state, effects = r.step(state, GONE, now)
        said += [text for text in texts(effects) if "cable" in text]
        state = after([(now, Due()), (now, HERE), (now, Opened()), (now, Answered())], state)[0]
    assert said == ["UPS has left the bus 5 times in 40 s; try another cable, another port, and no hub"]


def test_a_reset_that_is_not_allowed_is_told_and_the_device_opened_anew() -> None:
    """Opening it again is all that is left to try."""
    state = running()
    for now in (1.0, 7.0, 13.0):
        state, effects = r.step(state, Failed(Fault.TIMEOUT), now)
    assert kinds(effects)[-1] is Reset
    state, effects = r.step(state, ResetDone("permission denied"), 14)
    assert effects == (Close(), Say("error", "UPS could not be reset: permission denied"))
    assert r.step(state, Due(), 15)[1] == (Look(),)


def test_a_device_that_does_not_come_back_from_a_reset_is_told_of() -> None:
    """Silence about it would look like recovery."""
    state = running()
    for now in (1.0, 7.0, 13.0):
        state = r.step(state, Failed(Fault.TIMEOUT), now)[0]
    state, effects = after([(13.5, GONE), (13.6, ResetDone()), (14.5, Due()), (14.5, Unseen())], state)
    assert texts(effects) == ["UPS has vanished from port 1-2"]
    back = [(16.5, Due()), (16.5, HERE), (16.5, Opened()), (16.5, Answered())]
    words = "UPS: vanished from port 1-2 and came back 2.0 s later, after 1 reset through USB"
    assert texts(after(back, state)[1]) == [words]


# -- whole lives -----------------------------------------------------------------------------------


def test_four_seconds_of_stalls_are_sat_out() -> None:
    """Nothing is closed or reset, the device is asked less often, and answers within a second of its end."""
    life = Life([(10, 14, Fate.STALLS)])
    life.play(30)
    assert life.resets == []
    assert life.opened == 1
    assert 14 <= life.first_answer_after(14) <= 15
    assert life.asked_between(10, 14) <= 10
    assert [text for _, text in life.said][-2:] == [
        "UPS refuses every request for 2.8 s (stall)",
        "UPS: answers again after 4.8 s of refusals",
    ]


def test_fifteen_seconds_of_silence_are_healed_by_one_reset() -> None:
    """Each request hangs for 5 s; the readings are told to be stale, the reset is told, and what it took."""
    life = Life([(10, 25, Fate.SILENCE)])
    life.play(60)
    assert len(life.resets) == 1
    assert life.first_answer_after(25) <= 27
    assert life.stale_at
    assert life.stale_at[0] <= 26
    assert any(text.endswith("of silence, after 1 reset through USB") for _, text in life.said)


def test_a_device_that_only_a_reset_wakes_is_reset() -> None:
    """Stuck for good otherwise; it is back within half a minute."""
    life = Life([(10, 1000, Fate.STUCK)])
    life.play(60)
    assert len(life.resets) == 1
    assert life.first_answer_after(10) <= 30


def test_a_device_beyond_help_is_left_in_peace_more_and_more() -> None:
    """An hour of silence takes a handful of resets, and an answer after it is still heard."""
    life = Life([(10, 3610, Fate.SILENCE)])
    life.play(4000)
    pauses = [later - before for before, later in zip(life.resets, life.resets[1:], strict=False)]
    assert len(life.resets) < 20
    assert all(pause >= 30 for pause in pauses)
    assert pauses[-1] >= 300
    assert life.first_answer_after(3610) <= 3620


@pytest.mark.parametrize("away_s", [0.1, 3.0, 45.0, 7200.0])
def test_a_device_that_is_plugged_in_again_is_read_within_a_second(away_s: float) -> None:
    """However long it was away."""
    life = Life([(10, 10 + away_s, Fate.UNPLUGGED)])
    life.play(away_s + 30)
    assert life.stale_at[0] <= 10.01
    assert life.first_answer_after(10 + away_s) <= 10 + away_s + 1.1


FATES = st.lists(
    st.tuples(st.floats(0.01, 120), st.floats(0.01, 200), st.sampled_from(list(Fate))), max_size=8
)


@settings(max_examples=60, deadline=None)
@given(FATES)
def test_whatever_happened_a_healthy_device_is_read_soon(plan: list[tuple[float, float, Fate]]) -> None:
    """Any sequence of troubles ends with fresh readings, resets stay rare, and nothing is opened twice."""
    spans, now = [], 0.0
    for pause, length, fate in plan:
        spans.append((now + pause, now + pause + length, fate))
        now += pause + length
    life = Life(spans)
    life.play(now + 60)
    assert not life.state.stale
    assert life.first_answer_after(now) <= now + 25  # a pause after refused opens, and a look
    assert all(b - a >= 30 for a, b in zip(life.resets, life.resets[1:], strict=False))


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Due, st.booleans()),
    st.builds(Seen, st.builds(Place, st.sampled_from(["1-1", "1-2"]), st.integers(1, 3)), st.just("UPS")),
    st.builds(Unseen, st.sampled_from(["", "twins"])),
    st.just(Opened()),
    st.builds(OpenFailed, st.sampled_from(list(Fault)), st.just("no")),
    st.just(Answered()),
    st.builds(Failed, st.sampled_from(list(Fault)), st.just(""), st.booleans()),
    st.builds(ResetDone, st.sampled_from(["", "no"])),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 30), EVENTS), max_size=60))
def test_any_events_leave_a_state_that_goes_on(story: list[tuple[float, Event]]) -> None:
    """Events in any order: there is always a next step, within 15 s, that depends on nobody's luck."""
    state, now = r.begin(0), 0.0
    for pause, event in story:
        now += pause
        state, effects = r.step(state, event, now)
        assert sum(isinstance(effect, Look | Open | Reset) for effect in effects) <= 1
        if state.phase in (Phase.SEARCHING, Phase.PAUSING):
            assert state.due_at is not None
            assert state.due_at <= now + 15
        else:
            assert state.due_at is None
        assert state.ask_at <= now + 1
        assert len(state.drops) <= r.OFTEN

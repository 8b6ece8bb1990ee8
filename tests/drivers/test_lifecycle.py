# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of a polled driver."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.drivers import lifecycle
from ridethrough.drivers.lifecycle import (
    BACKOFF_S,
    Close,
    CommitFresh,
    Due,
    Effect,
    Event,
    MarkStale,
    Open,
    Opened,
    OpenFailed,
    Phase,
    Poll,
    PollFailed,
    PollOk,
    Report,
    State,
    backoff_s,
    begin,
    step,
)


def run(state: State, *events: tuple[Event, float]) -> tuple[State, list[Effect]]:
    """Step through events, gathering the effects."""
    effects: list[Effect] = []
    for event, now in events:
        state, more = step(state, event, now)
        effects += more
    return state, effects


def running(now: float = 0.0) -> State:
    """A driver that has polled well once."""
    return run(begin(2.0, now), (Due(), now), (Opened(), now), (Due(), now), (PollOk(), now))[0]


def test_a_good_start() -> None:
    """The device is opened at once, polled at once, committed, and polled again after the interval."""
    state, effects = run(begin(2.0, 10.0), (Due(), 10.0), (Opened(), 10.1), (Due(), 10.1), (PollOk(), 10.2))
    assert effects == [Open(), Poll(), CommitFresh()]
    assert state.fresh
    assert state.due_at == 12.1


def test_one_failed_poll_is_forgiven() -> None:
    """The first failure only asks again soon; a success afterwards leaves no trace."""
    state, effects = run(running(), (Due(), 2.0), (PollFailed("noise"), 2.0))
    assert effects == [Poll()]
    assert state.fresh
    assert state.due_at == 3.0
    state, effects = run(state, (Due(), 3.0), (PollOk(), 3.0))
    assert effects == [Poll(), CommitFresh()]
    assert state.poll_failures == 0


def test_the_second_failure_is_stale() -> None:
    """Two failed polls in a row make the readings stale, once, and close the device."""
    state, effects = run(
        running(), (Due(), 2.0), (PollFailed("a"), 2.0), (Due(), 3.0), (PollFailed("gone"), 3.0)
    )
    assert effects == [Poll(), Poll(), MarkStale("gone"), Close(), Report("error", "gone")]
    assert not state.fresh
    assert (state.phase, state.due_at) == (Phase.BACKING_OFF, 4.0)


def test_a_hanging_poll_is_stale_at_once() -> None:
    """A poll that never came back is not given a second try."""
    _, effects = run(running(), (Due(), 2.0), (PollFailed("hangs", hung=True), 12.0))
    assert MarkStale("hangs") in effects


def test_a_driver_that_gets_its_device_back_is_left_open() -> None:
    """Lost is stale at once; it is not closed, and asked again after the poll interval, however often."""
    state, effects = run(running(), (Due(), 2.0), (PollFailed("lost", True, away=True), 2.0))
    assert effects == [Poll(), MarkStale("lost"), Report("debug", "lost")]
    for _ in range(20):
        now = state.due_at
        state, effects = run(state, (Due(), now), (PollFailed("lost", True, away=True), now))
        assert effects == [Poll()]
        assert (state.phase, state.due_at) == (Phase.RUNNING, now + 2.0)
    state, effects = run(state, (Due(poke=True), 50.0), (PollOk(), 50.0))
    assert CommitFresh() in effects


def test_a_driver_that_watches_its_device_is_forgiven_three_times() -> None:
    """It has not said that the device is lost: the fourth poll in vain makes the readings stale."""
    failed = PollFailed("noise", away=True)
    state, effects = run(running(), *((event, now) for now in (2.0, 3.0, 4.0) for event in (Due(), failed)))
    assert effects == [Poll()] * 3
    assert (state.fresh, state.due_at) == (True, 5.0)
    _, effects = run(state, (Due(), 5.0), (failed, 5.0))
    assert effects == [Poll(), MarkStale("noise"), Report("error", "noise")]


def test_pauses_grow_and_end_at_thirty_seconds() -> None:
    """Openings in vain are 1, 2, 4, 8, 16, 30, 30 ... seconds apart, and the same reason is told once."""
    state, now, pauses, reports = begin(2.0, 0.0), 0.0, [], 0
    for _ in range(8):
        state, effects = run(state, (Due(), now), (OpenFailed("no device"), now))
        reports += sum(isinstance(effect, Report) for effect in effects)
        pauses.append(state.due_at - now)
        now = state.due_at
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert reports == 1


def test_a_device_that_opens_but_never_answers_is_not_hammered() -> None:
    """Only a poll that works starts the pauses over; opening alone does not."""
    state, now, pauses = begin(2.0, 0.0), 0.0, []
    for _ in range(4):
        state, _ = run(
            state, (Due(), now), (Opened(), now), (Due(), now), (PollFailed("mute", hung=True), now)
        )
        pauses.append(state.due_at - now)
        now = state.due_at
    assert pauses == [1, 2, 4, 8]
    state, effects = run(state, (Due(), now), (Opened(), now), (Due(), now), (PollOk(), now))
    assert effects[-2:] == [CommitFresh(), Report("info", "the device answers again")]
    assert state.attempts == 0


def test_a_poke_polls_out_of_turn_and_never_cuts_a_pause() -> None:
    """A poke brings the next poll forward while running, and does nothing during a pause."""
    state, effects = run(running(), (Due(poke=True), 0.5), (PollOk(), 0.5))
    assert effects == [Poll(), CommitFresh()]
    assert state.due_at == 2.5
    paused, _ = run(begin(2.0, 0.0), (Due(), 0.0), (OpenFailed("no"), 0.0))
    assert run(paused, (Due(poke=True), 0.5)) == (paused, [])


def test_late_polls_are_not_made_up_for() -> None:
    """After a suspend there is one poll, not one for each interval slept through."""
    state, _ = run(running(), (Due(), 3600.0), (PollOk(), 3600.0))
    assert state.due_at == 3602.0


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    Due(),
                    Due(poke=True),
                    Opened(),
                    OpenFailed("x"),
                    PollOk(),
                    PollFailed("y"),
                    PollFailed("z", True),
                    PollFailed("away", away=True),
                    PollFailed("lost", True, away=True),
                ]
            ),
            st.floats(0.0, 40.0),
        ),
        max_size=60,
    )
)
def test_any_order_of_events(events: list[tuple[Event, float]]) -> None:
    """Whatever comes: fresh only by a commit, never fresh while closed, and a deadline within 30 s."""
    state, now = begin(2.0, 0.0), 0.0
    for event, wait in events:
        now += wait
        before = state
        state, effects = step(state, event, now)
        if state.fresh and not before.fresh:
            assert CommitFresh() in effects
        if state.phase is Phase.BACKING_OFF:
            assert not state.fresh
        if state != before and state.phase is not Phase.OPENING:
            assert state.due_at <= now + max(BACKOFF_S)


def test_backoff_is_bounded() -> None:
    """No number of attempts leads out of the table."""
    assert [backoff_s(n) for n in (0, 1, 6, 10**9)] == [1.0, 1.0, 30.0, 30.0]


def lost(limit: lifecycle.Limit, rounds: int) -> list[lifecycle.Effect]:
    """What is done when a device that has worked goes, and stays away for so many openings."""
    state, _ = lifecycle.step(lifecycle.begin(2.0, 0.0, limit), lifecycle.Due(), 0.0)
    state, _ = lifecycle.step(state, lifecycle.Opened(), 0.0)
    state, _ = lifecycle.step(state, lifecycle.PollOk(), 0.0)
    state, effects = lifecycle.step(state, lifecycle.PollFailed("gone", hung=True), 2.0)
    done = list(effects)
    for _ in range(rounds):
        state, _ = lifecycle.step(state, lifecycle.Due(), state.due_at)
        state, effects = lifecycle.step(state, lifecycle.OpenFailed("gone"), state.due_at)
        done += effects
    return done


@pytest.mark.parametrize(("tries", "rounds"), [(0, 0), (1, 1), (3, 3)])
def test_a_lost_device_is_given_up(tries: int, rounds: int) -> None:
    """reconnect_max_tries counts the openings since the device was lost; 0 gives up at once."""
    limit = lifecycle.Limit(max_tries=tries)
    assert lifecycle.GiveUp() in lost(limit, rounds)
    if rounds:
        assert lifecycle.GiveUp() not in lost(limit, rounds - 1)


def test_a_device_that_was_never_there_is_not_lost() -> None:
    """Before the first good poll, and without reconnect_max_tries, there is no giving up."""
    assert lifecycle.GiveUp() not in lost(lifecycle.Limit(), 50)
    state = lifecycle.begin(2.0, 0.0, lifecycle.Limit(max_tries=0))
    state, _ = lifecycle.step(state, lifecycle.Due(), 0.0)
    _, effects = lifecycle.step(state, lifecycle.OpenFailed("not there"), 0.0)
    assert lifecycle.GiveUp() not in effects


def test_reconnect_report_freq() -> None:
    """The reason is said once, and how long it lasts after every so many attempts."""
    said = [
        each.text for each in lost(lifecycle.Limit(report_every=2), 5) if isinstance(each, lifecycle.Report)
    ]
    assert said == [
        "gone",
        "still not connected after 2 attempts: gone",
        "still not connected after 4 attempts: gone",
    ]

# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's promises under random histories: safety, once-ness, and that it does go down."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.monitor.messages import (
    Event,
    FsdAcknowledged,
    FsdFailed,
    LoggedIn,
    LoggedOut,
    LoginCount,
    LoginRefused,
    Polled,
    PollFailed,
    RunShutdown,
    UserFsd,
)
from ridethrough.monitor.settings import Settings, Supply
from ridethrough.monitor.shutdown import FSD_LIMIT_S
from ridethrough.ups.status import Status
from tests.support.monitor_script import Player

POLL_S = 5.0
A, B = "a@host", "b@host"

# What a supply may say and still be good, however long it says it.
GOOD = st.sampled_from(
    [
        "OL",
        "OL CHRG",
        "OL LB",
        "OL RB",
        "OB",
        "OB DISCHRG",
        "OL CAL",
        "OB LB CAL",
        "OL BYPASS",
        "OL OVER",
        "OL X",
    ]
)
ANY = st.lists(
    st.sampled_from(["OL", "OB", "LB", "CAL", "OFF", "BYPASS", "ALARM", "OVER", "FSD", "RB", "X"]), max_size=4
).map(" ".join)
CHARGE = st.sampled_from(["", "3", "49.9", "100"])


def good_history(ups: str) -> st.SearchStrategy[list[Event]]:
    """One round of a good supply: it speaks, at times after a failed poll."""
    spoken = st.builds(
        lambda text, charge: [polled(ups, text, charge)],
        GOOD,
        CHARGE,
    )
    return spoken | spoken.map(lambda events: [PollFailed(ups), *events])


def polled(ups: str, text: str, charge: str = "") -> Event:
    return Polled(ups, Status.parse(text), {"battery.charge": charge})


def any_event(ups: str) -> st.SearchStrategy[Event]:
    return st.one_of(
        st.builds(polled, st.just(ups), ANY, CHARGE),
        st.just(PollFailed(ups)),
        st.just(LoggedIn(ups)),
        st.just(LoggedOut(ups)),
        st.just(LoginRefused(ups, "ACCESS-DENIED")),
        st.just(FsdAcknowledged(ups)),
        st.just(FsdFailed(ups, "gone")),
        st.builds(LoginCount, st.just(ups), st.integers(0, 3)),
    )


ROUNDS = st.lists(st.tuples(good_history(A), st.lists(any_event(B), max_size=3)), min_size=1, max_size=25)


@settings(max_examples=150, deadline=None)
@given(ROUNDS, st.booleans())
def test_no_shutdown_while_the_good_supplies_are_enough(
    rounds: list[tuple[list[Event], list[Event]]], primary: bool
) -> None:
    """Promise 1: one good supply and MINSUPPLIES 1, the other does what it likes: nothing is done."""
    player = Player(Settings(supplies=(Supply(A, 1, primary), Supply(B, 2, primary))))
    for index, (good, bad) in enumerate(rounds):
        player.at(index * POLL_S, *good, *bad)
    assert player.deeds() == []


# Quarters of a second, so that times can be compared exactly.
QUARTERS = st.integers(0, 36).map(lambda number: number / 4)
EVENTS = st.lists(st.tuples(QUARTERS, st.one_of(any_event(A), any_event(B), st.just(UserFsd()))), max_size=40)


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.booleans(), st.booleans())
def test_one_shutdown_at_most_and_in_order(
    events: list[tuple[float, Event]], primary_a: bool, primary_b: bool
) -> None:
    """SHUTDOWNCMD is asked for at most once, after SHUTDOWN was told; a primary's flag stands before it."""
    player = Player(Settings(supplies=(Supply(A, 1, primary_a), Supply(B, 1, primary_b)), minsupplies=2))
    now = 0.0
    for wait, event in events:
        now += wait
        player.at(now, event)
    player.at(now + 200)
    names = [deed.split()[0] for _, deed in player.deeds()]
    assert names.count("RunShutdown") <= 1
    assert names.count("WritePowerdownFlag") == (names.count("RunShutdown") if primary_a or primary_b else 0)
    if "RunShutdown" in names:
        assert player.kinds().count("SHUTDOWN") == 1
        told = next(at for at, kind, _ in player.notices() if kind == "SHUTDOWN")
        assert player.shutdowns()[0] - told == 5.0  # FINALDELAY
        if "WritePowerdownFlag" in names:
            assert names.index("WritePowerdownFlag") == names.index("RunShutdown") - 1


COUNTS = st.lists(st.tuples(QUARTERS, st.sampled_from([A, B]), st.integers(1, 4)), max_size=15)


@settings(max_examples=150, deadline=None)
@given(COUNTS, st.booleans())
def test_a_primary_waits_for_the_others_or_for_hostsync(
    counts: list[tuple[float, str, int]], acknowledged: bool
) -> None:
    """Promise 2: before HOSTSYNC is over SHUTDOWNCMD needs a count of 1 (us) on every UPS, each the last."""
    conf = Settings(supplies=(Supply(A), Supply(B)), hostsync_s=20)
    player = Player(conf).at(0.0, LoggedIn(A), LoggedIn(B), UserFsd())
    if acknowledged:
        player.at(0.0, FsdAcknowledged(A), FsdAcknowledged(B))
    began = 0.0 if acknowledged else FSD_LIMIT_S
    now, last = began, {}
    alone_at: float | None = None
    player.at(now)
    for wait, ups, count in counts:
        now += wait
        player.at(now, LoginCount(ups, count))
        last[ups] = count
        if alone_at is None and now < began + 20 and last == {A: 1, B: 1}:
            alone_at = now
    player.at(now + 100)
    expected = (began + 20 if alone_at is None else alone_at) + 5.0
    assert player.shutdowns() == [expected]


@settings(max_examples=100, deadline=None)
@given(EVENTS, st.booleans())
def test_a_lasting_low_battery_ends_in_a_shutdown(events: list[tuple[float, Event]], primary: bool) -> None:
    """Promise 5: whatever happened before, a low battery that lasts brings the host down in bounded time."""
    player = Player(Settings(supplies=(Supply(A, 1, primary), Supply(B, 1, primary))))
    now = 0.0
    for wait, event in events:
        now += wait
        player.at(now, event)
    since = now
    for _ in range(20):
        now += POLL_S
        player.at(now, polled(A, "OB LB", "100"), polled(B, "OB LB", "100"))
    bound = 3 * POLL_S + FSD_LIMIT_S + 15 + 5 + 15
    shutdowns = [at for at, effect in player.done if isinstance(effect, RunShutdown)]
    assert len(shutdowns) == 1
    assert shutdowns[0] <= since + bound


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["OB", "OL CAL", "OB CAL", "OL BYPASS", "OL OFF", "OL ALARM"]), st.floats(0.0, 14.9))
def test_silence_is_never_critical_before_deadtime(status: str, silence: float) -> None:
    """Silence shorter than DEADTIME does nothing, however many polls fail in it."""
    player = Player(Settings(supplies=(Supply(A),))).at(0.0, polled(A, status))
    for part in range(1, 6):
        player.at(silence * part / 5, PollFailed(A))
    assert player.deeds() == []

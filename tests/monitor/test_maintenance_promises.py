# SPDX-License-Identifier: GPL-2.0-or-later
"""The maintenance mode in any night: what never happens while it is on, and that it always ends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ridethrough.monitor.maintenance import LONGEST_S, of
from ridethrough.monitor.messages import (
    Emit,
    Event,
    MaintenanceOff,
    MaintenanceOn,
    Polled,
    PollFailed,
    UserFsd,
)
from ridethrough.monitor.settings import Settings, Supply
from ridethrough.monitor.shutdown import Phase
from ridethrough.ups.status import Status
from tests.support.monitor_script import Player

A, B = "a@host", "b@host"


def on(seconds: float, now: float, *, even_fsd: bool = False) -> MaintenanceOn:
    return MaintenanceOn(of(seconds, now, "16:30", "alice", even_fsd=even_fsd))


def polled(ups: str, text: str) -> Polled:
    return Polled(ups, Status.parse(text))


STATUS = st.lists(
    st.sampled_from(["OL", "OB", "LB", "CAL", "OFF", "BYPASS", "ALARM", "OVER", "RB", "X"]), max_size=4
).map(" ".join)
EVENT = st.one_of(
    st.builds(polled, st.sampled_from([A, B]), STATUS), st.builds(PollFailed, st.sampled_from([A, B]))
)
WAIT = st.sampled_from([0.0, 1.0, 5.0, 20.0, 90.0, 400.0])


class Nights(RuleBasedStateMachine):
    """Any night: two UPSes that say anything, people and scripts, and two monitors that hear the same.

    `plain` never hears of a maintenance: it says what the rules ask for.
    """

    @initialize(primary=st.booleans(), strict=st.booleans())
    def start(self, primary: bool, strict: bool) -> None:
        conf = Settings(supplies=(Supply(A, 1, primary), Supply(B, 1, primary)), strict_c=strict)
        self.held, self.plain = Player(conf), Player(conf)
        self.now, self.until = 0.0, -1.0
        self.ordered = False

    def both(self, event: Event) -> None:
        self.held.at(self.now, event)
        self.plain.at(self.now, event)

    @property
    def free(self) -> bool:
        return self.held.state.sequence.phase is Phase.RUNNING

    @rule(wait=WAIT, event=EVENT)
    def hear(self, wait: float, event: Event) -> None:
        self.now += wait
        self.both(event)

    @rule(seconds=st.sampled_from([1.0, 60.0, 700.0, 4000.0]), even_fsd=st.booleans())
    def begin(self, seconds: float, even_fsd: bool) -> None:
        if self.free:
            self.until = self.now + seconds
        self.held.at(self.now, on(seconds, self.now, even_fsd=even_fsd))

    @rule()
    def end(self) -> None:
        self.until = min(self.until, self.now)
        self.held.at(self.now, MaintenanceOff("bob"))

    @rule()
    def script(self) -> None:
        if self.now < self.until:
            self.held.at(self.now, UserFsd("ONBATT"))

    @rule(chance=st.integers(0, 5))
    def person(self, chance: int) -> None:
        if chance == 0:  # seldom: it ends the game
            self.ordered = True
            self.both(UserFsd())

    @invariant()
    def nothing_begins_while_it_is_on(self) -> None:
        """Without FSD and without a person nothing is done before its end."""
        if self.now < self.until and not self.ordered:
            assert self.free
            assert self.held.deeds() == []

    @invariant()
    def it_ends_by_itself(self) -> None:
        """Past its time there is none, whatever was heard."""
        if self.now >= self.until:
            assert self.held.state.hold.maintenance is None

    @invariant()
    def who_is_shut_down_is_so_by_the_rules(self) -> None:
        """A maintenance never brings a shutdown that the rules would not have brought before."""
        if not self.free:
            assert self.plain.state.sequence.begun

    @invariant()
    def after_it_the_rules_decide(self) -> None:
        """Once it is over, a host that the rules call lost at this moment is on its way down."""
        lost = [seen.verdict.critical for seen in self.held.state.watched.values()]
        if all(lost) and self.held.state.hold.maintenance is None:
            assert not self.free


Nights.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestNights = Nights.TestCase


@settings(max_examples=40, deadline=None)
@given(st.floats(0.1, LONGEST_S), st.lists(st.tuples(WAIT, EVENT), max_size=20))
def test_with_no_event_at_all_the_ticks_alone_end_it(
    seconds: float, before: list[tuple[float, Event]]
) -> None:
    """However the night was: the core's own deadlines lead to the end, exactly at its time."""
    player, now = Player(Settings(supplies=(Supply(A), Supply(B)), pollfreq_s=3600)), 0.0
    for wait, event in before:
        now += wait
        player.at(now, event)
    if player.state.sequence.begun:
        return
    player.at(now, on(seconds, now))
    player.at(now + seconds + 50)
    assert player.state.hold.maintenance is None
    over = [at for at, e in player.done if isinstance(e, Emit) and "is over" in e.notice.text]
    assert over == [pytest.approx(now + seconds)]

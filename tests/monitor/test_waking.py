# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that sleeps and wakes: what was heard before says nothing of now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ridethrough.monitor.messages import (
    FailKind,
    PollFailed,
    PollNow,
    Reloaded,
    SleepFinished,
    SleepStarting,
    Tick,
)
from ridethrough.monitor.settings import Settings, Supply
from tests.support.monitor_script import Player

UPS = "ups@host"
PRIMARY = Settings(supplies=(Supply(UPS, line=7, username="mon"),))


def failing(player: Player, first: int, last: int, ups: str = UPS) -> Player:
    for now in range(first, last + 1, 5):
        player.at(float(now), PollFailed(ups, FailKind.UNREACHABLE, "no answer"))
    return player


def test_a_sleep_of_the_machine_is_no_silence() -> None:
    """After an hour of sleep on battery the UPS has a minute to speak; then silence counts."""
    player = Player(PRIMARY).polls(UPS, [(0, "OL"), (5, "OB")])
    player._step(Tick(), 3605.0)  # no tick in between: nothing ran
    assert player.kinds() == ["ONBATT", "SUSPEND_TIMEJUMP_UNEXPECTED"]
    assert player.deeds() == []
    assert PollNow() in [effect for _, effect in player.done]
    assert failing(player, 3606, 3660).deeds() == []
    assert failing(player, 3665, 3665).deeds() == [(3665, f"SetFsd {UPS}")]
    assert "nothing heard for 60 s since the machine woke, and it was on battery before" in player.log()


def test_a_sleep_on_battery_that_ends_on_line() -> None:
    """The network is slower than DEADTIME after the sleep; the mains is back: nothing happens."""
    player = Player(PRIMARY).polls(UPS, [(0, "OL"), (5, "OB LB")], battery_charge="97")
    player._step(Tick(), 3605.0)
    failing(player, 3606, 3646).polls(UPS, [(3650, "OL")]).at(4000)
    assert player.deeds() == []
    assert player.kinds()[-2:] == ["COMMOK", "ONLINE"]


@pytest.mark.parametrize("status", ["FSD OL", "OB LB", "OFF"])
def test_what_was_said_before_a_sleep_is_no_reason_after_it(status: str) -> None:
    """OBLBDURATION and OFFDURATION that ran through a sleep, or an FSD of before it, end nothing unheard."""
    settings = Settings(supplies=PRIMARY.supplies, oblbduration_s=30, minsupplies=0)
    player = Player(settings).polls(UPS, [(0, "OL"), (5, status)])
    player.at(6, Reloaded(replace(settings, minsupplies=1)))
    before = player.deeds()
    player._step(Tick(), 3605.0)
    if status != "FSD OL":  # The order was obeyed before the machine slept.
        assert player.at(3650).deeds() == before == []
    assert not player.state.watched[UPS].verdict.critical


def test_a_sleep_that_is_announced() -> None:
    """SUSPEND_STARTING, then SUSPEND_FINISHED once, whether the clock or logind tells of it first."""
    for clock_first in (True, False):
        player = Player(PRIMARY).polls(UPS, [(0, "OL")]).at(2, SleepStarting(), SleepStarting())
        if clock_first:
            player._step(Tick(), 3605.0)
        player._step(SleepFinished(), 3605.1)
        player.at(3606, SleepFinished())
        assert player.kinds() == ["SUSPEND_STARTING", "SUSPEND_FINISHED"]
        assert player.deeds() == []


def test_a_nap_too_short_for_the_clock_is_a_sleep() -> None:
    """Announced by logind, a sleep of seconds makes all readings old, too."""
    player = Player(PRIMARY).polls(UPS, [(0, "OL"), (5, "OB")]).at(6, SleepStarting()).at(9, SleepFinished())
    assert player.state.watched[UPS].life.stale
    assert player.kinds() == ["ONBATT", "SUSPEND_STARTING", "SUSPEND_FINISHED"]

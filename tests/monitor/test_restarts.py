# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers and monitors that are killed in an outage: nobody is forgotten, and nothing is done twice."""

from __future__ import annotations

import pytest

from ridethrough.monitor.core import initial
from ridethrough.monitor.messages import (
    FsdAcknowledged,
    LoggedIn,
    LoggedOut,
    LoginCount,
    PollFailed,
    RunShutdown,
    SetFsd,
    UserFsd,
)
from ridethrough.monitor.settings import Settings, Supply
from ridethrough.monitor.shutdown import ASK_AGAIN_S
from tests.support.monitor_script import Player

UPS = "ups@host"
PRIMARY = Settings(supplies=(Supply(UPS),), hostsync_s=40.0, finaldelay_s=0.0)


def asked(player: Player) -> int:
    """How often FSD was asked for."""
    return sum(isinstance(effect, SetFsd) for _, effect in player.done)


def in_hostsync() -> Player:
    """A primary that waits for two secondaries since 5 s."""
    player = Player(PRIMARY).at(0, LoggedIn(UPS)).polls(UPS, [(0, "OL"), (5, "OB LB")])
    return player.at(5, FsdAcknowledged(UPS), LoginCount(UPS, 3)).polls(UPS, [(6, "FSD OB LB")])


def test_a_server_killed_during_hostsync_is_told_fsd_again() -> None:
    """It has forgotten FSD, and its secondaries are not back yet: one login is not the sign to go."""
    player = in_hostsync().at(8, LoggedOut(UPS), PollFailed(UPS))
    player.at(10, LoggedIn(UPS)).polls(UPS, [(10, "OB LB")])
    assert asked(player) == 2
    player.at(10, FsdAcknowledged(UPS), LoginCount(UPS, 1)).at(15, LoginCount(UPS, 1))
    assert player.shutdowns() == []
    player.at(16, LoginCount(UPS, 3)).at(19, LoginCount(UPS, 1))
    assert player.shutdowns() == []
    player.at(22, LoginCount(UPS, 1))
    assert player.shutdowns() == [22]


def test_a_server_that_is_new_holds_the_primary_for_hostsync_at_most() -> None:
    """The patience with a new server ends with HOSTSYNC."""
    player = in_hostsync().at(40, LoggedOut(UPS), PollFailed(UPS)).at(44, LoggedIn(UPS), LoginCount(UPS, 1))
    assert player.at(44.9).shutdowns() == []
    assert player.at(45.5).shutdowns() == [45]


def test_a_monitor_started_in_an_outage_gives_the_others_time_to_come_back() -> None:
    """Killed with its server (`serve`), it is the first to log in again."""
    player = Player(PRIMARY).at(0, LoggedIn(UPS)).polls(UPS, [(0, "OB LB")])
    player.at(0.1, FsdAcknowledged(UPS), LoginCount(UPS, 1)).at(6, LoginCount(UPS, 1))
    assert player.shutdowns() == []
    assert player.at(12, LoginCount(UPS, 1)).shutdowns() == [12]


def test_a_login_in_calm_costs_no_time() -> None:
    """A primary that was there before the outage goes on with the first count of nobody else."""
    player = Player(PRIMARY).at(0, LoggedIn(UPS)).polls(UPS, [(0, "OL"), (1, "OB LB")])
    assert player.at(1, FsdAcknowledged(UPS), LoginCount(UPS, 1)).shutdowns() == [1]


@pytest.mark.parametrize("order", [False, True])
def test_shutdowncmd_is_not_asked_for_twice_in_a_boot(order: bool) -> None:
    """A monitor started behind its own SHUTDOWNCMD waits; if the host is still up then, it asks again."""
    player = Player(PRIMARY, now=1000.0)
    player.state = initial(PRIMARY, 1000.0, commanded_at=990.0)
    player.at(1000, LoggedIn(UPS))
    if order:
        player.at(1000, UserFsd())
        assert "was ordered, but SHUTDOWNCMD was run before this start" in player.log()
    over = 990 + int(ASK_AGAIN_S)
    for at in range(1000, over - 1, 4):
        player.polls(UPS, [(at, "FSD OB LB")])
    assert player.deeds() == []
    for at in range(over - 1, over + 30, 2):
        player.polls(UPS, [(at, "FSD OB LB")]).at(at + 1, FsdAcknowledged(UPS), LoginCount(UPS, 1))
    assert sum(isinstance(effect, RunShutdown) for _, effect in player.done) == 1
    assert player.shutdowns()[0] >= over


def test_a_script_does_not_bring_a_host_down_late() -> None:
    """What a script orders while SHUTDOWNCMD is held is said and dropped: the mains may be back then."""
    player = Player(PRIMARY, now=1000.0)
    player.state = initial(PRIMARY, 1000.0, commanded_at=990.0)
    player.at(1000, LoggedIn(UPS)).polls(UPS, [(1000, "OB")]).at(1001, UserFsd("ONBATT"))
    assert "it is not run again for that" in player.log()
    player.polls(UPS, [(1010, "OL")]).at(990 + 2 * ASK_AGAIN_S)
    assert player.shutdowns() == []

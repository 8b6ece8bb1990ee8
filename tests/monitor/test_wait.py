# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver that begins anew behind its server: WAIT is no status of the UPS."""

from __future__ import annotations

from ridethrough.monitor.messages import FailKind, PollFailed
from ridethrough.monitor.settings import Settings, Supply
from tests.support.monitor_script import Player

UPS = "ups@host"
PRIMARY = Settings(supplies=(Supply(UPS, line=7, username="mon"),))
SECONDARY = Settings(supplies=(Supply(UPS, primary=False),))


def test_a_driver_that_starts_anew_is_no_news() -> None:
    """WAIT on battery: no notice, nothing forgotten; the low battery that follows shuts down as ever."""
    player = Player(PRIMARY).polls(UPS, [(0, "OL"), (5, "OB"), (10, "WAIT"), (12, "OB"), (15, "OB LB")])
    assert player.kinds()[:2] == ["ONBATT", "LOWBATT"]
    assert player.deeds()[0] == (15, f"SetFsd {UPS}")


def test_a_low_battery_is_not_forgotten_by_wait() -> None:
    """A secondary that saw OB LB before the WAIT goes HOSTSYNC later, as if nothing had been said."""
    player = Player(SECONDARY).polls(
        UPS, [(0, "OL"), (5, "OB LB"), *((at, "WAIT") for at in range(10, 60, 5))]
    )
    assert player.shutdowns() == [0 + 15 + 5]


def test_a_wait_that_lasts_is_silence() -> None:
    """A driver that never tells everything: COMMBAD at DEADTIME, and on battery the shutdown."""
    waits = [(at, "WAIT") for at in range(10, 40, 5)]
    on_line = Player(PRIMARY).polls(UPS, [(0, "OL"), (5, "OL"), *waits])
    assert on_line.notices() == [(20, "COMMBAD", UPS)]
    assert "ups.status is WAIT" in on_line.log()
    on_battery = Player(PRIMARY).polls(UPS, [(0, "OL"), (5, "OB"), *waits])
    assert on_battery.deeds()[0] == (20, f"SetFsd {UPS}")


def test_wait_after_a_loss_is_no_return() -> None:
    """COMMOK comes with the first status of the UPS itself."""
    player = Player(PRIMARY).polls(UPS, [(0, "OL")])
    player.at(5, PollFailed(UPS, FailKind.UNREACHABLE, "no answer"))
    player.polls(UPS, [(15, "WAIT"), (20, "OL")])
    assert player.notices() == [(5, "COMMBAD", UPS), (20, "COMMOK", UPS)]


def test_fsd_in_a_wait_is_obeyed() -> None:
    """FSD is the server's word: a secondary goes down by it though the driver has just begun anew."""
    player = Player(SECONDARY).polls(UPS, [(0, "OL"), (5, "FSD WAIT")])
    assert player.notices()[0] == (5, "FSD", UPS)
    assert player.log().count("the shutdown begins") == 1

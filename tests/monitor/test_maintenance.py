# SPDX-License-Identifier: GPL-2.0-or-later
"""The maintenance mode: what it holds back, what it does not, how loud it is, and that it ends."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ridethrough.monitor import maintenance as rooms
from ridethrough.monitor.critical import Cause
from ridethrough.monitor.maintenance import LONGEST_S, REMIND_EVERY_S, MaintenanceError, of, span
from ridethrough.monitor.messages import (
    Emit,
    FsdAcknowledged,
    KeepMaintenance,
    LoggedIn,
    LoginCount,
    Maintenance,
    MaintenanceOff,
    MaintenanceOn,
    Polled,
    Reloaded,
    UserFsd,
)
from ridethrough.monitor.settings import Settings, Supply
from ridethrough.ups.status import Status
from tests.support.monitor_script import Player

UPS = "ups@host"
A, B = "a@host", "b@host"
PRIMARY = Settings(supplies=(Supply(UPS),))
SECONDARY = Settings(supplies=(Supply(UPS, primary=False),))
HOUR = 3600.0


def on(seconds: float, now: float = 0.0, *, even_fsd: bool = False, resumed: bool = False) -> MaintenanceOn:
    return MaintenanceOn(of(seconds, now, "16:30", "alice", "new battery", even_fsd=even_fsd), resumed)


def polled(ups: str, text: str) -> Polled:
    return Polled(ups, Status.parse(text))


def told(player: Player) -> list[tuple[float, str, str]]:
    """(time, type, text) of the notices of the host."""
    return [
        (at, str(e.notice.type), e.notice.text)
        for at, e in player.done
        if isinstance(e, Emit) and not e.notice.ups and "maintenance" in e.notice.text
    ]


def texts(player: Player) -> list[str]:
    return [text for _, _, text in told(player)]


def kept(player: Player) -> list[Maintenance | None]:
    return [e.maintenance for _, e in player.done if isinstance(e, KeepMaintenance)]


def fed(player: Player, first: float, last: float, text: str, ups: str = UPS) -> Player:
    """The same reading every five seconds."""
    now = first
    while now <= last:
        player.at(now, polled(ups, text))
        now += 5
    return player


@pytest.mark.parametrize("seconds", [0, -1, LONGEST_S + 1, math.inf, math.nan])
def test_a_length_is_needed_and_a_day_is_the_most(seconds: float) -> None:
    """No maintenance is without an end."""
    with pytest.raises(MaintenanceError, match=r"is none|at most 24 h"):
        of(seconds, 0, "16:30", "alice")


def test_what_is_said_of_it_is_one_plain_line() -> None:
    """A reason goes to every terminal and into NOTIFYCMD: no control character, no endless text."""
    found = of(60, 5, "16:30", "a\x1b[31mlice\n", "new\tbattery\r\n" + "x" * 500)
    assert found.who == "a [31mlice"
    assert found.reason.startswith("new battery xxx")
    assert len(found.reason) == rooms.MAX_REASON
    assert (found.since, found.until) == (5, 65)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (59.6, "60 s"),
        (119, "119 s"),
        (300, "5 min"),
        (7200, "2 h"),
        (5400, "1 h 30 min"),
    ],
)
def test_lengths_in_words(seconds: float, words: str) -> None:
    """People read minutes and hours."""
    assert span(seconds) == words


def test_an_empty_battery_is_told_and_nobody_is_shut_down() -> None:
    """Notices as ever, then who holds the shutdown back, until when and how to let it go; no deed at all."""
    player = Player(PRIMARY).at(0, LoggedIn(UPS), on(HOUR))
    fed(player, 5, 10, "OL")
    fed(player, 15, 20, "OB")
    fed(player, 25, 400, "OB LB")
    assert player.deeds() == []
    assert [kind for kind in player.kinds() if kind != "OTHER"] == ["ONBATT", "LOWBATT"]
    begun, held, again = told(player)[:3]
    assert begun[:2] == (0, "OTHER")
    assert "begins" in begun[2]
    assert "until 16:30 (another 1 h) by alice (new battery)" in begun[2]
    assert held[:2] == (25, "OTHER")
    assert held[2].startswith("would shut down now; held back by maintenance until 16:30 (another 1 h)")
    assert "ups@host: on battery and its battery is low" in held[2]
    assert "ridethrough maintenance off" in held[2]
    assert again[0] == 25 + rooms.REMIND_HELD_EVERY_S
    assert "25 the shutdown is held back by maintenance until 16:30: too little power" in player.log()


def test_it_is_told_every_half_hour() -> None:
    """Nobody forgets a host that is not protected."""
    player = fed(Player(PRIMARY).at(0, on(2 * HOUR)), 5, 2 * HOUR - 5, "OL")
    assert [at for at, _, _ in told(player)] == [0, 1800, 3600, 5400]
    assert "no automatic shutdown of this host until 16:30 (another 1 h)" in texts(player)[2]


def test_the_end_comes_by_itself_and_the_shutdown_with_it() -> None:
    """Warned 5 minutes and 1 minute before; NOTOTHER at the end; the shutdown begins in the same moment."""
    player = Player(PRIMARY).at(0, LoggedIn(UPS), on(1000))
    fed(player, 5, 1005, "OB LB")
    warnings = [(at, text) for at, _, text in told(player) if "maintenance ends in" in text]
    assert [at for at, _ in warnings] == [700, 940]
    assert "ends in 5 min, at 16:30: the shutdown begins then: ups@host: on battery" in warnings[0][1]
    over = next(row for row in told(player) if row[1] == "NOTOTHER")
    assert over[0] == 1000
    assert "its time is up" in over[2]
    assert "what was held back begins now" in over[2]
    assert player.deeds()[0] == (1000, f"SetFsd {UPS}")
    assert kept(player)[-1] is None


def test_who_is_only_on_battery_is_warned_of_the_end() -> None:
    """The person may still put the plug back; of a UPS on line nothing is said before the end."""
    battery = fed(Player(PRIMARY).at(0, on(400)), 5, 395, "OB")
    assert [text for text in texts(battery) if "a shutdown may begin then: ups@host: on battery" in text]
    line = fed(Player(PRIMARY).at(0, on(400)), 5, 405, "OL")
    assert [kind for _, kind, _ in told(line)] == ["OTHER", "NOTOTHER"]
    assert line.deeds() == []


def test_a_short_one_has_no_warning_from_before_it_began() -> None:
    """Three minutes are warned of once, one minute before."""
    player = fed(Player(PRIMARY).at(0, polled(UPS, "OB"), on(180)), 5, 175, "OB")
    assert [at for at, _, text in told(player) if "ends in" in text] == [120]


def test_off_lets_go_what_was_held_back() -> None:
    """`maintenance off` with an empty battery: the notice, and the shutdown at once."""
    player = fed(Player(PRIMARY).at(0, LoggedIn(UPS), on(HOUR)), 5, 60, "OB LB").at(61, MaintenanceOff("bob"))
    assert told(player)[-1][:2] == (61, "NOTOTHER")
    assert "maintenance of alice is over, ended by bob" in texts(player)[-1]
    assert player.deeds() == [(61, f"SetFsd {UPS}")]


def test_off_without_one_is_nothing() -> None:
    """Nothing is told of a maintenance that nobody had."""
    assert Player(PRIMARY).at(0, MaintenanceOff("bob")).done == []


def test_a_person_is_obeyed() -> None:
    """`upsmon -c fsd` of a person shuts down, and the maintenance is over with it."""
    player = Player(PRIMARY).at(0, LoggedIn(UPS), on(HOUR), polled(UPS, "OL")).at(3, UserFsd())
    assert player.deeds() == [(3, f"SetFsd {UPS}")]
    assert "the maintenance of alice ends with that" in player.log()
    assert player.state.hold == rooms.NOTHING
    assert kept(player)[-1] is None


def test_a_script_is_not() -> None:
    """A timer's script that calls `upsmon -c fsd` is held back and told, once a minute at most."""
    player = Player(PRIMARY).at(0, LoggedIn(UPS), on(HOUR), polled(UPS, "OB"))
    player.at(10, UserFsd("ONBATT")).at(20, UserFsd("OTHER")).at(30, polled(UPS, "OB"))
    player.at(70, UserFsd("ONBATT"))
    assert player.deeds() == []
    asked = [(at, text) for at, _, text in told(player) if "the script of" in text]
    assert [at for at, _ in asked] == [10, 70]
    assert "the script of ONBATT orders a forced shutdown; held back" in asked[0][1]
    assert "the script of OTHER orders" in player.log()
    player = Player(PRIMARY).at(0, LoggedIn(UPS)).at(10, UserFsd("ONBATT"))
    assert player.deeds() == [(10, f"SetFsd {UPS}")], "without a maintenance it is an order"


@pytest.mark.parametrize("even_fsd", [False, True])
def test_fsd_is_obeyed_unless_told_otherwise(even_fsd: bool) -> None:
    """The primary will cut the power: a secondary that stays up would crash."""
    player = Player(SECONDARY).at(0, LoggedIn(UPS), on(HOUR, even_fsd=even_fsd), polled(UPS, "OL"))
    player.at(5, polled(UPS, "OL FSD"))
    assert player.state.sequence.begun is not even_fsd
    assert ("SHUTDOWN" in player.kinds()) is not even_fsd
    assert any("forced shutdown (FSD) is set" in text for text in texts(player)) is even_fsd
    if not even_fsd:
        assert "obeyed" in player.log()


def test_fsd_on_one_of_two_makes_the_other_count_as_it_is() -> None:
    """A goes by FSD, B is empty: what is left is not enough, and one of the losses is real."""
    conf = Settings(supplies=(Supply(A, primary=False), Supply(B)))
    player = Player(conf).at(0, on(HOUR), polled(A, "OL"), polled(B, "OB LB"))
    player.at(5, polled(A, "FSD OL"), polled(B, "OB LB"))
    assert player.state.sequence.begun
    good = Player(conf).at(0, on(HOUR), polled(A, "OL FSD"), polled(B, "OL")).at(5, polled(B, "OL"))
    assert not good.state.sequence.begun


def test_a_shutdown_that_has_begun_is_not_held() -> None:
    """Once begun it is not taken back: the person is told so."""
    player = Player(PRIMARY).at(0, LoggedIn(UPS), UserFsd()).at(1, on(HOUR))
    assert player.state.hold == rooms.NOTHING
    assert "no maintenance holds it back" in player.log()
    assert player.at(60, FsdAcknowledged(UPS), LoginCount(UPS, 1)).at(90).shutdowns() != []


def test_it_can_be_prolonged_and_is_told_anew() -> None:
    """The new end counts, and what is held back is said for it again."""
    player = fed(Player(PRIMARY).at(0, on(100)), 5, 90, "OB LB").at(91, on(500, 91))
    fed(player, 95, 590, "OB LB")
    assert player.deeds() == []
    assert any("maintenance is changed" in text for text in texts(player))
    assert len([text for text in texts(player) if text.startswith("would shut down now")]) >= 2
    assert player.at(591).deeds() == [(591, f"SetFsd {UPS}")]


def test_a_danger_that_passes_and_comes_back() -> None:
    """Told again when it comes back, but a UPS that flaps does not flood."""
    player = fed(Player(PRIMARY).at(0, on(HOUR)), 5, 10, "OB LB")
    fed(player, 15, 40, "OL")
    assert "no shutdown would begin any more" in player.log()
    held = [text for text in texts(player) if text.startswith("would shut")]
    assert len(held) == 1
    fed(player, 45, 50, "OB LB")
    assert len([text for text in texts(player) if text.startswith("would shut")]) == 1
    fed(player, 55, 75, "OL")
    fed(player, 80, 85, "OB LB")
    assert len([text for text in texts(player) if text.startswith("would shut")]) == 2


def test_another_cause_is_told_at_once() -> None:
    """First low, then off: that is news."""
    player = fed(Player(Settings(supplies=(Supply(UPS),), offduration_s=0)).at(0, on(HOUR)), 5, 10, "OB LB")
    player.at(15, polled(UPS, "OFF"))
    assert [at for at, _, text in told(player) if text.startswith("would shut")] == [5, 15]


def test_it_goes_on_after_a_restart_or_is_told_to_be_over() -> None:
    """A restart is no end; one whose time passed meanwhile ends with the first step, and loudly."""
    player = Player(PRIMARY, now=50).at(50, MaintenanceOn(of(100, 0, "16:30", "alice"), resumed=True))
    assert "maintenance goes on" in texts(player)[0]
    fed(player, 55, 95, "OB LB")
    assert player.deeds() == []
    fed(player, 100, 100, "OB LB")
    assert player.deeds() == [(100, f"SetFsd {UPS}")]
    late = Player(PRIMARY, now=500).at(500, MaintenanceOn(of(100, 0, "16:30", "alice"), resumed=True))
    assert told(late)[0][1] == "NOTOTHER"
    assert "its time has passed" in texts(late)[0]
    assert kept(late) == [None]
    assert late.state.hold == rooms.NOTHING


def test_a_sleep_of_the_machine_does_not_prolong_it() -> None:
    """The clock goes on in suspend: after the resume it is over, and readings are old before they count."""
    player = fed(Player(PRIMARY).at(0, on(100)), 5, 50, "OB LB")
    player._step(polled(UPS, "OB LB"), 5000.0)
    assert player.state.hold == rooms.NOTHING
    assert told(player)[-1][1] == "NOTOTHER"


def test_a_reload_changes_nothing_of_it() -> None:
    """upsmon.conf may be read again meanwhile."""
    player = Player(PRIMARY).at(0, on(HOUR)).at(1, Reloaded(PRIMARY)).at(5, polled(UPS, "OB LB"))
    assert player.deeds() == []


def test_every_notice_is_of_a_type_that_nut_knows_and_without_a_ups() -> None:
    """Scripts for a certain UPS are not called; `AT OTHER *` and `AT NOTOTHER *` are."""
    player = fed(Player(PRIMARY).at(0, on(400)), 5, 405, "OB LB")
    assert {kind for _, kind, _ in told(player)} == {"OTHER", "NOTOTHER"}
    assert all(not e.notice.ups for _, e in player.done if isinstance(e, Emit) and "maint" in e.notice.text)


def test_the_deadline_is_the_next_thing_to_say() -> None:
    """The caller sleeps till then, and without a maintenance for ever."""
    assert rooms.deadline(rooms.NOTHING) is None
    hold, _ = rooms.switched(rooms.NOTHING, on(HOUR), 0.0, begun=False)
    assert rooms.deadline(hold) == REMIND_EVERY_S
    assert rooms.broken(rooms.NOTHING) == (rooms.NOTHING, [])
    assert rooms.passing(rooms.NOTHING, frozenset({(UPS, Cause.LOW)}), "why", [], 1.0) == (rooms.NOTHING, [])


def test_it_ends_also_while_an_earlier_shutdowncmd_is_waited_for() -> None:
    """A monitor that was started again after SHUTDOWNCMD decides nothing for a while; the clock runs on."""
    player = Player(PRIMARY)
    player.state = replace(player.state, commanded_at=0.0)
    player.at(1, on(30, 1)).at(100)
    assert player.state.hold == rooms.NOTHING
    assert told(player)[-1][:2] == (31, "NOTOTHER")

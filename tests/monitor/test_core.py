# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripted outages on a virtual clock: what the monitor tells and does, and when."""

from __future__ import annotations

from dataclasses import replace

from ridethrough.monitor.core import initial, next_deadline, poll_interval_s, step
from ridethrough.monitor.messages import (
    Emit,
    FailKind,
    FsdAcknowledged,
    FsdFailed,
    LoggedIn,
    LoggedOut,
    LoginCount,
    LoginRefused,
    Polled,
    PollFailed,
    PollNow,
    Reloaded,
    UserFsd,
)
from ridethrough.monitor.settings import Settings, Supply
from ridethrough.monitor.shutdown import Phase
from ridethrough.protocol.errors import Err
from ridethrough.ups.notices import NotifyType
from ridethrough.ups.status import Status
from tests.support.monitor_script import Player

UPS = "ups@host"
A, B = "a@host", "b@host"
PRIMARY = Settings(supplies=(Supply(UPS, line=7, username="mon"),))
SECONDARY = Settings(supplies=(Supply(UPS, primary=False),))
TWO = Settings(supplies=(Supply(A), Supply(B)))


def failing(player: Player, first: int, last: int, ups: str = UPS) -> Player:
    for now in range(first, last + 1, 5):
        player.at(float(now), PollFailed(ups, FailKind.UNREACHABLE, "no answer"))
    return player


def test_the_outage_of_a_primary() -> None:
    """ONBATT, LOWBATT, FSD, the secondary leaves, SHUTDOWN, FINALDELAY, flag, SHUTDOWNCMD, logout."""
    player = Player(PRIMARY).at(0, LoggedIn(UPS))
    player.polls(UPS, [(0, "OL"), (5, "OB"), (10, "OB"), (15, "OB LB")], battery_charge="9")
    player.at(15.1, FsdAcknowledged(UPS)).at(15.2, LoginCount(UPS, 2)).at(17, LoginCount(UPS, 1)).at(30)
    assert player.notices() == [
        (5, "ONBATT", UPS),
        (15, "LOWBATT", UPS),
        (15.1, "FSD", UPS),
        (15.2, "SHUTDOWN_HOSTSYNC", ""),
        (17, "SHUTDOWN", ""),
    ]
    assert player.deeds() == [
        (15, f"SetFsd {UPS}"),
        (22, "WritePowerdownFlag"),
        (22, "RunShutdown"),
        (22, f"Logout {UPS}"),
        (22, "Stop"),
    ]
    assert (
        "is critical: on battery and its battery is low [ups.status OB LB, battery.charge 9]" in player.log()
    )
    assert (
        "the shutdown begins, as a primary: too little power: good supplies 0, MINSUPPLIES 1" in player.log()
    )


def test_a_primary_alone_waits_for_nobody() -> None:
    """With no other login the primary goes on as soon as the count says so."""
    player = Player(PRIMARY).at(0, LoggedIn(UPS)).polls(UPS, [(0, "OL"), (5, "OB LB")])
    player.at(5.1, FsdAcknowledged(UPS)).at(5.2, LoginCount(UPS, 1)).at(20)
    assert player.shutdowns() == [10.2]
    assert "SHUTDOWN_HOSTSYNC" not in player.kinds()


def test_a_primary_that_is_not_logged_in_counts_every_login_as_another_host() -> None:
    """Without our own login a count of 1 is a secondary that must still leave."""
    player = Player(PRIMARY).polls(UPS, [(0, "OL"), (5, "OB LB")])
    player.at(5.1, FsdAcknowledged(UPS)).at(5.2, LoginCount(UPS, 1)).at(20)
    assert player.state.sequence.phase is Phase.HOSTSYNC
    assert player.at(40).shutdowns() == [25.1]


def test_the_end_of_an_outage_before_the_low_battery() -> None:
    """Mains back in time: ONLINE, and nothing was done."""
    player = Player(PRIMARY).polls(UPS, [(0, "OL"), (5, "OB"), (10, "OB"), (15, "OL CHRG")]).at(300)
    assert player.kinds() == ["ONBATT", "ONLINE"]
    assert player.deeds() == []


def test_what_has_begun_is_not_taken_back() -> None:
    """Mains back after FSD: the way down goes on, once (as in C)."""
    player = Player(PRIMARY).at(0, LoggedIn(UPS)).polls(UPS, [(0, "OL"), (5, "OB LB")])
    player.at(5.1, FsdAcknowledged(UPS)).polls(UPS, [(7, "FSD OL")]).at(8, LoginCount(UPS, 1), UserFsd())
    player.polls(UPS, [(now, "FSD OL") for now in range(10, 60, 5)])
    assert player.shutdowns() == [13]


def test_a_secondary_goes_when_the_primary_says_so() -> None:
    """FSD in the status: SHUTDOWN at once, SHUTDOWNCMD after FINALDELAY, no flag, then the logout."""
    player = (
        Player(SECONDARY).at(0, LoggedIn(UPS)).polls(UPS, [(0, "OL"), (5, "OB"), (10, "FSD OB LB")]).at(30)
    )
    assert player.notices() == [
        (5, "ONBATT", UPS),
        (10, "FSD", UPS),
        (10, "LOWBATT", UPS),
        (10, "SHUTDOWN", ""),
    ]
    assert player.deeds() == [(15, "RunShutdown"), (15, f"Logout {UPS}"), (15, "Stop")]
    assert player.asked_logins() == []


def test_a_secondary_whose_primary_is_dead_goes_by_itself() -> None:
    """OB LB without FSD is critical to a secondary after HOSTSYNC."""
    player = Player(SECONDARY).polls(UPS, [(0, "OL"), (5, "OB"), *((t, "OB LB") for t in range(10, 40, 5))])
    assert player.shutdowns() == [25]  # not low at 5 s for the last time, HOSTSYNC 15, FINALDELAY 5
    assert (
        "not critical yet: on battery and its battery is low; the primary has not set FSD yet" in player.log()
    )


def test_silence_on_line_shuts_nothing_down() -> None:
    """A server that goes away while on line costs COMMBAD and NOCOMM, and never the host."""
    player = failing(Player(PRIMARY).polls(UPS, [(0, "OL")]), 5, 1000)
    assert player.notices() == [(5, "COMMBAD", UPS), *((at, "NOCOMM", UPS) for at in (300, 600, 900))]
    assert player.deeds() == []


def test_silence_on_battery_shuts_down_after_deadtime() -> None:
    """Silence on battery is critical DEADTIME after the last word, whatever the time of the failed polls."""
    player = failing(Player(PRIMARY).polls(UPS, [(0, "OL"), (5, "OB")]), 10, 60)
    assert player.deeds()[0] == (20, f"SetFsd {UPS}")
    assert player.log().count("the shutdown begins") == 1
    assert player.shutdowns() == [20 + 5 + 15 + 5]  # nobody answers: the limit of FSD, HOSTSYNC, FINALDELAY


def test_a_short_silence_on_battery_does_nothing() -> None:
    """The UPS is heard again before DEADTIME: COMMBAD, COMMOK, no shutdown."""
    player = (
        failing(Player(PRIMARY).polls(UPS, [(0, "OB")]), 5, 10).polls(UPS, [(14, "OB"), (19, "OL")]).at(100)
    )
    assert player.kinds() == ["ONBATT", "COMMBAD", "COMMOK", "ONLINE"]
    assert player.deeds() == []


def test_an_empty_status_is_silence() -> None:
    """A server that answers with no token at all is treated as one that does not answer."""
    player = Player(PRIMARY).polls(UPS, [(0, "OL"), (5, "")])
    assert player.kinds() == ["COMMBAD"]
    assert "no status" in player.log()


def test_redundant_supplies() -> None:
    """Of two supplies with MINSUPPLIES 1 the second loss counts, not the first."""
    player = Player(TWO).polls(A, [(0, "OL")]).polls(B, [(0, "OL")])
    player.polls(A, [(5, "OB LB")]).polls(B, [(5, "OL")]).at(9)
    assert player.deeds() == []
    assert "UPS a@host is critical" in player.log()
    player.polls(B, [(10, "OB LB")])
    assert player.deeds() == [(10, f"SetFsd {A}"), (10, f"SetFsd {B}")]


def test_a_ups_that_is_only_watched_decides_nothing() -> None:
    """Power value 0: notices, yes; a shutdown, no; and the host does not log in."""
    watched = Settings(supplies=(Supply(A), Supply(B, 0, primary=False, login=False)))
    player = Player(watched).polls(A, [(0, "OL")]).polls(B, [(0, "FSD OB LB")]).at(4)
    assert player.kinds() == ["FSD", "ONBATT", "LOWBATT"]
    assert player.deeds() == []


def test_a_configuration_that_asks_for_too_much_shuts_nothing_down() -> None:
    """MINSUPPLIES above the sum of power values is a fault of a file, not an outage."""
    player = Player(Settings(supplies=(Supply(UPS),), minsupplies=2)).polls(UPS, [(0, "OL")]).at(100)
    assert player.deeds() == []


def test_a_person_orders_the_shutdown() -> None:
    """UserFsd begins at once on a healthy system: FSD for the primary's UPSes, then the usual way."""
    player = Player(PRIMARY).at(0, LoggedIn(UPS)).polls(UPS, [(0, "OL")]).at(2, UserFsd(), UserFsd())
    assert player.deeds() == [(2, f"SetFsd {UPS}")]
    assert "was ordered" in player.log()


def test_one_implausible_sample_is_no_fact() -> None:
    """OB LB at 97 % is polled again after CONFIRM_S; if it is gone then, nothing happened but ONBATT."""
    player = Player(PRIMARY).polls(UPS, [(0, "OL"), (5, "OB LB")], battery_charge="97")
    assert 2.0 < poll_interval_s(player.state, UPS) < 2.5
    assert "its charge is 97 %: not believed before it says so again" in player.log()
    player.polls(UPS, [(7.1, "OB")], battery_charge="97")
    assert player.kinds() == ["ONBATT"]
    assert player.deeds() == []


def test_an_implausible_sample_that_stays_is_a_fact() -> None:
    """Said again after CONFIRM_S, the same sample shuts the host down."""
    player = Player(PRIMARY).polls(UPS, [(0, "OL"), (5, "OB LB"), (7.1, "OB LB")], battery_charge="97")
    assert player.deeds() == [(7.1, f"SetFsd {UPS}")]


def test_a_refused_login_is_loud_and_stays_so() -> None:
    """OTHER with the reason and the lines to compare, at once and every NOCOMMWARNTIME until accepted."""
    refusal = LoginRefused(UPS, "ACCESS-DENIED", err=Err.ACCESS_DENIED)
    player = Player(PRIMARY).at(1, refusal)
    for now in range(5, 700, 5):
        player.polls(UPS, [(now, "OL")])
        if now % 60 == 0:
            player.at(now, refusal)
    assert [(at, kind) for at, kind, _ in player.notices()] == [(1, "OTHER"), (305, "OTHER"), (605, "OTHER")]
    told = [effect for _, effect in player.done if isinstance(effect, Emit)]
    assert all(effect.loud for effect in told)  # an error in the log, whatever NOTIFYFLAG says of OTHER
    assert told[0].notice.text == (
        "UPS ups@host: login refused: ACCESS-DENIED; this host is not protected: nobody waits for it to shut "
        "down; compare upsmon.conf:7 with section [mon] of upsd.users on host: the password, and the line: "
        "upsmon primary"
    )
    player.at(700, LoggedIn(UPS)).at(2000)
    assert len(player.kinds()) == 3


def test_a_refused_role_is_a_login_all_the_same() -> None:
    """LOGIN accepted and PRIMARY refused: the server counts us, and we say what is wrong."""
    player = Player(PRIMARY).at(1, LoginRefused(UPS, "not primary", counted=True))
    assert player.state.watched[UPS].logged_in
    assert player.at(2, LoggedOut(UPS)).state.watched[UPS].logged_in is False


def test_fsd_that_fails_is_tried_again() -> None:
    """A server that refused or was gone is told FSD again when it answers a poll."""
    player = Player(PRIMARY).at(0, LoggedIn(UPS)).polls(UPS, [(0, "OL"), (5, "OB LB")])
    player.at(5.5, FsdFailed(UPS, "connection lost")).polls(UPS, [(8, "OB LB")]).at(8.1, FsdAcknowledged(UPS))
    assert [deed for deed in player.deeds() if "SetFsd" in deed[1]] == [
        (5, f"SetFsd {UPS}"),
        (8, f"SetFsd {UPS}"),
    ]
    assert "FSD could not be set on UPS ups@host: connection lost" in player.log()


def test_a_duration_does_not_end_on_old_news() -> None:
    """While OBLBDURATION or OFFDURATION runs the UPS is asked every second: its end finds fresh readings."""
    settings = replace(PRIMARY, oblbduration_s=60)
    player = Player(settings).polls(UPS, [(0, "OL"), (5, "OB LB")])
    assert poll_interval_s(player.state, UPS) == 1.0
    player.polls(UPS, [(6, "OFF OL")])
    assert poll_interval_s(player.state, UPS) == 1.0
    player.polls(UPS, [(7, "OB")])
    assert poll_interval_s(player.state, UPS) == 5.0


def test_a_ups_that_its_server_does_not_have() -> None:
    """UNKNOWN-UPS names the line to change, and how to see the names that the server has."""
    player = Player(PRIMARY).at(1, PollFailed(UPS, FailKind.UNKNOWN_UPS, "UNKNOWN-UPS"))
    assert "the server on host has no UPS 'ups': correct upsmon.conf:7 ('upsc -l host' lists" in player.log()


def test_a_return_is_logged_with_how_long_it_was_away() -> None:
    """After polls that failed, the first good one is said, whatever NOTIFYFLAG does with COMMOK."""
    player = failing(Player(PRIMARY).polls(UPS, [(0, "OL")]), 5, 15).polls(UPS, [(20, "OL")])
    assert "can be read again, after 3 polls that failed" in player.log()


def test_a_reload_keeps_what_is_known() -> None:
    """A new upsmon.conf keeps the lives of the UPSes it still names, and forgets the others."""
    player = Player(TWO).polls(A, [(0, "OB")]).polls(B, [(0, "OL")])
    player.at(1, Reloaded(Settings(supplies=(Supply(A), Supply("new@host")), deadtime_s=30)))
    assert player.state.watched[A].life.on_battery
    assert list(player.state.watched) == [A, "new@host"]
    player.at(2, PollFailed(B), Polled(B, Status.parse("OB LB")))
    assert player.kinds() == ["ONBATT"]


def test_a_reload_makes_no_silence() -> None:
    """What was heard at the old POLLFREQ is not old by the new one: all are asked at once, then it counts."""
    slow = Settings(supplies=(Supply(UPS),), pollfreq_s=30, pollfreqalert_s=30, deadtime_s=90)
    player = (
        Player(slow).polls(UPS, [(0, "OL"), (30, "OB")]).at(59, Reloaded(Settings(supplies=slow.supplies)))
    )
    assert player.done[-1] == (59, PollNow())
    assert failing(player, 60, 70).deeds() == []
    assert failing(player, 75, 75).deeds() == [(74, f"SetFsd {UPS}")]


def test_a_reload_during_a_shutdown_changes_nothing() -> None:
    """A shutdown goes on with the settings it began with."""
    player = Player(SECONDARY).polls(UPS, [(0, "FSD OL")]).at(1, Reloaded(Settings()))
    assert player.state.settings is SECONDARY
    assert player.at(10).shutdowns() == [5]


def test_failures_are_logged_when_they_change_and_at_the_users_rate() -> None:
    """The same failure is written once, or every POLLFAIL_LOG_THROTTLE_MAX polls."""
    assert failing(Player(PRIMARY), 5, 100).log().count("can't be read") == 1
    throttled = Player(Settings(supplies=PRIMARY.supplies, pollfail_log_throttle_max=5))
    assert failing(throttled, 5, 100).log().count("can't be read") == 4
    player = failing(Player(PRIMARY), 5, 5).at(10, PollFailed(UPS, FailKind.STALE))
    assert "can't be read: data stale" in player.log()


def test_polls_are_as_frequent_as_the_danger() -> None:
    """POLLFREQ on line, POLLFREQALERT on battery."""
    player = Player(Settings(supplies=PRIMARY.supplies, pollfreq_s=20, pollfreqalert_s=3))
    assert poll_interval_s(player.polls(UPS, [(0, "OL")]).state, UPS) == 20
    assert poll_interval_s(player.polls(UPS, [(1, "OB")]).state, UPS) == 3
    assert poll_interval_s(player.state, "stranger") == 20


def test_messages_come_from_notifymsg() -> None:
    """NOTIFYMSG replaces NUT's text; its %s is the UPS."""
    own = Settings(supplies=PRIMARY.supplies, messages={NotifyType.ONBATT: "Strom weg: %s"})
    _, effects = step(initial(own, 0.0), Polled(UPS, Status.parse("OB")), 1.0)
    texts = [effect.notice.text for effect in effects if hasattr(effect, "notice")]
    assert texts == ["Strom weg: ups@host"]


def test_the_core_wants_to_be_told_the_time() -> None:
    """Even if nothing happens a tick is asked for, so that a sleep can be told from a silence."""
    assert next_deadline(initial(PRIMARY, 100.0)) == 105.0

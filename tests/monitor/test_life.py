# SPDX-License-Identifier: GPL-2.0-or-later
"""One UPS's life: which sequence of statuses is told as which notices."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.monitor.life import (
    CONFIRM_S,
    Comm,
    Feed,
    Life,
    awaits,
    born,
    failed,
    fsd_set,
    heard,
    overdue,
    waited,
    woken,
)
from ridethrough.monitor.settings import Settings
from ridethrough.ups.notices import NotifyType
from ridethrough.ups.status import Status

SETTINGS = Settings()

# (statuses, polled every 5 s; FAIL is a poll that gave nothing) -> the notices of all of them
FAIL = "FAIL"
LIVES: list[tuple[str, list[str], list[str]]] = [
    ("a start on line is no news", ["OL", "OL CHRG"], []),
    ("a start on battery is news", ["OB"], ["ONBATT"]),
    ("an outage", ["OL", "OB DISCHRG", "OB LB", "OL CHRG"], ["ONBATT", "LOWBATT", "ONLINE"]),
    ("low again after it was not", ["OB LB", "OB", "OB LB"], ["ONBATT", "LOWBATT", "LOWBATT"]),
    ("a status without OL or OB keeps the feed", ["OL", "CHRG", "OL"], []),
    ("feed kept through OFF", ["OB", "OFF", "OB"], ["ONBATT", "OFF", "NOTOFF"]),
    ("calibration", ["OL", "OL CAL", "OL"], ["CAL", "NOTCAL"]),
    ("bypass", ["OL", "OL BYPASS", "OL"], ["BYPASS", "NOTBYPASS"]),
    ("off", ["OL", "OFF", "OL"], ["OFF", "NOTOFF"]),
    ("overload", ["OL", "OL OVER", "OL"], ["OVER", "NOTOVER"]),
    ("trim and boost", ["OL TRIM", "OL BOOST", "OL"], ["TRIM", "NOTTRIM", "BOOST", "NOTBOOST"]),
    ("eco", ["OL ECO", "OL"], ["ECO", "NOTECO"]),
    ("alarm", ["OL ALARM", "OL ALARM", "OL"], ["ALARM", "NOTALARM"]),
    ("what goes is told before what comes", ["OL CAL", "OB LB"], ["CAL", "NOTCAL", "ONBATT", "LOWBATT"]),
    ("FSD once, and again after it was gone", ["FSD OL", "FSD OL", "OL", "FSD OL"], ["FSD", "FSD"]),
    ("replace battery is not repeated at once", ["OL RB", "OL RB", "OL", "OL RB"], ["REPLBATT"]),
    ("unknown tokens", ["OL XYZ", "OL XYZ", "OL XYZ TEST", "OL"], ["OTHER", "OTHER", "NOTOTHER"]),
    ("tokens without a notice", ["OL HB CHRG", "OL DISCHRG"], []),
    ("small letters are the same tokens", ["ol", "ob lb"], ["ONBATT", "LOWBATT"]),
    ("loss and return", ["OL", FAIL, FAIL, "OL"], ["COMMBAD", "COMMOK"]),
    ("never there", [FAIL, FAIL], ["COMMBAD"]),
    ("an outage during a loss", ["OL", FAIL, "OB"], ["COMMBAD", "COMMOK", "ONBATT"]),
    ("on line and on battery at once, one time", ["OL", "OL OB", "OL"], []),
    ("on line and on battery at once for good", ["OL", *["OL OB"] * 4], ["ONBATT"]),
    ("the rest of a contradiction counts", ["OL", "OL OB CAL", "OL"], ["CAL", "NOTCAL"]),
]


def live(statuses: list[str], conf: Settings = SETTINGS, **readings: str) -> tuple[Life, list[str]]:
    life, told = born("ups@host", 0.0), list[str]()
    named = {name.replace("_", "."): value for name, value in readings.items()}
    for index, status in enumerate(statuses):
        if status == FAIL:
            life, more = failed(life, conf, index * 5.0)
        else:
            life, more, _ = heard(life, Status.parse(status), named, conf, index * 5.0)
        told += [str(each.type) for each in more]
    return life, told


@pytest.mark.parametrize(("statuses", "notices"), [row[1:] for row in LIVES], ids=[row[0] for row in LIVES])
def test_statuses_become_notices(statuses: list[str], notices: list[str]) -> None:
    """A sequence of statuses gives exactly the notices of its row, in order."""
    assert live(statuses)[1] == notices


def test_low_battery_against_a_full_charge_is_believed_the_second_time() -> None:
    """One OB LB with a charge of 97 % is on battery, not low; said again after CONFIRM_S it is low."""
    life, told = live(["OL", "OB LB"], battery_charge="97")
    assert told == ["ONBATT"]
    assert not life.low
    soon, told_soon, _ = heard(life, Status.parse("OB LB"), {"battery.charge": "97"}, SETTINGS, 5.5)
    assert not soon.low
    assert told_soon == []
    late, told_late, _ = heard(
        soon, Status.parse("OB LB"), {"battery.charge": "97"}, SETTINGS, 5.0 + CONFIRM_S
    )
    assert late.low
    assert [each.type for each in told_late] == [NotifyType.LOWBATT]
    later, told_later, _ = heard(late, Status.parse("OB LB"), {"battery.charge": "97"}, SETTINGS, 12.0)
    assert later.low
    assert told_later == []


@pytest.mark.parametrize("charge", ["12", "50", "", "full"])
def test_low_battery_without_a_contradiction_is_a_fact_at_once(charge: str) -> None:
    """OB LB with a low charge, or with none that can be read, is believed at once."""
    life, told = live(["OL", "OB LB"], battery_charge=charge)
    assert life.low
    assert told == ["ONBATT", "LOWBATT"]


def test_strict_c_doubts_nothing() -> None:
    """With strict_c the first OB LB counts, whatever the charge."""
    assert live(["OL", "OB LB"], Settings(strict_c=True), battery_charge="97")[0].low


def test_a_calibrating_ups_is_not_low() -> None:
    """OB LB CAL is no low battery, and becomes one when CAL goes."""
    life, _ = live(["OL", "OB CAL", "OB LB CAL"])
    assert not life.low
    assert life.low_since is None
    life, _, _ = heard(life, Status.parse("OB LB"), {}, SETTINGS, 15.0)
    assert life.low_since == 15.0


def test_clocks_begin_with_their_condition_and_end_with_it() -> None:
    """low, OFF and OVER are timed from their first sample."""
    life, _ = live(["OL", "OB LB OFF OVER", "OB LB OFF OVER"])
    assert (life.low_since, life.off_since, life.over_since, life.not_low_at) == (5.0, 5.0, 5.0, 0.0)
    life, _, _ = heard(life, Status.parse("OL"), {}, SETTINGS, 15.0)
    assert (life.low_since, life.off_since, life.over_since, life.not_low_at) == (None, None, None, 15.0)


def test_replbatt_is_repeated_every_rbwarntime() -> None:
    """RB is told at once and then every RBWARNTIME."""
    life, told = born("ups@host", 0.0), list[float]()
    for now in range(0, 100, 5):
        life, more, _ = heard(life, Status.parse("OL RB"), {}, Settings(rbwarntime_s=30), float(now))
        told += [now for _ in more]
    assert told == [0, 30, 60, 90]


def test_nocomm_is_repeated_every_nocommwarntime() -> None:
    """COMMBAD at the first failure, NOCOMM when the last word is NOCOMMWARNTIME old, then every so often."""
    life, told = born("ups@host", 0.0), list[tuple[int, str]]()
    life, _, _ = heard(life, Status.parse("OL"), {}, SETTINGS, 0.0)
    for now in range(5, 950, 5):
        life, more = failed(life, SETTINGS, float(now))
        told += [(now, str(each.type)) for each in more]
    assert told == [(5, "COMMBAD"), (300, "NOCOMM"), (600, "NOCOMM"), (900, "NOCOMM")]


def test_an_alarm_tells_its_text_and_a_new_text() -> None:
    """ALARM carries ups.alarm, and is told again when that changes."""
    life, extras = born("ups@host", 0.0), list[str]()
    for now, alarm in enumerate(["", "Fan!", "Fan!", "Hot!"]):
        life, more, _ = heard(life, Status.parse("OL ALARM"), {"ups.alarm": alarm}, SETTINGS, float(now))
        extras += [each.extra for each in more]
    assert extras == ["n/a", "Fan!", "Hot!"]


def test_our_own_fsd_is_told_once() -> None:
    """FSD that we set is told when the server takes it, and not again when the status shows it."""
    life, told = fsd_set(born("ups@host", 0.0))
    assert [each.type for each in told] == [NotifyType.FSD]
    assert fsd_set(life)[1] == []
    assert heard(life, Status.parse("FSD OL"), {}, SETTINGS, 1.0)[1] == []


def test_after_a_sleep_no_clock_has_run() -> None:
    """Waking restarts all clocks that ran, and starts none."""
    life, _ = live(["OL", "OB LB OFF"])
    slept = woken(life, 9000.0)
    assert (slept.heard_at, slept.low_since, slept.off_since, slept.stale) == (9000.0, 9000.0, 9000.0, True)
    assert slept.over_since is None
    assert not heard(slept, Status.parse("OL"), {}, SETTINGS, 9001.0)[0].stale
    unheard = woken(born("ups@host", 0.0), 9000.0)
    assert (unheard.heard_at, unheard.stale) == (None, False)


ECO_LIVES = [
    (["", "vendor:eaton:ESS", "vendor:eaton:ESS", ""], ["ECO", "NOTECO"]),
    (["vendor:apc:HE_MODE vendor:apc:ABM"], ["ECO"]),
    (["vendor:acme:smart"], ["ECO"]),
    (["vendor:acme:BOOSTED", "ECO", "HEAT"], []),
]


@pytest.mark.parametrize("name", ["ups.mode.buzzwords", "experimental.ups.mode.buzzwords"])
@pytest.mark.parametrize(("words", "kinds"), ECO_LIVES)
def test_vendors_words_for_eco(name: str, words: list[str], kinds: list[str]) -> None:
    """ECO, ESS, HE and SMART of any vendor mean ECO; other words do not, and the status is not changed."""
    life, told = born("ups@host", 0.0), list[str]()
    for now, word in enumerate(words):
        life, more, _ = heard(life, Status.parse("OL"), {name: word} if word else {}, SETTINGS, float(now))
        told += [str(each.type) for each in more]
    assert told == kinds
    assert str(life.status) == "OL"


def test_eco_by_status_and_by_word_is_one_eco() -> None:
    """A driver that says it in both places is told of once."""
    life, told = born("ups@host", 0.0), list[str]()
    word = {"ups.mode.buzzwords": "vendor:x:ECO"}
    for now, (status, readings) in enumerate([("OL", word), ("OL ECO", word), ("OL ECO", {}), ("OL", {})]):
        life, more, _ = heard(life, Status.parse(status), readings, SETTINGS, float(now))
        told += [str(each.type) for each in more]
    assert told == ["ECO", "NOTECO"]


def test_unknown_tokens_are_told_as_they_came() -> None:
    """NUT's tokens are read in any letter case; the text of OTHER has the driver's own spelling."""
    _, told, _ = heard(born("ups@host", 0.0), Status.parse("ol Xyz"), {}, SETTINGS, 0.0)
    assert [(str(each.type), each.extra) for each in told] == [("OTHER", "Xyz")]


TOKENS = st.sampled_from(["OL", "OB", "LB", "CAL", "OFF", "BYPASS", "ALARM", "OVER", "RB", "FSD", "X", "HB"])
SAMPLE = st.none() | st.lists(TOKENS, min_size=1, max_size=5).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(SAMPLE, max_size=20))
def test_notices_alternate(samples: list[str | None]) -> None:
    """Whatever is said, ONLINE and ONBATT alternate, so do COMMBAD and COMMOK, and CAL and NOTCAL."""
    _, told = live([FAIL if sample is None else sample for sample in samples])
    for one, other in (("ONBATT", "ONLINE"), ("COMMBAD", "COMMOK"), ("CAL", "NOTCAL"), ("OFF", "NOTOFF")):
        seen = [kind for kind in told if kind in (one, other)]
        assert all(a != b for a, b in pairwise(seen)), seen
        assert not seen or seen[0] == one or one == "ONBATT"


def test_what_is_known_at_birth() -> None:
    """A new UPS is neither on line nor on battery, neither there nor lost."""
    life = born("ups@host", 3.0)
    assert (life.comm, life.feed, life.alert, life.low) == (Comm.UNKNOWN, Feed.UNKNOWN, False, False)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("WAIT", True), ("FSD WAIT", True), ("", False), ("FSD", False), ("OL WAIT", False), ("OL", False)],
)
def test_wait_is_known_as_the_server_says_it(status: str, expected: bool) -> None:
    """Only a status that holds nothing but WAIT (and the server's FSD) is no word of the UPS."""
    assert awaits(Status.parse(status)) is expected


def test_wait_changes_nothing_but_fsd() -> None:
    """A WAIT tells nothing and takes nothing back; FSD in it is told once, and stays until a real status."""
    life, _ = live(["OL", "OB LB CAL"])
    assert waited(life, Status.parse("WAIT")) == (life, [])
    ordered, told = waited(life, Status.parse("FSD WAIT"))
    assert [each.type for each in told] == [NotifyType.FSD]
    assert str(ordered.status) == "FSD OB LB CAL"
    assert waited(ordered, Status.parse("FSD WAIT")) == (ordered, [])
    assert (ordered.heard_at, ordered.comm) == (life.heard_at, life.comm)


def test_a_wait_that_lasts_is_silence() -> None:
    """It counts as a failed poll DEADTIME after the last word or the start, and at once after a loss."""
    life, _ = live(["OL"])
    assert [overdue(life, SETTINGS, now) for now in (5.0, 14.9, 15.0)] == [False, False, True]
    assert [overdue(born("ups@host", 0.0), SETTINGS, now) for now in (14.9, 15.0)] == [False, True]
    assert overdue(failed(life, SETTINGS, 1.0)[0], SETTINGS, 2.0)

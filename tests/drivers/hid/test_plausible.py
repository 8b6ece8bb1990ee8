# SPDX-License-Identifier: GPL-2.0-or-later
"""Readings that can hardly be true: held back once, believed when they are said twice."""

from __future__ import annotations

import pytest

from ridethrough.drivers.hid.plausible import HELD, JUDGES, Doubts

GOOD = {
    "battery.charge": "90",
    "battery.runtime": "1800",
    "battery.voltage": "27.2",
    "input.voltage": "230",
    "output.voltage": "230",
}


def after(doubts: Doubts, changes: dict[str, str], *, on_battery: bool = False) -> dict[str, str]:
    """What is shown after a reading of all variables."""
    variables = GOOD | changes
    doubts.judge(variables, set(variables), on_battery=on_battery)
    return doubts.shown(variables)


@pytest.mark.parametrize(
    ("name", "wild"),
    [
        ("battery.charge", "255"),
        ("battery.charge", "-1"),
        ("battery.charge", "10"),
        ("battery.runtime", "0"),
        ("battery.runtime", "-5"),
        ("battery.voltage", "272.0"),
        ("input.voltage", "2300"),
        ("output.voltage", "2300"),
    ],
)
def test_a_wild_sample(name: str, wild: str) -> None:
    """The value before stays; the wild one is shown apart, and believed the second time."""
    doubts = Doubts()
    assert after(doubts, {}) == GOOD
    shown = after(doubts, {name: wild})
    assert shown[name] == GOOD[name]
    assert shown[HELD].startswith(f"{name}={wild} (")
    assert after(doubts, {name: wild}) == GOOD | {name: wild}
    assert after(doubts, {name: wild}) == GOOD | {name: wild}, "what was said twice stays"


def test_one_sample_alone_goes_by() -> None:
    """A wild sample between two good ones is never shown, and the next one is doubted anew."""
    doubts = Doubts()
    for sample in ("0", "1790", "0", "1780"):
        shown = after(doubts, {"battery.runtime": sample})
        assert shown.get("battery.runtime") != "0"


@pytest.mark.parametrize(
    ("changes", "on_battery"),
    [
        ({"battery.runtime": "0", "battery.charge": "45"}, False),
        ({"battery.runtime": "0"}, True),
        ({"battery.charge": "41"}, True),
        ({"input.voltage": "0"}, True),
        ({"input.voltage": "n/a"}, False),
    ],
)
def test_what_may_well_be_true(changes: dict[str, str], on_battery: bool) -> None:
    """An outage and an empty battery are shown at once."""
    doubts = Doubts()
    after(doubts, {})
    assert after(doubts, changes, on_battery=on_battery) == GOOD | changes


def test_without_a_past() -> None:
    """A first reading that can't be true is not shown; nominal voltages are a past."""
    doubts = Doubts()
    shown = after(doubts, {"battery.charge": "255", "input.voltage": "2300", "input.voltage.nominal": "230"})
    assert "battery.charge" not in shown
    assert "input.voltage" not in shown
    assert shown[HELD].count(";") == 1


def test_only_what_was_read_is_judged() -> None:
    """A quick poll that read nothing of it is no second reading; what is gone is forgotten."""
    doubts = Doubts()
    after(doubts, {})
    wild = GOOD | {"battery.charge": "255"}
    assert doubts.judge(wild, set(wild), on_battery=False) == ("battery.charge=255 (not within 0 and 100)",)
    assert doubts.judge(wild, set(), on_battery=False) == ()
    assert doubts.shown(wild)["battery.charge"] == "90"
    doubts.judge({}, set(), on_battery=False)
    assert doubts.shown({}) == {}
    assert set(GOOD) == set(JUDGES)


TESTING = {"ups.test.result": "In progress", "battery.charge": "90", "battery.charge.low": "10"}


def test_a_low_battery_in_a_self_test() -> None:
    """Held back while the test explains it, and no longer than a minute; shown apart."""
    doubts = Doubts()
    assert not doubts.low_battery(TESTING, {"lowbatt"}, 10.0)
    assert doubts.shown(TESTING)[HELD] == "LB (in a self-test, with a charge of 90)"
    assert not doubts.low_battery(TESTING, {"lowbatt"}, 70.0)
    assert doubts.low_battery(TESTING, {"lowbatt"}, 70.5)
    assert HELD not in doubts.shown(TESTING)
    doubts.no_low_battery()
    assert not doubts.low_battery(TESTING, {"lowbatt"}, 100.0), "another test"
    doubts.no_low_battery()
    assert HELD not in doubts.shown(TESTING)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ups.test.result": "Done and passed"}, {"lowbatt"}),
        ({"battery.charge": "20"}, {"lowbatt"}),
        ({"battery.charge": "30", "battery.charge.low": "30"}, {"lowbatt"}),
        ({"battery.charge": "n/a"}, {"lowbatt"}),
        ({}, {"lowbatt", "shutdownimm"}),
        ({}, {"timelimitexp"}),
    ],
)
def test_a_low_battery_that_is_believed(changes: dict[str, str], words: set[str]) -> None:
    """Without a test, with little charge, or where the device says that it will switch off."""
    assert Doubts().low_battery(TESTING | changes, words, 10.0)

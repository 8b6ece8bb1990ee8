# SPDX-License-Identifier: GPL-2.0-or-later
"""When a UPS is critical, and when it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ridethrough.monitor.critical import WAKE_GRACE_S, Cause, judge
from ridethrough.monitor.life import Comm, Life, born, failed, heard, woken
from ridethrough.monitor.power import power
from ridethrough.monitor.settings import Settings, Supply
from ridethrough.ups.status import Status

PRIMARY = Supply("ups@host")
SECONDARY = Supply("ups@host", primary=False)
DEFAULT = Settings(supplies=(PRIMARY,))
HEARD = 100.0  # when the last good poll was


def life(before: str, last: str, *, lost: bool = False, settings: Settings = DEFAULT) -> Life:
    """A UPS that said `before` at 50 s, `last` at 100 s, and nothing any more at 105 s if it is lost."""
    known = born("ups@host", 0.0)
    known, _, _ = heard(known, Status.parse(before), {}, settings, 50.0)
    known, _, _ = heard(known, Status.parse(last), {}, settings, HEARD)
    return failed(known, settings, HEARD + 5)[0] if lost else known


# what it said last -> when it becomes critical at a primary: at which time after the last poll, or never
SPOKEN: list[tuple[str, float | None]] = [
    ("OL", None),
    ("OL LB", None),
    ("LB", None),
    ("OB", None),
    ("OB LB", 0.0),
    ("OB LB CAL", None),
    ("OL CAL", None),
    ("FSD OL", 0.0),
    ("FSD OB LB", 0.0),
    ("OFF", 30.0),
    ("OL OFF", 30.0),
    ("OL BYPASS", None),
    ("OL ALARM", None),
    ("OL OVER", None),
]

# the same once it has fallen silent
SILENT: list[tuple[str, float | None]] = [
    ("OL", None),
    ("OL LB", None),
    ("OL TRIM", None),
    ("OL OVER", None),
    ("OB", 15.0),
    ("OB LB", 0.0),
    ("OL CAL", 15.0),
    ("OB CAL", 15.0),
    ("OL BYPASS", 15.0),
    ("OL OFF", 15.0),
    ("OL ALARM", 15.0),
    ("FSD OL", 0.0),
]


def critical_from(known: Life, supply: Supply, settings: Settings, until: float) -> float | None:
    """The first moment at which a UPS is critical, in steps of a second; once critical it stays so.

    A UPS that is not lost is polled: its last word is never old.
    """
    times = [HEARD + second for second in range(int(until) + 1)]

    def at(now: float) -> Life:
        return known if known.comm is Comm.LOST else replace(known, heard_at=now)

    moments = [now for now in times if judge(at(now), supply, settings, now).critical]
    assert moments == times[len(times) - len(moments) :]
    return moments[0] - HEARD if moments else None


@pytest.mark.parametrize(("status", "after"), SPOKEN)
def test_what_a_ups_that_speaks_says(status: str, after: float | None) -> None:
    """Each status is critical after the time of its row, or not at all; LB alone never is."""
    assert critical_from(life("OL", status), PRIMARY, DEFAULT, 100.0) == after


@pytest.mark.parametrize(("status", "after"), SILENT)
def test_what_silence_means_after_a_sleep(status: str, after: float | None) -> None:
    """The same dangers, but a minute to be heard again; low or off before the sleep is no fact any more."""
    known = woken(life("OL", status), HEARD)
    expected = None if after is None or status == "FSD OL" else WAKE_GRACE_S
    times = [HEARD + second for second in range(400)]
    lost = failed(known, DEFAULT, HEARD)[0]
    moments = [now - HEARD for now in times if judge(lost, PRIMARY, DEFAULT, now).critical]
    assert (moments[0] if moments else None) == expected
    strict = replace(DEFAULT, strict_c=True)
    assert not any(judge(lost, PRIMARY, strict, now).critical for now in times)


@pytest.mark.parametrize(("status", "after"), SILENT)
def test_what_silence_means(status: str, after: float | None) -> None:
    """Silence is critical after DEADTIME, and only if the UPS was not safely on line."""
    assert critical_from(life("OL", status, lost=True), PRIMARY, DEFAULT, 400.0) == after


@pytest.mark.parametrize("status", ["OL CAL", "OL BYPASS", "OL OFF", "OL ALARM"])
def test_strict_c_takes_silence_for_death_at_once(status: str) -> None:
    """strict_c restores C: no DEADTIME for a UPS that calibrated, was bypassed, off or in alarm."""
    strict = replace(DEFAULT, strict_c=True)
    assert judge(life("OL", status, lost=True), PRIMARY, strict, HEARD + 5).critical
    assert not judge(life("OL", "OB", lost=True), PRIMARY, strict, HEARD + 5).critical


def test_a_glitch_on_battery_is_no_reason() -> None:
    """4 s of silence on battery with DEADTIME 120 shut nothing down (NUT issue 2454)."""
    patient = replace(DEFAULT, deadtime_s=120)
    known = life("OB", "OB", lost=True)
    assert not judge(known, PRIMARY, patient, HEARD + 119).critical
    assert judge(known, PRIMARY, patient, HEARD + 120).critical


def test_a_ups_never_heard_from_is_good() -> None:
    """As in C, a UPS that was never reached is no reason to go down."""
    known, _ = failed(born("ups@host", 0.0), DEFAULT, 5.0)
    assert critical_from(known, PRIMARY, DEFAULT, 1000.0) is None


def test_a_link_that_reports_nothing_hides_no_silence() -> None:
    """On battery and no word for three heartbeats is a silence even if no failure was reported."""
    known = life("OB", "OB")
    assert not judge(known, PRIMARY, DEFAULT, HEARD + 14).critical
    assert judge(known, PRIMARY, DEFAULT, HEARD + 15).cause is Cause.SILENT
    slow = replace(DEFAULT, pollfreq_s=30, pollfreqalert_s=30)
    assert not judge(known, PRIMARY, slow, HEARD + 89).critical


SETTING_CASES: list[tuple[str, dict[str, object], str, bool, float | None]] = [
    ("OFFDURATION 0", {"offduration_s": 0}, "OFF", False, 0.0),
    ("OFFDURATION -1", {"offduration_s": -1}, "OFF", False, None),
    ("OFFDURATION -1, silent", {"offduration_s": -1}, "OFF", True, None),
    ("OFFDURATION 60", {"offduration_s": 60}, "OFF", False, 60.0),
    ("OBLBDURATION 20", {"oblbduration_s": 20}, "OB LB", True, 20.0),
    ("OBLBDURATION 20, silent on battery", {"oblbduration_s": 20}, "OB", True, 35.0),
    ("OBLBDURATION -1", {"oblbduration_s": -1}, "OB LB", True, 0.0),
    ("OVERDURATION 40, silent", {"overduration_s": 40}, "OL OVER", True, 40.0),
    ("OVERDURATION 0, silent", {"overduration_s": 0}, "OL OVER", True, 15.0),
    ("ALARMCRITICAL 0, silent", {"alarmcritical": False}, "OL ALARM", True, None),
    ("DEADTIME 40, silent", {"deadtime_s": 40}, "OL CAL", True, 40.0),
]


@pytest.mark.parametrize(
    ("changes", "status", "lost", "after"), [c[1:] for c in SETTING_CASES], ids=[c[0] for c in SETTING_CASES]
)
def test_settings(changes: dict[str, object], status: str, lost: bool, after: float | None) -> None:
    """Each duration of upsmon.conf moves its moment, and a negative one switches its rule off."""
    settings = replace(DEFAULT, **changes)  # type: ignore[arg-type]  # a table of named settings
    known = life("OL", status, lost=lost, settings=settings)
    assert critical_from(known, PRIMARY, settings, 200.0) == after


def test_a_secondary_gives_its_primary_hostsync() -> None:
    """A secondary waits HOSTSYNC for FSD, then goes by itself."""
    known = life("OB", "OB LB", lost=True)  # not low at 50 s for the last time
    settings = replace(DEFAULT, hostsync_s=60)
    assert critical_from(known, SECONDARY, settings, 200.0) == 10.0
    verdict = judge(known, SECONDARY, settings, HEARD + 1)
    assert (verdict.critical, verdict.cause, verdict.again_at) == (False, Cause.LOW, 110.0)
    assert "primary has not set FSD" in verdict.reason


def test_a_silent_secondary_waits_for_both_deadtime_and_hostsync() -> None:
    """On battery and silent, a secondary goes after DEADTIME or HOSTSYNC, whichever is longer."""
    settings = replace(DEFAULT, hostsync_s=40)
    assert critical_from(life("OL", "OB", lost=True), SECONDARY, settings, 200.0) == 40.0


def test_the_reason_names_the_rule_and_its_setting() -> None:
    """The reason says how long, and which directive it was held against."""
    silent = judge(life("OL", "OB", lost=True), PRIMARY, DEFAULT, HEARD + 16)
    assert silent.reason == "nothing heard for 16 s, and it was on battery then (DEADTIME 15 s)"
    off = judge(replace(life("OL", "OFF"), heard_at=HEARD + 31), PRIMARY, DEFAULT, HEARD + 31)
    assert off.reason == "off for 31 s (OFFDURATION 30 s)"
    calibrating = judge(life("OL", "OB LB CAL"), PRIMARY, DEFAULT, HEARD)
    assert calibrating.cause is Cause.CALIBRATING


def test_a_verdict_knows_when_it_may_change() -> None:
    """again_at is the first moment at which time alone makes the UPS critical."""
    verdict = judge(life("OL", "OB", lost=True), PRIMARY, DEFAULT, HEARD + 5)
    assert verdict.again_at == HEARD + 15
    assert not judge(life("OL", "OB", lost=True), PRIMARY, DEFAULT, HEARD + 14.9).critical
    assert judge(life("OL", "OB", lost=True), PRIMARY, DEFAULT, HEARD + 15).critical


def test_the_power_value_is_the_sum_of_the_good_supplies() -> None:
    """Critical supplies do not count, watched-only ones count nothing, and enough means MINSUPPLIES."""
    low = judge(life("OL", "OB LB"), PRIMARY, DEFAULT, HEARD)
    fine = judge(life("OL", "OL"), PRIMARY, DEFAULT, HEARD)
    pairs = [(Supply("a", 2), fine), (Supply("b", 1), low), (Supply("c", 0), low)]
    assert (power(pairs, 2).value, power(pairs, 2).enough) == (2, True)
    assert not power(pairs, 3).enough
    assert power([], 0).enough

# SPDX-License-Identifier: GPL-2.0-or-later
"""The battery model: physical, consistent with itself, and never out of bounds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.battery.model import (
    BatterySpec,
    BatteryState,
    at_percent,
    charge_percent,
    drain_w,
    full,
    is_low,
    runtime_s,
    seconds_to_low,
    step,
    voltage,
)

SPEC = BatterySpec(capacity_wh=100.0, nominal_load_w=600.0)

specs = st.builds(
    BatterySpec,
    capacity_wh=st.floats(1.0, 5000.0),
    nominal_load_w=st.floats(10.0, 5000.0),
    efficiency=st.floats(0.5, 1.0),
    charge_w=st.floats(0.0, 500.0),
    peukert=st.floats(1.0, 1.4),
    low_percent=st.floats(0.0, 60.0),
    runtime_low_s=st.floats(0.0, 300.0),
    idle_w=st.floats(0.1, 20.0),
    taper_percent=st.floats(0.0, 95.0),
)
percents = st.floats(0.0, 100.0)
loads = st.floats(0.0, 6000.0)
seconds = st.floats(0.0, 1e6)


@settings(max_examples=60)
@given(specs, percents, loads, st.booleans(), st.floats(-10.0, 1e7))
def test_energy_stays_within_the_battery(
    spec: BatterySpec, percent: float, load: float, mains: bool, dt: float
) -> None:
    """No step takes out more than there is, or puts in more than fits; time never runs backwards."""
    before = at_percent(spec, percent)
    after = step(spec, before, load_w=load, on_mains=mains, dt_s=dt)
    assert 0.0 <= after.energy_wh <= spec.capacity_wh
    assert 0.0 <= charge_percent(spec, after) <= 100.0
    if mains:
        assert after.energy_wh >= before.energy_wh - 1e-9
    else:
        assert after.energy_wh <= before.energy_wh


@settings(max_examples=60)
@given(specs, st.floats(1.0, 100.0), loads, st.floats(1.0, 1000.0))
def test_a_higher_load_shortens_the_runtime(
    spec: BatterySpec, percent: float, load: float, more: float
) -> None:
    """More load always means less time."""
    state = at_percent(spec, percent)
    assert runtime_s(spec, state, load + more) < runtime_s(spec, state, load)


@settings(max_examples=100)
@given(specs, percents, loads, st.booleans(), seconds, seconds)
def test_two_steps_make_one(
    spec: BatterySpec, percent: float, load: float, mains: bool, first: float, second: float
) -> None:
    """A long step equals the two short ones it consists of."""
    start = at_percent(spec, percent)
    whole = step(spec, start, load_w=load, on_mains=mains, dt_s=first + second)
    half = step(spec, start, load_w=load, on_mains=mains, dt_s=first)
    parts = step(spec, half, load_w=load, on_mains=mains, dt_s=second)
    assert parts.energy_wh == pytest.approx(whole.energy_wh, rel=1e-6, abs=1e-6)


@settings(max_examples=60)
@given(specs, st.floats(1.0, 100.0), loads, st.floats(0.0, 0.99))
def test_runtime_counts_down_with_the_clock(
    spec: BatterySpec, percent: float, load: float, share: float
) -> None:
    """After a part of the promised runtime the rest of it is promised, and at its end nothing is left."""
    start = at_percent(spec, percent)
    promised = runtime_s(spec, start, load)
    later = step(spec, start, load_w=load, on_mains=False, dt_s=promised * share)
    assert runtime_s(spec, later, load) == pytest.approx(promised * (1 - share), rel=1e-6)
    end = step(spec, start, load_w=load, on_mains=False, dt_s=promised)
    assert end.energy_wh == pytest.approx(0.0, abs=1e-9 * spec.capacity_wh)


@settings(max_examples=60)
@given(specs, st.floats(1.0, 100.0), loads)
def test_seconds_to_low_leads_to_low(spec: BatterySpec, percent: float, load: float) -> None:
    """The low point is reached at the promised second, and not a tenth of the way earlier."""
    start = at_percent(spec, percent)
    wait = seconds_to_low(spec, start, load)
    assert is_low(spec, step(spec, start, load_w=load, on_mains=False, dt_s=wait * (1 + 1e-9)), load)
    if wait > 1.0:
        assert not is_low(spec, step(spec, start, load_w=load, on_mains=False, dt_s=wait * 0.9), load)


@settings(max_examples=40)
@given(specs, percents, percents, loads)
def test_voltage_falls_with_charge_and_load(spec: BatterySpec, one: float, two: float, load: float) -> None:
    """Less charge never shows a higher voltage, and a load never lifts it."""
    low, high = sorted((one, two))
    assert voltage(spec, at_percent(spec, low), load) <= voltage(spec, at_percent(spec, high), load) + 1e-9
    assert voltage(spec, at_percent(spec, one), load) <= voltage(spec, at_percent(spec, one), 0.0)


def test_the_nominal_load_takes_the_rated_time() -> None:
    """At the nominal load the capacity lasts as long as plain arithmetic says."""
    spec = BatterySpec(capacity_wh=100.0, nominal_load_w=90.0, efficiency=0.9, idle_w=0.0)
    assert runtime_s(spec, full(spec), 90.0) == pytest.approx(3600.0)
    assert drain_w(spec, 45.0) < 50.0, "Peukert: half the load takes less than half the power"


def test_charging_slows_down_and_gets_full() -> None:
    """Charging is straight to the taper, slower afterwards, and full within finite time."""
    hour = step(SPEC, BatteryState(0.0), load_w=0, on_mains=True, dt_s=3600)
    assert hour.energy_wh == pytest.approx(SPEC.charge_w)
    top = at_percent(SPEC, 95)
    gained = step(SPEC, top, load_w=0, on_mains=True, dt_s=360).energy_wh - top.energy_wh
    assert 0 < gained < SPEC.charge_w / 10
    assert step(SPEC, BatteryState(0.0), load_w=0, on_mains=True, dt_s=86400).energy_wh == SPEC.capacity_wh


def test_low_by_percent_or_by_runtime() -> None:
    """Either limit alone makes the battery low; an empty battery is low without any."""
    percent = BatterySpec(capacity_wh=100.0, nominal_load_w=600.0, low_percent=30.0)
    assert is_low(percent, at_percent(percent, 30), 0.0)
    assert not is_low(percent, at_percent(percent, 31), 0.0)
    runtime = BatterySpec(capacity_wh=100.0, nominal_load_w=600.0, low_percent=0.0, runtime_low_s=120.0)
    assert is_low(runtime, at_percent(runtime, 15), 600.0)
    assert not is_low(runtime, at_percent(runtime, 15), 100.0)
    bare = BatterySpec(capacity_wh=100.0, nominal_load_w=600.0, low_percent=0.0)
    assert is_low(bare, BatteryState(0.0), 0.0)


def test_nothing_that_drains_lasts_for_ever() -> None:
    """Without load and idle power the runtime is infinite, not a division by zero."""
    spec = BatterySpec(capacity_wh=100.0, nominal_load_w=600.0, idle_w=0.0)
    assert runtime_s(spec, full(spec), 0.0) == math.inf
    assert runtime_s(spec, BatteryState(0.0), 0.0) == 0.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("capacity_wh", 0.0),
        ("nominal_load_w", -1.0),
        ("efficiency", 1.5),
        ("peukert", 0.5),
        ("low_percent", 101.0),
        ("charge_w", -1.0),
        ("taper_percent", 100.0),
        ("voltage_empty", 99.0),
        ("capacity_wh", math.nan),
    ],
)
def test_an_impossible_battery_is_refused(field: str, value: float) -> None:
    """A figure that makes no battery is refused by name."""
    with pytest.raises(ValueError, match=field):
        BatterySpec(**{"capacity_wh": 100.0, "nominal_load_w": 600.0, field: value})

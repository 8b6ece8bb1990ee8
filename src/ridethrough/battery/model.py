# SPDX-License-Identifier: GPL-2.0-or-later
"""A battery behind an inverter: energy, charge, runtime, voltage and the low point.

The model is small on purpose, and solved in closed form: `step` over a long time equals many short steps,
so a simulation may jump from event to event.

- Discharge: the inverter draws the load over its efficiency, plus its own idle power.
  A load above the nominal one takes out more than its share, a smaller one less (Peukert's law, for power).
- Charge: constant power up to `taper_percent`, from there falling off exponentially.
- Voltage: falls with the charge, ever faster towards the end, and sags under load.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SECONDS_PER_HOUR = 3600.0
# The taper aims this share of its own span beyond full: the battery gets full in finite time.
_OVERSHOOT = 0.05
# Share of the voltage curve that falls steeply near empty.
_KNEE = 0.25


@dataclass(frozen=True, slots=True)
class BatterySpec:
    """What a battery is: watts, watt-hours, volts, percent, seconds as the names say.

    `capacity_wh` is what the battery gives out at the nominal load, before the inverter's losses.
    `runtime_low_s` of 0 leaves the low point to `low_percent` alone, and the other way round.
    Raises ValueError for a battery that can't be.
    """

    capacity_wh: float
    nominal_load_w: float
    efficiency: float = 0.9
    charge_w: float = 40.0
    peukert: float = 1.15
    low_percent: float = 20.0
    runtime_low_s: float = 0.0
    voltage_full: float = 27.3
    voltage_empty: float = 21.0
    sag_v: float = 0.6
    idle_w: float = 5.0
    taper_percent: float = 80.0

    def __post_init__(self) -> None:
        for name in ("capacity_wh", "nominal_load_w", "voltage_full"):
            _require(0 < getattr(self, name) < math.inf, name, "above 0")
        for name in ("charge_w", "runtime_low_s", "voltage_empty", "sag_v", "idle_w"):
            _require(0 <= getattr(self, name) < math.inf, name, "0 or more")
        _require(0 < self.efficiency <= 1, "efficiency", "above 0 and at most 1")
        _require(1 <= self.peukert <= 2, "peukert", "between 1 and 2")
        _require(0 <= self.low_percent <= 100, "low_percent", "between 0 and 100")
        _require(0 <= self.taper_percent < 100, "taper_percent", "at least 0 and below 100")
        _require(self.voltage_empty <= self.voltage_full, "voltage_empty", "at most voltage_full")


@dataclass(frozen=True, slots=True)
class BatteryState:
    """What is left in it."""

    energy_wh: float


def full(spec: BatterySpec) -> BatteryState:
    """A battery that has been on the charger for long."""
    return BatteryState(spec.capacity_wh)


def at_percent(spec: BatterySpec, percent: float) -> BatteryState:
    """A battery charged to `percent`; what lies outside of 0..100 is taken to the nearer end."""
    return BatteryState(spec.capacity_wh * min(100.0, max(0.0, percent)) / 100.0)


def step(
    spec: BatterySpec, state: BatteryState, *, load_w: float, on_mains: bool, dt_s: float
) -> BatteryState:
    """The battery `dt_s` seconds later, charging on the mains or carrying `load_w` without it.

    Energy stays within 0 and the capacity.  A time that runs backwards counts as none.
    """
    dt_s = max(0.0, dt_s)
    if on_mains:
        return BatteryState(_charged(spec, state.energy_wh, dt_s))
    used = drain_w(spec, load_w) * dt_s / SECONDS_PER_HOUR
    return BatteryState(max(0.0, state.energy_wh - used))


def drain_w(spec: BatterySpec, load_w: float) -> float:
    """How fast `load_w` at the output empties the battery, in watts."""
    drawn = max(0.0, load_w) / spec.efficiency + spec.idle_w
    rated = spec.nominal_load_w / spec.efficiency + spec.idle_w
    return float(drawn * (drawn / rated) ** (spec.peukert - 1.0))


def charge_percent(spec: BatterySpec, state: BatteryState) -> float:
    """The charge in percent of the capacity, 0 to 100."""
    return min(100.0, max(0.0, 100.0 * state.energy_wh / spec.capacity_wh))


def runtime_s(spec: BatterySpec, state: BatteryState, load_w: float) -> float:
    """How long the battery would carry `load_w` until it is empty; infinite where nothing drains it."""
    return _seconds(state.energy_wh, drain_w(spec, load_w))


def seconds_to_low(spec: BatterySpec, state: BatteryState, load_w: float) -> float:
    """How long until `is_low` at `load_w` without mains: 0 if it is low now."""
    drain = drain_w(spec, load_w)
    return _seconds(max(0.0, state.energy_wh - _low_wh(spec, drain)), drain)


def is_low(spec: BatterySpec, state: BatteryState, load_w: float) -> bool:
    """Whether the charge is down to `low_percent` or the runtime to `runtime_low_s`."""
    if state.energy_wh <= 0.0:
        return True
    # A hair above counts as reached: the sums of many steps are not exact.
    return state.energy_wh <= _low_wh(spec, drain_w(spec, load_w)) * (1 + 1e-9)


def voltage(spec: BatterySpec, state: BatteryState, load_w: float) -> float:
    """The voltage at the terminals, in volts; `load_w` is 0 while the mains carries the load."""
    left = charge_percent(spec, state) / 100.0
    shape = (1 - _KNEE) * left + _KNEE * (1 - (1 - left) ** 4)
    rest = spec.voltage_empty + (spec.voltage_full - spec.voltage_empty) * shape
    return max(0.0, rest - spec.sag_v * max(0.0, load_w) / spec.nominal_load_w)


def _low_wh(spec: BatterySpec, drain: float) -> float:
    by_percent = spec.capacity_wh * spec.low_percent / 100.0
    return max(by_percent, drain * spec.runtime_low_s / SECONDS_PER_HOUR)


def _seconds(energy_wh: float, drain: float) -> float:
    if energy_wh <= 0.0:
        return 0.0
    return energy_wh / drain * SECONDS_PER_HOUR if drain > 0.0 else math.inf


def _charged(spec: BatterySpec, energy_wh: float, dt_s: float) -> float:
    if spec.charge_w <= 0.0 or energy_wh >= spec.capacity_wh:
        return min(energy_wh, spec.capacity_wh)
    knee = spec.capacity_wh * spec.taper_percent / 100.0
    if energy_wh < knee:
        straight_s = (knee - energy_wh) / spec.charge_w * SECONDS_PER_HOUR
        if dt_s <= straight_s:
            return energy_wh + spec.charge_w * dt_s / SECONDS_PER_HOUR
        energy_wh, dt_s = knee, dt_s - straight_s
    goal = spec.capacity_wh + _OVERSHOOT * (spec.capacity_wh - knee)
    rate = spec.charge_w / (goal - knee) / SECONDS_PER_HOUR
    return min(spec.capacity_wh, goal - (goal - energy_wh) * math.exp(-rate * dt_s))


def _require(holds: bool, name: str, what: str) -> None:
    if not holds:
        raise ValueError(f"{name} must be {what}")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Mini-box openUPS, firmware 1.4 or newer.

Facts learned from NUT's drivers/openups-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

from ridethrough.drivers.hid.conversions import (
    COMMFAULT,
    LOWBATT,
    NOBATTERY,
    OVERHEAT,
    OVERLOAD,
    REPLACEBATT,
    SHUTDOWNIMM,
    STRINGID,
    TIMELIMITEXPIRED,
    nonzero,
    reading,
    scaled_by_memory,
)
from ridethrough.drivers.hid.rows import QUICK, STATIC, Context, Match, Row, Subdriver, maker_or, status, var

_VIN, _VOUT, _CHARGE, _DISCHARGE = "input voltage", "output voltage", "charge current", "discharge current"
_FACTORS = {
    0xD004: {_VIN: 0.03545 * 100, _VOUT: 0.02571 * 100, _CHARGE: 0.8274 / 10, _DISCHARGE: 16.113 / 10},
    0xD005: {_VIN: 0.1, _VOUT: 0.1, _CHARGE: 0.1, _DISCHARGE: 0.1},
}
# What the thermistor reads at -40 degrees Celsius and each 5 degrees more.
_THERMISTOR = (
    *(0x31, 0x40, 0x53, 0x68, 0x82, 0xA0, 0xC3, 0xE9, 0x113, 0x13F, 0x16E, 0x19F),
    *(0x1CF, 0x200, 0x22F, 0x25C, 0x286, 0x2AE, 0x2D3, 0x2F4, 0x312, 0x32D, 0x345, 0x35A),
    *(0x36D, 0x37E, 0x38C, 0x399, 0x3A5, 0x3AF, 0x3B7, 0x3BF, 0x3C6, 0x3CC),
)


def _setup(context: Context) -> Mapping[str, str]:
    context.memory.update(_FACTORS[context.product_id])
    return {}


def _temperature(value: float, context: Context) -> str:
    """Degrees Celsius between the two nearest entries of the table."""
    if not value * 100 > _THERMISTOR[0]:  # Also what is no number.
        return "-40"
    if value * 100 >= _THERMISTOR[-1]:
        return "125"
    measured = int(value * 100)
    at = bisect_right(_THERMISTOR, measured) - 1
    low, high = _THERMISTOR[at : at + 2]
    if measured == low:
        return str(at * 5 - 40)
    return f"{(measured - low) * 5 / (high - low) + at * 5 - 40:.2f}"


OPENUPS_CHARGING = nonzero("chrg")
OPENUPS_DISCHARGING = nonzero("dischrg")
OPENUPS_ONLINE = nonzero("online")
OPENUPS_OFF = reading("off", lambda value, context: "!off" if value else "off")
OPENUPS_VIN = scaled_by_memory("input voltage", _VIN, 2)
OPENUPS_VOUT = scaled_by_memory("output voltage", _VOUT, 2)
OPENUPS_CCHARGE = scaled_by_memory("charge current", _CHARGE, 3)
OPENUPS_CDISCHARGE = scaled_by_memory("discharge current", _DISCHARGE, 3)
OPENUPS_TEMPERATURE = reading("temperature", _temperature)

USAGES: Mapping[str, int] = {
    "Cell1": 0x00000001,
    "Cell2": 0x00000002,
    "Cell3": 0x00000003,
    "Cell4": 0x00000004,
    "Cell5": 0x00000005,
    "Cell6": 0x00000006,
}

ROWS: tuple[Row, ...] = (
    var("ups.serial", "UPS.PowerSummary.iSerialNumber", STRINGID),
    # battery
    var("battery.type", "UPS.PowerSummary.iDeviceChemistry", STRINGID, STATIC),
    var("battery.mfr.date", "UPS.PowerSummary.iOEMInformation", STRINGID, STATIC),
    var("battery.voltage", "UPS.PowerSummary.Voltage", "%.2f", QUICK),
    var("battery.current", "UPS.PowerSummary.Current", "%.3f", QUICK),
    var("battery.capacity", "UPS.PowerSummary.DesignCapacity", "%.0f", STATIC),
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", "%.0f", QUICK),
    var("battery.charge.low", "UPS.PowerSummary.RemainingCapacityLimit", "%.0f", QUICK),
    var("battery.charge.warning", "UPS.PowerSummary.WarningCapacityLimit", "%.0f"),
    var("battery.runtime", "UPS.PowerSummary.RunTimeToEmpty", "%.0f", QUICK),
    var("battery.temperature", "UPS.PowerSummary.Temperature", OPENUPS_TEMPERATURE, QUICK),
    var("output.voltage", "UPS.PowerSummary.Output.Voltage", OPENUPS_VOUT, QUICK),
    var("output.current", "UPS.PowerSummary.Output.Current", OPENUPS_CDISCHARGE, QUICK),
    var("input.voltage", "UPS.PowerSummary.Input.Voltage", OPENUPS_VIN, QUICK),
    var("input.current", "UPS.PowerSummary.Input.Current", OPENUPS_CCHARGE, QUICK),
    # status
    status("UPS.PowerSummary.PresentStatus.Good", OPENUPS_OFF, QUICK),
    status("UPS.PowerSummary.PresentStatus.InternalFailure", COMMFAULT, QUICK),
    status("UPS.PowerSummary.PresentStatus.Overload", OVERLOAD, QUICK),
    status("UPS.PowerSummary.PresentStatus.OverTemperature", OVERHEAT, QUICK),
    status("UPS.PowerSummary.PresentStatus.ShutdownImminent", SHUTDOWNIMM, QUICK),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LOWBATT, QUICK),
    status("UPS.PowerSummary.PresentStatus.RemainingTimeLimitExpired", TIMELIMITEXPIRED, QUICK),
    status("UPS.PowerSummary.PresentStatus.Charging", OPENUPS_CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Discharging", OPENUPS_DISCHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.NeedReplacement", REPLACEBATT),
    status("UPS.PowerSummary.PresentStatus.ACPresent", OPENUPS_ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.BatteryPresent", NOBATTERY, QUICK),
)

OPENUPS = Subdriver(
    key="openups",
    name="openUPS HID 0.50",
    maker="openUPS",
    matches=(Match(0x04D8, 0xD004, setup=_setup), Match(0x04D8, 0xD005, setup=_setup)),
    rows=ROWS,
    usages=USAGES,
    mfr=maker_or("openUPS"),
)

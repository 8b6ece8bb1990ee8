# SPDX-License-Identifier: GPL-2.0-or-later
"""CyberPower, also under other names (Dynex, Cyber Energy).

Facts learned from NUT's drivers/cps-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from collections.abc import Mapping

from ridethrough.drivers.hid.conversions import (
    BEEPER,
    BOOST,
    CHARGING,
    DATE,
    DISCHARGING,
    FULLYCHARGED,
    KELVIN_CELSIUS,
    LOWBATT,
    ONLINE,
    OVERLOAD,
    REPLACEBATT,
    STRINGID,
    TEST_READ,
    TIMELIMITEXPIRED,
    factor_of,
    leading_float,
    reading,
    table,
)
from ridethrough.drivers.hid.rows import (
    ENUM,
    QUICK,
    SEMI,
    STATIC,
    Context,
    Conversion,
    Match,
    Row,
    Subdriver,
    command,
    kept,
    maker_or,
    status,
    var,
)

BATTERY_FACTOR = "battery factor"  # memory
MAY_SCALE = "may scale"  # memory: the models whose readings must be doubted
_TOO_HIGH = 1.4  # times the nominal voltage: then two thirds of the reading are true


def _doubtful(context: Context) -> Mapping[str, str]:
    context.memory[MAY_SCALE] = 1
    return {}


def _battery_voltage(value: float, context: Context) -> str:
    nominal = leading_float(context.variables.get("battery.voltage.nominal"))
    if context.memory.get(MAY_SCALE) and BATTERY_FACTOR not in context.memory and nominal:
        context.memory[BATTERY_FACTOR] = 2.0 / 3 if value / nominal > _TOO_HIGH else 1.0
    return f"{factor_of(context, BATTERY_FACTOR) * value:.1f}"


def _nominal_frequency(value: float, low: float, high: float) -> float:
    """50 or 60 Hz, guessed from the limits, then from the reading; 0 where nothing fits."""
    for nominal in (50, 60):
        if (
            nominal - 5 < low <= nominal
            or nominal <= high <= nominal + 5
            or nominal - 5 < value <= nominal + 5
            or 10 * (nominal - 5) < value <= 10 * (nominal + 5)
        ):
            return nominal
    return 0


def _frequency_factor(value: float, place: str, context: Context) -> float | None:
    """1.0, or 0.1 for firmware that sends tenths of a hertz; None where this reading does not tell."""
    nominal, low, high = (
        leading_float(context.variables.get(f"{place}.frequency.{limit}"))
        for limit in ("nominal", "low", "high")
    )
    nominal = nominal or _nominal_frequency(value, low, high)
    low = low or (nominal * 0.95 if nominal else 45.0)
    high = high or (nominal * 1.05 if nominal else 65.0)
    if low <= value <= high:
        return 1.0
    return 0.1 if low <= value / 10.0 <= high else None


def _frequency(place: str) -> Conversion:
    """A frequency of `input` or `output`; its factor is kept once it is known."""
    key = f"{place} frequency factor"

    def to_text(value: float, context: Context) -> str:
        if context.memory.get(MAY_SCALE) and key not in context.memory:
            factor = _frequency_factor(value, place, context)
            if factor is not None:
                context.memory[key] = factor
        return f"{factor_of(context, key) * value:.1f}"

    return reading(key, to_text)


CPS_INPUT_FREQ = _frequency("input")
CPS_OUTPUT_FREQ = _frequency("output")
CPS_BATTVOLT = reading("battery voltage", _battery_voltage)
CPS_BATTCHARGE = reading("charge", lambda value, context: f"{min(value, 100.0):.0f}")
CPS_BATTSTATUS = reading("percent", lambda value, context: f"{value:.0f}%")
CPS_SENSITIVITY = table("sensitivity", "low", "normal", "high")

USAGES: Mapping[str, int] = {
    "CPSFirmwareVersion": 0xFF0100D0,
    "CPSInputSensitivity": 0xFF010043,
}

ROWS: tuple[Row, ...] = (
    # battery
    var("battery.type", "UPS.PowerSummary.iDeviceChemistry", STRINGID),
    var("battery.mfr.date", "UPS.Battery.ManufacturerDate", DATE, SEMI, length=10),
    var("battery.mfr.date", "UPS.PowerSummary.iOEMInformation", STRINGID),
    var("battery.charge.warning", "UPS.PowerSummary.WarningCapacityLimit", "%.0f"),
    var("battery.charge.low", "UPS.PowerSummary.RemainingCapacityLimit", "%.0f", SEMI, length=10),
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", CPS_BATTCHARGE),
    var("battery.runtime", "UPS.PowerSummary.RunTimeToEmpty", "%.0f"),
    var("battery.runtime.low", "UPS.PowerSummary.RemainingTimeLimit", "%.0f", SEMI, length=10),
    var("battery.voltage.nominal", "UPS.PowerSummary.ConfigVoltage", "%.0f"),
    var("battery.voltage", "UPS.PowerSummary.Voltage", CPS_BATTVOLT),
    var("battery.status", "UPS.PowerSummary.FullChargeCapacity", CPS_BATTSTATUS),
    # ups
    var("ups.load", "UPS.Output.PercentLoad", "%.0f"),
    var("ups.beeper.status", "UPS.PowerSummary.AudibleAlarmControl", BEEPER),
    var("ups.test.result", "UPS.Output.Test", TEST_READ),
    var("ups.power", "UPS.Output.ApparentPower", "%.0f"),
    var("ups.power.nominal", "UPS.Output.ConfigApparentPower", "%.0f"),
    var("ups.realpower", "UPS.Output.ActivePower", "%.0f"),
    var("ups.realpower.nominal", "UPS.Output.ConfigActivePower", "%.0f"),
    kept("ups.delay.start", "UPS.Output.DelayBeforeStartup", "120", 10),
    kept("ups.delay.shutdown", "UPS.Output.DelayBeforeShutdown", "60", 10),
    var("ups.timer.start", "UPS.Output.DelayBeforeStartup", "%.0f", QUICK),
    var("ups.timer.shutdown", "UPS.Output.DelayBeforeShutdown", "%.0f", QUICK),
    var("ups.timer.reboot", "UPS.Output.DelayBeforeReboot", "%.0f", QUICK),
    var("ups.firmware", "UPS.PowerSummary.CPSFirmwareVersion", STRINGID, STATIC),
    var("ups.temperature", "UPS.PowerSummary.Temperature", KELVIN_CELSIUS),
    # status
    status("UPS.PowerSummary.PresentStatus.ACPresent", ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.Charging", CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Discharging", DISCHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LOWBATT, QUICK),
    status("UPS.PowerSummary.PresentStatus.FullyCharged", FULLYCHARGED),
    status("UPS.PowerSummary.PresentStatus.RemainingTimeLimitExpired", TIMELIMITEXPIRED),
    status("UPS.PowerSummary.PresentStatus.NeedReplacement", REPLACEBATT),
    status("UPS.Output.Boost", BOOST),
    status("UPS.Output.Overload", OVERLOAD),
    # input
    var("input.frequency", "UPS.Input.Frequency", CPS_INPUT_FREQ),
    var("input.voltage.nominal", "UPS.Input.ConfigVoltage", "%.0f"),
    var("input.voltage", "UPS.Input.Voltage", "%.1f"),
    var("input.transfer.low", "UPS.Input.LowVoltageTransfer", "%.0f", SEMI, length=10),
    var("input.transfer.high", "UPS.Input.HighVoltageTransfer", "%.0f", SEMI, length=10),
    var("input.transfer.low", "UPS.Output.LowVoltageTransfer", "%.0f", SEMI, length=10),
    var("input.transfer.high", "UPS.Output.HighVoltageTransfer", "%.0f", SEMI, length=10),
    var("input.sensitivity", "UPS.Output.CPSInputSensitivity", CPS_SENSITIVITY, SEMI | ENUM, length=0),
    # output
    var("output.frequency", "UPS.Output.Frequency", CPS_OUTPUT_FREQ),
    var("output.voltage", "UPS.Output.Voltage", "%.1f"),
    var("output.voltage.nominal", "UPS.Output.ConfigVoltage", "%.0f"),
    # commands
    command("test.battery.start.quick", "UPS.Output.Test", "1"),
    command("test.battery.start.deep", "UPS.Output.Test", "2"),
    command("test.battery.stop", "UPS.Output.Test", "3"),
    command("load.off.delay", "UPS.Output.DelayBeforeShutdown", "60"),
    command("load.on.delay", "UPS.Output.DelayBeforeStartup", "120"),
    command("shutdown.stop", "UPS.Output.DelayBeforeShutdown", "-1"),
    command("shutdown.reboot", "UPS.Output.DelayBeforeReboot", "10"),
    command("beeper.on", "UPS.PowerSummary.AudibleAlarmControl", "2"),
    command("beeper.off", "UPS.PowerSummary.AudibleAlarmControl", "3"),
    command("beeper.enable", "UPS.PowerSummary.AudibleAlarmControl", "2"),
    command("beeper.disable", "UPS.PowerSummary.AudibleAlarmControl", "1"),
    command("beeper.mute", "UPS.PowerSummary.AudibleAlarmControl", "3"),
)

CPS = Subdriver(
    key="cps",
    name="CyberPower HID 0.85",
    maker="CyberPower",
    matches=(
        Match(0x0764, 0x0005),  # 900AVR, BC900D
        Match(0x0764, 0x0501, setup=_doubtful),  # CP1500C, CP1000PFCLCD, DX-800U and many more
        Match(0x0764, 0x0601),  # OR2200LCDRM2U, PR6000LCDRTXL5U, CP1350EPFCLCD
        Match(0x0483, 0xA430),  # Cyber Energy
    ),
    rows=ROWS,
    usages=USAGES,
    mfr=maker_or("CPS"),
    repairs=("cps",),
    settings={"pollfreq": "12"},
)

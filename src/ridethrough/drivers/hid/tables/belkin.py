# SPDX-License-Identifier: GPL-2.0-or-later
"""Belkin, and Liebert's (Vertiv's) PowerSure and GXT.

Facts learned from NUT's drivers/belkin-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from collections.abc import Mapping

from ridethrough.drivers.hid.conversions import (
    BEEPER,
    DATE,
    DIVIDE_BY_10,
    DIVIDE_BY_100,
    STRINGID,
    factor_of,
    masked,
    nonzero,
    reading,
    table,
)
from ridethrough.drivers.hid.rows import (
    QUICK,
    STATIC,
    Context,
    Match,
    Row,
    Subdriver,
    command,
    kept,
    status,
    var,
)

LINE_FACTOR = "line voltage factor"  # memory
CONFIG_FACTOR = "nominal voltage factor"  # memory
_BELKIN = 0x050D
_LIEBERT = 0x10AF


def _config_voltage(value: float, context: Context) -> str:
    """Some Lieberts send 1e-7 here: their unit exponents are wrong, of the line voltages too."""
    if abs(value - 1e-7) < 1e-9:
        context.memory[CONFIG_FACTOR] = 1e8
        context.memory[LINE_FACTOR] = 1e7
    return f"{value * factor_of(context, CONFIG_FACTOR):.1f}"


def _line_voltage(value: float, context: Context) -> str:
    """1.39e-06 means 13.9 V, 0.001212 means 121.2 V; once seen, the factor stays."""
    if value < 1:
        if abs(value - 1e-5) < 4e-5:
            context.memory[LINE_FACTOR] = 1e7
        elif abs(value - 1e-3) < 4e-3:
            context.memory[LINE_FACTOR] = 1e5
    return f"{value * factor_of(context, LINE_FACTOR):.1f}"


_TYPES = {
    1: "offline",
    2: "line-interactive",
    3: "simple online",
    4: "simple offline",
    5: "simple line-interactive",
}
_SENSITIVITIES = {1: "reduced", 2: "low"}

LIEBERT_ONLINE = nonzero("online")
LIEBERT_DISCHARGING = nonzero("dischrg")
LIEBERT_CHARGING = nonzero("chrg")
LIEBERT_LOWBATT = nonzero("lowbatt")
LIEBERT_REPLACEBATT = nonzero("replacebatt")
LIEBERT_SHUTDOWNIMM = nonzero("shutdownimm")
LIEBERT_CONFIG_VOLTAGE = reading("nominal voltage", _config_voltage)
LIEBERT_LINE_VOLTAGE = reading("line voltage", _line_voltage)
BELKIN_FIRMWARE = reading("firmware", lambda value, context: str(int(value) >> 4))
BELKIN_UPSTYPE = reading("type", lambda value, context: _TYPES.get(int(value) & 15, "online"))
BELKIN_SENSITIVITY = reading("sensitivity", lambda value, context: _SENSITIVITIES.get(int(value), "normal"))
BELKIN_TEST = table(
    "test result",
    "No test initiated",
    "Done and passed",
    "Done and warning",
    "Done and error",
    "Aborted",
    "In progress",
)
BELKIN_OVERLOAD = masked("overload", 0x0010, "overload", "!overload")
BELKIN_OVERHEAT = masked("overheat", 0x0040, "overheat", "!overheat")
BELKIN_COMMFAULT = masked("fault", 0x0080, "commfault", "!commfault")
BELKIN_AWAITINGPOWER = masked("awaiting power", 0x2000, "awaitingpower", "!awaitingpower")
BELKIN_ONLINE = masked("online", 0x0001, "!online", "online")
BELKIN_LOWBATT = masked("low battery", 0x0004, "lowbatt", "!lowbatt")
BELKIN_DEPLETED = masked("depleted", 0x0040, "depleted", "!depleted")
BELKIN_REPLACEBATT = masked("replace battery", 0x0080, "replacebatt", "!replacebatt")


def _model(context: Context) -> str:
    return context.product or "unknown"


def _maker(context: Context) -> str:
    return (context.vendor or "").lstrip(" ") or "Belkin"


def _serial(context: Context) -> str | None:
    if context.serial is not None:
        return context.serial
    index = context.item("UPS.PowerSummary.iSerialNumber")
    return (context.string(int(index)) if index is not None else None) or None


USAGES: Mapping[str, int] = {
    "BELKINConfig": 0x00860026,
    "BELKINConfigVoltage": 0x00860040,
    "BELKINConfigFrequency": 0x00860042,
    "BELKINConfigApparentPower": 0x00860043,
    "BELKINConfigBatteryVoltage": 0x00860044,
    "BELKINConfigOverloadTransfer": 0x00860045,
    "BELKINLowVoltageTransfer": 0x00860053,
    "BELKINHighVoltageTransfer": 0x00860054,
    "BELKINLowVoltageTransferMax": 0x0086005B,
    "BELKINLowVoltageTransferMin": 0x0086005C,
    "BELKINHighVoltageTransferMax": 0x0086005D,
    "BELKINHighVoltageTransferMin": 0x0086005E,
    "BELKINControls": 0x00860027,
    "BELKINLoadOn": 0x00860050,
    "BELKINLoadOff": 0x00860051,
    "BELKINLoadToggle": 0x00860052,
    "BELKINDelayBeforeReboot": 0x00860055,
    "BELKINDelayBeforeStartup": 0x00860056,
    "BELKINDelayBeforeShutdown": 0x00860057,
    "BELKINTest": 0x00860058,
    "BELKINAudibleAlarmControl": 0x0086005A,
    "BELKINDevice": 0x00860029,
    "BELKINVoltageSensitivity": 0x00860074,
    "BELKINModelString": 0x00860075,
    "BELKINModelStringOffset": 0x00860076,
    "BELKINUPSType": 0x0086007C,
    "BELKINPowerState": 0x0086002A,
    "BELKINInput": 0x0086001A,
    "BELKINOutput": 0x0086001C,
    "BELKINBatterySystem": 0x00860010,
    "BELKINVoltage": 0x00860030,
    "BELKINFrequency": 0x00860032,
    "BELKINPower": 0x00860034,
    "BELKINPercentLoad": 0x00860035,
    "BELKINTemperature": 0x00860036,
    "BELKINCharge": 0x00860039,
    "BELKINRunTimeToEmpty": 0x0086006C,
    "BELKINStatus": 0x00860028,
    "BELKINBatteryStatus": 0x00860022,
    "BELKINPowerStatus": 0x00860021,
}

ROWS: tuple[Row, ...] = (
    # battery
    var("battery.charge", "UPS.BELKINBatterySystem.BELKINCharge", "%.0f"),
    var("battery.charge.low", "UPS.PowerSummary.RemainingCapacityLimit", "%.0f"),
    var("battery.charge.warning", "UPS.PowerSummary.WarningCapacityLimit", "%.0f"),
    var("battery.runtime", "UPS.PowerSummary.RunTimeToEmpty", "%.0f"),
    var("battery.type", "UPS.PowerSummary.iDeviceChemistry", STRINGID),
    var("battery.voltage", "UPS.BELKINBatterySystem.BELKINVoltage", DIVIDE_BY_10),
    var("battery.voltage.nominal", "UPS.BELKINConfig.BELKINConfigBatteryVoltage", "%.0f"),
    # input
    var("input.frequency", "UPS.BELKINPowerState.BELKINInput.BELKINFrequency", DIVIDE_BY_10),
    var("input.frequency.nominal", "UPS.BELKINConfig.BELKINConfigFrequency", "%.0f"),
    var("input.sensitivity", "UPS.BELKINDevice.BELKINVoltageSensitivity", BELKIN_SENSITIVITY, length=10),
    var("input.transfer.high", "UPS.BELKINConfig.BELKINHighVoltageTransfer", "%.0f", length=10),
    var("input.transfer.high.max", "UPS.BELKINConfig.BELKINHighVoltageTransferMax", "%.0f"),
    var("input.transfer.high.min", "UPS.BELKINConfig.BELKINHighVoltageTransferMin", "%.0f"),
    var("input.transfer.low", "UPS.BELKINConfig.BELKINLowVoltageTransfer", "%.0f", length=10),
    var("input.transfer.low.max", "UPS.BELKINConfig.BELKINLowVoltageTransferMax", "%.0f"),
    var("input.transfer.low.min", "UPS.BELKINConfig.BELKINLowVoltageTransferMin", "%.0f"),
    var("input.voltage", "UPS.BELKINPowerState.BELKINInput.BELKINVoltage", DIVIDE_BY_10),
    var("input.voltage.nominal", "UPS.BELKINConfig.BELKINConfigVoltage", "%.0f"),
    var("output.frequency", "UPS.BELKINPowerState.BELKINOutput.BELKINFrequency", DIVIDE_BY_10),
    var("output.voltage", "UPS.BELKINPowerState.BELKINOutput.BELKINVoltage", DIVIDE_BY_10),
    # ups
    var("ups.beeper.status", "UPS.BELKINControls.BELKINAudibleAlarmControl", BEEPER),
    kept("ups.delay.start", "UPS.BELKINControls.BELKINDelayBeforeStartup", "30", 10),
    kept("ups.delay.shutdown", "UPS.BELKINControls.BELKINDelayBeforeShutdown", "20", 10),
    var("ups.timer.start", "UPS.BELKINControls.BELKINDelayBeforeStartup", "%.0f", QUICK),
    var("ups.timer.shutdown", "UPS.BELKINControls.BELKINDelayBeforeShutdown", "%.0f", QUICK),
    var("ups.timer.reboot", "UPS.BELKINControls.BELKINDelayBeforeReboot", "%.0f", QUICK),
    var("ups.firmware", "UPS.BELKINDevice.BELKINUPSType", BELKIN_FIRMWARE),
    var("ups.load", "UPS.BELKINPowerState.BELKINOutput.BELKINPercentLoad", "%.0f"),
    var("ups.load.high", "UPS.BELKINConfig.BELKINConfigOverloadTransfer", "%.0f"),
    var("ups.mfr.date", "UPS.PowerSummary.ManufacturerDate", DATE),
    var("ups.power.nominal", "UPS.BELKINConfig.BELKINConfigApparentPower", "%.0f"),
    var("ups.serial", "UPS.PowerSummary.iSerialNumber", STRINGID),
    var("ups.test.result", "UPS.BELKINControls.BELKINTest", BELKIN_TEST),
    var("ups.type", "UPS.BELKINDevice.BELKINUPSType", BELKIN_UPSTYPE),
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", "%.0f", QUICK),
    var("input.frequency", "UPS.Input.Frequency", DIVIDE_BY_10),
    var("input.voltage", "UPS.Input.Voltage", LIEBERT_LINE_VOLTAGE),
    var("output.voltage", "UPS.Output.Voltage", LIEBERT_LINE_VOLTAGE),
    var("battery.voltage", "UPS.PowerSummary.Voltage", LIEBERT_LINE_VOLTAGE),
    var("battery.voltage.nominal", "UPS.PowerSummary.ConfigVoltage", LIEBERT_CONFIG_VOLTAGE, STATIC),
    var("ups.load", "UPS.Output.PercentLoad", "%.0f"),
    # input
    var("input.voltage.nominal", "UPS.Flow.ConfigVoltage", "%.0f"),
    var("input.frequency", "UPS.PowerConverter.Input.Frequency", DIVIDE_BY_100),
    var("input.voltage", "UPS.PowerConverter.Input.Voltage", LIEBERT_LINE_VOLTAGE),
    # output
    var("output.voltage.nominal", "UPS.Flow.ConfigVoltage", "%.0f"),
    var("output.frequency", "UPS.PowerConverter.Output.Frequency", DIVIDE_BY_100),
    var("output.voltage", "UPS.PowerConverter.Output.Voltage", LIEBERT_LINE_VOLTAGE),
    var("ups.load", "UPS.OutletSystem.Outlet.PercentLoad", "%.0f"),
    # battery
    var("battery.voltage", "UPS.BatterySystem.Battery.Voltage", LIEBERT_LINE_VOLTAGE),
    var("battery.voltage.nominal", "UPS.BatterySystem.Battery.ConfigVoltage", "%.0f"),
    var("battery.capacity", "UPS.Flow.ConfigApparentPower", "%.0f"),
    # status
    status("UPS.PowerSummary.Discharging", LIEBERT_DISCHARGING, QUICK),
    status("UPS.PowerSummary.Charging", LIEBERT_CHARGING, QUICK),
    status("UPS.PowerSummary.ShutdownImminent", LIEBERT_SHUTDOWNIMM),
    status("UPS.PowerSummary.ACPresent", LIEBERT_ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.Discharging", LIEBERT_DISCHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Charging", LIEBERT_CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.ShutdownImminent", LIEBERT_SHUTDOWNIMM),
    status("UPS.PowerSummary.PresentStatus.ACPresent", LIEBERT_ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.NeedReplacement", LIEBERT_REPLACEBATT, QUICK),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LIEBERT_LOWBATT, QUICK),
    status("UPS.BELKINStatus.BELKINPowerStatus", BELKIN_OVERLOAD),
    status("UPS.BELKINStatus.BELKINPowerStatus", BELKIN_OVERHEAT),
    status("UPS.BELKINStatus.BELKINPowerStatus", BELKIN_COMMFAULT),
    status("UPS.BELKINStatus.BELKINPowerStatus", BELKIN_AWAITINGPOWER),
    status("UPS.BELKINStatus.BELKINPowerStatus", BELKIN_ONLINE, QUICK),
    status("UPS.BELKINStatus.BELKINBatteryStatus", BELKIN_DEPLETED, QUICK),
    status("UPS.BELKINStatus.BELKINBatteryStatus", BELKIN_REPLACEBATT),
    status("UPS.BELKINStatus.BELKINBatteryStatus", BELKIN_LOWBATT, QUICK),
    # commands
    command("test.battery.start.quick", "UPS.BELKINControls.BELKINTest", "1"),
    command("test.battery.start.deep", "UPS.BELKINControls.BELKINTest", "2"),
    command("test.battery.stop", "UPS.BELKINControls.BELKINTest", "3"),
    command("beeper.on", "UPS.BELKINControls.BELKINAudibleAlarmControl", "2"),
    command("beeper.off", "UPS.BELKINControls.BELKINAudibleAlarmControl", "3"),
    command("beeper.disable", "UPS.BELKINControls.BELKINAudibleAlarmControl", "1"),
    command("beeper.enable", "UPS.BELKINControls.BELKINAudibleAlarmControl", "2"),
    command("beeper.mute", "UPS.BELKINControls.BELKINAudibleAlarmControl", "3"),
    command("load.off", "UPS.BELKINControls.BELKINDelayBeforeShutdown", "1"),
    command("load.on", "UPS.BELKINControls.BELKINDelayBeforeStartup", "1"),
    command("load.off.delay", "UPS.BELKINControls.BELKINDelayBeforeShutdown", "20"),
    command("load.on.delay", "UPS.BELKINControls.BELKINDelayBeforeStartup", "30"),
    command("shutdown.stop", "UPS.BELKINControls.BELKINDelayBeforeShutdown", "-1"),
    command("shutdown.reboot", "UPS.BELKINControls.BELKINDelayBeforeReboot", "10"),
)

BELKIN = Subdriver(
    key="belkin",
    name="Belkin/Liebert HID 0.23",
    maker="Belkin/Liebert",
    matches=(
        Match(_BELKIN, 0x0980),  # F6C800-UNV
        Match(_BELKIN, 0x0900),  # F6C900-UNV
        Match(_BELKIN, 0x0910),  # F6C100-UNV
        Match(_BELKIN, 0x0912),  # F6C120-UNV
        Match(_BELKIN, 0x0551),  # F6C550-AVR
        Match(_BELKIN, 0x0750),  # F6C1250-TW-RK
        Match(_BELKIN, 0x0751),  # F6C1500-TW-RK
        Match(_BELKIN, 0x0375),  # F6H375-USB
        Match(_BELKIN, 0x0F51),  # Regulator PRO-USB
        Match(_BELKIN, 0x1100),  # F6C1100-UNV, F6C1200-UNV
        Match(_LIEBERT, 0x0000),  # GXT4
        Match(_LIEBERT, 0x0001),  # PowerSure PSA
        # PowerSure PST, PSI5: the power device is the second interface, the first says nothing of use
        Match(_LIEBERT, 0x0002, {"usb_hid_rep_index": "1"}),
        Match(_LIEBERT, 0x0004),  # PowerSure PSI 1440
        Match(_LIEBERT, 0x0008),  # GXT3
    ),
    rows=ROWS,
    usages=USAGES,
    model=_model,
    mfr=_maker,
    serial=_serial,
    refused={(_BELKIN, 0x0218): ""},  # a USB hub
)

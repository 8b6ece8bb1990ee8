# SPDX-License-Identifier: GPL-2.0-or-later
"""PowerCOM: Imperial, Smart KING Pro, WOW, Vanguard, Black Knight Pro.

Facts learned from NUT's drivers/powercom-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from collections.abc import Mapping

from ridethrough.drivers.hid.conversions import (
    BOOST,
    CHARGING,
    COMMFAULT,
    DATE,
    DISCHARGING,
    LOWBATT,
    NOBATTERY,
    ONLINE,
    OVERLOAD,
    REPLACEBATT,
    SHUTDOWNIMM,
    STRINGID,
    TEST_READ,
    TIMELIMITEXPIRED,
    TRIM,
)
from ridethrough.drivers.hid.rows import (
    QUICK,
    STATIC,
    Match,
    Row,
    Subdriver,
    command,
    kept,
    maker_or,
    status,
    var,
)
from ridethrough.drivers.hid.tables.powercom_words import (
    POWERCOM_BEEPER,
    POWERCOM_BOOST,
    POWERCOM_HACK_VOLTAGE,
    POWERCOM_LOWBATT,
    POWERCOM_ONLINE,
    POWERCOM_OVERLOAD,
    POWERCOM_REPLACEBATT,
    POWERCOM_SHUTDOWN,
    POWERCOM_SHUTDOWNIMM,
    POWERCOM_STARTUP,
    POWERCOM_STAYOFF,
    POWERCOM_TEST,
    POWERCOM_TRIM,
    POWERCOM_UPSFAIL,
    POWERCOM_VOLTAGE,
)

USAGES: Mapping[str, int] = {
    "PowercomUPS": 0x00020004,
    "PowercomBatterySystem": 0x00020010,
    "PowercomPowerConverter": 0x00020016,
    "PowercomInput": 0x0002001A,
    "PowercomOutput": 0x0002001C,
    "PowercomVoltage": 0x00020030,
    "PowercomFrequency": 0x00020032,
    "PowercomPercentLoad": 0x00020035,
    "PowercomTemperature": 0x00020036,
    "PowercomDelayBeforeStartup": 0x00020056,
    "PowercomDelayBeforeShutdown": 0x00020057,
    "PowercomTest": 0x00020058,
    "PowercomShutdownRequested": 0x00020068,
    "PowercomInternalChargeController": 0x00020081,
    "PowercomPrimaryBatterySupport": 0x00020082,
    "PowercomDesignCapacity": 0x00020083,
    "PowercomSpecificationInfo": 0x00020084,
    "PowercomManufacturerDate": 0x00020085,
    "PowercomSerialNumber": 0x00020086,
    "PowercomManufacturerName": 0x00020087,
    "POWERCOM1": 0x0084002F,
    "POWERCOM2": 0xFF860060,
    "POWERCOM3": 0xFF860080,
    "PCMDelayBeforeStartup": 0x00FF0056,
    "PCMDelayBeforeShutdown": 0x00FF0057,
}

ROWS: tuple[Row, ...] = (
    # status
    status("UPS.PowerSummary.PresentStatus.ACPresent", ONLINE),
    status("UPS.PowerSummary.PresentStatus.BatteryPresent", NOBATTERY),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LOWBATT),
    status("UPS.PowerSummary.PresentStatus.Charging", CHARGING),
    status("UPS.PowerSummary.PresentStatus.CommunicationLost", COMMFAULT),
    status("UPS.PowerSummary.PresentStatus.Discharging", DISCHARGING),
    status("UPS.PowerSummary.PresentStatus.NeedReplacement", REPLACEBATT),
    status("UPS.PowerSummary.PresentStatus.Overload", OVERLOAD),
    status("UPS.PowerSummary.PresentStatus.RemainingTimeLimitExpired", TIMELIMITEXPIRED),
    status("UPS.PowerSummary.PresentStatus.ShutdownImminent", SHUTDOWNIMM),
    status("UPS.PresentStatus.ACPresent", ONLINE),
    status("UPS.PresentStatus.BatteryPresent", NOBATTERY),
    status("UPS.PresentStatus.BelowRemainingCapacityLimit", LOWBATT),
    status("UPS.PresentStatus.Boost", BOOST),
    status("UPS.PresentStatus.Buck", TRIM),
    status("UPS.PresentStatus.Charging", CHARGING),
    status("UPS.PresentStatus.CommunicationLost", COMMFAULT),
    status("UPS.PresentStatus.Discharging", DISCHARGING),
    status("UPS.PresentStatus.NeedReplacement", REPLACEBATT),
    status("UPS.PresentStatus.Overload", OVERLOAD),
    status("UPS.PresentStatus.RemainingTimeLimitExpired", TIMELIMITEXPIRED),
    status("UPS.PresentStatus.ShutdownImminent", SHUTDOWNIMM),
    # battery
    var(
        "battery.voltage",
        "UPS.PowerSummary.PresentStatus.ACPresent",
        POWERCOM_HACK_VOLTAGE,
    ),
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", "%.0f"),
    var("battery.charge", "UPS.Battery.RemainingCapacity", "%.0f"),
    var("battery.charge.low", "UPS.PowerSummary.RemainingCapacityLimit", "%.0f"),
    var("battery.charge.warning", "UPS.PowerSummary.WarningCapacityLimit", "%.0f"),
    var("battery.runtime", "UPS.PowerSummary.RunTimeToEmpty", "%.0f"),
    var("battery.mfr.date", "UPS.Battery.ManufacturerDate", DATE, STATIC),
    var("battery.type", "UPS.PowerSummary.iDeviceChemistry", STRINGID, STATIC),
    # ups
    var("ups.beeper.status", "UPS.PowerSummary.AudibleAlarmControl", POWERCOM_BEEPER),
    var("ups.beeper.status", "UPS.AudibleAlarmControl", POWERCOM_BEEPER),
    var("ups.load", "UPS.Output.PercentLoad", "%.0f"),
    var("ups.date", "UPS.PowerSummary.ManufacturerDate", DATE, STATIC),
    var("ups.test.result", "UPS.Battery.Test", TEST_READ),
    kept("ups.delay.start", "UPS.PowerSummary.DelayBeforeStartup", "60", 8),
    var("ups.timer.start", "UPS.PowerSummary.DelayBeforeStartup", POWERCOM_STARTUP),
    kept("ups.delay.shutdown", "UPS.PowerSummary.DelayBeforeShutdown", "20", 8),
    var("ups.timer.shutdown", "UPS.PowerSummary.DelayBeforeShutdown", POWERCOM_SHUTDOWN, QUICK),
    kept("ups.delay.shutdown", "UPS.PowerSummary.PCMDelayBeforeShutdown", "20", 8),
    var("ups.timer.shutdown", "UPS.PowerSummary.PCMDelayBeforeShutdown", POWERCOM_SHUTDOWN, QUICK),
    # input
    var("input.voltage", "UPS.Input.Voltage", "%.1f"),
    var("input.voltage.nominal", "UPS.Input.ConfigVoltage", "%.0f", STATIC),
    var("input.frequency", "UPS.Input.Frequency", "%.1f"),
    # output
    var("output.voltage", "UPS.Output.Voltage", "%.1f"),
    var("output.voltage.nominal", "UPS.Output.ConfigVoltage", "%.0f", STATIC),
    var("output.frequency", "UPS.Output.Frequency", "%.1f"),
    # commands
    command("beeper.toggle", "UPS.PowerSummary.AudibleAlarmControl", "1"),
    command("beeper.enable", "UPS.PowerSummary.AudibleAlarmControl", "1"),
    command("beeper.disable", "UPS.PowerSummary.AudibleAlarmControl", "0"),
    command("test.battery.start.quick", "UPS.Battery.Test", "1"),
    command("load.on.delay", "UPS.PowerSummary.DelayBeforeStartup", None, POWERCOM_STARTUP),
    command("shutdown.return", "UPS.PowerSummary.DelayBeforeShutdown", None, POWERCOM_SHUTDOWN),
    command("shutdown.stayoff", "UPS.PowerSummary.DelayBeforeShutdown", None, POWERCOM_STAYOFF),
    command("load.on", "UPS.PowerSummary.PCMDelayBeforeStartup", "0", POWERCOM_STARTUP),
    command("load.off", "UPS.PowerSummary.PCMDelayBeforeShutdown", "0", POWERCOM_STAYOFF),
    command("shutdown.return", "UPS.PowerSummary.PCMDelayBeforeShutdown", None, POWERCOM_SHUTDOWN),
    command("shutdown.stayoff", "UPS.PowerSummary.PCMDelayBeforeShutdown", None, POWERCOM_STAYOFF),
    # ups
    var("ups.serial", "PowercomUPS.PowercomSerialNumber", STRINGID),
    var("ups.mfr", "PowercomUPS.PowercomManufacturerName", STRINGID),
    var("ups.mfr.date", "PowercomUPS.PowercomManufacturerDate", DATE),
    # battery
    var("battery.temperature", "PowercomUPS.PowercomBatterySystem.PowercomTemperature", "%.0f"),
    var("battery.temperature", "UPS.Battery.Temperature", "%.1f"),
    var("battery.charge", "PowercomUPS.PowercomBatterySystem.PowercomVoltage", "%.0f"),
    var("input.frequency", "PowercomUPS.PowercomPowerConverter.PowercomInput.PowercomFrequency", "%.0f"),
    var(
        "input.voltage", "PowercomUPS.PowercomPowerConverter.PowercomInput.PowercomVoltage", POWERCOM_VOLTAGE
    ),
    var(
        "output.voltage",
        "PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomVoltage",
        POWERCOM_VOLTAGE,
    ),
    var("ups.load", "PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomPercentLoad", "%.0f"),
    # status
    status(
        "PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomInternalChargeController",
        POWERCOM_UPSFAIL,
        QUICK,
    ),
    status(
        "PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomInternalChargeController",
        POWERCOM_REPLACEBATT,
        QUICK,
    ),
    status(
        "PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomInternalChargeController",
        POWERCOM_TEST,
        QUICK,
    ),
    status(
        "PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomInternalChargeController",
        POWERCOM_SHUTDOWNIMM,
        QUICK,
    ),
    status(
        "PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomPrimaryBatterySupport",
        POWERCOM_ONLINE,
        QUICK,
    ),
    status(
        "PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomPrimaryBatterySupport",
        POWERCOM_LOWBATT,
        QUICK,
    ),
    status(
        "PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomPrimaryBatterySupport",
        POWERCOM_TRIM,
        QUICK,
    ),
    status(
        "PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomPrimaryBatterySupport",
        POWERCOM_BOOST,
        QUICK,
    ),
    status(
        "PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomPrimaryBatterySupport",
        POWERCOM_OVERLOAD,
        QUICK,
    ),
    var("output.frequency", "PowercomUPS.PowercomPowerConverter.PowercomOutput.PowercomFrequency", "%.0f"),
    # ups
    var("ups.test.result", "PowercomUPS.PowercomPowerConverter.PowercomTest", TEST_READ),
    var("ups.delay.shutdown", "PowercomUPS.PowercomPowerConverter.PowercomDelayBeforeShutdown", "%.0f"),
    var("ups.delay.start", "PowercomUPS.PowercomPowerConverter.PowercomDelayBeforeStartup", "%.0f"),
    command("load.off", "PowercomUPS.PowercomPowerConverter.PowercomDelayBeforeShutdown", "0"),
)

POWERCOM = Subdriver(
    key="powercom",
    name="PowerCOM HID 0.75",
    maker="PowerCOM",
    matches=(
        Match(0x0D9F, 0x00A2),  # Imperial
        Match(0x0D9F, 0x00A3),  # Smart KING Pro
        Match(0x0D9F, 0x00A4),  # WOW
        Match(0x0D9F, 0x00A5),  # Vanguard
        Match(0x0D9F, 0x00A6),  # Black Knight Pro
        Match(0x0D9F, 0x0004),  # Vanguard, BNT-xxxAP
        Match(0x0D9F, 0x0001, {"interruptonly": "", "interruptsize": "8"}),
    ),
    rows=ROWS,
    usages=USAGES,
    mfr=maker_or("PowerCOM"),
    refused={(0x0D9F, 0x0002): "powercom"},
)

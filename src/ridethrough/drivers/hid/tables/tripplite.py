# SPDX-License-Identifier: GPL-2.0-or-later
"""Tripp Lite, and what it makes for HP and Delta/Minuteman.

Facts learned from NUT's drivers/tripplite-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from collections.abc import Mapping

from ridethrough.drivers.hid.conversions import (
    AWAITINGPOWER,
    BEEPER,
    BOOST,
    CHARGING,
    COMMFAULT,
    DEPLETED,
    DISCHARGING,
    FULLYCHARGED,
    KELVIN_CELSIUS,
    LOWBATT,
    ONLINE,
    OVERHEAT,
    OVERLOAD,
    REPLACEBATT,
    SHUTDOWNIMM,
    STRINGID,
    TEST_READ,
    TRIM,
    VRANGE,
    reading,
    scaled_by_memory,
)
from ridethrough.drivers.hid.rows import (
    QUICK,
    SEMI,
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

_TRIPPLITE = 0x09AE
_HP = 0x03F0
_DELTA = 0x05DD
_BATTERY, _VOLTS, _HERTZ, _AMPERES = "battery factor", "voltage factor", "frequency factor", "current factor"
_NO_CHEMISTRY = (0x1003, 0x2005)  # AVR550U, OMNI1000LCD: the string's index is wrong


def _tenths(context: Context) -> Mapping[str, str]:
    """Battery voltages told ten times too high."""
    context.memory[_BATTERY] = 0.1
    return {}


def _lcdt(context: Context) -> Mapping[str, str]:
    """Unit exponents that are wrong throughout (newer Smart1500LCD, AVR750U)."""
    context.memory.update({_BATTERY: 1e5, _VOLTS: 1e5, _HERTZ: 0.01, _AMPERES: 0.01})
    return {}


def _chemistry(value: float, context: Context) -> str | None:
    return "unknown" if context.product_id in _NO_CHEMISTRY else context.string(int(value))


TRIPPLITE_CHEMISTRY = reading("chemistry", _chemistry)
TRIPPLITE_BATTVOLT = scaled_by_memory("battery voltage", _BATTERY)
TRIPPLITE_IOVOLT = scaled_by_memory("line voltage", _VOLTS)
TRIPPLITE_IOFREQ = scaled_by_memory("line frequency", _HERTZ)
TRIPPLITE_IOAMP = scaled_by_memory("line current", _AMPERES)

USAGES: Mapping[str, int] = {
    "TLCustom": 0xFFFF0010,
    "TLDelayBeforeStartup": 0xFFFF0056,
    "TLLowVoltageTransferMax": 0xFFFF0057,
    "TLLowVoltageTransferMin": 0xFFFF0058,
    "TLHighVoltageTransferMax": 0xFFFF0059,
    "TLHighVoltageTransferMin": 0xFFFF005A,
    "OutletState": 0xFFFF007A,
    "OutletCount": 0xFFFF007B,
    "UPSFirmwareVersion": 0xFFFF007C,
    "CommunicationProtocolVersion": 0xFFFF007D,
    "CommunicationVersion": 0xFFFF007E,
    "iUPSPartNumber": 0xFFFF007F,
    "AutoOnDelay": 0xFFFF0080,
    "TLWatchdog": 0xFFFF0092,
    "TLOutletsAvailableMask": 0xFFFF0095,
    "TLOutletsStatusMask": 0xFFFF0096,
    "TLCharging": 0x00840044,
    "TLDischarging": 0x00840045,
    "TLNeedReplacement": 0x0084004B,
    "TLACPresent": 0x008400D0,
}

ROWS: tuple[Row, ...] = (
    var("device.part", "UPS.TLCustom.[1].iUPSPartNumber", STRINGID, STATIC),
    # battery
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", "%.0f"),
    var("battery.charge", "UPS.BatterySystem.Battery.RemainingCapacity", "%.0f"),
    var("battery.charge.low", "UPS.PowerSummary.RemainingCapacityLimit", "%.0f", SEMI, length=5),
    var("battery.charge.warning", "UPS.PowerSummary.WarningCapacityLimit", "%.0f"),
    var("battery.runtime", "UPS.PowerSummary.RunTimeToEmpty", "%.0f"),
    var("battery.voltage.nominal", "UPS.BatterySystem.Battery.ConfigVoltage", "%.1f", STATIC),
    var("battery.voltage", "UPS.BatterySystem.Battery.Voltage", TRIPPLITE_BATTVOLT),
    var("battery.type", "UPS.PowerSummary.iDeviceChemistry", TRIPPLITE_CHEMISTRY, STATIC),
    var("battery.temperature", "UPS.BatterySystem.Temperature", KELVIN_CELSIUS),
    # ups
    kept("ups.delay.start", "UPS.OutletSystem.Outlet.DelayBeforeStartup", "30", 10),
    kept("ups.delay.start", "UPS.OutletSystem.Outlet.TLDelayBeforeStartup", "30", 10),
    kept("ups.delay.shutdown", "UPS.OutletSystem.Outlet.DelayBeforeShutdown", "20", 10),
    var("ups.timer.start", "UPS.OutletSystem.Outlet.DelayBeforeStartup", "%.0f", QUICK),
    var("ups.timer.start", "UPS.OutletSystem.Outlet.TLDelayBeforeStartup", "%.0f", QUICK),
    var("ups.timer.shutdown", "UPS.OutletSystem.Outlet.DelayBeforeShutdown", "%.0f", QUICK),
    var("ups.timer.reboot", "UPS.OutletSystem.Outlet.DelayBeforeReboot", "%.0f", QUICK),
    var("ups.test.result", "UPS.BatterySystem.Test", TEST_READ),
    var("ups.beeper.status", "UPS.PowerSummary.AudibleAlarmControl", BEEPER),
    var("ups.power.nominal", "UPS.Flow.ConfigApparentPower", "%.0f", STATIC),
    var("ups.power", "UPS.OutletSystem.Outlet.ActivePower", "%.1f"),
    var("ups.power", "UPS.PowerConverter.Output.ActivePower", "%.1f"),
    var("ups.load", "UPS.OutletSystem.Outlet.PercentLoad", "%.0f"),
    var("ups.firmware", "UPS.TLCustom.[1].UPSFirmwareVersion", "%.0f", STATIC),
    var("ups.watchdog.status", "UPS.OutletSystem.Outlet.TLWatchdog", "%.0f"),
    # status
    status("UPS.PowerSummary.PresentStatus.InternalFailure", COMMFAULT),
    status("UPS.PowerSummary.PresentStatus.ShutdownImminent", SHUTDOWNIMM),
    status("UPS.PowerSummary.PresentStatus.ACPresent", ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LOWBATT, QUICK),
    status("UPS.PowerSummary.PresentStatus.FullyCharged", FULLYCHARGED, QUICK),
    status("UPS.PowerSummary.PresentStatus.Charging", CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Discharging", DISCHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.FullyDischarged", DEPLETED, QUICK),
    status("UPS.PowerSummary.PresentStatus.NeedReplacement", REPLACEBATT),
    status("UPS.PowerSummary.PresentStatus.TLACPresent", ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.TLDischarging", DISCHARGING, QUICK),
    var("ups.load.nominal", "UPS.Flow.ConfigPercentLoad", "%.0f"),
    status("UPS.PowerSummary.PresentStatus.TLCharging", CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.TLNeedReplacement", REPLACEBATT),
    status("UPS.PowerConverter.PresentStatus.VoltageOutOfRange", VRANGE),
    status("UPS.PowerConverter.PresentStatus.Buck", TRIM),
    status("UPS.PowerConverter.PresentStatus.Boost", BOOST),
    status("UPS.PowerConverter.PresentStatus.Overload", OVERLOAD),
    status("UPS.PowerConverter.PresentStatus.OverTemperature", OVERHEAT),
    status("UPS.PowerConverter.PresentStatus.InternalFailure", COMMFAULT),
    status("UPS.PowerConverter.PresentStatus.AwaitingPower", AWAITINGPOWER),
    # input
    var("input.voltage.nominal", "UPS.PowerSummary.Input.ConfigVoltage", "%.0f", STATIC),
    var("input.voltage", "UPS.PowerSummary.Input.Voltage", TRIPPLITE_IOVOLT),
    var("input.voltage", "UPS.PowerConverter.Input.Voltage", TRIPPLITE_IOVOLT),
    var("input.frequency", "UPS.PowerConverter.Input.Frequency", TRIPPLITE_IOFREQ),
    var("input.transfer.low", "UPS.PowerConverter.Output.LowVoltageTransfer", "%.1f", SEMI, length=5),
    var("input.transfer.low.max", "UPS.PowerConverter.Output.TLLowVoltageTransferMax", "%.0f", STATIC),
    var("input.transfer.low.min", "UPS.PowerConverter.Output.TLLowVoltageTransferMin", "%.0f", STATIC),
    var("input.transfer.high", "UPS.PowerConverter.Output.HighVoltageTransfer", "%.1f", SEMI, length=5),
    var("input.transfer.high.max", "UPS.PowerConverter.Output.TLHighVoltageTransferMax", "%.0f", STATIC),
    var("input.transfer.high.min", "UPS.PowerConverter.Output.TLHighVoltageTransferMin", "%.0f", STATIC),
    # output
    var("output.voltage.nominal", "UPS.Flow.ConfigVoltage", "%.0f", STATIC),
    var("output.voltage", "UPS.PowerConverter.Output.Voltage", TRIPPLITE_IOVOLT),
    var("output.voltage", "UPS.PowerSummary.Voltage", TRIPPLITE_IOVOLT),
    var("output.current", "UPS.PowerConverter.Output.Current", TRIPPLITE_IOAMP),
    var("output.frequency.nominal", "UPS.Flow.ConfigFrequency", "%.0f", STATIC),
    var("output.frequency", "UPS.PowerConverter.Output.Frequency", TRIPPLITE_IOFREQ),
    # commands
    command("test.battery.start.quick", "UPS.BatterySystem.Test", "1"),
    command("test.battery.start.deep", "UPS.BatterySystem.Test", "2"),
    command("test.battery.stop", "UPS.BatterySystem.Test", "3"),
    command("load.off.delay", "UPS.OutletSystem.Outlet.DelayBeforeShutdown", "20"),
    command("load.on.delay", "UPS.OutletSystem.Outlet.DelayBeforeStartup", "30"),
    command("load.on.delay", "UPS.OutletSystem.Outlet.TLDelayBeforeStartup", "30"),
    command("shutdown.stop", "UPS.OutletSystem.Outlet.DelayBeforeShutdown", "-1"),
    command("shutdown.reboot", "UPS.OutletSystem.Outlet.DelayBeforeReboot", "10"),
    command("shutdown.reboot", "UPS.OutletSystem.Outlet.TLWatchdog", "10"),
    command("reset.watchdog", "UPS.OutletSystem.Outlet.TLWatchdog", "60"),
    command("beeper.on", "UPS.PowerSummary.AudibleAlarmControl", "2"),
    command("beeper.off", "UPS.PowerSummary.AudibleAlarmControl", "3"),
    command("beeper.disable", "UPS.PowerSummary.AudibleAlarmControl", "1"),
    command("beeper.enable", "UPS.PowerSummary.AudibleAlarmControl", "2"),
    command("beeper.mute", "UPS.PowerSummary.AudibleAlarmControl", "3"),
)

_TENTHS_IDS = (
    *(0x1003, 0x1007, 0x1008, 0x1009, 0x1010),  # AVR550U, AVR750U, ECO550UPS
    *(0x2005, 0x2007, 0x2008, 0x2009, 0x2010, 0x2011, 0x2012, 0x2013, 0x2014),  # OMNI, Smart1000LCD
)
_PLAIN_IDS = (
    0x1330,  # SU3000LCD2UHV
    *(0x3008, 0x3009, 0x3010, 0x3011, 0x3012, 0x3013, 0x3014, 0x3015),  # smart2200RMXL2U
    *(0x4001, 0x4002, 0x4003, 0x4004, 0x4005, 0x4006, 0x4007, 0x4008),  # SmartOnline
)
_HP_IDS = (
    *(0x0001, 0x1FE0, 0x1FE1, 0x1FE2, 0x1FE3),  # R1500 G2, G3; T750 G2; T1500 G3
    *(0x1F06, 0x1F08, 0x1F09, 0x1F0A),  # T750, T1000, T1500, R/T 2200 INTL
)

TRIPPLITE = Subdriver(
    key="tripplite",
    name="TrippLite HID 0.85",
    maker="TrippLite",
    matches=(
        *(Match(_TRIPPLITE, product, setup=_tenths) for product in _TENTHS_IDS),
        *(Match(_TRIPPLITE, product, setup=_lcdt) for product in (0x3016, 0x3024)),
        *(Match(_TRIPPLITE, product) for product in _PLAIN_IDS),
        *(Match(_HP, product) for product in _HP_IDS),
        Match(_DELTA, 0xA011),  # Minuteman Enterprise Plus E1500RM2U
        Match(_DELTA, 0xA0A0),  # Minuteman PRO1500RT2U
    ),
    rows=ROWS,
    usages=USAGES,
    strict=frozenset({_DELTA}),
    quiet=frozenset({_HP}),
    refused={(_TRIPPLITE, 0x0001): "tripplite_usb"},
    skipped_reports={(_TRIPPLITE, 0x1330): (0x54,)},  # asking for it upsets the SU3000LCD2UHV
)

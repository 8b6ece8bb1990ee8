# SPDX-License-Identifier: GPL-2.0-or-later
"""Delta: RT and Amplon R series.

Facts learned from NUT's drivers/delta_ups-hid.c (GPL-2.0-or-later).
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
    NOBATTERY,
    OFF,
    ONLINE,
    OVERHEAT,
    OVERLOAD,
    REPLACEBATT,
    SHUTDOWNIMM,
    STRINGID,
    TEST_READ,
    TRIM,
    VRANGE,
    YES_NO,
    reading,
    table,
)
from ridethrough.drivers.hid.rows import (
    QUICK,
    SEMI,
    STATIC,
    Context,
    Flags,
    Match,
    Row,
    Subdriver,
    command,
    maker_or,
    status,
    var,
)

_TYPES = {
    0: "online",
    1: "offline",
    2: "line-interactive",
    3: "offline",
    4: "line-interactive",
    5: "3-phase",
    6: "split-phase",
}

DELTA_UPS_SENSITIVITY = table("sensitivity", "normal", "reduced", "low")
DELTA_UPS_OUTPUT_SOURCE = table(
    "output source",
    "normal",
    "battery",
    "bypass/reserve",
    "reducing",
    "boosting",
    "manual bypass",
    "other",
    "no output",
    "on eco",
)
DELTA_UPS_TYPE = reading("type", lambda value, context: _TYPES.get(int(value) & 15))


def _model(context: Context) -> str | None:
    index = context.item("UPS.DeltaCustom.[1].DeltaModelName")
    return (context.string(int(index)) if index is not None else None) or context.product


USAGES: Mapping[str, int] = {
    "DELTA1": 0x00000000,
    "DELTA2": 0xFF000055,
    "DeltaCustom": 0xFFFF0010,
    "DELTA4": 0xFFFF0056,
    "DeltaConfigTransferLowMax": 0xFFFF0057,
    "DeltaConfigTransferLowMin": 0xFFFF0058,
    "DeltaConfigTransferHighMax": 0xFFFF0059,
    "DeltaConfigTransferHighMin": 0xFFFF005A,
    "DELTA9": 0xFFFF0060,
    "DeltaConfigExternalBatteryPack": 0xFFFF0061,
    "DELTA11": 0xFFFF0062,
    "DELTA12": 0xFFFF0063,
    "DELTA13": 0xFFFF0064,
    "DELTA14": 0xFFFF0065,
    "DELTA15": 0xFFFF0066,
    "DELTA16": 0xFFFF0067,
    "DELTA17": 0xFFFF0068,
    "DeltaModelName": 0xFFFF0075,
    "DELTA19": 0xFFFF0076,
    "DeltaUPSType": 0xFFFF007C,
    "DELTA21": 0xFFFF007D,
    "DeltaConfigStartPowerRestoreDelay": 0xFFFF0081,
    "DeltaOutputSource": 0xFFFF0091,
    "DELTA24": 0xFFFF0092,
    "DELTA25": 0xFFFF0093,
    "DELTA26": 0xFFFF0094,
    "DELTA27": 0xFFFF0095,
    "DELTA28": 0xFFFF0096,
    "DELTA29": 0xFFFF0097,
    "DELTA30": 0xFFFF0098,
    "DELTA31": 0xFFFF0099,
    "DELTA32": 0xFFFF009A,
    "DeltaConfigSensitivity": 0xFFFF009B,
    "DeltaConfigStartPowerRestore": 0xFFFF009C,
}

ROWS: tuple[Row, ...] = (
    # input
    var("input.sensitivity", "UPS.DeltaCustom.[1].DeltaConfigSensitivity", DELTA_UPS_SENSITIVITY, Flags.RW),
    var("input.voltage.nominal", "UPS.PowerSummary.Input.ConfigVoltage", "%.1f", SEMI),
    var("input.voltage", "UPS.PowerSummary.Input.Voltage", "%.1f", QUICK),
    var("input.voltage", "UPS.PowerConverter.Input.Voltage", "%.1f", QUICK),
    var("input.transfer.low", "UPS.PowerConverter.Output.LowVoltageTransfer", "%.1f", Flags.RW),
    var("input.transfer.high", "UPS.PowerConverter.Output.HighVoltageTransfer", "%.1f", Flags.RW),
    var("input.transfer.low.min", "UPS.PowerConverter.Output.DeltaConfigTransferLowMin", "%.1f", STATIC),
    var("input.transfer.low.max", "UPS.PowerConverter.Output.DeltaConfigTransferLowMax", "%.1f", STATIC),
    var("input.transfer.high.min", "UPS.PowerConverter.Output.DeltaConfigTransferHighMin", "%.1f", STATIC),
    var("input.transfer.high.max", "UPS.PowerConverter.Output.DeltaConfigTransferHighMax", "%.1f", STATIC),
    var("input.source", "UPS.OutletSystem.Outlet.DeltaOutputSource", DELTA_UPS_OUTPUT_SOURCE),
    var("input.frequency", "UPS.PowerConverter.Input.Frequency", "%.1f", QUICK),
    # battery
    var("battery.voltage.nominal", "UPS.BatterySystem.Battery.ConfigVoltage", "%.1f", STATIC),
    var("battery.voltage", "UPS.BatterySystem.Battery.Voltage", "%.1f", QUICK),
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", "%.0f", QUICK),
    var("battery.charge", "UPS.BatterySystem.Battery.RemainingCapacity", "%.0f"),
    var("battery.charge.low", "UPS.PowerSummary.RemainingCapacityLimit", "%.0f", SEMI, length=5),
    var("battery.charge.warning", "UPS.PowerSummary.WarningCapacityLimit", "%.0f", SEMI),
    var("battery.temperature", "UPS.BatterySystem.Temperature", KELVIN_CELSIUS, QUICK),
    var("battery.runtime", "UPS.PowerSummary.RunTimeToEmpty", "%.0f", QUICK),
    var("battery.type", "UPS.PowerSummary.iDeviceChemistry", STRINGID, STATIC),
    var("battery.capacity", "UPS.PowerSummary.DesignCapacity", "%.0f", SEMI),
    var("battery.capacity", "UPS.PowerSummary.FullChargeCapacity", "%.0f", SEMI),
    # output
    var("output.voltage.nominal", "UPS.Flow.ConfigVoltage", "%.1f", SEMI),
    var("output.frequency.nominal", "UPS.Flow.ConfigFrequency", "%.1f", SEMI),
    var("output.voltage", "UPS.PowerConverter.Output.Voltage", "%.1f", QUICK),
    var("output.frequency", "UPS.PowerConverter.Output.Frequency", "%.1f", QUICK),
    var("output.current", "UPS.PowerConverter.Output.Current", "%.1f", QUICK),
    # ups
    var("ups.beeper.status", "UPS.PowerSummary.AudibleAlarmControl", BEEPER, QUICK),
    var("ups.test.result", "UPS.BatterySystem.Test", TEST_READ),
    var("ups.type", "UPS.DeltaCustom.[1].DeltaUPSType", DELTA_UPS_TYPE, STATIC),
    var("ups.start.auto", "UPS.DeltaCustom.[1].DeltaConfigStartPowerRestore", YES_NO, Flags.RW),
    var("ups.power.nominal", "UPS.Flow.ConfigApparentPower", "%.0f", STATIC),
    var("ups.realpower", "UPS.OutletSystem.Outlet.ActivePower", "%.1f", QUICK),
    var("ups.realpower", "UPS.PowerConverter.Output.ActivePower", "%.1f", QUICK),
    var("ups.load", "UPS.OutletSystem.Outlet.PercentLoad", "%.1f", QUICK),
    var("ups.delay.start", "UPS.OutletSystem.Outlet.DeltaConfigStartPowerRestoreDelay", "%.0f", Flags.RW),
    var("ups.timer.start", "UPS.OutletSystem.Outlet.DelayBeforeStartup", "%.0f", QUICK),
    var("ups.timer.shutdown", "UPS.OutletSystem.Outlet.DelayBeforeShutdown", "%.0f", QUICK),
    var("ups.timer.reboot", "UPS.OutletSystem.Outlet.DelayBeforeReboot", "%.0f", QUICK),
    # status
    status("UPS.PowerSummary.PresentStatus.Good", OFF, QUICK),
    status("UPS.PowerSummary.PresentStatus.InternalFailure", COMMFAULT, QUICK),
    status("UPS.PowerSummary.PresentStatus.ShutdownImminent", SHUTDOWNIMM, QUICK),
    status("UPS.PowerSummary.PresentStatus.ACPresent", ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LOWBATT, QUICK),
    status("UPS.PowerSummary.PresentStatus.FullyCharged", FULLYCHARGED, QUICK),
    status("UPS.PowerSummary.PresentStatus.Charging", CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Discharging", DISCHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.FullyDischarged", DEPLETED, QUICK),
    status("UPS.PowerSummary.PresentStatus.NeedReplacement", REPLACEBATT, QUICK),
    status("UPS.PowerConverter.PresentStatus.VoltageOutOfRange", VRANGE, QUICK),
    status("UPS.PowerConverter.PresentStatus.Buck", TRIM, QUICK),
    status("UPS.PowerConverter.PresentStatus.Boost", BOOST, QUICK),
    status("UPS.PowerConverter.PresentStatus.Overload", OVERLOAD, QUICK),
    status("UPS.PowerConverter.PresentStatus.Used", NOBATTERY, QUICK),
    status("UPS.PowerConverter.PresentStatus.OverTemperature", OVERHEAT, QUICK),
    status("UPS.PowerConverter.PresentStatus.InternalFailure", COMMFAULT, QUICK),
    status("UPS.PowerConverter.PresentStatus.AwaitingPower", AWAITINGPOWER, QUICK),
    # commands
    command("beeper.on", "UPS.PowerSummary.AudibleAlarmControl", "2"),
    command("beeper.off", "UPS.PowerSummary.AudibleAlarmControl", "3"),
    command("beeper.enable", "UPS.PowerSummary.AudibleAlarmControl", "2"),
    command("beeper.disable", "UPS.PowerSummary.AudibleAlarmControl", "1"),
    command("beeper.mute", "UPS.PowerSummary.AudibleAlarmControl", "3"),
    command("test.battery.start.quick", "UPS.BatterySystem.Test", "1"),
    command("test.battery.start.deep", "UPS.BatterySystem.Test", "2"),
    command("test.battery.stop", "UPS.BatterySystem.Test", "3"),
    command("load.on.delay", "UPS.OutletSystem.Outlet.DelayBeforeStartup", "30"),
    command("load.off.delay", "UPS.OutletSystem.Outlet.DelayBeforeShutdown", "20"),
    command("shutdown.stop", "UPS.OutletSystem.Outlet.DelayBeforeShutdown", "-1"),
    command("shutdown.reboot", "UPS.OutletSystem.Outlet.DelayBeforeReboot", "10"),
)

DELTA_UPS = Subdriver(
    key="delta_ups",
    name="Delta UPS HID 0.6",
    maker="Delta",
    matches=(Match(0x05DD, 0x041B),),
    rows=ROWS,
    usages=USAGES,
    model=_model,
    mfr=maker_or("Delta"),
)

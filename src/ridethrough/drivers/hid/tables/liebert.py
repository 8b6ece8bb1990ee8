# SPDX-License-Identifier: GPL-2.0-or-later
"""Phoenixtec's vendor id: Liebert, PowerWalker, Salicru SOHO+ and whoever else buys there.

Facts learned from NUT's drivers/liebert-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from ridethrough.drivers.hid.conversions import (
    BEEPER,
    BOOST,
    CHARGING,
    COMMFAULT,
    DISCHARGING,
    LOWBATT,
    OFF,
    ONLINE,
    OVERLOAD,
    SHUTDOWNIMM,
    STRINGID,
    TEST_READ,
    TRIM,
)
from ridethrough.drivers.hid.rows import (
    QUICK,
    SEMI,
    Match,
    Row,
    Subdriver,
    command,
    kept,
    maker_or,
    status,
    var,
)

ROWS: tuple[Row, ...] = (
    var("battery.voltage", "UPS.PowerSummary.Voltage", "%.2f"),
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", "%.0f"),
    var("experimental.battery.capacity", "UPS.PowerSummary.FullChargeCapacity", "%.0f"),
    var("experimental.battery.capacity.nominal", "UPS.PowerSummary.DesignCapacity", "%.0f"),
    var("battery.runtime", "UPS.PowerSummary.RunTimeToEmpty", "%.0f"),
    var("battery.type", "UPS.PowerSummary.iDeviceChemistry", STRINGID),
    # ups
    var("ups.load", "UPS.PowerSummary.PercentLoad", "%.0f"),
    var("ups.power.nominal", "UPS.Flow.[4].ConfigApparentPower", "%.0f", SEMI),
    var("ups.test.result", "UPS.BatterySystem.Battery.Test", TEST_READ),
    var("ups.beeper.status", "UPS.PowerSummary.AudibleAlarmControl", BEEPER, SEMI),
    # output
    var("output.voltage", "UPS.PowerConverter.Output.Voltage", "%.1f"),
    var("output.voltage.nominal", "UPS.Flow.[4].ConfigVoltage", "%.0f", SEMI),
    var("output.frequency", "UPS.PowerConverter.Output.Frequency", "%.2f"),
    var("output.frequency.nominal", "UPS.Flow.[4].ConfigFrequency", "%.0f", SEMI),
    var("output.transfer.high", "UPS.PowerConverter.Output.HighVoltageTransfer", "%.1f", SEMI),
    var("output.transfer.low", "UPS.PowerConverter.Output.LowVoltageTransfer", "%.1f", SEMI),
    # input
    var("input.voltage", "UPS.PowerConverter.Input.[1].Voltage", "%.1f"),
    var("input.frequency", "UPS.PowerConverter.Input.[1].Frequency", "%.2f"),
    var("input.transfer.low", "UPS.PowerConverter.Output.ffff0057", "%.0f", SEMI),
    var("input.transfer.high", "UPS.PowerConverter.Output.ffff0058", "%.0f", SEMI),
    var("input.frequency.transfer.low", "UPS.PowerConverter.Output.ffff00f9", "%.0f", SEMI),
    var("input.frequency.transfer.high", "UPS.PowerConverter.Output.ffff00f8", "%.0f", SEMI),
    # status
    status("UPS.PowerSummary.PresentStatus.ACPresent", ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LOWBATT, QUICK),
    status("UPS.PowerSummary.PresentStatus.Charging", CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Discharging", DISCHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Overload", OVERLOAD, QUICK),
    status("UPS.PowerSummary.PresentStatus.Good", OFF, QUICK),
    status("UPS.PowerSummary.PresentStatus.InternalFailure", COMMFAULT, QUICK),
    status("UPS.PowerSummary.PresentStatus.ShutdownImminent", SHUTDOWNIMM, QUICK),
    status("UPS.PowerConverter.Input.[1].PresentStatus.Buck", TRIM),
    status("UPS.PowerConverter.Input.[1].PresentStatus.Boost", BOOST),
    kept("ups.delay.start", "UPS.PowerSummary.DelayBeforeStartup", "30", 10),
    kept("ups.delay.shutdown", "UPS.PowerSummary.DelayBeforeShutdown", "20", 10),
    # commands
    command("test.battery.start", "UPS.BatterySystem.Battery.Test", "1"),
    command("load.off.delay", "UPS.PowerSummary.DelayBeforeShutdown", "20"),
    command("load.on.delay", "UPS.PowerSummary.DelayBeforeStartup", "30"),
    command("shutdown.stop", "UPS.PowerSummary.DelayBeforeShutdown", "-1"),
    command("beeper.toggle", "UPS.PowerSummary.AudibleAlarmControl", "1"),
)

LIEBERT = Subdriver(
    key="liebert",
    name="Phoenixtec/Liebert HID 0.41",
    maker="Liebert",
    matches=(Match(0x06DA, 0xFFFF),),
    rows=ROWS,
    mfr=maker_or("Liebert"),
)

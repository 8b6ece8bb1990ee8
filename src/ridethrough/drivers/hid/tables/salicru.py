# SPDX-License-Identifier: GPL-2.0-or-later
"""Salicru: SPS and SLC TWIN series under its own vendor id.

Facts learned from NUT's drivers/salicru-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from ridethrough.drivers.hid.conversions import (
    BEEPER,
    BOOST,
    CHARGING,
    COMMFAULT,
    DISCHARGING,
    FULLYCHARGED,
    LOWBATT,
    ONLINE,
    OVERHEAT,
    OVERLOAD,
    STRINGID,
    TEST_READ,
    TIMELIMITEXPIRED,
)
from ridethrough.drivers.hid.rows import (
    QUICK,
    SEMI,
    STATIC,
    Match,
    Row,
    Subdriver,
    command,
    maker_or,
    status,
    var,
)

ROWS: tuple[Row, ...] = (
    # battery
    var("battery.type", "UPS.PowerSummary.iDeviceChemistry", STRINGID),
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", "%.0f"),
    var("battery.charge.warning", "UPS.PowerSummary.WarningCapacityLimit", "%.0f"),
    var("battery.charge.low", "UPS.PowerSummary.RemainingCapacityLimit", "%.0f", SEMI, length=10),
    var("battery.runtime", "UPS.PowerSummary.RunTimeToEmpty", "%.0f"),
    var("battery.runtime.low", "UPS.PowerSummary.RemainingTimeLimit", "%.0f", SEMI, length=10),
    var("battery.voltage.nominal", "UPS.PowerSummary.ConfigVoltage", "%.0f"),
    var("battery.voltage", "UPS.PowerSummary.Voltage", "%.2f"),
    # ups
    var("ups.load", "UPS.Output.PercentLoad", "%.0f"),
    var("ups.beeper.status", "UPS.PowerSummary.AudibleAlarmControl", BEEPER),
    var("ups.test.result", "UPS.Output.Test", TEST_READ),
    var("ups.realpower.nominal", "UPS.Output.ConfigActivePower", "%.0f"),
    # status
    status("UPS.PowerSummary.PresentStatus.ACPresent", ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.Charging", CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Discharging", DISCHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LOWBATT, QUICK),
    status("UPS.PowerSummary.PresentStatus.FullyCharged", FULLYCHARGED),
    status("UPS.PowerSummary.PresentStatus.RemainingTimeLimitExpired", TIMELIMITEXPIRED),
    status("UPS.Output.CommunicationLost", COMMFAULT),
    status("UPS.Output.Boost", BOOST),
    status("UPS.Output.Overload", OVERLOAD),
    # input
    var("input.frequency", "UPS.Input.Frequency", "%.1f"),
    var("input.voltage.nominal", "UPS.Input.ConfigVoltage", "%.0f"),
    var("input.voltage", "UPS.Input.Voltage", "%.1f"),
    var("input.transfer.high", "UPS.PowerConverter.Output.HighVoltageTransfer", "%.0f", STATIC),
    var("input.transfer.low", "UPS.PowerConverter.Output.LowVoltageTransfer", "%.0f", STATIC),
    # output
    var("output.frequency", "UPS.Output.Frequency", "%.1f"),
    var("output.voltage", "UPS.Output.Voltage", "%.1f"),
    var("output.voltage.nominal", "UPS.Output.ConfigVoltage", "%.0f"),
    # ups
    var("ups.load", "UPS.PowerSummary.PercentLoad", "%.0f"),
    var("ups.test.result", "UPS.BatterySystem.Battery.Test", TEST_READ),
    var("ups.realpower.nominal", "UPS.Flow.[4].ConfigActivePower", "%.0f"),
    var("ups.realpower", "UPS.PowerConverter.Output.ActivePower", "%.0f"),
    status("UPS.PowerSummary.PresentStatus.Overload", OVERLOAD),
    status("UPS.PowerSummary.PresentStatus.OverTemperature", OVERHEAT),
    var("input.frequency", "UPS.PowerConverter.Input.[1].Frequency", "%.1f"),
    var("input.voltage", "UPS.PowerConverter.Input.[1].Voltage", "%.1f"),
    # output
    var("output.frequency", "UPS.PowerConverter.Output.Frequency", "%.1f"),
    var("output.voltage", "UPS.PowerConverter.Output.Voltage", "%.1f"),
    var("output.voltage.nominal", "UPS.PowerSummary.ConfigVoltage", "%.0f"),
    var("ups.test.result", "UPS.BatterySystem.Battery.Test", TEST_READ),
    # commands
    command("test.battery.start.quick", "UPS.BatterySystem.Battery.Test", "1"),
    command("test.battery.start.deep", "UPS.BatterySystem.Battery.Test", "2"),
    command("test.battery.stop", "UPS.BatterySystem.Battery.Test", "3"),
)

SALICRU = Subdriver(
    key="salicru",
    name="Salicru HID 0.4",
    maker="Salicru",
    matches=(
        Match(0x2E66, 0x0101),  # SPS 3000 ADV RT2
        Match(0x2E66, 0x0201),  # SLC TWIN PRO2, PRO3
        Match(0x2E66, 0x0202),
        Match(0x2E66, 0x0203),
        Match(0x2E66, 0x0300),  # SPS HOME
        Match(0x2E66, 0x0302),  # SPS ADV T
    ),
    rows=ROWS,
    mfr=maker_or("Salicru"),
)

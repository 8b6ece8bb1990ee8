# SPDX-License-Identifier: GPL-2.0-or-later
"""Legrand Keor PDU and Keor SP.

Facts learned from NUT's drivers/legrand-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from ridethrough.drivers.hid.conversions import (
    CHARGING,
    DISCHARGING,
    DIVIDE_BY_10,
    LOWBATT,
    ONLINE,
    OVERLOAD,
    scaled,
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

_POLLED = {"pollonly": ""}

LEGRAND_TIMES10 = scaled("times 10", 10)
LEGRAND_TIMES100K = scaled("times 100 000", 100_000)
LEGRAND_TIMES1M = scaled("times 1 000 000", 1_000_000)
LEGRAND_TIMES10M = scaled("times 10 000 000", 10_000_000)

ROWS: tuple[Row, ...] = (
    # input
    var("input.voltage", "UPS.Input.Voltage", "%.0f"),
    var("input.voltage", "UPS.PowerConverter.Input.Voltage", LEGRAND_TIMES1M),
    var("input.transfer.high", "UPS.Input.HighVoltageTransfer", "%.0f", STATIC),
    var("input.transfer.high", "UPS.PowerConverter.Output.HighVoltageTransfer", LEGRAND_TIMES10, STATIC),
    var("input.transfer.low", "UPS.Input.LowVoltageTransfer", "%.0f", STATIC),
    var("input.transfer.low", "UPS.PowerConverter.Output.LowVoltageTransfer", "%.0f", STATIC),
    var("input.voltage.nominal", "UPS.Input.ConfigVoltage", "%.0f", STATIC),
    var("input.voltage.nominal", "UPS.Flow.ConfigVoltage", "%.0f", STATIC),
    # battery
    var("battery.voltage.nominal", "UPS.PowerSummary.ConfigVoltage", DIVIDE_BY_10, STATIC),
    var("battery.voltage.nominal", "UPS.BatterySystem.Battery.ConfigVoltage", "%.0f", STATIC),
    var("battery.voltage", "UPS.PowerSummary.Voltage", DIVIDE_BY_10),
    var("battery.voltage", "UPS.BatterySystem.Battery.Voltage", LEGRAND_TIMES100K),
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", "%.0f"),
    var("battery.runtime", "UPS.PowerSummary.RuntimeToEmpty", "%.0f"),
    var("battery.charge.warning", "UPS.PowerSummary.WarningCapacityLimit", "%.0f", STATIC),
    var("battery.charge.low", "UPS.PowerSummary.RemainingCapacityLimit", "%.0f", STATIC),
    # output
    var("output.voltage", "UPS.Output.Voltage", "%.0f"),
    var("output.voltage", "UPS.PowerConverter.Output.Voltage", LEGRAND_TIMES10M),
    var("output.frequency", "UPS.Output.Frequency", "%.0f"),
    # ups
    var("ups.load", "UPS.Output.PercentLoad", "%.0f"),
    var("ups.load", "UPS.OutletSystem.Outlet.PercentLoad", "%.0f"),
    var("ups.realpower.nominal", "UPS.Output.ConfigActivePower", "%.0f", STATIC),
    var("ups.realpower.nominal", "UPS.Flow.ConfigApparentPower", "%.0f", STATIC),
    # status
    status("UPS.PowerSummary.PresentStatus.ACPresent", ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LOWBATT, QUICK),
    status("UPS.PowerSummary.PresentStatus.Charging", CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Discharging", DISCHARGING, QUICK),
    status("UPS.Output.Overload", OVERLOAD, QUICK),
    # ups
    kept("ups.delay.shutdown", "UPS.OutletSystem.Outlet.DelayBeforeShutdown", "20", 10),
    kept("ups.delay.start", "UPS.OutletSystem.Outlet.DelayBeforeStartup", "30", 10),
    kept("ups.delay.shutdown", "UPS.Output.DelayBeforeShutdown", "20", 10),
    kept("ups.delay.start", "UPS.Output.DelayBeforeStartup", "30", 10),
    # commands
    command("load.off.delay", "UPS.OutletSystem.Outlet.DelayBeforeShutdown", "20"),
    command("load.on.delay", "UPS.OutletSystem.Outlet.DelayBeforeStartup", "30"),
    command("load.off.delay", "UPS.Output.DelayBeforeShutdown", "20"),
    command("load.on.delay", "UPS.Output.DelayBeforeStartup", "30"),
    command("test.battery.start.quick", "UPS.BatterySystem.Battery.Test", "1"),
    command("test.battery.start.deep", "UPS.BatterySystem.Battery.Test", "2"),
    command("test.battery.stop", "UPS.BatterySystem.Battery.Test", "3"),
    command("test.battery.start.quick", "UPS.Output.Test", "1"),
    command("test.battery.start.deep", "UPS.Output.Test", "2"),
    command("test.battery.stop", "UPS.Output.Test", "3"),
    command("beeper.enable", "UPS.PowerSummary.AudibleAlarmControl", "2"),
    command("beeper.disable", "UPS.PowerSummary.AudibleAlarmControl", "3"),
)

LEGRAND = Subdriver(
    key="legrand",
    name="Legrand HID 0.2",
    maker="Legrand",
    matches=(
        Match(0x1CB0, 0x0038, _POLLED),  # Keor PDU
        Match(0x1CB0, 0x0032, _POLLED),  # Keor SP
    ),
    rows=ROWS,
    mfr=maker_or("Legrand"),
)

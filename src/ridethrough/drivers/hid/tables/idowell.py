# SPDX-License-Identifier: GPL-2.0-or-later
"""iDowell and GoldenMate; GoldenMate's lithium packs borrow Phoenixtec's numbers.

Facts learned from NUT's drivers/idowell-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from ridethrough.drivers.hid.conversions import (
    CHARGING,
    COMMFAULT,
    DISCHARGING,
    LOWBATT,
    NOBATTERY,
    OFF,
    ONLINE,
    OVERLOAD,
    REPLACEBATT,
    SHUTDOWNIMM,
    STRINGID,
)
from ridethrough.drivers.hid.rows import (
    QUICK,
    STATIC,
    Maker,
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
    # status
    status("UPS.PowerSummary.PresentStatus.ACPresent", ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.BatteryPresent", NOBATTERY),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LOWBATT, QUICK),
    status("UPS.PowerSummary.PresentStatus.Charging", CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.CommunicationLost", COMMFAULT),
    status("UPS.PowerSummary.PresentStatus.Discharging", DISCHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Good", OFF),
    status("UPS.PowerSummary.PresentStatus.InternalFailure", COMMFAULT),
    status("UPS.PowerSummary.PresentStatus.NeedReplacement", REPLACEBATT),
    status("UPS.PowerSummary.PresentStatus.Overload", OVERLOAD),
    status("UPS.PowerSummary.PresentStatus.ShutdownImminent", SHUTDOWNIMM),
    # device
    var("device.mfr", "UPS.PowerSummary.iManufacturer", STRINGID, STATIC),
    var("device.model", "UPS.PowerSummary.iProduct", STRINGID, STATIC),
    var("device.serial", "UPS.PowerSummary.iSerialNumber", STRINGID, STATIC),
    # battery
    var("battery.capacity.design", "UPS.PowerSummary.DesignCapacity", "%.0f", STATIC),
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", "%.0f"),
    var("battery.charge.low", "UPS.PowerSummary.RemainingCapacityLimit", "%.0f", STATIC),
    var("battery.charge.low", "UPS.PowerSummary.WarningCapacityLimit", "%.0f", STATIC),
    var("battery.capacity.full", "UPS.PowerSummary.FullChargeCapacity", "%.0f"),
    var("battery.runtime", "UPS.PowerSummary.RunTimeToEmpty", "%.0f"),
    var("battery.type", "UPS.PowerSummary.iDeviceChemistry", STRINGID, STATIC),
    # ups
    kept("ups.delay.start", "UPS.PowerSummary.DelayBeforeStartup", "30", 10),
    kept("ups.delay.shutdown", "UPS.PowerSummary.DelayBeforeShutdown", "20", 10),
    var("ups.timer.start", "UPS.PowerSummary.DelayBeforeStartup", "%.0f", QUICK),
    var("ups.timer.shutdown", "UPS.PowerSummary.DelayBeforeShutdown", "%.0f", QUICK),
    var("ups.load", "UPS.PowerSummary.PercentLoad", "%.0f"),
    var("ups.power.nominal", "UPS.Flow.[4].ConfigApparentPower", "%.0f", STATIC),
    var("input.transfer.high", "UPS.PowerConverter.Output.HighVoltageTransfer", "%.0f", STATIC),
    var("input.transfer.low", "UPS.PowerConverter.Output.LowVoltageTransfer", "%.0f", STATIC),
    var("output.voltage", "UPS.PowerConverter.Output.Voltage", "%.1f"),
    var("battery.voltage", "UPS.PowerSummary.Voltage", "%.1f"),
    var("output.voltage.nominal", "UPS.Flow.[4].ConfigVoltage", "%.0f", STATIC),
    var("battery.voltage.nominal", "UPS.PowerSummary.ConfigVoltage", "%.1f", STATIC),
    var("output.frequency.nominal", "UPS.Flow.[4].ConfigFrequency", "%.0f", STATIC),
    # commands
    command("load.off.delay", "UPS.PowerSummary.DelayBeforeShutdown", "20"),
    command("load.on.delay", "UPS.PowerSummary.DelayBeforeStartup", "30"),
    command("shutdown.stop", "UPS.PowerSummary.DelayBeforeShutdown", "-1"),
)

IDOWELL = Subdriver(
    key="idowell",
    name="iDowell HID 0.22",
    maker="iDowell",
    matches=(Match(0x075D, 0x0300), Match(0x06DA, 0xFFFF)),
    rows=ROWS,
    mfr=maker_or("iDowell"),
    repairs=("idowell",),
    makers={0x06DA: Maker(in_vendor=("BMS",), in_product=("Smart-Battery",))},
)

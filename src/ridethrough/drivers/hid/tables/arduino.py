# SPDX-License-Identifier: GPL-2.0-or-later
"""Arduino boards (Leonardo, Pro Micro) that run a HID power device of their owner's making.

Facts learned from NUT's drivers/arduino-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from ridethrough.drivers.hid.conversions import (
    CHARGING,
    DEPLETED,
    DISCHARGING,
    FULLYCHARGED,
    LOWBATT,
    NOBATTERY,
    ONLINE,
    OVERLOAD,
    REPLACEBATT,
    SHUTDOWNIMM,
    STRINGID,
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
    kept,
    maker_or,
    status,
    var,
)

ROWS: tuple[Row, ...] = (
    # ups
    kept("ups.delay.start", "UPS.PowerSummary.DelayBeforeStartup", "30", 10),
    kept("ups.delay.shutdown", "UPS.PowerSummary.DelayBeforeShutdown", "20", 10),
    var("ups.timer.start", "UPS.PowerSummary.DelayBeforeStartup", "%.0f", QUICK),
    var("ups.timer.shutdown", "UPS.PowerSummary.DelayBeforeShutdown", "%.0f", QUICK),
    var("ups.timer.reboot", "UPS.PowerSummary.DelayBeforeReboot", "%.0f", QUICK),
    # commands
    command("load.off.delay", "UPS.PowerSummary.DelayBeforeShutdown", "20"),
    command("load.on.delay", "UPS.PowerSummary.DelayBeforeStartup", "30"),
    command("shutdown.stop", "UPS.PowerSummary.DelayBeforeShutdown", "-1"),
    command("shutdown.reboot", "UPS.PowerSummary.DelayBeforeReboot", "10"),
    # battery
    var("battery.type", "UPS.PowerSummary.iDeviceChemistry", STRINGID, STATIC),
    var("battery.voltage.nominal", "UPS.PowerSummary.ConfigVoltage", "%.2f", QUICK),
    var("battery.voltage", "UPS.PowerSummary.Voltage", "%.2f", QUICK),
    var("battery.runtime", "UPS.PowerSummary.RunTimeToEmpty", "%.0f", QUICK),
    var("battery.runtime.low", "UPS.PowerSummary.RemainingTimeLimit", "%.0f", SEMI),
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", "%.0f"),
    var("battery.charge.low", "UPS.PowerSummary.RemainingCapacityLimit", "%.0f", SEMI),
    var("battery.charge.warning", "UPS.PowerSummary.WarningCapacityLimit", "%.0f", SEMI),
    var("ups.load", "UPS.PowerSummary.PercentLoad", "%.0f"),
    var("input.voltage", "UPS.PowerConverter.Input.[1].Voltage", "%.1f"),
    var("output.voltage", "UPS.PowerConverter.Output.Voltage", "%.1f"),
    # status
    status("UPS.PowerSummary.PresentStatus.ACPresent", ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.Discharging", DISCHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Charging", CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.NeedReplacement", REPLACEBATT),
    status("UPS.PowerSummary.PresentStatus.ShutdownImminent", SHUTDOWNIMM),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LOWBATT, QUICK),
    status("UPS.PowerSummary.PresentStatus.Overload", OVERLOAD),
    status("UPS.PowerSummary.PresentStatus.RemainingTimeLimitExpired", TIMELIMITEXPIRED),
    status("UPS.PowerSummary.PresentStatus.BatteryPresent", NOBATTERY),
    status("UPS.PowerSummary.PresentStatus.FullyCharged", FULLYCHARGED, QUICK),
    status("UPS.PowerSummary.PresentStatus.FullyDischarged", DEPLETED, QUICK),
)

ARDUINO = Subdriver(
    key="arduino",
    name="Arduino HID 0.22",
    maker="Arduino",
    matches=(
        Match(0x2341, 0x0036),
        Match(0x2341, 0x8036),
        Match(0x2A03, 0x0036),
        Match(0x2A03, 0x8036),
        Match(0x2A03, 0x0040),
        Match(0x2A03, 0x8040),
    ),
    rows=ROWS,
    mfr=maker_or("Arduino"),
    settings={"usb_hid_ep_in": "4", "usb_hid_ep_out": "5", "usb_hid_rep_index": "2"},
)

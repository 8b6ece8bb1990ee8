# SPDX-License-Identifier: GPL-2.0-or-later
"""EcoFlow power stations: River 3 Plus, Delta 3 Plus.

Facts learned from NUT's drivers/ecoflow-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from ridethrough.drivers.hid.conversions import (
    BEEPER,
    CHARGING,
    COMMFAULT,
    DATE,
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
    reading,
)
from ridethrough.drivers.hid.rows import (
    QUICK,
    SEMI,
    STATIC,
    Context,
    Match,
    Row,
    Subdriver,
    maker_or,
    status,
    var,
)


def _runtime(value: float, context: Context) -> str | None:
    """Minutes, told in seconds."""
    return f"{value * 60:.0f}" if value >= 0 else None


ECOFLOW_RUNTIME = reading("runtime", _runtime)

ROWS: tuple[Row, ...] = (
    var("ups.beeper.status", "UPS.PowerSummary.AudibleAlarmControl", BEEPER, QUICK),
    var("ups.power.nominal", "UPS.Flow.[4].ConfigActivePower", "%.0f", STATIC),
    var("battery.voltage.nominal", "UPS.PowerSummary.ConfigVoltage", "%.1f", SEMI),
    var("ups.timer.reboot", "UPS.OutletSystem.Outlet.DelayBeforeReboot", "%.0f", QUICK),
    var("ups.timer.shutdown", "UPS.OutletSystem.Outlet.DelayBeforeShutdown", "%.0f", QUICK),
    # battery
    var("battery.capacity.nominal", "UPS.PowerSummary.DesignCapacity", "%.0f", SEMI),
    var("battery.capacity", "UPS.PowerSummary.FullChargeCapacity", "%.0f", SEMI),
    var("battery.type", "UPS.PowerSummary.iDeviceChemistry", STRINGID, STATIC),
    var(
        "experimental.ups.powersummary.ioeminformation", "UPS.PowerSummary.iOEMInformation", STRINGID, STATIC
    ),
    var("ups.mfr.date", "UPS.PowerSummary.ManufacturerDate", DATE),
    # status
    status("UPS.PowerSummary.PresentStatus.ACPresent", ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.BatteryPresent", NOBATTERY, QUICK),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LOWBATT, QUICK),
    status("UPS.PowerSummary.PresentStatus.CommunicationLost", COMMFAULT, QUICK),
    status("UPS.PowerSummary.PresentStatus.Charging", CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Discharging", DISCHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.FullyCharged", FULLYCHARGED, QUICK),
    status("UPS.PowerSummary.PresentStatus.FullyDischarged", DEPLETED, QUICK),
    status("UPS.PowerSummary.PresentStatus.NeedReplacement", REPLACEBATT, QUICK),
    status("UPS.PowerSummary.PresentStatus.Overload", OVERLOAD, QUICK),
    status("UPS.PowerSummary.PresentStatus.RemainingTimeLimitExpired", TIMELIMITEXPIRED, QUICK),
    status("UPS.PowerSummary.PresentStatus.ShutdownImminent", SHUTDOWNIMM, QUICK),
    # experimental
    var(
        "experimental.ups.powersummary.presentstatus.shutdownrequested",
        "UPS.PowerSummary.PresentStatus.ShutdownRequested",
        "%.0f",
    ),
    var(
        "experimental.ups.powersummary.presentstatus.voltagenotregulated",
        "UPS.PowerSummary.PresentStatus.VoltageNotRegulated",
        "%.0f",
    ),
    var("experimental.ups.powersummary.rechargeable", "UPS.PowerSummary.Rechargeable", "%.0f"),
    # battery
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", "%.0f", QUICK),
    var("battery.charge.low", "UPS.PowerSummary.RemainingCapacityLimit", "%.0f", SEMI, length=5),
    var("battery.runtime.low", "UPS.PowerSummary.RemainingTimeLimit", "%.0f", SEMI),
    var("battery.runtime", "UPS.PowerSummary.RunTimeToEmpty", ECOFLOW_RUNTIME, QUICK),
    var("battery.voltage", "UPS.PowerSummary.Voltage", "%.1f", QUICK),
    var("battery.charge.warning", "UPS.PowerSummary.WarningCapacityLimit", "%.0f", SEMI),
)

ECOFLOW = Subdriver(
    key="ecoflow",
    name="EcoFlow HID 0.01",
    maker="EcoFlow",
    matches=(Match(0x3746, 0xFFFF),),
    rows=ROWS,
    mfr=maker_or("EcoFlow"),
)

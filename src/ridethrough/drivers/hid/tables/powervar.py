# SPDX-License-Identifier: GPL-2.0-or-later
"""Powervar.

Facts learned from NUT's drivers/powervar-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from collections.abc import Mapping

from ridethrough.drivers.hid.conversions import (
    CHARGING,
    DEPLETED,
    DISCHARGING,
    FULLYCHARGED,
    LOWBATT,
    ONLINE,
    OVERHEAT,
    OVERLOAD,
    REPLACEBATT,
    SHUTDOWNIMM,
    STRINGID,
    TIMELIMITEXPIRED,
    YES_NO,
)
from ridethrough.drivers.hid.rows import QUICK, Match, Row, Subdriver, maker_or, status, var

USAGES: Mapping[str, int] = {
    "POWERVAR1": 0xFF000001,
}

ROWS: tuple[Row, ...] = (
    # battery
    var("battery.type", "UPS.PowerSummary.iDeviceChemistry", STRINGID),
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", "%.0f"),
    var("battery.capacity", "UPS.PowerSummary.FullChargeCapacity", "%.0f"),
    var("battery.runtime", "UPS.PowerSummary.RuntimeToEmpty", "%.0f"),
    # status
    status("UPS.PowerSummary.PresentStatus.ACPresent", ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.Discharging", DISCHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Charging", CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.ShutdownImminent", SHUTDOWNIMM),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LOWBATT),
    status("UPS.PowerSummary.PresentStatus.Overload", OVERLOAD),
    status("UPS.PowerSummary.PresentStatus.NeedReplacement", REPLACEBATT),
    status("UPS.PowerSummary.PresentStatus.RemainingTimeLimitExpired", TIMELIMITEXPIRED),
    status("UPS.PowerSummary.PresentStatus.InternalFailure", YES_NO),
    status("UPS.PowerSummary.PresentStatus.Good", YES_NO),
    status("UPS.PowerSummary.PresentStatus.OverTemperature", OVERHEAT),
    status("UPS.PowerSummary.PresentStatus.FullyCharged", FULLYCHARGED),
    status("UPS.PowerSummary.PresentStatus.FullyDischarged", DEPLETED),
)

POWERVAR = Subdriver(
    key="powervar",
    name="Powervar HID 0.21",
    maker="Powervar",
    matches=(Match(0x4234, 0x0002),),
    rows=ROWS,
    usages=USAGES,
    mfr=maker_or("Powervar"),
    settings={"usb_hid_rep_index": "1"},
)

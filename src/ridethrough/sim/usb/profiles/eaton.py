# SPDX-License-Identifier: GPL-2.0-or-later
"""A line-interactive UPS after the manner of Eaton's Ellipse: bits for states, a vendor page, two outlets.

Paths and numbers of the vendor's page: facts learned from NUT's drivers/mge-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from ridethrough.sim.usb.describe import Line, Units
from ridethrough.sim.usb.profile import from_lines

NAMES = {
    "ConverterType": 0xFFFF0041,
    "RemainingCapacityLimitSetting": 0xFFFF004D,
    "iModel": 0xFFFF00F0,
    "iVersion": 0xFFFF00F1,
}
STATE = "UPS.PowerSummary.PresentStatus."
INPUT = "UPS.PowerConverter.Input.[1]."
OUTPUT = "UPS.PowerConverter.Output."
MAX = 2**31 - 1

LINES = (
    Line(STATE + "ACPresent", 0x01, 1, 1, sent=True),
    Line(STATE + "BelowRemainingCapacityLimit", 0x01, 1, 0, sent=True),
    Line(STATE + "Charging", 0x01, 1, 1, sent=True),
    Line(STATE + "CommunicationLost", 0x01, 1, 0, sent=True),
    Line(STATE + "Discharging", 0x01, 1, 0, sent=True),
    Line(STATE + "Good", 0x01, 1, 1, sent=True),
    Line(STATE + "InternalFailure", 0x01, 1, 0, sent=True),
    Line(STATE + "NeedReplacement", 0x01, 1, 0, sent=True),
    Line(STATE + "Overload", 0x01, 1, 0, sent=True),
    Line(STATE + "ShutdownImminent", 0x01, 1, 0, sent=True),
    Line("UPS.PowerSummary.RemainingCapacity", 0x06, 8, 100, sent=True),
    Line("UPS.PowerSummary.RunTimeToEmpty", 0x06, 32, 1740, Units.SECOND, high=MAX, sent=True),
    Line("UPS.PowerSummary.PercentLoad", 0x07, 8, 17),
    Line("UPS.PowerSummary.RemainingCapacityLimitSetting", 0x08, 8, 20, settable=True),
    Line("UPS.PowerSummary.DelayBeforeShutdown", 0x09, 32, -1, Units.SECOND, -1, MAX, settable=True),
    Line("UPS.PowerSummary.DelayBeforeStartup", 0x0A, 32, -1, Units.SECOND, -1, MAX, settable=True),
    Line("UPS.PowerSummary.iDeviceChemistry", 0x10, 8, 4),
    Line("UPS.PowerSummary.iManufacturer", 0x10, 8, 1),
    Line("UPS.PowerSummary.iModel", 0x10, 8, 5),
    Line("UPS.PowerSummary.iProduct", 0x10, 8, 2),
    Line("UPS.PowerSummary.iSerialNumber", 0x10, 8, 3),
    Line("UPS.PowerSummary.iVersion", 0x10, 8, 6),
    Line("UPS.PowerSummary.AudibleAlarmControl", 0x1F, 8, 2, settable=True),
    Line("UPS.PowerConverter.ConverterType", 0x20, 8, 1),
    Line("UPS.Flow.[4].ConfigApparentPower", 0x0D, 16, 850, Units.VOLT_AMPERE),
    Line("UPS.Flow.[4].ConfigFrequency", 0x0D, 8, 50, Units.HERTZ),
    Line("UPS.Flow.[4].ConfigVoltage", 0x12, 8, 230, Units.VOLT, settable=True),
    Line(INPUT + "Voltage", 0x0E, 16, 2315, Units.TENTH_VOLT),
    Line(INPUT + "Frequency", 0x0E, 16, 499, Units.TENTH_HERTZ),
    Line(OUTPUT + "Voltage", 0x0F, 16, 2305, Units.TENTH_VOLT),
    Line(OUTPUT + "HighVoltageTransfer", 0x13, 16, 264, Units.VOLT, settable=True),
    Line(OUTPUT + "LowVoltageTransfer", 0x14, 8, 184, Units.VOLT, settable=True),
    Line("UPS.BatterySystem.Battery.Test", 0x21, 8, 6, settable=True),
    Line("UPS.OutletSystem.Outlet.[2].OutletID", 0x0B, 8, 2),
    Line("UPS.OutletSystem.Outlet.[2].PresentStatus.Switchable", 0x19, 8, 1),
    Line("UPS.OutletSystem.Outlet.[2].PresentStatus.SwitchOn/Off", 0x02, 8, 1, sent=True),
    Line(
        "UPS.OutletSystem.Outlet.[2].DelayBeforeShutdown", 0x1A, 32, -1, Units.SECOND, -1, MAX, settable=True
    ),
    Line(
        "UPS.OutletSystem.Outlet.[2].DelayBeforeStartup", 0x1B, 32, -1, Units.SECOND, -1, MAX, settable=True
    ),
)

EATON_ELLIPSE = from_lines(
    "eaton-ellipse",
    (0x0463, 0xFFFF, 0x0100),
    ("EATON", "Ellipse PRO", "VIRTUAL0001", "PbAc", "850", "02.13.0017"),
    LINES,
    NAMES,
)

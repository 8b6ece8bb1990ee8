# SPDX-License-Identifier: GPL-2.0-or-later
"""A small off-line UPS after the manner of Salicru's SPS SOHO+ (made by Phoenixtec): a byte for every state.

Paths: facts learned from NUT's drivers/liebert-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from ridethrough.sim.usb.describe import Line, Units
from ridethrough.sim.usb.profile import from_lines

STATE = "UPS.PowerSummary.PresentStatus."
INPUT = "UPS.PowerConverter.Input.[1]."
MAX = 2**31 - 1

LINES = (
    Line("UPS.BatterySystem.Battery.Test", 0x24, 8, 6, settable=True),
    Line("UPS.Flow.[4].ConfigApparentPower", 0x74, 16, 500, Units.VOLT_AMPERE),
    Line("UPS.Flow.[4].ConfigFrequency", 0x36, 8, 50, Units.HERTZ),
    Line("UPS.Flow.[4].ConfigVoltage", 0x72, 8, 230, Units.VOLT),
    Line(INPUT + "Voltage", 0x31, 16, 229, Units.VOLT),
    Line(INPUT + "PresentStatus.Boost", 0x2D, 8, 0, sent=True),
    Line(INPUT + "PresentStatus.Buck", 0x2D, 8, 0, sent=True),
    Line("UPS.PowerConverter.Output.Frequency", 0x42, 16, 500, Units.TENTH_HERTZ),
    Line("UPS.PowerConverter.Output.Voltage", 0x42, 16, 229, Units.VOLT),
    Line("UPS.PowerSummary.AudibleAlarmControl", 0x13, 8, 2, settable=True),
    Line("UPS.PowerSummary.DelayBeforeShutdown", 0x09, 32, -1, Units.SECOND, -1, MAX, settable=True),
    Line("UPS.PowerSummary.DelayBeforeStartup", 0x0A, 32, -1, Units.SECOND, -1, MAX, settable=True),
    Line("UPS.PowerSummary.iDeviceChemistry", 0x10, 8, 4),
    Line("UPS.PowerSummary.iManufacturer", 0x10, 8, 1),
    Line("UPS.PowerSummary.iProduct", 0x10, 8, 2),
    Line("UPS.PowerSummary.iSerialNumber", 0x10, 8, 3),
    Line("UPS.PowerSummary.RemainingCapacity", 0x06, 8, 100, high=100, sent=True),
    Line("UPS.PowerSummary.RunTimeToEmpty", 0x06, 16, 900, Units.SECOND, high=32767, sent=True),
    Line("UPS.PowerSummary.PercentLoad", 0x07, 8, 9),
    Line("UPS.PowerSummary.Voltage", 0x07, 16, 136, Units.TENTH_VOLT, high=32767),
    Line(STATE + "ACPresent", 0x01, 8, 1, sent=True),
    Line(STATE + "BelowRemainingCapacityLimit", 0x01, 8, 0, sent=True),
    Line(STATE + "Charging", 0x01, 8, 1, sent=True),
    Line(STATE + "Discharging", 0x01, 8, 0, sent=True),
    Line(STATE + "Good", 0x01, 8, 1, sent=True),
    Line(STATE + "InternalFailure", 0x01, 8, 0, sent=True),
    Line(STATE + "Overload", 0x01, 8, 0, sent=True),
)

SALICRU_SOHO = from_lines(
    "salicru-soho",
    (0x06DA, 0xFFFF, 0x0003),
    ("PPC", "Offline UPS", "VIRTUAL0002", "PbAc"),
    LINES,
)

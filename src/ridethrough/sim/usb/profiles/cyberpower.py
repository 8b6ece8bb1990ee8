# SPDX-License-Identifier: GPL-2.0-or-later
"""A line-interactive UPS after the manner of CyberPower's: states as bits, delays and tests at the output.

Paths and numbers of the vendor's page: facts learned from NUT's drivers/cps-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from ridethrough.sim.usb.describe import Line, Units
from ridethrough.sim.usb.profile import from_lines

NAMES = {"CPSFirmwareVersion": 0xFF0100D0}
STATE = "UPS.PowerSummary.PresentStatus."

LINES = (
    Line("UPS.PowerSummary.iProduct", 0x01, 8, 2),
    Line("UPS.PowerSummary.iSerialNumber", 0x02, 8, 3),
    Line("UPS.PowerSummary.iDeviceChemistry", 0x03, 8, 4),
    Line("UPS.PowerSummary.iOEMInformation", 0x04, 8, 1),
    Line("UPS.PowerSummary.Rechargeable", 0x05, 8, 1),
    Line("UPS.PowerSummary.CapacityMode", 0x06, 8, 2),
    Line("UPS.PowerSummary.DesignCapacity", 0x07, 8, 100, high=100),
    Line("UPS.PowerSummary.WarningCapacityLimit", 0x07, 8, 20, high=100),
    Line("UPS.PowerSummary.RemainingCapacityLimit", 0x07, 8, 10, high=100),
    Line("UPS.PowerSummary.FullChargeCapacity", 0x07, 8, 100, high=100),
    Line("UPS.PowerSummary.RemainingCapacity", 0x08, 8, 100, high=100, sent=True),
    Line("UPS.PowerSummary.RunTimeToEmpty", 0x08, 16, 2400, Units.SECOND, sent=True),
    Line("UPS.PowerSummary.RemainingTimeLimit", 0x08, 16, 300, Units.SECOND, sent=True, settable=True),
    Line("UPS.PowerSummary.ConfigVoltage", 0x09, 8, 240, Units.TENTH_VOLT),
    Line("UPS.PowerSummary.Voltage", 0x0A, 16, 274, Units.TENTH_VOLT),
    Line(STATE + "ACPresent", 0x0B, 1, 1, sent=True),
    Line(STATE + "Charging", 0x0B, 1, 0, sent=True),
    Line(STATE + "Discharging", 0x0B, 1, 0, sent=True),
    Line(STATE + "BelowRemainingCapacityLimit", 0x0B, 1, 0, sent=True),
    Line(STATE + "FullyCharged", 0x0B, 1, 1, sent=True),
    Line(STATE + "RemainingTimeLimitExpired", 0x0B, 1, 0, sent=True),
    Line("UPS.PowerSummary.AudibleAlarmControl", 0x0C, 8, 2, low=1, high=3, settable=True),
    Line("UPS.PowerSummary.iManufacturer", 0x0D, 8, 1),
    Line("UPS.PowerSummary.CPSFirmwareVersion", 0x1B, 8, 5),
    Line("UPS.Input.ConfigVoltage", 0x0E, 8, 230, Units.VOLT),
    Line("UPS.Input.Voltage", 0x0F, 16, 227, Units.VOLT),
    Line("UPS.Input.LowVoltageTransfer", 0x10, 16, 170, Units.VOLT, settable=True),
    Line("UPS.Input.HighVoltageTransfer", 0x10, 16, 264, Units.VOLT, settable=True),
    Line("UPS.Output.Voltage", 0x12, 16, 227, Units.VOLT),
    Line("UPS.Output.PercentLoad", 0x13, 8, 11),
    Line("UPS.Output.Test", 0x14, 8, 6, high=6, settable=True),
    Line("UPS.Output.DelayBeforeShutdown", 0x15, 16, -1, Units.SECOND, -1, 32767, settable=True),
    Line("UPS.Output.DelayBeforeStartup", 0x16, 16, -1, Units.SECOND, -1, 32767, settable=True),
    Line("UPS.Output.Boost", 0x17, 1, 0),
    Line("UPS.Output.Overload", 0x17, 1, 0),
    Line("UPS.Output.ConfigActivePower", 0x18, 16, 780, Units.VOLT_AMPERE),
)

CYBERPOWER = from_lines(
    "cyberpower",
    (0x0764, 0x0501, 0x0001),
    ("CPS", "CP1300EPFCLCD", "VIRTUAL0003", "PbAcid", "CR01.2"),
    LINES,
    NAMES,
)

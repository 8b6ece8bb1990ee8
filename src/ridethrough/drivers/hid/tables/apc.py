# SPDX-License-Identifier: GPL-2.0-or-later
"""APC: Back-UPS, Smart-UPS and their kin.

Facts learned from NUT's drivers/apc-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from collections.abc import Mapping

from ridethrough.drivers.hid.conversions import (
    BEEPER,
    CHARGING,
    DATE,
    DISCHARGING,
    KELVIN_CELSIUS,
    LOWBATT,
    NOBATTERY,
    ONLINE,
    OVERLOAD,
    REPLACEBATT,
    SHUTDOWNIMM,
    STRINGID,
    TEST_READ,
    TIMELIMITEXPIRED,
    parse_date,
    table,
)
from ridethrough.drivers.hid.rows import (
    QUICK,
    SEMI,
    Context,
    Conversion,
    Match,
    Row,
    Subdriver,
    command,
    kept,
    maker_or,
    status,
    var,
)

_OVERFLOWING = ("Back-UPS ES 525", "Back-UPS CS")  # reports longer than the descriptor says
_POLLED = {"pollonly": ""}  # the 5G models use the interrupt pipe for something else


def _date_text(value: float, context: Context) -> str:
    """The decimal digits of month, day and year, one in each nibble: 0x102202 is 22 October 2002."""
    packed = int(value)
    if packed == 0:
        return "not set"
    month, day, year = (10 * (packed >> at + 4 & 15) + (packed >> at & 15) for at in (16, 8, 0))
    return f"{year + (1900 if year >= 70 else 2000):04d}/{month:02d}/{day:02d}"


def _date_value(text: str | None, context: Context) -> float | None:
    date = parse_date(text)
    if date is None or date[0] >= 2070:
        return None
    year, month, day = (int(str(part), 16) for part in (date[0] % 100, date[1], date[2]))
    return float(month << 16 | day << 8 | year)


def _model(context: Context) -> str:
    """The product string also holds the firmware's version: `Back-UPS 500 FW: 6.4.I USB FW: c1`."""
    product = "unknown" if context.product is None else context.product
    name, found, firmware = product.partition("FW:")
    if not found:
        return name
    firmware, found, usb_firmware = firmware.partition("USB FW:")
    if found:
        context.variables["ups.firmware.aux"] = usb_firmware
        firmware = firmware[:-1]
    context.variables["ups.firmware"] = firmware
    return name[:-1]


def _setup(context: Context) -> Mapping[str, str]:
    return {"maxreport": ""} if (context.product or "").startswith(_OVERFLOWING) else {}


APC_DATE = Conversion("date", to_text=_date_text, to_value=_date_value)
APCSTATUSFLAG = Conversion("off", ((8, "!off"), (16, "!off"), (0, "off")))
APC_LINEFAILCAUSE_VRANGE = Conversion(
    "transfer reason", (*((number, "vrange") for number in (1, 2, 4, 8, 9)), (0, "!vrange"))
)
APC_LINEFAILCAUSE_FRANGE = Conversion("transfer reason", ((7, "frange"), (0, "!frange")))
APC_SENSITIVITY = table("sensitivity", "low", "medium", "high")

USAGES: Mapping[str, int] = {
    "APCGeneralCollection": 0xFF860005,
    "APCEnvironment": 0xFF860006,
    "APCProbe1": 0xFF860007,
    "APCProbe2": 0xFF860008,
    "APCBattReplaceDate": 0xFF860016,
    "APCBattCapBeforeStartup": 0xFF860019,
    "APC_UPS_FirmwareRevision": 0xFF860042,
    "APCLineFailCause": 0xFF860052,
    "APCStatusFlag": 0xFF860060,
    "APCSensitivity": 0xFF860061,
    "APCPanelTest": 0xFF860072,
    "APCShutdownAfterDelay": 0xFF860076,
    "APC_USB_FirmwareRevision": 0xFF860079,
    "APCDelayBeforeReboot": 0xFF86007C,
    "APCDelayBeforeShutdown": 0xFF86007D,
    "APCDelayBeforeStartup": 0xFF86007E,
    "BUPHibernate": 0x00850058,
    "BUPBattCapBeforeStartup": 0x00860012,
    "BUPDelayBeforeStartup": 0x00860076,
    "BUPSelfTest": 0x00860010,
}

ROWS: tuple[Row, ...] = (
    # battery
    var("battery.charge", "UPS.PowerSummary.RemainingCapacity", "%.0f"),
    var("battery.charge.low", "UPS.PowerSummary.RemainingCapacityLimit", "%.0f", SEMI, length=10),
    var("battery.charge.warning", "UPS.PowerSummary.WarningCapacityLimit", "%.0f"),
    var("battery.runtime", "UPS.Battery.RunTimeToEmpty", "%.0f"),
    var("battery.runtime", "UPS.PowerSummary.RunTimeToEmpty", "%.0f"),
    var("battery.runtime.low", "UPS.Battery.RemainingTimeLimit", "%.0f", SEMI, length=10),
    var("battery.runtime.low", "UPS.PowerSummary.RemainingTimeLimit", "%.0f", SEMI, length=10),
    var("battery.voltage", "UPS.Battery.Voltage", "%.1f"),
    var("battery.voltage", "UPS.PowerSummary.Voltage", "%.1f"),
    var("battery.voltage.nominal", "UPS.Battery.ConfigVoltage", "%.1f"),
    var("battery.voltage.nominal", "UPS.PowerSummary.ConfigVoltage", "%.1f"),
    var("battery.temperature", "UPS.Battery.Temperature", KELVIN_CELSIUS),
    var("battery.type", "UPS.PowerSummary.iDeviceChemistry", STRINGID),
    var("battery.mfr.date", "UPS.Battery.ManufacturerDate", DATE, SEMI, length=10),
    var("battery.mfr.date", "UPS.PowerSummary.APCBattReplaceDate", APC_DATE),
    var("battery.date", "UPS.Battery.APCBattReplaceDate", APC_DATE),
    # ups
    var("ups.load", "UPS.Output.PercentLoad", "%.1f"),
    var("ups.load", "UPS.PowerConverter.PercentLoad", "%.0f"),
    kept("ups.delay.start", "UPS.PowerSummary.DelayBeforeStartup", "30", 10),
    kept("ups.delay.shutdown", "UPS.PowerSummary.DelayBeforeShutdown", "20", 10),
    var("ups.timer.start", "UPS.PowerSummary.DelayBeforeStartup", "%.0f", QUICK),
    var("ups.timer.shutdown", "UPS.PowerSummary.DelayBeforeShutdown", "%.0f", QUICK),
    var("ups.timer.reboot", "UPS.PowerSummary.DelayBeforeReboot", "%.0f", QUICK),
    kept("ups.delay.start", "UPS.Output.DelayBeforeStartup", "30", 10),
    kept("ups.delay.shutdown", "UPS.Output.DelayBeforeShutdown", "20", 10),
    var("ups.timer.start", "UPS.Output.DelayBeforeStartup", "%.0f", QUICK),
    var("ups.timer.shutdown", "UPS.Output.DelayBeforeShutdown", "%.0f", QUICK),
    var("ups.timer.reboot", "UPS.Output.DelayBeforeReboot", "%.0f", QUICK),
    kept("ups.delay.start", "UPS.APCGeneralCollection.APCDelayBeforeStartup", "30", 10),
    kept("ups.delay.shutdown", "UPS.APCGeneralCollection.APCDelayBeforeShutdown", "20", 10),
    var("ups.timer.start", "UPS.APCGeneralCollection.APCDelayBeforeStartup", "%.0f", QUICK),
    var("ups.timer.shutdown", "UPS.APCGeneralCollection.APCDelayBeforeShutdown", "%.0f", QUICK),
    var("ups.timer.reboot", "UPS.APCGeneralCollection.APCDelayBeforeReboot", "%.0f", QUICK),
    var("ups.test.result", "UPS.Battery.Test", TEST_READ),
    var("ups.beeper.status", "UPS.PowerSummary.AudibleAlarmControl", BEEPER),
    var("ups.mfr.date", "UPS.ManufacturerDate", DATE),
    var("ups.mfr.date", "UPS.PowerSummary.ManufacturerDate", DATE),
    var("ups.realpower.nominal", "UPS.PowerConverter.ConfigActivePower", "%.0f"),
    var("ups.realpower.nominal", "UPS.Output.ConfigActivePower", "%.0f"),
    # status
    status("UPS.PowerSummary.PresentStatus.ACPresent", ONLINE, QUICK),
    status("UPS.PowerSummary.PresentStatus.Discharging", DISCHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.Charging", CHARGING, QUICK),
    status("UPS.PowerSummary.PresentStatus.ShutdownImminent", SHUTDOWNIMM),
    status("UPS.PowerSummary.PresentStatus.BelowRemainingCapacityLimit", LOWBATT, QUICK),
    status("UPS.PowerSummary.PresentStatus.Overload", OVERLOAD),
    status("UPS.PowerSummary.PresentStatus.NeedReplacement", REPLACEBATT),
    status("UPS.PowerSummary.PresentStatus.RemainingTimeLimitExpired", TIMELIMITEXPIRED),
    status("UPS.PowerSummary.PresentStatus.BatteryPresent", NOBATTERY),
    status("UPS.PowerSummary.Charging", CHARGING, QUICK),
    status("UPS.PowerSummary.Discharging", DISCHARGING, QUICK),
    status("UPS.PowerSummary.ACPresent", ONLINE, QUICK),
    status("UPS.PowerSummary.BelowRemainingCapacityLimit", LOWBATT, QUICK),
    status("UPS.PowerSummary.ShutdownImminent", SHUTDOWNIMM),
    status("UPS.PowerSummary.APCStatusFlag", APCSTATUSFLAG, QUICK),
    status("UPS.Input.APCLineFailCause", APC_LINEFAILCAUSE_VRANGE),
    status("UPS.Input.APCLineFailCause", APC_LINEFAILCAUSE_FRANGE),
    # input
    var("input.voltage", "UPS.Input.Voltage", "%.1f"),
    var("input.voltage.nominal", "UPS.Input.ConfigVoltage", "%.0f"),
    var("input.transfer.low", "UPS.Output.LowVoltageTransfer", "%.0f", SEMI, length=10),
    var("input.transfer.high", "UPS.Output.HighVoltageTransfer", "%.0f", SEMI, length=10),
    var("input.transfer.low", "UPS.Input.LowVoltageTransfer", "%.0f", SEMI, length=10),
    var("input.transfer.high", "UPS.Input.HighVoltageTransfer", "%.0f", SEMI, length=10),
    var("input.sensitivity", "UPS.Input.APCSensitivity", APC_SENSITIVITY, SEMI, length=10),
    # output
    var("output.voltage", "UPS.Output.Voltage", "%.1f"),
    var("output.voltage.nominal", "UPS.Output.ConfigVoltage", "%.1f"),
    var("output.current", "UPS.Output.Current", "%.2f"),
    var("output.frequency", "UPS.Output.Frequency", "%.1f"),
    var("ambient.temperature", "UPS.APCEnvironment.APCProbe1.Temperature", KELVIN_CELSIUS),
    var("ambient.humidity", "UPS.APCEnvironment.APCProbe1.Humidity", "%.1f"),
    # commands
    command("test.battery.start.quick", "UPS.BatterySystem.Battery.Test", "1"),
    command("test.battery.start.quick", "UPS.Battery.Test", "1"),
    command("test.battery.start.deep", "UPS.BatterySystem.Battery.Test", "2"),
    command("test.battery.start.deep", "UPS.Battery.Test", "2"),
    command("test.battery.stop", "UPS.BatterySystem.Battery.Test", "3"),
    command("test.battery.stop", "UPS.Battery.Test", "3"),
    command("test.panel.start", "UPS.APCPanelTest", "1"),
    command("test.panel.stop", "UPS.APCPanelTest", "0"),
    command("test.panel.start", "UPS.PowerSummary.APCPanelTest", "1"),
    command("test.panel.stop", "UPS.PowerSummary.APCPanelTest", "0"),
    command("load.off.delay", "UPS.PowerSummary.DelayBeforeShutdown", "20"),
    command("load.on.delay", "UPS.PowerSummary.DelayBeforeStartup", "30"),
    command("shutdown.stop", "UPS.PowerSummary.DelayBeforeShutdown", "-1"),
    command("shutdown.reboot", "UPS.PowerSummary.DelayBeforeReboot", "10"),
    command("load.off.delay", "UPS.Output.DelayBeforeShutdown", "20"),
    command("load.on.delay", "UPS.Output.DelayBeforeStartup", "30"),
    command("shutdown.stop", "UPS.Output.DelayBeforeShutdown", "-1"),
    command("shutdown.reboot", "UPS.Output.DelayBeforeReboot", "10"),
    command("load.off.delay", "UPS.APCGeneralCollection.APCDelayBeforeShutdown", "20"),
    command("load.on.delay", "UPS.APCGeneralCollection.APCDelayBeforeStartup", "30"),
    command("shutdown.stop", "UPS.APCGeneralCollection.APCDelayBeforeShutdown", "-1"),
    command("shutdown.reboot", "UPS.APCGeneralCollection.APCDelayBeforeReboot", "10"),
    command("shutdown.return", "UPS.Output.APCDelayBeforeReboot", "1"),
    command("beeper.on", "UPS.PowerSummary.AudibleAlarmControl", "2"),
    command("beeper.off", "UPS.PowerSummary.AudibleAlarmControl", "3"),
    command("beeper.enable", "UPS.PowerSummary.AudibleAlarmControl", "2"),
    command("beeper.disable", "UPS.PowerSummary.AudibleAlarmControl", "1"),
    command("beeper.mute", "UPS.PowerSummary.AudibleAlarmControl", "3"),
)

APC = Subdriver(
    key="apc",
    name="APC HID 0.101",
    maker="APC",
    matches=(
        Match(0x051D, 0x0000),  # AP9584, a serial port made USB
        Match(0x051D, 0x0002, setup=_setup),
        Match(0x051D, 0x0003, _POLLED),  # 5G
        Match(0x051D, 0x0004, _POLLED),  # Smart-UPS with firmware 04.3
        Match(0x051D, 0x0005),
    ),
    rows=ROWS,
    usages=USAGES,
    model=_model,
    mfr=maker_or("APC"),
    repairs=("apc",),
)

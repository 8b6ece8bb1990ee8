# SPDX-License-Identifier: GPL-2.0-or-later
"""A small UPS with a small table, for tests of the engine."""

from __future__ import annotations

from ridethrough.drivers.hid import conversions
from ridethrough.drivers.hid.descriptor import parse
from ridethrough.drivers.hid.engine import Device, Settings, Walk
from ridethrough.drivers.hid.rows import (
    Context,
    Conversion,
    Flags,
    Row,
    Subdriver,
    alarm,
    command,
    kept,
    maker_or,
    status,
    var,
)
from tests.support.hid import SMALL
from tests.support.hid_play import VirtualUps

QUICK, STATIC, SEMI = Flags.QUICK_POLL, Flags.STATIC, Flags.SEMI_STATIC
PS, BITS = "UPS.PowerSummary", "UPS.PowerSummary.PresentStatus"
NAME = conversions.STRINGID
SHOUT = Conversion("shout", ((1, "Too loud!"),))
BEEPER = conversions.BEEPER

ROWS = (
    status(f"{BITS}.ACPresent", conversions.ONLINE, QUICK),
    status(f"{BITS}.Charging", conversions.CHARGING, QUICK),
    status(f"{BITS}.Discharging", conversions.DISCHARGING, QUICK),
    status(f"{BITS}.BelowRemainingCapacityLimit", conversions.LOWBATT, QUICK),
    status(f"{BITS}.ShutdownImminent", conversions.SHUTDOWNIMM, QUICK),
    var("battery.charge", f"{PS}.RemainingCapacity", "%.0f"),
    var("battery.runtime", f"{PS}.RunTimeToEmpty", "%.0f"),
    var("battery.runtime", f"{PS}.Voltage", "%.0f"),
    var("battery.voltage", f"{PS}.Voltage", "%.1f", STATIC),
    var("ups.timer.shutdown", f"{PS}.DelayBeforeShutdown", "%.0f"),
    var("ups.beeper.status", f"{PS}.AudibleAlarmControl", BEEPER, SEMI | Flags.ENUM, length=10),
    var("ups.contacts", f"{PS}.NotThere", "%.0f"),
    var("ups.id", f"{PS}.AudibleAlarmControl", NAME, STATIC),
    alarm(f"{PS}.AudibleAlarmControl", SHOUT),
    kept("ups.delay.shutdown", f"{PS}.DelayBeforeShutdown", "20", 10),
    kept("ups.delay.start", f"{PS}.DelayBeforeStartup", "30", 10),
    command("load.off.delay", f"{PS}.DelayBeforeShutdown", "20"),
    command("load.on.delay", f"{PS}.DelayBeforeStartup", "30"),
    Row("bad", "UPS.What?.Ever"),
)
TABLE = Subdriver("small", "Small HID 1", "Small", (), ROWS, mfr=maker_or("Nobody"))
ON_LINE, ON_BATTERY = b"\x01\x03", b"\x01\x04"


def ups() -> VirtualUps:
    """On line, charging, 87 %."""
    return VirtualUps(
        {
            1: ON_LINE,
            2: bytes.fromhex("02 57 44070000"),
            3: bytes.fromhex("03 ffffffff"),
            4: bytes.fromhex("04 ffffffff"),
            5: bytes.fromhex("05 1001"),
            6: bytes.fromhex("06 02"),
        },
        {2: "second\n"},
    )


def start(
    bench: VirtualUps, settings: Settings | None = None, carried: dict[str, str] | None = None
) -> Device:
    """A device after its first walk."""
    context = Context(vendor_id=0x1234, product_id=0xABCD, vendor="Maker", product="Small 1", serial="S1")
    device = Device(parse(SMALL), TABLE, context, settings, carried)
    bench.run(device.poll(Walk.INIT, 0.0))
    return device


def values(device: Device) -> dict[str, str]:
    """The values of all variables."""
    return {name: one.value for name, one in device.variables().items()}

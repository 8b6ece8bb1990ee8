# SPDX-License-Identifier: GPL-2.0-or-later
"""SET and instant commands: the bytes that a device sees, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ridethrough.drivers.hid.conversions import BEEPER, YES_NO
from ridethrough.drivers.hid.descriptor import parse
from ridethrough.drivers.hid.engine import Device, Walk
from ridethrough.drivers.hid.rows import Context, Conversion, Row, Subdriver, command, kept, var
from ridethrough.drivers.hid.writes import REST_S, obey_orders, run_command, set_variable
from ridethrough.ups.commands import Outcome
from tests.support.hid import SMALL
from tests.support.hid_play import VirtualUps

PS = "UPS.PowerSummary"
BEEP = f"{PS}.AudibleAlarmControl"
ROWS = (
    var("battery.charge", f"{PS}.RemainingCapacity", "%.0f"),
    var("battery.charge.low", f"{PS}.RemainingCapacity", "%.0f", length=5),
    var("battery.runtime.low", f"{PS}.RunTimeToEmpty", "%.0f", length=5),
    var("battery.voltage.high", f"{PS}.Voltage", "%.1f", length=5),
    var("ups.beeper.status", BEEP, BEEPER, length=10),
    var("ups.start.auto", f"{PS}.PresentStatus.ACPresent", YES_NO, length=3),
    kept("ups.delay.shutdown", f"{PS}.DelayBeforeShutdown", "20", 10),
    kept("ups.delay.start", f"{PS}.DelayBeforeStartup", "30", 10),
    command("load.off.delay", f"{PS}.DelayBeforeShutdown", None),
    command("load.on.delay", f"{PS}.DelayBeforeStartup", "30"),
    command("beeper.disable", BEEP, "1"),
    command("beeper.enable", BEEP, "2"),
    command("test.battery.start", BEEP, None, required=True),
    command("test.panel.start", BEEP, "loud", BEEPER),
)
NO_AUTO = tuple(row for row in ROWS if row.name != "ups.start.auto")


def bench(rows: tuple[Row, ...] = ROWS) -> tuple[VirtualUps, Device]:
    """A device after its first walk."""
    ups = VirtualUps(
        {
            1: b"\x01\x03",
            2: bytes.fromhex("0257 44070000"),
            3: bytes.fromhex("03 ffffffff"),
            4: bytes.fromhex("04 ffffffff"),
            5: bytes.fromhex("051001"),
            6: b"\x06\x02",
        }
    )
    device = Device(parse(SMALL), Subdriver("small", "Small HID 1", "Small", (), rows), Context())
    ups.run(device.poll(Walk.INIT, 0.0))
    return ups, device


@pytest.mark.parametrize(
    ("name", "text", "written"),
    [
        ("battery.charge.low", "30", ["021e44070000"]),  # its neighbour stays
        ("Battery.Charge.Low", "30.9 %", ["021e44070000"]),
        ("battery.charge.low", "none", ["020044070000"]),
        ("battery.runtime.low", "300", ["02572c010000"]),
        ("battery.voltage.high", "29", ["052201"]),  # 290 tenths of a volt
        ("ups.beeper.status", "muted", ["0603"]),
        ("ups.delay.shutdown", "45", []),
    ],
)
def test_set(name: str, text: str, written: list[str]) -> None:
    """The bytes of a SET; what the driver keeps itself goes nowhere."""
    ups, device = bench()
    assert ups.run(set_variable(device, name, text)) is Outcome.HANDLED
    assert [data.hex() for data in ups.written] == written
    assert device.changed is bool(written)


@pytest.mark.parametrize(
    ("name", "text", "outcome"),
    [
        ("battery.charge", "30", Outcome.UNKNOWN),
        ("no.such", "30", Outcome.UNKNOWN),
        ("load.on.delay", "30", Outcome.UNKNOWN),
        ("ups.beeper.status", "quiet", Outcome.CONVERSION_FAILED),
    ],
)
def test_refused_sets(name: str, text: str, outcome: Outcome) -> None:
    """Nothing is written for what can't be SET."""
    ups, device = bench()
    assert ups.run(set_variable(device, name, text)) is outcome
    assert ups.written == []


def test_a_kept_setting_is_the_next_delay() -> None:
    """A delay that was SET goes into the composed command."""
    ups, device = bench(NO_AUTO)
    ups.run(set_variable(device, "ups.delay.shutdown", "45"))
    ups.run(run_command(device, "shutdown.return"))
    assert ups.written == [bytes.fromhex("041e000000"), bytes.fromhex("032d000000")]


OFF, ON, ON_NOW = "0314000000", "041e000000", "0400000000"


@pytest.mark.parametrize(
    ("name", "parameter", "written"),
    [
        ("load.off.delay", "20", [OFF]),
        ("load.off.delay", None, ["0300000000"]),
        ("load.on.delay", None, [ON]),
        ("load.off", None, ["0300000000"]),
        ("load.on", None, [ON_NOW]),
        ("beeper.off", None, ["0601"]),
        ("beeper.on", None, ["0602"]),
        ("test.battery.start", "3", ["0603"]),
        ("shutdown.return", None, [ON, OFF]),
        ("shutdown.default", None, [ON, OFF]),
        ("shutdown.stayoff", None, ["04ffffffff", OFF]),
    ],
)
def test_commands(name: str, parameter: str | None, written: list[str]) -> None:
    """The bytes of an instant command, in order."""
    ups, device = bench(NO_AUTO)
    assert ups.run(run_command(device, name, parameter)) is Outcome.HANDLED
    assert [data.hex() for data in ups.written] == written
    assert ups.pauses == [REST_S] * (len(written) - 1)


def test_start_auto_goes_before() -> None:
    """A device that has ups.start.auto is told whether to start again."""
    ups, device = bench()
    ups.run(run_command(device, "shutdown.stayoff"))
    assert [data.hex() for data in ups.written] == ["0102", "04ffffffff", OFF]
    ups.written.clear()
    ups.run(run_command(device, "shutdown.return"))
    assert ups.written[0].hex() == "0103"


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("no.such", Outcome.INVALID),
        ("battery.charge", Outcome.INVALID),
        ("test.battery.start", Outcome.CONVERSION_FAILED),
        ("test.panel.start", Outcome.CONVERSION_FAILED),
    ],
)
def test_refused_commands(name: str, outcome: Outcome) -> None:
    """Nothing is written for what is no command, or lacks its parameter."""
    ups, device = bench()
    assert ups.run(run_command(device, name)) is outcome
    assert ups.written == []


def test_what_the_device_does_not_take() -> None:
    """A stalled write is FAILED for a command, UNKNOWN for a SET, and a composed command ends there."""
    ups, device = bench(NO_AUTO)
    ups.stalled = {4, 6}
    assert ups.run(run_command(device, "load.on")) is Outcome.FAILED
    assert ups.run(set_variable(device, "ups.beeper.status", "muted")) is Outcome.UNKNOWN
    assert ups.run(run_command(device, "shutdown.return")) is Outcome.FAILED
    assert ups.written == []
    assert ups.run(run_command(device, "shutdown.default")) is Outcome.HANDLED
    assert [data.hex() for data in ups.written] == ["0300000000"], "load.off.delay is tried next"


def test_a_report_that_was_never_read() -> None:
    """Its id goes first all the same, and zeros for what is not known."""
    ups, device = bench()
    del device.reports.known[2]
    device.reports.begin()
    ups.stalled = {2}
    ups.run(set_variable(device, "battery.charge.low", "5"))
    ups.stalled = set()
    ups.run(set_variable(device, "battery.charge.low", "5"))
    assert [data.hex() for data in ups.written] == ["020500000000"]


def test_constants_are_not_written() -> None:
    """A field that the descriptor calls constant is left alone."""
    ups, device = bench()
    one = device.find("beeper.enable")
    assert one is not None
    one.field = replace(one.field, flags=1)
    assert ups.run(run_command(device, "beeper.enable")) is Outcome.FAILED
    assert ups.written == []


def test_orders_of_conversions() -> None:
    """What a conversion wants set is set; what can't be is told."""
    ups, device = bench()
    device.context.orders += [("battery.charge.low", "7"), ("no.such", "1")]
    ups.run(obey_orders(device))
    assert [data.hex() for data in ups.written] == ["020744070000"]
    assert device.context.orders == []
    assert any("no.such" in text for _, text in device.notes)


def test_no_command_switches_it_off() -> None:
    """Without any of the commands `shutdown.default` is no success; infinity is not written."""
    ups, device = bench(NO_AUTO[:2])
    assert ups.run(run_command(device, "shutdown.default")) is Outcome.INVALID
    endless = Conversion("endless", to_value=lambda text, context: float("inf"))
    ups, device = bench((command("load.off", BEEP, "1", endless),))
    assert ups.run(run_command(device, "load.off")) is Outcome.FAILED
    assert ups.written == []

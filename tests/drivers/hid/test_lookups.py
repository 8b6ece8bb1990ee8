# SPDX-License-Identifier: GPL-2.0-or-later
"""Conversions that need more of the device: it is asked, and they run again."""

from __future__ import annotations

from dataclasses import replace

from ridethrough.drivers.hid.descriptor import parse
from ridethrough.drivers.hid.engine import Device, Walk
from ridethrough.drivers.hid.rows import Context, Conversion, Flags, Row, kept, var
from tests.support.hid import SMALL
from tests.support.hid_small import NAME, PS, STATIC, TABLE, ups, values


def test_a_conversion_may_ask_for_more() -> None:
    """Another path and a whole report are read when a conversion wants them, unknown paths are None."""
    seen: list[tuple[float | None, bytes | None, float | None]] = []

    def curious(value: float, context: Context) -> str:
        seen.append((context.item(f"{PS}.Voltage"), context.report(6), context.item("UPS.No?")))
        return f"{value:.0f}"

    rows = (var("battery.charge", f"{PS}.RemainingCapacity", Conversion("curious", to_text=curious)),)
    bench = ups()
    device = Device(parse(SMALL), replace(TABLE, rows=rows), Context())
    bench.run(device.poll(Walk.INIT, 0.0))
    assert seen[-1] == (272 * 0.1, b"\x06\x02", None)
    assert sorted(bench.read) == [2, 5, 6]


def test_strings_are_asked_for_once() -> None:
    """A conversion runs again when its string is there; nothing of the first attempt stays."""
    runs: list[int] = []

    def name(value: float, context: Context) -> str | None:
        runs.append(len(runs))
        return context.string(2)

    rows = (var("ups.id", f"{PS}.RemainingCapacity", Conversion("name", to_text=name)),)
    bench = ups()
    device = Device(parse(SMALL), replace(TABLE, rows=rows), Context())
    bench.run(device.poll(Walk.INIT, 0.0))
    bench.run(device.poll(Walk.FULL, 30.0))
    assert values(device)["ups.id"] == "second"
    assert len(runs) == 3


def test_a_conversion_that_never_has_enough() -> None:
    """It is given up, and the rest of the device is read."""

    def greedy(value: float, context: Context) -> str:
        asked.append(None)
        return context.string(len(asked)) or ""

    asked: list[None] = []
    rows = (
        var("ups.id", f"{PS}.RemainingCapacity", Conversion("greedy", to_text=greedy)),
        var("battery.charge", f"{PS}.RemainingCapacity", "%.0f"),
    )
    bench = ups()
    device = Device(parse(SMALL), replace(TABLE, rows=rows), Context())
    bench.run(device.poll(Walk.INIT, 0.0))
    assert "ups.id" not in values(device)
    assert values(device)["battery.charge"] == "87"


def test_a_string_that_comes_by_interrupt() -> None:
    """Its text is not known yet: the next poll asks for it."""
    rows = (var("ups.id", f"{PS}.RemainingCapacity", NAME, STATIC),)
    bench = ups()
    bench.strings = {87: "old", 3: "new"}
    device = Device(parse(SMALL), replace(TABLE, rows=rows), Context())
    bench.run(device.poll(Walk.INIT, 0.0))
    assert device.take_input(b"\x02\x03", 5.0)
    assert values(device)["ups.id"] == "old"
    bench.run(device.poll(Walk.QUICK, 5.5))
    assert values(device)["ups.id"] == "new"


def test_a_string_that_fails_at_first() -> None:
    """It is tried again with each walk that needs it, three times in all."""
    rows = (var("ups.id", f"{PS}.RemainingCapacity", NAME),)
    bench = ups()
    device = Device(parse(SMALL), replace(TABLE, rows=rows), Context())
    bench.run(device.poll(Walk.INIT, 0.0))
    assert values(device)["ups.id"] == ""
    bench.strings = {87: "late"}
    bench.run(device.poll(Walk.FULL, 30.0))
    assert values(device)["ups.id"] == "late"
    bench.strings = {}
    bench.reports[2] = b"\x02\x58"
    for now in (60.0, 90.0, 120.0):
        bench.run(device.poll(Walk.FULL, now))
    bench.strings = {88: "too late"}
    bench.run(device.poll(Walk.FULL, 150.0))
    assert values(device)["ups.id"] == ""


def test_odd_questions_of_a_conversion() -> None:
    """An index that is none, a path that is nowhere, a report that stalls: None; a NUMBER is shown as one."""
    seen: list[object] = []

    def odd(value: float, context: Context) -> str:
        seen[:] = [
            context.string(-1),
            context.string(256),
            context.item("ff.ff"),
            context.item(f"{PS}.Voltage"),
        ]
        return f"{value:.0f}"

    row = Row(
        "battery.charge",
        f"{PS}.RemainingCapacity",
        flags=Flags.RW | Flags.NUMBER,
        convert=Conversion("odd", to_text=odd),
    )
    rows = (row, replace(row, name="other.name"), kept("battery.charge", f"{PS}.RemainingCapacity", "1", 3))
    bench = ups()
    bench.stalled = {5}
    device = Device(parse(SMALL), replace(TABLE, rows=rows), Context())
    bench.run(device.poll(Walk.INIT, 0.0))
    assert seen == [None, None, None, None]
    assert device.variables()["battery.charge"].type_words() == "RW NUMBER"
    assert values(device)["battery.charge"] == "87", "what the device says is not laid over"

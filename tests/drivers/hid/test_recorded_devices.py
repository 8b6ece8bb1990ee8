# SPDX-License-Identifier: GPL-2.0-or-later
"""Recorded devices through the whole engine: the same variables, status and bytes as the newest C driver.

What differs stands in `LISTED`, with the reason; anything else that differs, and anything listed that does
not differ any more, fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ridethrough.drivers.adjust import COMMANDS
from ridethrough.drivers.hid.engine import Device, Walk
from ridethrough.drivers.hid.writes import run_command, set_variable
from ridethrough.ups.variables import Variable
from tests.support.hid import NAMES, oracle_of
from tests.support.hid_play import VirtualUps
from tests.support.hid_recorded import started

pytestmark = pytest.mark.skipif(not NAMES, reason="the recorded devices are not here")

NOTHING_DONE = "C says that it was handled, though it has no command that could switch this device off"
OWN_DATE = "C reads the date that it shows itself as no date, and writes the day 0; ours refuses it"
POLLED_BETWEEN = (
    "C polls between the inputs of one event, and mixes both; ours keeps what came by interrupt for a while"
)
LISTED = {
    ("0463-ffff-ellipse-eco-33b", "shutdown.default"): NOTHING_DONE,
    ("0665-5161-megatec-cypress-bridge", "shutdown.default"): NOTHING_DONE,
    ("10af-1000-liebert-gxt5", "shutdown.default"): NOTHING_DONE,
    ("5131-2007-unknown", "shutdown.default"): NOTHING_DONE,
    ("051d-0002-back-ups-rs-1000g", "battery.mfr.date=05/17/24"): OWN_DATE,
    ("051d-0002-smart-ups-1500-rm", "battery.mfr.date=05/17/24"): OWN_DATE,
    ("051d-0002-back-ups-500", "interrupt on battery"): POLLED_BETWEEN,
    ("051d-0002-back-ups-500", "interrupt on battery, low"): POLLED_BETWEEN,
    ("051d-0002-back-ups-rs-1000g", "interrupt on battery"): POLLED_BETWEEN,
    ("051d-0002-back-ups-rs-1000g", "interrupt on battery, low"): POLLED_BETWEEN,
}
OF_THE_RUNNER = {"device.mfr", "device.model", "device.serial", "device.type"}

Difference = tuple[str, object, object]


def listed(name: str, differences: list[Difference], kinds: tuple[str, ...] = ()) -> None:
    """Compare differences with those listed for the device (of these beginnings)."""
    expected = {what for device, what in LISTED if device == name and what.startswith(kinds)}
    assert {what for what, _, _ in differences} == expected, differences


def facts(one: Variable | None) -> object:
    """A variable of ours, to be compared."""
    if one is None:
        return None
    flags = {"RW"} if one.rw else set()
    return one.value, flags | ({one.kind.value} - {""}), one.max_length, one.enum


def c_facts(one: dict[str, Any] | None) -> object:
    """A variable of C's, to be compared."""
    if one is None:
        return None
    return one["value"], set(one.get("flags", ())), one.get("aux", 0), tuple(one.get("enum", ()))


def values(device: Device) -> dict[str, str]:
    """The values of all variables."""
    return {name: one.value for name, one in device.variables().items()}


def hexes(ups: VirtualUps) -> list[str]:
    """What was written, as C's table has it."""
    return [f"feature:{data[0]:02x} {data.hex(' ')}" for data in ups.written]


def clocks() -> Iterator[float]:
    """Times far enough apart for a poll to be a poll."""
    return iter(range(100, 1_000_000, 10))


@pytest.mark.parametrize("name", NAMES)
def test_variables_and_commands(name: str) -> None:
    """Every variable: value, rights, kind, length, choices; and which commands there are."""
    oracle = oracle_of(name)
    _, device = started(name)
    assert device.subdriver.name == oracle["subdriver"]
    theirs = {
        name: one
        for name, one in oracle["variables"].items()
        if not name.startswith("driver.") and name not in OF_THE_RUNNER
    }
    ours = device.variables()
    pairs = {name: (facts(ours.get(name)), c_facts(theirs.get(name))) for name in (*ours, *theirs)}
    assert {name: pair for name, pair in pairs.items() if pair[0] != pair[1]} == {}
    assert device.commands == set(oracle["commands"]) - COMMANDS


@pytest.mark.parametrize("name", NAMES)
def test_status_by_polling(name: str) -> None:
    """Each changed bit of a feature report: the status, the alarm and what else C shows for it."""
    flips = [flip for flip in oracle_of(name)["status_flips"] if flip["change"]["how"] == "feature"]
    ups, device = started(name)
    now = clocks()
    for flip in flips:
        before = dict(ups.reports)
        for number, text in flip["change"]["reports"].items():
            ups.reports[int(number, 16)] = bytes.fromhex(text)
        ups.run(device.poll(Walk.FULL, next(now)))
        found = values(device)
        expected = {"ups.status": flip["ups_status"], **flip["other"]}
        assert {name: found.get(name) for name in expected} == expected, flip["change"]
        ups.reports = before
        ups.run(device.poll(Walk.FULL, next(now)))


@pytest.mark.parametrize("name", NAMES)
def test_status_by_interrupt(name: str) -> None:
    """Each event: the status at once, or what C shows after its next poll."""
    flips = [flip for flip in oracle_of(name)["status_flips"] if flip["change"]["how"] == "interrupt"]
    differences: list[Difference] = []
    ups, device = started(name)
    now = clocks()
    for flip in flips:
        at = next(now)
        for text in flip["change"]["reports"]:
            device.take_input(bytes.fromhex(text), at)
        at_once = values(device)
        ups.run(device.poll(Walk.FULL, at + 0.5))
        later = values(device)
        found = at_once["ups.status"], later["ups.status"]
        if flip["ups_status"] not in found:
            differences.append((f"interrupt {flip['change']['what']}", found, flip["ups_status"]))
        for other, value in flip["other"].items():
            assert value in (at_once.get(other), later.get(other)), (flip["change"], other)
        ups.run(device.poll(Walk.FULL, at + 5))
    listed(name, differences, ("interrupt",))


@pytest.mark.parametrize("name", NAMES)
def test_bytes(name: str) -> None:
    """Each SET and each command: the same bytes to the device, and the same outcome."""
    oracle = oracle_of(name)
    differences: list[Difference] = []
    ups, device = started(name)
    now = clocks()
    settings = [(what, one) for what, each in oracle["setvar_bytes"].items() for one in each]
    orders = [
        (f"{what}={one['value']}", set_variable(device, what, one["value"]), one["bytes"], one["result"])
        for what, one in settings
    ] + [
        (what, run_command(device, what), wanted, oracle["command_result"][what])
        for what, wanted in oracle["command_bytes"].items()
    ]
    kept = {what: device.context.variables[what] for what in device.kept()}
    for what, steps, wanted, code in orders:
        before = dict(ups.reports)
        ups.written.clear()
        outcome = ups.run(steps)
        ours = hexes(ups), str(outcome.code)
        if ours != (wanted, code):
            differences.append((what, ours, (wanted, code)))
        ups.reports = before
        device.context.variables.update(kept)
        ups.run(device.poll(Walk.FULL, next(now)))
    listed(name, differences, ("battery", "shutdown"))

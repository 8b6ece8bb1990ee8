# SPDX-License-Identifier: GPL-2.0-or-later
"""SET and instant commands of a USB HID UPS: which bytes go to the device, and what becomes of them.

Facts learned from NUT's drivers/usbhid-ups.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from functools import partial

from ridethrough.drivers.hid import codec
from ridethrough.drivers.hid.asks import Pause, SetReport, Steps
from ridethrough.drivers.hid.conversions import leading_int
from ridethrough.drivers.hid.descriptor import Field
from ridethrough.drivers.hid.engine import Bound, Device
from ridethrough.drivers.hid.rows import Flags, Kind
from ridethrough.ups.commands import Outcome

REST_S = 0.125
"""Some devices don't accept commands that arrive too rapidly (seen with a Tripp Lite of protocol 3024)."""

CONSTANT = 0x01
RENAMED = {"beeper.off": "beeper.disable", "beeper.on": "beeper.enable"}
AT_ONCE = {"load.on": "load.on.delay", "load.off": "load.off.delay"}
SHUTDOWN_COMMANDS = ("shutdown.return", "shutdown.reboot", "load.off.delay", "shutdown.stayoff")
"""What switches the UPS off for `shutdown.default` and killpower: the first that works."""


def set_variable(device: Device, name: str, text: str) -> Steps[Outcome]:
    """SET a variable.

    UNKNOWN: there is no such variable, it can't be written, or the device did not take it.
    CONVERSION_FAILED: the device has no such value.
    """
    one = device.find(name)
    if one is None or Flags.RW not in one.row.flags or one.row.kind is not Kind.VARIABLE:
        return Outcome.UNKNOWN
    if Flags.ABSENT in one.row.flags:
        device.context.variables[one.row.name] = text
        return Outcome.HANDLED
    value = yield from device.lookups.asking(partial(_value, device, one, text))
    if value is None:
        return Outcome.CONVERSION_FAILED
    taken = yield from _write(device, one.field, value)
    return Outcome.HANDLED if taken else Outcome.UNKNOWN


def run_command(device: Device, name: str, parameter: str | None = None) -> Steps[Outcome]:
    """Run an instant command.

    INVALID: the device has no such command.  FAILED: it did not take it.
    `shutdown.return` and `shutdown.stayoff` are made of two others where the device has none of its own,
    and set `ups.start.auto` before where it has that.
    """
    name = RENAMED.get(name.lower(), name)
    one = device.find(name)
    if one is not None:
        if one.row.kind is not Kind.COMMAND:
            return Outcome.INVALID
        return (yield from _command(device, one, parameter))
    at_once = AT_ONCE.get(name.lower())
    if at_once is not None:
        return (yield from run_command(device, at_once, "0"))
    if name.lower() == "shutdown.return":
        start = device.context.variables.get("ups.delay.start")
        return (yield from _two_steps(device, "yes", start))
    if name.lower() == "shutdown.stayoff":
        return (yield from _two_steps(device, "no", "-1"))
    if name.lower() == "shutdown.default":
        return (yield from shut_down(device))
    return Outcome.INVALID


def shut_down(device: Device) -> Steps[Outcome]:
    """Switch the UPS off by the first command that works."""
    outcome = Outcome.FAILED
    for name in SHUTDOWN_COMMANDS:
        outcome = yield from run_command(device, name)
        if outcome is Outcome.HANDLED:
            return outcome
    return outcome


def obey_orders(device: Device) -> Steps[None]:
    """Set what conversions asked for; the shell runs this after each poll."""
    for name, text in device.take_orders():
        outcome = yield from set_variable(device, name, text)
        if outcome is not Outcome.HANDLED:
            device.note("warning", f"{name} can't be set to '{text}': {outcome}")


def _two_steps(device: Device, start_auto: str, start_delay: str | None) -> Steps[Outcome]:
    """First when to start again, then when to switch off."""
    variables = device.context.variables
    if "ups.start.auto" in variables:
        yield from set_variable(device, "ups.start.auto", start_auto)
    outcome = yield from run_command(device, "load.on.delay", start_delay)
    if outcome is not Outcome.HANDLED:
        return outcome
    yield Pause(REST_S)
    return (yield from run_command(device, "load.off.delay", variables.get("ups.delay.shutdown")))


def _command(device: Device, one: Bound, parameter: str | None) -> Steps[Outcome]:
    text = parameter if parameter is not None else one.row.default
    if text is None and Flags.PARAM_REQUIRED in one.row.flags:
        return Outcome.CONVERSION_FAILED
    value = yield from device.lookups.asking(partial(_value, device, one, text))
    if value is None:
        return Outcome.CONVERSION_FAILED
    taken = yield from _write(device, one.field, value)
    return Outcome.HANDLED if taken else Outcome.FAILED


def _value(device: Device, one: Bound, text: str | None) -> float | None:
    """The physical value of a text; without a conversion it is the integer that the text begins with."""
    if one.row.convert is not None:
        return one.row.convert.value(text, device.context)
    return float(leading_int(text))


def _write(device: Device, field: Field, value: float) -> Steps[bool]:
    """Write one field of a report, the others as they were last seen."""
    if field.flags & 0xFF == CONSTANT:
        return False
    try:
        number = codec.to_logical(field, value)
    except (OverflowError, ValueError):
        return False
    if field.report_id not in device.reports.known:
        yield from device.reports.fetch(field.report_id)
    data = codec.put(field, device.reports.before_write(field.report_id), number)
    taken = (yield SetReport(data)) is not None
    if taken:
        device.reports.store(field.report_id, data)
        device.changed = True
    return taken

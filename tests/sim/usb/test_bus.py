# SPDX-License-Identifier: GPL-2.0-or-later
"""Who drives a device, what becomes of it when it is pulled, and what the commands of a bench do."""

from __future__ import annotations

import errno
from math import inf

import pytest

from ridethrough.sim.usb.bus import USBFS, USBHID
from ridethrough.sim.usb.commands import obey
from ridethrough.sim.usb.device import Fault
from ridethrough.sim.usb.usbfs import OpenFile
from tests.support.usb_memory import plugged


def test_replug_has_new_numbers() -> None:
    """A device comes back under a new number and a new hidraw node, in the kernel's order of events."""
    bus, port, machine = plugged()
    again = bus.replug(port)
    assert machine.done == [
        "appear bus/usb/001/002",
        "bind hidraw0",
        "unbind hidraw0",
        "vanish bus/usb/001/002",
        "appear bus/usb/001/003",
        "bind hidraw1",
    ]
    assert bus.ports == {"1-2": again}
    assert (port.plugged, again.plugged, again.bound) == (False, True, True)
    bus.unplug(again)
    bus.unplug(again)
    assert machine.done[-1] == "vanish bus/usb/001/003"
    assert machine.done.count("vanish bus/usb/001/003") == 1


def test_interface_has_one_driver() -> None:
    """usbhid must be detached before a program can claim, and only one program can."""
    bus, port, _ = plugged()
    one, other = OpenFile(port.device), OpenFile(port.device)
    assert bus.driver(port) == USBHID
    assert bus.claim(port, one) == errno.EBUSY
    assert bus.disconnect(port) == 0
    assert bus.disconnect(port) == errno.ENODATA
    assert bus.driver(port) is None
    assert bus.claim(port, one) == bus.claim(port, one) == 0
    assert bus.driver(port) == USBFS
    assert bus.claim(port, other) == bus.connect(port) == errno.EBUSY
    assert bus.release(port, other) == errno.EINVAL
    assert bus.release(port, one) == 0
    assert bus.driver(port) is None
    assert bus.connect(port) == 0
    assert port.hidraw == 1


def test_nothing_works_on_a_pulled_plug() -> None:
    """Everything says ENODEV, and no fault can be added."""
    bus, port, _ = plugged()
    bus.unplug(port)
    assert bus.claim(port, OpenFile(port.device)) == bus.connect(port) == bus.reset(port) == errno.ENODEV
    bus.break_down(port, Fault.STALL)
    assert port.device.fault is Fault.UNPLUGGED


def test_fault_ends_by_time_or_by_reset() -> None:
    """A fault with a time goes by itself and no reset cures it; one without waits for the reset."""
    bus, port, _ = plugged()
    bus.break_down(port, Fault.SILENCE, 4.0)
    assert bus.next_deadline() == 104.0
    assert bus.reset(port) == 0
    bus.now = 103.9
    bus.stir()
    assert port.device.fault is Fault.SILENCE
    bus.now = 104.0
    bus.stir()
    assert port.device.fault is Fault.NONE
    bus.break_down(port, Fault.STALL)
    bus.now = 1e9
    bus.stir()
    assert (port.device.fault, bus.next_deadline()) == (Fault.STALL, inf)
    assert bus.reset(port) == 0
    assert port.device.fault is Fault.NONE


def test_waiters_are_asked_until_they_are_late() -> None:
    """A program that waits is tried after each change, and once more when its time is over."""
    bus, _, _ = plugged()
    asked: list[bool] = []

    def attempt(late: bool) -> bool:
        asked.append(late)
        return late

    bus.wait(attempt, 2.0)
    bus.now = 101.0
    bus.stir()
    bus.now = 102.0
    bus.stir()
    bus.stir()
    assert asked == [False, False, True]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("", "say"),
        ("1-2", "say"),
        ("dance", "'dance' is not a valid Power"),
        ("set UPS.Nonsense 1", "Nonsense"),
        ("set", "list index"),
        ("stall soon", "soon"),
        ("send zz", "non-hexadecimal"),
    ],
)
def test_wrong_commands_are_answered_in_words(line: str, error: str) -> None:
    """A test that misspells learns it at once."""
    bus, _, _ = plugged()
    assert error in str(obey(bus, line)["error"])


def test_commands() -> None:
    """Each verb does what it says, to the first device or to the one named."""
    bus, port, _ = plugged()
    assert obey(bus, "1-2 ob") == {}
    assert port.device.interrupt() == bytes.fromhex("013000")
    port.device.forget_inputs()
    assert obey(bus, "set UPS.PowerSummary.PresentStatus.Overload 1") == {}
    assert port.device.interrupt() == bytes.fromhex("013001")
    assert obey(bus, "send 01 ff") == {}
    assert port.device.interrupt() == b"\1\xff"
    assert obey(bus, "garbage 5") == {}
    assert port.device.fault is Fault.GARBAGE
    assert port.device.interrupt() is not None
    assert obey(bus, "heal") == {}
    assert port.device.fault is Fault.NONE
    port.device.control(bytes.fromhex("a101010300000800"))
    assert obey(bus, "log") == {"log": ["get feature 01 -> 01 30 01"]}
    assert obey(bus, "forget") == {}
    assert obey(bus, "log") == {"log": []}
    assert obey(bus, "unplug") == {}
    assert obey(bus, "state") == {
        "plugged": False,
        "fault": "unplug",
        "number": 2,
        "driver": None,
        "hidraw": None,
    }
    assert obey(bus, "replug") == {}
    assert obey(bus, "state") == {
        "plugged": True,
        "fault": "none",
        "number": 3,
        "driver": "usbhid",
        "hidraw": 1,
    }

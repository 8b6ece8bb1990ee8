# SPDX-License-Identifier: GPL-2.0-or-later
"""By which way a device is reached, and who is in it."""

from __future__ import annotations

from ridethrough.drivers.transport.identity import Interface, UsbDevice
from ridethrough.drivers.transport.reach import Holder, Step, Way, way


def device(*interfaces: Interface) -> UsbDevice:
    return UsbDevice("1-2", 1, 4, 0x0463, 0xFFFF, "EATON", "Ellipse ECO", interfaces=interfaces)


def test_a_bound_device_is_reached_by_its_first_hid_interface() -> None:
    """Interfaces of other kinds are passed over."""
    first = Interface(0, hid=False, driver="usb-storage")
    second = Interface(1, hid=True, driver="usbhid", hidraws=("hidraw2", "hidraw3"))
    assert way(device(first, second)) == Way(Step.HIDRAW, "hidraw2", 1)


def test_a_device_held_through_libusb_is_not_fought_for() -> None:
    """The C driver is named with its pid, and what to do about it."""
    taken = device(Interface(0, hid=True, driver="usbfs"))
    found = way(taken, [Holder(812, "usbhid-ups", "/dev/bus/usb/001/004")])
    assert found.step is Step.HELD
    assert found.words == (
        "EATON Ellipse ECO (0463:ffff, port 1-2) is held by usbhid-ups (pid 812);"
        " stop it, or give its section of ups.conf another driver"
    )
    assert "held by a program of another user (root sees which)" in way(taken).words


def test_a_hidraw_node_that_another_program_reads_is_not_shared() -> None:
    """Two programs asking one UPS for reports get each other's answers."""
    bound = device(Interface(0, hid=True, driver="usbhid", hidraws=("hidraw0",)))
    found = way(bound, [Holder(9, "ridethrough", "/dev/hidraw0")])
    assert found.step is Step.HELD
    assert "ridethrough (pid 9)" in found.words
    assert way(bound, [Holder(9, "other", "/dev/hidraw01")]).step is Step.HIDRAW


def test_upowerd_beside_us_is_told_and_tolerated() -> None:
    """It reads through hiddev, which takes nothing away from hidraw."""
    bound = device(Interface(0, hid=True, driver="usbhid", hidraws=("hidraw0",), hiddevs=("hiddev0",)))
    found = way(bound, [Holder(77, "upowerd", "/dev/usb/hiddev0")])
    assert found == Way(Step.HIDRAW, "hidraw0", 0, "upowerd (pid 77) reads it, too; that does no harm")


def test_an_interface_left_unbound_is_bound_again_else_libusb_has_to_do() -> None:
    """What a C driver leaves behind when it ends is repaired once, not for ever."""
    left = device(Interface(2, hid=True))
    found = way(left)
    assert (found.step, found.interface) == (Step.CONNECT, 2)
    assert "left without its kernel driver" in found.words
    assert way(left, patient=False) == Way(Step.LIBUSB, interface=2)


def test_a_driver_that_is_just_starting_is_not_hindered() -> None:
    """It takes the kernel's driver away and then claims the interface: in between nothing is bound."""
    left = device(Interface(0, hid=True))
    assert way(left, settled=False).step is Step.WAIT
    found = way(left, [Holder(812, "usbhid-ups", "/dev/bus/usb/001/004")])
    assert found.step is Step.HELD
    assert "usbhid-ups (pid 812)" in found.words


def test_a_node_that_is_not_there_yet_is_waited_for() -> None:
    """Between binding and the node some milliseconds pass; a kernel without hidraw never makes one."""
    bound = device(Interface(0, hid=True, driver="usbhid"))
    assert way(bound).step is Step.WAIT
    assert way(bound, patient=False).step is Step.LIBUSB


def test_a_device_that_is_no_hid_device_is_left_to_libusb() -> None:
    """Some UPSes speak HID's requests under another class; the words say so."""
    found = way(device(Interface(0, hid=False)))
    assert found.step is Step.LIBUSB
    assert "shows no HID interface" in found.words

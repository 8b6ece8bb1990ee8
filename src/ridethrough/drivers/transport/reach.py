# SPDX-License-Identifier: GPL-2.0-or-later
"""By which way a device is reached: hidraw, hidraw once the kernel's driver is bound again, or libusb.

A device that another program holds is not fought for: the program is named.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ridethrough.drivers.transport.identity import Interface, UsbDevice

_USB_NODE: Final = "/bus/usb/"


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has one of a device's nodes open."""

    pid: int
    name: str
    node: str
    """Its path, such as `/dev/hidraw0`."""

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


class Step(StrEnum):
    """What comes next on the way to a device."""

    HIDRAW = "hidraw"
    """Open hidraw node `node`."""
    CONNECT = "connect"
    """Have the kernel's driver bound to `interface` again, and look anew."""
    WAIT = "wait"
    """The node will be there in a moment; look anew."""
    LIBUSB = "libusb"
    """Only libusb reaches it."""
    HELD = "held"
    """Another program has it; `words` name it."""


@dataclass(frozen=True, slots=True)
class Way:
    """The next step, and what to tell people about it, if anything."""

    step: Step
    node: str = ""
    interface: int = 0
    words: str = ""


def way(
    device: UsbDevice, holders: Collection[Holder] = (), *, patient: bool = True, settled: bool = True
) -> Way:
    """The way to the first HID interface of `device`.

    `holders` are the other processes that have its nodes open; `patient` is false once CONNECT or WAIT have
    been tried for long enough.  `settled` is false while the interface may have lost its driver only just
    now: a C driver that starts takes that away before it claims the interface.
    """
    interface = next((each for each in device.interfaces if each.hid), None)
    if interface is None:
        return Way(Step.LIBUSB, words=f"{device} shows no HID interface")
    if interface.hidraws:
        return _by_hidraw(device, interface, holders)
    claimed = interface.driver == "usbfs" or any(_USB_NODE in holder.node for holder in holders)
    if claimed:
        return Way(Step.HELD, interface=interface.number, words=held(device, holders))
    if not patient:
        return Way(Step.LIBUSB, interface=interface.number)
    if not interface.driver and settled:
        return Way(
            Step.CONNECT,
            interface=interface.number,
            words=f"{device} was left without its kernel driver; it is bound again",
        )
    return Way(Step.WAIT, interface=interface.number)


def _by_hidraw(device: UsbDevice, interface: Interface, holders: Collection[Holder]) -> Way:
    node = interface.hidraws[0]
    if any(holder.node.endswith(f"/{node}") for holder in holders):
        return Way(Step.HELD, node, interface.number, held(device, holders, f"/{node}"))
    listening = [holder for holder in holders if holder.node.rpartition("/")[2] in interface.hiddevs]
    words = f"{', '.join(map(str, listening))} reads it, too; that does no harm" if listening else ""
    return Way(Step.HIDRAW, node, interface.number, words)


def held(device: UsbDevice, holders: Collection[Holder], part: str = _USB_NODE) -> str:
    """Who holds it, by nodes with that part in their path, and what to do."""
    named = sorted({str(holder) for holder in holders if part in holder.node})
    who = ", ".join(named) or "a program of another user (root sees which)"
    return f"{device} is held by {who}; stop it, or give its section of ups.conf another driver"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Transfers end as the kernel would end them."""

from __future__ import annotations

import errno
import struct

import pytest

from ridethrough.sim.usb.device import Fault, VirtualUps
from ridethrough.sim.usb.ioctls import URB_CONTROL, URB_INTERRUPT
from ridethrough.sim.usb.power import Power
from ridethrough.sim.usb.profiles import PROFILES
from ridethrough.sim.usb.usbfs import MAX_URBS, Done, OpenFile, Urb

EATON = PROFILES["eaton-ellipse"]


def control(
    token: int, kind: int = 0xA1, request: int = 1, report_id: int = 1, data: bytes = bytes(8)
) -> Urb:
    """A control transfer for a feature report."""
    setup = struct.pack("<BBHHH", kind, request, 3 << 8 | report_id, 0, len(data))
    return Urb(token, URB_CONTROL, 0, setup + data)


def interrupt(token: int, size: int = 64) -> Urb:
    """A read of the interrupt endpoint."""
    return Urb(token, URB_INTERRUPT, 0x81, bytes(size))


@pytest.fixture
def device() -> VirtualUps:
    """An Eaton."""
    return VirtualUps(EATON)


def ended(file: OpenFile, urb: Urb) -> Done | int | None:
    """Submit and reap."""
    assert file.submit(urb) == 0
    file.move()
    return file.reap()


def test_control_transfers(device: VirtualUps) -> None:
    """Read data follows the setup bytes in the buffer; what was written is counted; a refusal is EPIPE."""
    file = OpenFile(device)
    assert ended(file, control(7)) == Done(7, 0, bytes.fromhex("012500"), 8, 3)
    assert ended(file, control(8, 0x21, 9, 8, b"\x08\x1e")) == Done(8, 0, actual=2)
    assert ended(file, control(9, report_id=0x99)) == Done(9, -errno.EPIPE)
    assert file.reap() is None
    assert device.log[1] == "set feature 08 08 1e -> ok"


def test_interrupt_waits_for_a_report(device: VirtualUps) -> None:
    """A read stays pending until the device has something to say; a report too long for it overflows."""
    file = OpenFile(device)
    assert ended(file, interrupt(1)) is None
    device.set_power(Power.OB)
    assert file.move()
    assert file.reap() == Done(1, 0, bytes.fromhex("013000"), 0, 3)
    assert ended(file, interrupt(2, 2)) == Done(2, -errno.EOVERFLOW)


def test_silent_transfer_can_be_cancelled(device: VirtualUps) -> None:
    """Without an answer a transfer is pending until the host gives it up."""
    device.fault = Fault.SILENCE
    file = OpenFile(device)
    assert ended(file, control(1)) is None
    assert file.discard(1) == 0
    assert file.reap() == Done(1, -errno.ENOENT)
    assert file.discard(1) == errno.EINVAL


def test_unplug_ends_all(device: VirtualUps) -> None:
    """Pending transfers end with ESHUTDOWN; then, and for new ones, there is no such device."""
    file = OpenFile(device)
    assert ended(file, interrupt(1)) is None
    device.fault = Fault.UNPLUGGED
    file.move()
    assert file.reap() == Done(1, -errno.ESHUTDOWN)
    assert file.reap() == errno.ENODEV
    assert file.submit(control(2)) == errno.ENODEV


def test_impossible_transfers_are_refused(device: VirtualUps) -> None:
    """No setup bytes, no such endpoint, or too many at once."""
    file = OpenFile(device)
    assert file.submit(Urb(1, URB_CONTROL, 0, b"\0")) == errno.EINVAL
    assert file.submit(Urb(1, URB_INTERRUPT, 0x02, b"")) == errno.EINVAL
    for token in range(MAX_URBS):
        assert file.submit(interrupt(token)) == 0
    assert file.submit(interrupt(MAX_URBS)) == errno.ENOMEM

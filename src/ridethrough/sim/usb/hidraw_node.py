# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers the ioctls of /dev/hidrawN for a virtual UPS."""

from __future__ import annotations

import errno
import struct
from typing import Final

from ridethrough.sim.usb import ioctls
from ridethrough.sim.usb.bus import Bus, Port
from ridethrough.sim.usb.device import Refusal
from ridethrough.sim.usb.ioctls import Hidraw
from ridethrough.sim.usb.memory import Block, Client
from ridethrough.sim.usb.usbfs_node import error_of

BUS_USB: Final = 3
CONTROL_TIMEOUT_S: Final = 5.0
"""How long the kernel's usbhid waits for a control transfer."""
GET_REPORT: Final = (0xA1, 0x01)
SET_REPORT: Final = (0x21, 0x09)
FEATURE: Final = 3


class HidrawNode:
    """The node of one plugged device while usbhid drives it."""

    def __init__(self, bus: Bus, port: Port) -> None:
        self._bus, self._port = bus, port
        self._number = port.hidraw

    def ioctl(self, client: Client, request: int, argument: bytes) -> None:
        """Answer a request, now or later."""
        if not self._port.bound or self._port.hidraw != self._number:
            client.fail(errno.ENODEV)
            return
        length = ioctls.length_of(request)
        block = client.block(length)
        known = ioctls.without_length(request)
        if block is None or known not in set(Hidraw):
            client.fail(errno.EINVAL)
        elif known in (Hidraw.GFEATURE, Hidraw.SFEATURE):
            self._feature(client, block, length, reads=known == Hidraw.GFEATURE)
        else:
            self._fact(client, block, length, Hidraw(known))

    def _fact(self, client: Client, block: Block, length: int, what: Hidraw) -> None:
        """What the kernel knows without asking the device."""
        profile = self._port.device.profile
        descriptor = profile.report_descriptor
        match what:
            case Hidraw.GRDESCSIZE:
                data, result = struct.pack("<i", len(descriptor)), 0
            case Hidraw.GRDESC:
                wanted = ioctls.number(block.read())
                data, result = struct.pack("<i", wanted) + descriptor[: max(0, wanted)], 0
            case Hidraw.GRAWINFO:
                data = struct.pack("<IHH", BUS_USB, profile.vendor_id, profile.product_id)
                result = 0
            case _:
                words = [profile.text(profile.manufacturer), profile.text(profile.product)]
                texts = {
                    Hidraw.GRAWNAME: " ".join(words),
                    Hidraw.GRAWPHYS: f"usb-0000:00:14.0-{self._port.place.busport[2:]}/input0",
                    Hidraw.GRAWUNIQ: profile.text(profile.serial),
                }
                data = texts[what].encode() + b"\0"
                result = min(len(data), length)
        block.write(0, data[:length])
        client.succeed(result)

    def _feature(self, client: Client, block: Block, length: int, *, reads: bool) -> None:
        """Get or set a report through the device; the kernel gives up after five seconds."""
        given = block.read()
        report_id = given[0]
        # A report without an id has none on the wire, but a zero in the program's memory.
        body = given if report_id else given[1:]
        kind, request = GET_REPORT if reads else SET_REPORT
        setup = struct.pack("<BBHHH", kind, request, FEATURE << 8 | report_id, 0, len(body))

        def attempt(late: bool) -> bool:
            answer = self._port.device.control(setup, b"" if reads else body)
            if isinstance(answer, Refusal):
                error = error_of(answer)
                if error == errno.ETIMEDOUT and not late:
                    return client.gone
                client.fail(error)
            elif reads:
                block.write(0, answer if report_id else b"\0" + answer)
                client.succeed(len(answer) + (not report_id))
            else:
                client.succeed(length)
            return True

        self._bus.wait(attempt, CONTROL_TIMEOUT_S)

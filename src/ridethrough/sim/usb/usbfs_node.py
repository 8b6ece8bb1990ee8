# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers the ioctls of /dev/bus/usb/BBB/DDD for a virtual UPS, as libusb and pyusb make them."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable
from math import inf
from typing import Final

from ridethrough.sim.usb import ioctls
from ridethrough.sim.usb.bus import Bus, Port
from ridethrough.sim.usb.device import Refusal
from ridethrough.sim.usb.ioctls import ControlHead, UrbHead, Usbfs
from ridethrough.sim.usb.memory import Block, Client
from ridethrough.sim.usb.usbfs import Done, OpenFile, Urb

IDLE_REAP_S: Final = 0.01
"""A poll of usbfs always says ready here, so a reaper that finds nothing is held for a moment."""


class _Opened:
    """An opened node: its transfers and the memory that they read and write."""

    def __init__(self, port: Port) -> None:
        self.file = OpenFile(port.device)
        self.urbs: dict[int, tuple[Block, Block | None]] = {}


class UsbfsNode:
    """The node of one plugged device."""

    def __init__(self, bus: Bus, port: Port) -> None:
        self._bus, self._port = bus, port
        self._opened: dict[Client, _Opened] = {}
        self._answers: dict[int, Callable[[Client, bytes], None]] = {
            Usbfs.CONTROL: self._control,
            Usbfs.GETDRIVER: self._driver,
            Usbfs.SUBMITURB: self._submit,
            Usbfs.DISCARDURB: self._discard,
            Usbfs.REAPURB: self._reap,
            Usbfs.REAPURBNDELAY: self._reap_now,
            Usbfs.CLAIMINTERFACE: self._claim,
            Usbfs.RELEASEINTERFACE: self._release,
            Usbfs.IOCTL: self._inner,
            Usbfs.DISCONNECT_CLAIM: self._disconnect_claim,
            Usbfs.RESET: lambda client, _: client.fail(self._bus.reset(self._port)),
            Usbfs.GET_CAPABILITIES: lambda client, _: self._give(client, struct.pack("<I", 0)),
            Usbfs.GET_SPEED: lambda client, _: client.succeed(ioctls.LOW_SPEED),
            Usbfs.CONNECTINFO: lambda client, _: self._give(
                client, struct.pack("<IBxxx", self._port.place.number, 1)
            ),
        }

    def opened(self, client: Client) -> None:
        """A program opens the node."""
        self._opened[client] = _Opened(self._port)

    def closed(self, client: Client) -> None:
        """It has closed it; what it held is free, and nobody drives the interface."""
        self._bus.release(self._port, self._opened.pop(client).file)

    def ioctl(self, client: Client, request: int, argument: bytes) -> None:
        """Answer a request, now or later."""
        answer = self._answers.get(request)
        if answer is not None:
            answer(client, argument)
        elif request in (Usbfs.SETINTERFACE, Usbfs.SETCONFIGURATION, Usbfs.CLEAR_HALT, Usbfs.RESETEP):
            client.fail(0 if self._port.plugged else errno.ENODEV)
        else:
            client.fail(errno.ENOTTY)

    def _give(self, client: Client, data: bytes) -> None:
        block = client.block(len(data))
        if block is None:
            client.fail(errno.EFAULT)
            return
        block.write(0, data)
        client.succeed()

    def _driver(self, client: Client, _: bytes) -> None:
        name = self._bus.driver(self._port)
        if name is None:
            client.fail(errno.ENODATA)
        else:
            self._give(client, struct.pack("<I256s", 0, name.encode()))

    def _claim(self, client: Client, _: bytes) -> None:
        client.fail(self._bus.claim(self._port, self._opened[client].file))

    def _release(self, client: Client, _: bytes) -> None:
        client.fail(self._bus.release(self._port, self._opened[client].file))

    def _disconnect_claim(self, client: Client, _: bytes) -> None:
        self._bus.disconnect(self._port)
        self._claim(client, b"")

    def _inner(self, client: Client, _: bytes) -> None:
        """DISCONNECT and CONNECT come wrapped in an ioctl for the interface."""
        block = client.block(ioctls.IOCTL_BYTES)
        code = ioctls.number(block.read()[4:8]) if block else 0
        if code == Usbfs.DISCONNECT:
            client.fail(self._bus.disconnect(self._port))
        elif code == Usbfs.CONNECT:
            error = self._bus.connect(self._port)
            if error:
                client.fail(error)
            else:
                client.succeed(1)  # one driver was bound
        else:
            client.fail(errno.ENOTTY)

    def _control(self, client: Client, _: bytes) -> None:
        """A control transfer that the program waits for in the kernel."""
        block = client.block(ioctls.CONTROL_BYTES)
        if block is None:
            client.fail(errno.EFAULT)
            return
        head = ControlHead.of(block.read())
        data = block.follow(ioctls.CONTROL_DATA_AT, head.length)
        sent = data.read() if data and not head.reads else b""

        def attempt(late: bool) -> bool:
            answer = self._port.device.control(head.setup, sent)
            if isinstance(answer, bytes):
                answer = answer[: head.length]
                if data and head.reads:
                    data.write(0, answer)
                client.succeed(len(answer) if head.reads else head.length)
                return True
            error = error_of(answer)
            if error and (error != errno.ETIMEDOUT or late):
                client.fail(error)
                return True
            return client.gone

        self._bus.wait(attempt, head.timeout_ms / 1000 if head.timeout_ms else inf)

    def _submit(self, client: Client, argument: bytes) -> None:
        opened = self._opened[client]
        block = client.block(ioctls.URB_BYTES)
        if block is None:
            client.fail(errno.EFAULT)
            return
        token = int.from_bytes(argument, "little")
        head = UrbHead.of(block.read())
        buffer = block.follow(ioctls.URB_BUFFER_AT, head.buffer_bytes)
        urb = Urb(token, head.kind, head.endpoint, buffer.read() if buffer else b"")
        error = opened.file.submit(urb)
        if not error:
            opened.urbs[token] = (block, buffer)
        client.fail(error)

    def _discard(self, client: Client, argument: bytes) -> None:
        client.fail(self._opened[client].file.discard(int.from_bytes(argument, "little")))

    def _reap(self, client: Client, _: bytes) -> None:
        self._bus.wait(lambda _: self._try_reap(client))

    def _reap_now(self, client: Client, _: bytes) -> None:
        def attempt(late: bool) -> bool:
            if self._try_reap(client):
                return True
            if late:
                client.fail(errno.EAGAIN)
            return late

        self._bus.wait(attempt, IDLE_REAP_S)

    def _try_reap(self, client: Client) -> bool:
        """Give the program a transfer that has ended; say whether it need not wait any longer."""
        if client.gone:
            return True
        opened = self._opened[client]
        opened.file.move()
        done = opened.file.reap()
        if isinstance(done, Done):
            self._hand_over(client, opened, done)
            return True
        if done:
            client.fail(done)
        return bool(done)

    def _hand_over(self, client: Client, opened: _Opened, done: Done) -> None:
        block, buffer = opened.urbs.pop(done.token)
        if buffer:
            buffer.write(done.at, done.data)
        block.write(ioctls.URB_STATUS_AT, ioctls.pack_number(done.status))
        block.write(ioctls.URB_ACTUAL_AT, ioctls.pack_number(done.actual))
        client.point_to(block)
        client.succeed()


def error_of(refusal: Refusal) -> int:
    """The errno that a program gets for a transfer without an answer."""
    return {Refusal.STALL: errno.EPIPE, Refusal.GONE: errno.ENODEV, Refusal.SILENCE: errno.ETIMEDOUT}[refusal]

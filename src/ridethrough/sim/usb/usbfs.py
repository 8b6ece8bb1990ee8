# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's part between a libusb program and a virtual UPS: transfers under way, and those that are done.

Source: the kernel's description of usbfs (driver-api/usb/usb, "USB device filesystem").
"""

from __future__ import annotations

import errno
from collections import deque
from dataclasses import dataclass
from typing import Final

from ridethrough.sim.usb.device import GONE, SILENCE, STALL, Fault, VirtualUps
from ridethrough.sim.usb.ioctls import URB_CONTROL, URB_INTERRUPT
from ridethrough.sim.usb.standard import INPUT_ENDPOINT

SETUP_BYTES: Final = 8
MAX_URBS: Final = 64


@dataclass(frozen=True, slots=True)
class Urb:
    """A transfer that was submitted.  `token` is its name: its address in the program's memory."""

    token: int
    kind: int
    endpoint: int
    buffer: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """A transfer that has ended: `data` belongs at `at` of its buffer, `status` is 0 or a negative errno."""

    token: int
    status: int
    data: bytes = b""
    at: int = 0
    actual: int = 0


class OpenFile:
    """One opened device node."""

    def __init__(self, device: VirtualUps) -> None:
        """The device must be plugged in."""
        self._device = device
        self._pending: list[Urb] = []
        self._done: deque[Done] = deque()

    def submit(self, urb: Urb) -> int:
        """Begin a transfer; returns an errno, or 0.  Call `move` next."""
        if self._gone:
            return errno.ENODEV
        if len(self._pending) >= MAX_URBS:
            return errno.ENOMEM
        setup = urb.kind == URB_CONTROL and len(urb.buffer) >= SETUP_BYTES
        if not setup and (urb.kind, urb.endpoint) != (URB_INTERRUPT, INPUT_ENDPOINT):
            return errno.EINVAL
        self._pending.append(urb)
        return 0

    def discard(self, token: int) -> int:
        """Cancel a transfer; returns an errno, or 0."""
        for urb in self._pending:
            if urb.token == token:
                self._pending.remove(urb)
                self._done.append(Done(token, -errno.ENOENT))
                return 0
        return errno.EINVAL

    def move(self) -> bool:
        """Let every transfer end that can end now; say whether any is waiting to be reaped."""
        for urb in list(self._pending):
            done = self._ended(urb)
            if done is not None:
                self._pending.remove(urb)
                self._done.append(done)
        return bool(self._done)

    def reap(self) -> Done | int | None:
        """A transfer that has ended, else the errno ENODEV after an unplug, else None."""
        if self._done:
            return self._done.popleft()
        return errno.ENODEV if self._gone else None

    @property
    def _gone(self) -> bool:
        return self._device.fault is Fault.UNPLUGGED

    def _ended(self, urb: Urb) -> Done | None:
        if self._gone:
            return Done(urb.token, -errno.ESHUTDOWN)
        if urb.kind == URB_CONTROL:
            return self._control(urb)
        report = self._device.interrupt()
        if report is None:
            return None
        if len(report) > len(urb.buffer):
            return Done(urb.token, -errno.EOVERFLOW)
        return Done(urb.token, 0, report, 0, len(report))

    def _control(self, urb: Urb) -> Done | None:
        setup, rest = urb.buffer[:SETUP_BYTES], urb.buffer[SETUP_BYTES:]
        if setup[0] & 0x80:
            answer = self._device.control(setup)
            if isinstance(answer, bytes):
                answer = answer[: len(rest)]
                return Done(urb.token, 0, answer, SETUP_BYTES, len(answer))
        else:
            answer = self._device.control(setup, rest)
            if isinstance(answer, bytes):
                return Done(urb.token, 0, actual=len(rest))
        if answer is SILENCE:
            return None
        status = {STALL: errno.EPIPE, GONE: errno.ESHUTDOWN}[answer]
        return Done(urb.token, -status)

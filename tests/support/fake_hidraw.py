# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's hidraw and usbfs as a transport sees them: a socket pair for reports, a table of answers."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import threading
from collections.abc import Callable
from typing import TypeVar

from ridethrough.drivers.transport.ioctls import Requests
from ridethrough.drivers.transport.worker import Full

T = TypeVar("T")

# Report id 1, one byte of feature: enough to be a numbered descriptor.
NUMBERED = bytes.fromhex("05840904a1018501750895010924b102c0")
PLAIN = bytes.fromhex("05840904a101750895010924b102c0")


class FakeKernel:
    """A Kernel with one device in it.

    `features` are its feature reports by id; `fault` is raised by each feature request; while `gate` is not
    set a feature request hangs.
    """

    def __init__(self, ids: tuple[int, int] = (0x0463, 0xFFFF), descriptor: bytes = NUMBERED) -> None:
        self.ids = ids
        self.descriptor = descriptor
        self.features: dict[int, bytes] = {}
        self.strings: dict[int, str] = {}
        self.written: list[bytes] = []
        self.opened: list[str] = []
        self.fds: set[int] = set()
        self.usb_requests: list[tuple[int, bytes]] = []
        self.fault: int = 0
        self.open_fault: int = 0
        self.read_fault: int = 0
        self.gate = threading.Event()
        self.gate.set()
        self.hanging = threading.Event()
        self.ends: list[socket.socket] = []

    @property
    def requests(self) -> Requests:
        return Requests()

    def open(self, path: str) -> int:
        if self.open_fault:
            raise _error(self.open_fault)
        self.opened.append(path)
        # Reports keep their bounds, as hidraw's do.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.setblocking(False)
        self.ends.append(ours)
        fd = theirs.detach()
        self.fds.add(fd)
        return fd

    def close(self, fd: int) -> None:
        self.fds.remove(fd)
        os.close(fd)

    def read(self, fd: int, size: int) -> bytes:
        if self.read_fault:
            raise _error(self.read_fault)
        return os.read(fd, size)

    def send(self, report: bytes) -> None:
        """The device sends a report by itself."""
        self.ends[-1].send(report)

    def unplug(self) -> None:
        """The device goes."""
        self.fault = errno.ENODEV
        self.ends[-1].close()

    def end(self) -> None:
        """Let go of what is left."""
        self.gate.set()
        for end in self.ends:
            end.close()

    def ioctl(self, fd: int, request: int, argument: bytearray | int) -> int:
        assert fd in self.fds
        kind, number = chr(request >> 8 & 0xFF), request & 0xFF
        if kind == "U":
            return self._usb(number, argument)
        assert isinstance(argument, bytearray)
        assert request >> 16 & 0x3FFF == len(argument)
        match number:
            case 1:
                argument[:] = struct.pack("@i", len(self.descriptor))
            case 2:
                argument[4 : 4 + len(self.descriptor)] = self.descriptor
            case 3:
                argument[:] = struct.pack("@IHH", 3, *self.ids)
            case 6 | 7:
                return self._feature(number, argument)
        return 0

    def _feature(self, number: int, argument: bytearray) -> int:
        if not self.gate.is_set():
            self.hanging.set()
            assert self.gate.wait(10)
        if self.fault:
            raise _error(self.fault)
        if number == 6:
            self.written.append(bytes(argument))
            return len(argument)
        if argument[0] not in self.features:
            raise _error(errno.EPIPE)
        answer = self.features[argument[0]][: len(argument)]
        argument[: len(answer)] = answer
        return len(answer)

    def _usb(self, number: int, argument: bytearray | int) -> int:
        self.usb_requests.append((number, bytes(argument) if isinstance(argument, bytearray) else b""))
        if self.fault:
            raise _error(self.fault)
        if number != 0:
            return 0
        assert isinstance(argument, bytearray)
        _, _, value, _, size, _, address = struct.unpack("@BBHHHIP", argument)
        index = value & 0xFF
        if index and index not in self.strings:
            raise _error(errno.EPIPE)
        body = self.strings[index].encode("utf-16-le") if index else b"\x09\x04\x07\x04"
        answer = bytes([len(body) + 2, 3]) + body
        ctypes.memmove(address, answer, min(len(answer), size))
        return min(len(answer), size)


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


class Here:
    """The hands of a virtual clock: all is done at once, where it is called."""

    def __init__(self, name: str = "") -> None:
        self._over = False

    async def do(self, work: Callable[[], T], limit_s: float) -> T:
        if self._over:
            raise Full
        return work()

    def end(self, last: Callable[[], None] | None = None) -> None:
        if not self._over and last is not None:
            last()
        self._over = True

    async def ended(self, limit_s: float) -> bool:
        return True

    @property
    def alive(self) -> bool:
        return False

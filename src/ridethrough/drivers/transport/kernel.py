# SPDX-License-Identifier: GPL-2.0-or-later
"""The few calls of the system that reach a device node, so that tests can stand in for them."""

from __future__ import annotations

import fcntl
import os
from typing import Final, Protocol

from ridethrough.drivers.transport.ioctls import Requests, requests_of


class Kernel(Protocol):
    """Each raises OSError.  All but `read` may take seconds: call them in a worker's thread."""

    @property
    def requests(self) -> Requests:
        """The request numbers of this machine."""

    def open(self, path: str) -> int:
        """Open a node for reading and writing; reading from it will not wait."""

    def close(self, fd: int) -> None:
        """Close it."""

    def read(self, fd: int, size: int) -> bytes:
        """What has come; raises BlockingIOError if nothing has."""

    def ioctl(self, fd: int, request: int, argument: bytearray | int) -> int:
        """Make a request; a bytearray is changed in place."""


class Linux:
    """The real one."""

    def __init__(self) -> None:
        self._requests = requests_of(os.uname().machine)

    @property
    def requests(self) -> Requests:
        """The request numbers of this machine."""
        return self._requests

    def open(self, path: str) -> int:
        """Open a node."""
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def close(self, fd: int) -> None:
        """Close it."""
        os.close(fd)

    def read(self, fd: int, size: int) -> bytes:
        """What has come."""
        return os.read(fd, size)

    def ioctl(self, fd: int, request: int, argument: bytearray | int) -> int:
        """Make a request."""
        if isinstance(argument, int):
            return fcntl.ioctl(fd, request, argument)
        count: int = fcntl.ioctl(fd, request, argument, True)
        return count


LINUX: Final = Linux()

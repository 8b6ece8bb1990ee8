# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked of a whole USB device, beside its HID driver: strings, a reset, binding the driver again.

Each call opens the device's node under /dev/bus/usb for itself, claims nothing, blocks for at most a few
seconds, and raises OSError.  Run it in a worker's thread.
"""

from __future__ import annotations

import array
import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Final

from ridethrough.drivers.transport import ioctls
from ridethrough.drivers.transport.kernel import Kernel

STRING_LIMIT_MS: Final = 1000


def string(kernel: Kernel, path: str, index: int) -> str:
    """The string descriptor `index`, in the first language of the device.  Raises OSError."""
    with _opened(kernel, path) as fd:
        languages = _string_body(kernel, fd, ioctls.LANGUAGES, 0)
        language = int.from_bytes(languages[:2], "little")
        return _string_body(kernel, fd, index, language).decode("utf-16-le", "replace")


def reset(kernel: Kernel, path: str) -> None:
    """Reset the device; it may leave the bus and come back with another number.  Raises OSError."""
    with _opened(kernel, path) as fd:
        kernel.ioctl(fd, kernel.requests.reset, 0)


def connect(kernel: Kernel, path: str, interface: int) -> None:
    """Let the kernel bind its driver to an interface that a libusb program has left without one.

    The hidraw node comes some milliseconds later.  Raises OSError; EBUSY if a driver is bound already.
    """
    with _opened(kernel, path) as fd:
        kernel.ioctl(fd, kernel.requests.nested, ioctls.nested_request(interface, kernel.requests.connect))


@contextlib.contextmanager
def _opened(kernel: Kernel, path: str) -> Iterator[int]:
    fd = kernel.open(path)
    try:
        yield fd
    finally:
        kernel.close(fd)


def _string_body(kernel: Kernel, fd: int, index: int, language: int) -> bytes:
    buffer = array.array("B", bytes(ioctls.MAX_STRING_BYTES))
    request = ioctls.string_request(index, language, STRING_LIMIT_MS, buffer.buffer_info()[0])
    length = kernel.ioctl(fd, kernel.requests.control, request)
    body = ioctls.string_body(buffer.tobytes()[:length])
    if body is None:
        raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))
    return body

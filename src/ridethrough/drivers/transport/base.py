# SPDX-License-Identifier: GPL-2.0-or-later
"""What every way to a HID device can do, whatever lies beneath it, and how it says that it could not.

Two ways are foreseen: `hidraw`, through the kernel's own HID driver, and libusb in a process of its own.
A report is always handed over with its id as first byte; devices without report ids have the id 0.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

RULE_HINT: Final = (
    "let the group in with: ridethrough udev > /etc/udev/rules.d/62-ridethrough.rules;"
    " udevadm control --reload; udevadm trigger"
)
"""What to do about a device node that may not be opened."""


class Fault(StrEnum):
    """Why the device did not do what it was asked for."""

    GONE = "gone"
    """It is not there any more: unplugged, or it has left the bus by itself."""
    BUSY = "busy"
    """Somebody else holds it, or an earlier request still hangs in it."""
    DENIED = "denied"
    """The system does not let us."""
    STALL = "stall"
    """It refuses this request (the USB word for it); others may work."""
    TIMEOUT = "timeout"
    """It says nothing."""
    LINK = "link"
    """What came over the cable was damaged."""
    GARBAGE = "garbage"
    """It answered something that can't be the answer."""
    UNSUPPORTED = "unsupported"
    """This way to the device can't do that."""
    CLOSED = "closed"
    """Asked before `open`, or after `close`: a fault of the caller."""


class TransportError(Exception):
    """A request failed.  The text names the device, and what to do where something can be done."""

    def __init__(self, fault: Fault, words: str) -> None:
        super().__init__(words)
        self.fault = fault
        self.words = words


OnInput: TypeAlias = Callable[[bytes], None]
"""Given each report that the device sends by itself; called in the loop, must not block."""
OnGone: TypeAlias = Callable[[TransportError], None]
"""Told once, in the loop, that the device has gone without being asked anything."""


class Transport(Protocol):
    """One HID device, once it was opened.  All of it raises TransportError, within a bounded time."""

    async def open(self) -> None:
        """Open the device; `close` is owed, also when this raises."""

    @property
    def descriptor(self) -> bytes:
        """The report descriptor; b"" before `open`."""

    async def get_feature(self, report_id: int, length: int) -> bytes:
        """Ask for a feature report of `length` bytes, its id included; a shorter one may come."""

    async def set_feature(self, report: bytes) -> None:
        """Send a feature report, its id first.  One that fails by TIMEOUT may have arrived all the same."""

    async def string(self, index: int) -> str:
        """The string descriptor of that number, in the first language that the device offers."""

    async def reset(self) -> None:
        """Reset the device through USB.  Close afterwards, look for it and open it again."""

    async def close(self) -> None:
        """Let go of it; never raises."""

    @property
    def hanging(self) -> bool:
        """Whether a request still hangs in the kernel after `close`."""


# What Linux says through hidraw and usbfs (Documentation/driver-api/usb/error-codes in the kernel's tree).
_FAULTS: Final[dict[int, Fault]] = {
    errno.ENODEV: Fault.GONE,
    errno.ENXIO: Fault.GONE,
    errno.ENOENT: Fault.GONE,
    errno.ESHUTDOWN: Fault.GONE,
    errno.EHOSTUNREACH: Fault.GONE,
    errno.EBUSY: Fault.BUSY,
    errno.EACCES: Fault.DENIED,
    errno.EPERM: Fault.DENIED,
    errno.EPIPE: Fault.STALL,
    errno.ETIMEDOUT: Fault.TIMEOUT,
    errno.EPROTO: Fault.LINK,
    errno.EILSEQ: Fault.LINK,
    errno.ETIME: Fault.LINK,
    errno.EIO: Fault.LINK,
    errno.EOVERFLOW: Fault.GARBAGE,
    errno.EREMOTEIO: Fault.GARBAGE,
    errno.ENOTTY: Fault.UNSUPPORTED,
    errno.EINVAL: Fault.UNSUPPORTED,
    errno.EOPNOTSUPP: Fault.UNSUPPORTED,
    errno.ENOSYS: Fault.UNSUPPORTED,
}

_WORDS: Final[dict[Fault, str]] = {
    Fault.GONE: "is not there any more",
    Fault.BUSY: "is held by somebody else",
    Fault.DENIED: f"may not be opened by this user; {RULE_HINT}",
    Fault.STALL: "refuses the request",
    Fault.TIMEOUT: "does not answer",
    Fault.LINK: "answers with transmission errors; check the cable and the hub",
    Fault.GARBAGE: "answers more than it was asked for",
    Fault.UNSUPPORTED: "does not know this kind of request",
    Fault.CLOSED: "is not open",
}


def fault_of(error: OSError) -> Fault:
    """What an error of the system means; LINK where nothing better is known."""
    return _FAULTS.get(error.errno or 0, Fault.LINK)


def refusal(fault: Fault, device: str, doing: str = "") -> TransportError:
    """A TransportError in the usual words: `device` and what it was asked when it failed."""
    return TransportError(fault, f"{device} {_WORDS[fault]}{f' ({doing})' if doing else ''}")


def failure(error: OSError, device: str, doing: str = "") -> TransportError:
    """The TransportError for an error of the system."""
    fault = fault_of(error)
    detail = doing
    if fault not in (Fault.DENIED, Fault.STALL, Fault.TIMEOUT, Fault.GONE):
        detail = f"{doing}: {error.strerror or error}" if doing else error.strerror or str(error)
    return refusal(fault, device, detail)

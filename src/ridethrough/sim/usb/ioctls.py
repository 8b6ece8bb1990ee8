# SPDX-License-Identifier: GPL-2.0-or-later
"""The numbers and structures of Linux's usbfs and hidraw, as a 64-bit little-endian machine lays them out.

Sources: the kernel's interface headers linux/usbdevice_fs.h and linux/hidraw.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

POINTER_BYTES: Final = 8


class Usbfs(IntEnum):
    """The requests that libusb and pyusb make."""

    CONTROL = 0xC0185500
    RESETEP = 0x80045503
    SETINTERFACE = 0x80085504
    SETCONFIGURATION = 0x80045505
    GETDRIVER = 0x41045508
    SUBMITURB = 0x8038550A
    DISCARDURB = 0x550B
    REAPURB = 0x4008550C
    REAPURBNDELAY = 0x4008550D
    CLAIMINTERFACE = 0x8004550F
    RELEASEINTERFACE = 0x80045510
    CONNECTINFO = 0x40085511
    IOCTL = 0xC0105512
    RESET = 0x5514
    CLEAR_HALT = 0x80045515
    DISCONNECT = 0x5516  # inside IOCTL
    CONNECT = 0x5517  # inside IOCTL
    GET_CAPABILITIES = 0x8004551A
    DISCONNECT_CLAIM = 0x8108551B
    GET_SPEED = 0x551F


class Hidraw(IntEnum):
    """The requests of hidraw without their length (bits 16 to 29)."""

    GRDESCSIZE = 0x80004801
    GRDESC = 0x80004802
    GRAWINFO = 0x80004803
    GRAWNAME = 0x80004804
    GRAWPHYS = 0x80004805
    SFEATURE = 0xC0004806
    GFEATURE = 0xC0004807
    GRAWUNIQ = 0x80004808


def length_of(request: int) -> int:
    """The bytes of the argument, as they stand in the request itself."""
    return request >> 16 & 0x3FFF


def without_length(request: int) -> int:
    """The request with its length taken out."""
    return request & ~(0x3FFF << 16) & 0xFFFFFFFF


URB_INTERRUPT, URB_CONTROL = 1, 2
LOW_SPEED: Final = 1

_URB: Final = struct.Struct("<BBxxiIxxxxQiiiiiIQ")
URB_BYTES: Final = _URB.size
URB_BUFFER_AT: Final = 16
URB_STATUS_AT: Final = 4
URB_ACTUAL_AT: Final = 28
CONTROL_BYTES: Final = 24
CONTROL_DATA_AT: Final = 16
IOCTL_BYTES: Final = 16
GETDRIVER_BYTES: Final = 260


@dataclass(frozen=True, slots=True)
class UrbHead:
    """What matters of struct usbdevfs_urb."""

    kind: int
    endpoint: int
    buffer_bytes: int

    @classmethod
    def of(cls, data: bytes) -> UrbHead:
        """Read it."""
        kind, endpoint, _status, _flags, _buffer, length, *_ = _URB.unpack(data)
        return cls(kind, endpoint, length)


@dataclass(frozen=True, slots=True)
class ControlHead:
    """What matters of struct usbdevfs_ctrltransfer; `setup` is as it goes over the wire."""

    setup: bytes
    length: int
    timeout_ms: int

    @classmethod
    def of(cls, data: bytes) -> ControlHead:
        """Read it."""
        length, timeout_ms = struct.unpack_from("<HI", data, 6)
        return cls(data[:8], length, timeout_ms)

    @property
    def reads(self) -> bool:
        """Whether the data goes to the host."""
        return bool(self.setup[0] & 0x80)


def number(data: bytes) -> int:
    """An int of C."""
    return int.from_bytes(data[:4], "little", signed=True)


def pack_number(value: int) -> bytes:
    """An int of C, as bytes."""
    return value.to_bytes(4, "little", signed=True)

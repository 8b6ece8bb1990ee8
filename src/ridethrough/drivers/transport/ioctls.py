# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers and structures of Linux's hidraw and usbfs requests.

Facts from the kernel's headers: asm-generic/ioctl.h, linux/hidraw.h, linux/usbdevice_fs.h, linux/usb/ch9.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

MAX_DESCRIPTOR_BYTES: Final = 4096  # HID_MAX_DESCRIPTOR_SIZE
MAX_FEATURE_BYTES: Final = 1024
"""The longest feature report we move: up to here `fcntl.ioctl` lets the other threads run meanwhile."""

_DESCRIPTOR: Final = struct.Struct(f"@I{MAX_DESCRIPTOR_BYTES}s")  # struct hidraw_report_descriptor
_RAW_INFO: Final = struct.Struct("@IHH")  # struct hidraw_devinfo: bus type, vendor, product
_CONTROL: Final = struct.Struct("@BBHHHIP")  # struct usbdevfs_ctrltransfer
_NESTED: Final = struct.Struct("@iiP")  # struct usbdevfs_ioctl

_NO_DATA: Final = 0
_WRITE: Final = 1
_READ: Final = 2


@dataclass(frozen=True, slots=True)
class Requests:
    """The request numbers of one kind of machine."""

    size_bits: int = 14
    directions: tuple[int, int, int] = (0, 1, 2)
    """The codes of: no data, data to the kernel, data from the kernel."""

    def _number(self, direction: int, kind: str, number: int, size: int) -> int:
        code = (self.directions[_WRITE] if direction & _WRITE else 0) | (
            self.directions[_READ] if direction & _READ else 0
        )
        if direction == _NO_DATA:
            code = self.directions[_NO_DATA]
        if not 0 <= size < 1 << self.size_bits:
            raise ValueError(f"{size} bytes do not fit into a request number")
        return code << (16 + self.size_bits) | size << 16 | ord(kind) << 8 | number

    @property
    def descriptor_size(self) -> int:
        """HIDIOCGRDESCSIZE."""
        return self._number(_READ, "H", 0x01, 4)

    @property
    def descriptor(self) -> int:
        """HIDIOCGRDESC."""
        return self._number(_READ, "H", 0x02, _DESCRIPTOR.size)

    @property
    def raw_info(self) -> int:
        """HIDIOCGRAWINFO."""
        return self._number(_READ, "H", 0x03, _RAW_INFO.size)

    def set_feature(self, length: int) -> int:
        """HIDIOCSFEATURE."""
        return self._number(_READ | _WRITE, "H", 0x06, length)

    def get_feature(self, length: int) -> int:
        """HIDIOCGFEATURE."""
        return self._number(_READ | _WRITE, "H", 0x07, length)

    @property
    def control(self) -> int:
        """USBDEVFS_CONTROL."""
        return self._number(_READ | _WRITE, "U", 0, _CONTROL.size)

    @property
    def nested(self) -> int:
        """USBDEVFS_IOCTL: a request for one interface."""
        return self._number(_READ | _WRITE, "U", 18, _NESTED.size)

    @property
    def reset(self) -> int:
        """USBDEVFS_RESET."""
        return self._number(_NO_DATA, "U", 20, 0)

    @property
    def connect(self) -> int:
        """USBDEVFS_CONNECT, to be nested: let the kernel bind its driver."""
        return self._number(_NO_DATA, "U", 23, 0)


_GENERIC: Final = Requests()
_OTHER: Final = Requests(13, (1, 4, 2))
_OTHER_MACHINES: Final = ("ppc", "mips", "sparc", "alpha")


def requests_of(machine: str) -> Requests:
    """The numbers for a machine as uname(1) calls it, such as `x86_64`."""
    return _OTHER if machine.startswith(_OTHER_MACHINES) else _GENERIC


def descriptor_request(size: int) -> bytearray:
    """What HIDIOCGRDESC is handed."""
    return bytearray(_DESCRIPTOR.pack(size, b""))


def descriptor_of(answer: bytes | bytearray) -> bytes:
    """The report descriptor in its answer."""
    size, data = _DESCRIPTOR.unpack(answer)
    return bytes(data[:size])


def raw_info_request() -> bytearray:
    """What HIDIOCGRAWINFO is handed."""
    return bytearray(_RAW_INFO.size)


def ids_of(answer: bytes | bytearray) -> tuple[int, int]:
    """Vendor and product id in its answer."""
    _, vendor, product = _RAW_INFO.unpack(answer)
    return vendor, product


_DEVICE_TO_HOST: Final = 0x80
_GET_DESCRIPTOR: Final = 6
_STRING: Final = 3
LANGUAGES: Final = 0
"""The string descriptor that lists the languages of the others."""
MAX_STRING_BYTES: Final = 255


def string_request(index: int, language: int, timeout_ms: int, address: int) -> bytearray:
    """What USBDEVFS_CONTROL is handed to read a string descriptor into MAX_STRING_BYTES at `address`."""
    return bytearray(
        _CONTROL.pack(
            _DEVICE_TO_HOST,
            _GET_DESCRIPTOR,
            _STRING << 8 | index,
            language,
            MAX_STRING_BYTES,
            timeout_ms,
            address,
        )
    )


def nested_request(interface: int, request: int) -> bytearray:
    """What USBDEVFS_IOCTL is handed for a request without data."""
    return bytearray(_NESTED.pack(interface, request, 0))


def string_body(answer: bytes) -> bytes | None:
    """What stands in a string descriptor after its two bytes of head; None if it is none."""
    if len(answer) < 2 or answer[1] != _STRING or answer[0] < 2:
        return None
    body = answer[2 : answer[0]]
    return body[: len(body) & ~1]


def numbered(descriptor: bytes) -> bool:
    """Whether the reports of a device begin with an id: its report descriptor names one (HID 1.11, 6.2.2)."""
    at = 0
    while at < len(descriptor):
        prefix = descriptor[at]
        if prefix == 0xFE:  # a long item: its length stands in the next byte
            at += 3 + (descriptor[at + 1] if at + 1 < len(descriptor) else 0)
            continue
        if prefix & 0xFC == 0x84:
            return True
        at += 1 + (0, 1, 2, 4)[prefix & 3]
    return False

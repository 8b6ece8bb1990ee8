# SPDX-License-Identifier: GPL-2.0-or-later
"""The USB devices that Linux shows, and who has them open (sysfs-bus-usb of the kernel's ABI docs, proc(5)).

Reading a string attribute waits while the kernel resets or enumerates that device: call all of this in a
worker's thread.  What vanishes while it is read is left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ridethrough.drivers.transport.identity import HID_CLASS, Interface, UsbDevice, port_order
from ridethrough.drivers.transport.reach import Holder

MAX_ENTRIES: Final = 4096
MAX_DESCRIPTORS: Final = 200_000
"""Open files of all processes that are looked at."""
_ATTRIBUTE_BYTES: Final = 4096
_DEVICE_DESCRIPTOR_BYTES: Final = 18
_CLASS_HUB: Final = 9


class Sysfs:
    """A machine, or a tree that looks like one."""

    def __init__(
        self, sys: Path = Path("/sys"), dev: Path = Path("/dev"), proc: Path = Path("/proc")
    ) -> None:
        self._devices = sys / "bus" / "usb" / "devices"
        self._dev = dev
        self._proc = proc

    def devices(self, *, hid_only: bool = True) -> tuple[UsbDevice, ...]:
        """All devices with a HID interface, or all but hubs, in the order of their ports."""
        found = []
        for name in _names(self._devices)[:MAX_ENTRIES]:
            if ":" in name or not name[:1].isdecimal():
                continue  # an interface, or the root hub `usb1`
            device = self._device(name)
            if device is not None and (not hid_only or any(each.hid for each in device.interfaces)):
                found.append(device)
        return tuple(sorted(found, key=port_order))

    def node(self, hidraw: str) -> str:
        """The path of a hidraw node such as `hidraw0`."""
        return str(self._dev / hidraw)

    def usb_node(self, device: UsbDevice) -> str:
        """The path of the node that usbfs and libusb use for the whole device."""
        return str(self._dev / "bus" / "usb" / f"{device.bus:03d}" / f"{device.number:03d}")

    def has_node(self, device: UsbDevice, hidraw: str) -> bool:
        """Whether a hidraw node belongs to that very device, by port and number on the bus."""
        now = self._device(device.port)
        return (
            now is not None
            and now.number == device.number
            and any(hidraw in interface.hidraws for interface in now.interfaces)
        )

    def report_descriptor(self, device: UsbDevice, hidraw: str) -> bytes:
        """The report descriptor of the HID device that a hidraw node belongs to; b"" if it can't be read."""
        for name in _hid_devices(self._devices / device.port):
            if hidraw in _names(name / "hidraw"):
                return _bytes(name / "report_descriptor") or b""
        return b""

    def holders(self, device: UsbDevice) -> tuple[Holder, ...]:
        """Other processes that have a node of the device open; those of other users only root sees."""
        nodes = {self.usb_node(device)}
        for interface in device.interfaces:
            nodes.update(self.node(name) for name in interface.hidraws)
            nodes.update(str(self._dev / "usb" / name) for name in interface.hiddevs)
        return tuple(self._open_in(nodes))

    def _device(self, port: str) -> UsbDevice | None:
        directory = self._devices / port
        vendor, product = _hex(directory / "idVendor"), _hex(directory / "idProduct")
        bus, number = _number(directory / "busnum"), _number(directory / "devnum")
        if vendor is None or product is None or bus is None or number is None:
            return None
        if _hex(directory / "bDeviceClass") == _CLASS_HUB:
            return None
        return UsbDevice(
            port=port,
            bus=bus,
            number=number,
            vendor_id=vendor,
            product_id=product,
            manufacturer=_text(directory / "manufacturer") or "",
            product=_text(directory / "product") or "",
            serial=_text(directory / "serial") or "",
            interfaces=tuple(_interfaces(directory, port)),
            string_indexes=_string_indexes(directory / "descriptors"),
            release=_hex(directory / "bcdDevice") or 0,
        )

    def _open_in(self, nodes: Iterable[str]) -> Iterator[Holder]:
        wanted = set(nodes)
        left = MAX_DESCRIPTORS
        own = str(os.getpid())
        for pid in sorted((name for name in _names(self._proc) if name.isdecimal()), key=int):
            if pid == own:
                continue
            seen = set()
            for name in _names(self._proc / pid / "fd"):
                left -= 1
                if left < 0:
                    return
                target = _target(self._proc / pid / "fd" / name)
                if target in wanted and target not in seen:
                    seen.add(target)
                    yield Holder(int(pid), _text(self._proc / pid / "comm") or "a process", target)


def _interfaces(directory: Path, port: str) -> Iterator[Interface]:
    for name in sorted(_names(directory)):
        number = _hex(directory / name / "bInterfaceNumber") if name.startswith(f"{port}:") else None
        if number is None:
            continue
        interface = directory / name
        yield Interface(
            number=number,
            hid=_hex(interface / "bInterfaceClass") == HID_CLASS,
            driver=_target(interface / "driver").rpartition("/")[2],
            hidraws=tuple(
                name for hid in _of_interface(interface) for name in sorted(_names(hid / "hidraw"))
            ),
            hiddevs=tuple(sorted(_names(interface / "usbmisc"))),
        )


def _hid_devices(device: Path) -> Iterator[Path]:
    """The HID devices of all interfaces."""
    for name in sorted(_names(device)):
        if name.startswith(f"{device.name}:"):
            yield from _of_interface(device / name)


def _of_interface(interface: Path) -> Iterator[Path]:
    """Its HID devices, such as 0003:0463:FFFF.0001."""
    for name in sorted(_names(interface)):
        if name.count(":") == 2 and "." in name:
            yield interface / name


def _string_indexes(path: Path) -> tuple[int, int, int]:
    data = _bytes(path)
    if data is None or len(data) < _DEVICE_DESCRIPTOR_BYTES:
        return 0, 0, 0
    return data[14], data[15], data[16]  # USB 2.0, table 9-8


def _bytes(path: Path) -> bytes | None:
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(_ATTRIBUTE_BYTES) or b""
    except OSError:
        return None


def _text(path: Path) -> str | None:
    data = _bytes(path)
    return None if data is None else data.decode("utf-8", "surrogateescape").rstrip("\n")


def _number(path: Path, base: int = 10) -> int | None:
    try:
        return int(_text(path) or "", base)
    except ValueError:
        return None


def _hex(path: Path) -> int | None:
    return _number(path, 16)


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""

# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree that looks like a machine's /sys, /dev and /proc, with USB devices in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ridethrough.drivers.transport.sysfs import Sysfs

HID = "03"


class UsbTree:
    """Write devices into it, and read them with `sysfs`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.devices = root / "sys" / "bus" / "usb" / "devices"
        self.devices.mkdir(parents=True)
        (root / "proc").mkdir()
        self.sysfs = Sysfs(root / "sys", root / "dev", root / "proc")

    def plug(
        self,
        port: str,
        ids: str = "0463:ffff",
        *,
        number: int = 4,
        strings: tuple[str, str, str] = ("EATON", "Ellipse ECO", ""),
        hidraw: str = "",
        hiddev: str = "",
        driver: str = "usbhid",
        interface_class: str = HID,
        device_class: str = "00",
    ) -> Path:
        """Plug a device with one interface in; gives its directory."""
        real = self._real(port)
        vendor, product = ids.split(":")
        _write(real / "idVendor", vendor)
        _write(real / "idProduct", product)
        _write(real / "busnum", port.partition("-")[0])
        _write(real / "devnum", str(number))
        _write(real / "bDeviceClass", device_class)
        _write(real / "bcdDevice", "0202")
        for name, text in zip(("manufacturer", "product", "serial"), strings, strict=True):
            if text:
                _write(real / name, text)
        (real / "descriptors").write_bytes(bytes([18, 1, 0, 2, *bytes(10), 1, 2, 5, 1]) + bytes(34))
        interface = real / f"{port}:1.0"
        _write(interface / "bInterfaceNumber", "00")
        _write(interface / "bInterfaceClass", interface_class)
        if driver:
            (interface / "driver").symlink_to(f"../../../bus/usb/drivers/{driver}")
        if hidraw:
            (interface / f"0003:{vendor.upper()}:{product.upper()}.0001" / "hidraw" / hidraw).mkdir(
                parents=True
            )
        if hiddev:
            (interface / "usbmisc" / hiddev).mkdir(parents=True)
        (self.devices / port).symlink_to(real)
        (self.devices / f"{port}:1.0").symlink_to(interface)
        return real

    def unplug(self, port: str) -> None:
        """Take it away, as sysfs does: the links go first."""
        (self.devices / port).unlink()
        (self.devices / f"{port}:1.0").unlink()
        shutil.rmtree(self._real(port))

    def _real(self, port: str) -> Path:
        return self.root / "sys" / "devices" / "pci0" / "usb1" / port

    def process(self, pid: int, name: str, *nodes: str) -> None:
        """A process that has these nodes (below /dev) open."""
        directory = self.root / "proc" / str(pid)
        _write(directory / "comm", name)
        (directory / "fd").mkdir()
        os.symlink("/dev/null", directory / "fd" / "0")
        for number, node in enumerate(nodes, 3):
            os.symlink(str(self.root / "dev" / node), directory / "fd" / str(number))

    def end(self, pid: int) -> None:
        """The process has ended."""
        shutil.rmtree(self.root / "proc" / str(pid))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n", encoding="utf-8")

# SPDX-License-Identifier: GPL-2.0-or-later
"""What umockdev is told of a device is what the kernel would show of it."""

from __future__ import annotations

from dataclasses import replace

from ridethrough.sim.usb import standard, sysfs
from ridethrough.sim.usb.profiles import PROFILES
from ridethrough.sim.usb.sysfs import Place

EATON = PROFILES["eaton-ellipse"]
HERE = Place("1-2.4", 7)


def paragraphs(text: str) -> list[dict[str, str]]:
    """The devices of a text: each line's beginning (`A: idVendor`) and what follows."""
    return [
        dict(line.partition("=")[::2] for line in part.split("\n")) for part in text.strip().split("\n\n")
    ]


def test_device_and_interface() -> None:
    """Identity, texts, numbers and descriptors of the device; class of the interface."""
    device, interface = paragraphs(sysfs.usb(EATON, HERE))
    path = "/devices/pci0000:00/0000:00:14.0/usb1/1-2.4"
    assert f"P: {path}" in device
    assert f"P: {path}/1-2.4:1.0" in interface
    descriptors = standard.device(EATON) + standard.configuration(EATON)
    assert device["N: bus/usb/001/007"] == descriptors.hex().upper()
    assert bytes.fromhex(device["H: descriptors"]) == descriptors
    shown = {"idVendor": "0463", "devpath": "2.4", "devnum": "7", "dev": "189:6", "serial": "VIRTUAL0001"}
    assert {name: device[f"A: {name}"] for name in shown} == {
        name: f"{text}\\n" for name, text in shown.items()
    }
    assert (device["E: DEVTYPE"], interface["E: DEVTYPE"]) == ("usb_device", "usb_interface")
    assert interface["A: bInterfaceClass"] == "03\\n"


def test_device_without_texts_has_no_files_for_them() -> None:
    """The kernel leaves out what a device doesn't tell; a backslash in a text stays one."""
    (device, _) = paragraphs(sysfs.usb(replace(EATON, texts={2: "a\\b"}), HERE))
    assert "A: serial" not in device
    assert device["A: product"] == "a\\\\b\\n"


def test_hid_and_hidraw() -> None:
    """The HID device has the report descriptor and the names; its node leads back to it."""
    hid, node = paragraphs(sysfs.hid(EATON, HERE, 3))
    path = f"{HERE.interface}/0003:0463:FFFF.0007"
    assert f"P: {path}" in hid
    assert f"P: {path}/hidraw/hidraw3" in node
    assert hid["E: HID_ID"] == "0003:00000463:0000FFFF"
    assert hid["E: HID_NAME"] == "EATON Ellipse PRO"
    assert bytes.fromhex(hid["H: report_descriptor"]) == EATON.report_descriptor
    assert node["L: device"] == "../../../0003:0463:FFFF.0007"
    assert node["A: dev"] == "243:3\\n"


def test_root_hub() -> None:
    """Every device hangs on a hub that programs can list as well."""
    (hub,) = paragraphs(sysfs.hub())
    assert hub["A: bDeviceClass"] == "09\\n"
    assert "P: /devices/pci0000:00/0000:00:14.0/usb1" in hub

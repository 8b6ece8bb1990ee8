# SPDX-License-Identifier: GPL-2.0-or-later
"""What is plugged in, and who holds it, read from a tree like a machine's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ridethrough.drivers.transport.identity import Interface
from ridethrough.drivers.transport.reach import Holder
from tests.support.usb_tree import UsbTree


@pytest.fixture
def tree(tmp_path: Path) -> UsbTree:
    return UsbTree(tmp_path)


def test_a_ups_is_read_with_all_that_tells_it_from_others(tree: UsbTree) -> None:
    """Numbers, strings, port, version, driver and nodes, as the kernel shows them."""
    tree.plug(
        "1-2.4", number=17, strings=("EATON", "Ellipse ECO", "G35 é"), hidraw="hidraw3", hiddev="hiddev0"
    )
    (device,) = tree.sysfs.devices()
    assert (device.port, device.bus, device.number) == ("1-2.4", 1, 17)
    assert (device.vendor_id, device.product_id, device.release) == (0x0463, 0xFFFF, 0x0202)
    assert (device.manufacturer, device.product, device.serial) == ("EATON", "Ellipse ECO", "G35 é")
    assert device.string_indexes == (1, 2, 5)
    assert device.busport == "004"
    assert device.interfaces == (Interface(0, True, "usbhid", ("hidraw3",), ("hiddev0",)),)
    assert tree.sysfs.usb_node(device) == str(tree.root / "dev" / "bus" / "usb" / "001" / "017")


def test_what_is_no_hid_device_is_left_out_unless_it_is_asked_for(tree: UsbTree) -> None:
    """A memory stick is no UPS; a hub never is a device of ours; a UPS of its own protocol may be."""
    tree.plug("1-1", interface_class="08")
    tree.plug("1-3", device_class="09")
    tree.plug("1-10")
    tree.plug("1-9")
    (tree.devices / "usb1").mkdir()
    assert [device.port for device in tree.sysfs.devices()] == ["1-9", "1-10"]
    assert [device.port for device in tree.sysfs.devices(hid_only=False)] == ["1-1", "1-9", "1-10"]


@pytest.mark.parametrize("attribute", ["idVendor", "busnum", "devnum"])
def test_a_device_that_vanishes_while_it_is_read_is_left_out(tree: UsbTree, attribute: str) -> None:
    """Half a device is none, and the others are still seen."""
    real = tree.plug("1-2")
    tree.plug("1-3")
    (real / attribute).unlink()
    assert [device.port for device in tree.sysfs.devices()] == ["1-3"]
    (tree.devices / "1-3" / attribute).write_text("garbage\n")
    assert tree.sysfs.devices() == ()


def test_a_device_without_strings_or_descriptors_is_a_device(tree: UsbTree) -> None:
    """Strings that could not be read at plugging are empty, not a reason to overlook a UPS."""
    real = tree.plug("1-2", strings=("", "", ""), driver="")
    (real / "descriptors").unlink()
    (real / "bcdDevice").unlink()
    (device,) = tree.sysfs.devices()
    assert (device.manufacturer, device.serial, device.string_indexes) == ("", "", (0, 0, 0))
    assert device.interfaces[0].driver == ""


def test_strings_that_are_not_utf8_survive(tree: UsbTree) -> None:
    """The bytes can be had back."""
    real = tree.plug("1-2")
    (real / "product").write_bytes(b"Caf\xe9 \xff\n")
    (device,) = tree.sysfs.devices()
    assert os.fsencode(device.product) == b"Caf\xe9 \xff"


def test_a_machine_without_usb_has_no_devices(tmp_path: Path) -> None:
    """A container without /sys/bus/usb is told that nothing is plugged in, and nothing breaks."""
    tree = UsbTree(tmp_path)
    tree.devices.rmdir()
    assert tree.sysfs.devices() == ()


def test_a_node_is_confirmed_only_for_the_very_device(tree: UsbTree) -> None:
    """After replugging the same node name may belong to another device, or to another life of this one."""
    tree.plug("1-2", hidraw="hidraw0")
    (device,) = tree.sysfs.devices()
    assert tree.sysfs.has_node(device, "hidraw0")
    assert not tree.sysfs.has_node(device, "hidraw1")
    (tree.devices / "1-2" / "devnum").write_text("5\n")
    assert not tree.sysfs.has_node(device, "hidraw0")
    tree.unplug("1-2")
    assert not tree.sysfs.has_node(device, "hidraw0")


def test_the_report_descriptor_is_that_of_the_node(tree: UsbTree) -> None:
    """A device with two HID interfaces has two; one that can't be read is asked for elsewhere."""
    real = tree.plug("1-2", hidraw="hidraw0")
    (device,) = tree.sysfs.devices()
    assert tree.sysfs.report_descriptor(device, "hidraw0") == b""
    for hid, node, data in (
        ("1-2:1.0/0003:0463:FFFF.0001", "", b"\x05\x84"),
        ("1-2:1.1/0003:0463:FFFF.0002", "hidraw1", b"\x05\x01"),
    ):
        (real / hid / "hidraw" / node).mkdir(parents=True, exist_ok=True)
        (real / hid / "report_descriptor").write_bytes(data)
    assert tree.sysfs.report_descriptor(device, "hidraw0") == b"\x05\x84"
    assert tree.sysfs.report_descriptor(device, "hidraw1") == b"\x05\x01"
    assert tree.sysfs.report_descriptor(device, "hidraw2") == b""


def test_those_who_hold_a_device_are_named(tree: UsbTree) -> None:
    """A C driver by its USB node, upowerd by hiddev; not who holds something else, nor we ourselves."""
    tree.plug("1-2", number=4, hidraw="hidraw0", hiddev="hiddev0")
    tree.process(812, "usbhid-ups", "bus/usb/001/004", "bus/usb/001/004")
    tree.process(77, "upowerd", "usb/hiddev0")
    tree.process(5, "other", "bus/usb/001/005", "hidraw1")
    tree.process(os.getpid(), "python3", "hidraw0")
    (device,) = tree.sysfs.devices()
    dev = tree.root / "dev"
    assert tree.sysfs.holders(device) == (
        Holder(77, "upowerd", str(dev / "usb" / "hiddev0")),
        Holder(812, "usbhid-ups", str(dev / "bus" / "usb" / "001" / "004")),
    )

# SPDX-License-Identifier: GPL-2.0-or-later
"""What /sys says of a virtual UPS, in the text format of umockdev (`umockdev-record` prints the same).

Source: umockdev's manual of umockdev_testbed_add_from_string; names and forms of attributes as the kernel's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ridethrough.sim.usb import standard
from ridethrough.sim.usb.profile import Profile

CONTROLLER = "/devices/pci0000:00/0000:00:14.0"
HUB = f"{CONTROLLER}/usb1"
HIDRAW_MAJOR = 243
USB_MAJOR = 189


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device is plugged in: its port never changes, its number does with every plug."""

    busport: str
    number: int

    @property
    def bus(self) -> int:
        """The number of the bus."""
        return int(self.busport.split("-")[0])

    @property
    def node(self) -> str:
        """The device node below /dev."""
        return f"bus/usb/{self.bus:03}/{self.number:03}"

    @property
    def path(self) -> str:
        """The device in /sys."""
        return f"{HUB}/{self.busport}"

    @property
    def interface(self) -> str:
        """Its interface in /sys."""
        return f"{self.path}/{self.busport}:1.0"


def hid_path(profile: Profile, place: Place) -> str:
    """The HID device in /sys."""
    identity = f"0003:{profile.vendor_id:04X}:{profile.product_id:04X}"
    return f"{place.interface}/{identity}.{place.number:04X}"


def hub() -> str:
    """The root hub, which every device hangs on."""
    attributes = {
        "busnum": "1",
        "devnum": "1",
        "devpath": "0",
        "idVendor": "1d6b",
        "idProduct": "0002",
        "speed": "480",
        "bConfigurationValue": "1",
        "bDeviceClass": "09",
        "product": "virtual hub",
    }
    descriptors = "12010002090001406b1d020000060302010109021900010100e0000904000001090000000705810304000c"
    return _device(
        HUB,
        {"SUBSYSTEM": "usb", "DEVTYPE": "usb_device", "DRIVER": "usb", "BUSNUM": "001", "DEVNUM": "001"},
        attributes,
        binary={"descriptors": descriptors},
    )


def usb(profile: Profile, place: Place) -> str:
    """The device and its interface, with the device's node."""
    first = standard.device(profile)
    descriptors = (first + standard.configuration(profile)).hex().upper()
    attributes = {
        "busnum": str(place.bus),
        "devnum": str(place.number),
        "devpath": place.busport.split("-", 1)[1],
        "dev": f"{USB_MAJOR}:{place.number - 1}",
        "idVendor": f"{profile.vendor_id:04x}",
        "idProduct": f"{profile.product_id:04x}",
        "bcdDevice": f"{profile.release:04x}",
        "speed": "1.5",
        "version": " 1.10",
        "bConfigurationValue": "1",
        "bNumConfigurations": "1",
        "bNumInterfaces": " 1",
        "bDeviceClass": "00",
        "bDeviceSubClass": "00",
        "bDeviceProtocol": "00",
        "bMaxPacketSize0": str(standard.PACKET_BYTES),
        "bMaxPower": "20mA",
        "authorized": "1",
    }
    for name in ("manufacturer", "product", "serial"):
        text = profile.text(getattr(profile, name))
        if text:
            attributes[name] = text
    identity = f"{profile.vendor_id:x}/{profile.product_id:x}/{profile.release:x}"
    names = {
        "SUBSYSTEM": "usb",
        "DEVTYPE": "usb_device",
        "DRIVER": "usb",
        "DEVNAME": f"/dev/{place.node}",
        "BUSNUM": f"{place.bus:03}",
        "DEVNUM": f"{place.number:03}",
        "PRODUCT": identity,
        "TYPE": "0/0/0",
    }
    node = f"{place.node}={descriptors}"
    return _device(
        place.path, names, attributes, binary={"descriptors": descriptors}, node=node
    ) + _interface(identity, place)


def _interface(identity: str, place: Place) -> str:
    attributes = {
        "bInterfaceNumber": "00",
        "bAlternateSetting": " 0",
        "bNumEndpoints": "01",
        "bInterfaceClass": "03",
        "bInterfaceSubClass": "00",
        "bInterfaceProtocol": "00",
    }
    names = {
        "SUBSYSTEM": "usb",
        "DEVTYPE": "usb_interface",
        "PRODUCT": identity,
        "TYPE": "0/0/0",
        "INTERFACE": "3/0/0",
    }
    return _device(place.interface, names, attributes)


def hid(profile: Profile, place: Place, hidraw: int) -> str:
    """What the kernel's usbhid adds when it is bound: the HID device and its hidraw node."""
    words = [profile.text(profile.manufacturer), profile.text(profile.product)]
    names = {
        "SUBSYSTEM": "hid",
        "DRIVER": "hid-generic",
        "HID_ID": f"0003:{profile.vendor_id:08X}:{profile.product_id:08X}",
        "HID_NAME": " ".join(word for word in words if word),
        "HID_PHYS": f"usb-0000:00:14.0-{place.busport.split('-', 1)[1]}/input0",
        "HID_UNIQ": profile.text(profile.serial),
    }
    path = hid_path(profile, place)
    node = f"hidraw{hidraw}"
    return _device(path, names, {}, binary={"report_descriptor": profile.report_descriptor.hex()}) + _device(
        f"{path}/hidraw/{node}",
        {"SUBSYSTEM": "hidraw", "DEVNAME": f"/dev/{node}"},
        {"dev": f"{HIDRAW_MAJOR}:{hidraw}"},
        links={"device": f"../../../{path.rsplit('/', 1)[1]}"},
        node=node,
    )


def _device(
    path: str,
    names: dict[str, str],
    attributes: dict[str, str],
    *,
    binary: dict[str, str] | None = None,
    links: dict[str, str] | None = None,
    node: str | None = None,
) -> str:
    """One device of the format: its path, its properties, its files and links, its node."""
    lines: list[str] = [f"P: {path}"]
    lines += [f"N: {node}"] if node else []
    lines += _pairs("E", names.items())
    lines += _pairs("A", ((name, _escaped(text) + "\\n") for name, text in attributes.items()))
    lines += _pairs("H", (binary or {}).items())
    lines += _pairs("L", (links or {}).items())
    return "\n".join([*lines, "", ""])


def _pairs(letter: str, pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{letter}: {name}={text}" for name, text in pairs]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")

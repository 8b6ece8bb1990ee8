# SPDX-License-Identifier: GPL-2.0-or-later
"""The standard descriptors of a UPS on USB: one configuration, one HID interface, one interrupt endpoint.

Sources: USB 2.0 section 9.6, Device Class Definition for HID 1.11 section 6.2.1.
"""

from __future__ import annotations

import struct

from ridethrough.sim.usb.profile import LANGUAGE, Profile

DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT, HID, REPORT = 1, 2, 3, 4, 5, 0x21, 0x22
HID_CLASS = 3
INPUT_ENDPOINT = 0x81
PACKET_BYTES = 8
"""UPSes are low-speed devices."""
POLL_MS = 10
MAX_TEXT = 126
"""Characters that a string descriptor has room for."""


def device(profile: Profile) -> bytes:
    """The device descriptor."""
    return struct.pack(
        "<BBHBBBBHHHBBBB",
        18,
        DEVICE,
        0x0110,
        0,  # class, subclass and protocol are the interface's
        0,
        0,
        PACKET_BYTES,
        profile.vendor_id,
        profile.product_id,
        profile.release,
        profile.manufacturer,
        profile.product,
        profile.serial,
        1,
    )


def hid(profile: Profile) -> bytes:
    """The HID descriptor, which says how long the report descriptor is."""
    return struct.pack("<BBHBBBH", 9, HID, 0x0110, 0x21, 1, REPORT, len(profile.report_descriptor))


def configuration(profile: Profile) -> bytes:
    """The configuration descriptor with all that belongs to it."""
    interface = struct.pack("<BBBBBBBBB", 9, INTERFACE, 0, 0, 1, HID_CLASS, 0, 0, 0)
    endpoint = struct.pack("<BBBBHB", 7, ENDPOINT, INPUT_ENDPOINT, 3, PACKET_BYTES, POLL_MS)
    parts = interface + hid(profile) + endpoint
    # 0xa0: bus powered by convention, with remote wake-up; 10 units of 2 mA
    return struct.pack("<BBHBBBBB", 9, CONFIGURATION, 9 + len(parts), 1, 1, 0, 0xA0, 10) + parts


def string(profile: Profile, index: int) -> bytes | None:
    """A string descriptor, or None where the device has none; index 0 tells the language."""
    if index == 0:
        return struct.pack("<BBH", 4, STRING, LANGUAGE)
    if index not in profile.texts:
        return None
    text = profile.text(index)[:MAX_TEXT].encode("utf-16-le")
    return bytes([2 + len(text), STRING]) + text

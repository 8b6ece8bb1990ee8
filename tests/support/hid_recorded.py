# SPDX-License-Identifier: GPL-2.0-or-later
"""A recorded device as the C driver had it before it: its reports, known or worked back from what C read."""

from __future__ import annotations

from typing import Any

from ridethrough.drivers.hid.adopt import adopt
from ridethrough.drivers.hid.codec import exponent, power_of_ten, put
from ridethrough.drivers.hid.descriptor import Descriptor, Field
from ridethrough.drivers.hid.engine import Device, Walk
from ridethrough.drivers.hid.matching import Identity
from tests.support.hid import descriptor_of, facts_of, oracle_of
from tests.support.hid_play import VirtualUps


def options_of(oracle: dict[str, Any]) -> dict[str, str]:
    """The options with which C was started."""
    pairs = (option.partition("=") for option in oracle["options"])
    return {name: value for name, _, value in pairs}


def string_of(oracle: dict[str, Any], index: str) -> str | None:
    """One of the strings of its device descriptor."""
    found: str | None = oracle["strings"].get(str(oracle["string_indexes"].get(index)))
    return found


def reports_of(name: str, descriptor: Descriptor) -> dict[int, bytes]:
    """All reports: the recorded bytes, and for the others bytes that give what C read from them."""
    facts, oracle = facts_of(name), oracle_of(name)
    fields: dict[tuple[str, int, int, int], Field] = {}
    for one in descriptor.fields:
        fields.setdefault((one.kind.value, one.report_id, one.offset, one.size), one)
    found = {one: bytes([one]).ljust(length, b"\0") for one, length in descriptor.lengths.items()}
    for _path, kind, number, offset, size, text in oracle["paths"]:
        report_id = int(number, 16)
        field = fields.get((kind, report_id, offset, size))
        if field is not None and text is not None:
            value = _nearest(field, float(text))
            found[report_id] = put(field, found[report_id], value)
    known = {int(number, 16): bytes.fromhex(text) for number, text in facts["feature_reports"].items()}
    return found | known


def _nearest(field: Field, value: float) -> int:
    """The logical value whose physical one is nearest."""
    value /= power_of_ten(exponent(field))
    low, high = field.physical_min, field.physical_max
    if field.has_physical and high > low and field.logical_max > field.logical_min:
        factor = (field.logical_max - field.logical_min) / (high - low)
        return round((value - low) * factor) + field.logical_min
    return round(value)


def recorded(name: str) -> tuple[VirtualUps, Device]:
    """The virtual device and ours on it, before the first walk."""
    oracle = oracle_of(name)
    facts = facts_of(name)
    vendor_id, product_id = int(facts["vendor_id"], 16), int(facts["product_id"], 16)
    vendor, product, serial = (string_of(oracle, index) for index in ("iManufacturer", "iProduct", "iSerial"))
    identity = Identity(vendor_id, product_id, vendor, product, serial)
    device = adopt(identity, descriptor_of(name), options_of(oracle))
    strings = {int(index): text for index, text in oracle["strings"].items()}
    return VirtualUps(reports_of(name, device.descriptor), strings), device


def started(name: str) -> tuple[VirtualUps, Device]:
    """After the first walk and two full polls."""
    ups, device = recorded(name)
    ups.run(device.poll(Walk.INIT, 0.0))
    for now in (30.0, 60.0):
        ups.run(device.poll(Walk.FULL, now))
    return ups, device

# SPDX-License-Identifier: GPL-2.0-or-later
"""What a virtual UPS is made of: identity, texts, report descriptor, reports; from a table or a recording."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ridethrough.drivers.hid.codec import logical
from ridethrough.drivers.hid.descriptor import Descriptor, Kind, parse
from ridethrough.drivers.hid.usages import STANDARD
from ridethrough.sim.usb import describe
from ridethrough.sim.usb.describe import Line

LANGUAGE = 0x0409


class ProfileError(ValueError):
    """A recording can't be used; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of UPS, as it stands on line with a full battery.

    `texts` are the string descriptors by index; `manufacturer`, `product` and `serial` are indexes into them
    (0: none).  `features` and `inputs` are whole reports, their id first; a report that `inputs` lacks is
    sent as its feature reads.
    """

    name: str
    vendor_id: int
    product_id: int
    report_descriptor: bytes
    features: Mapping[int, bytes]
    inputs: Mapping[int, bytes] = field(default_factory=dict)
    texts: Mapping[int, str] = field(default_factory=dict)
    manufacturer: int = 0
    product: int = 0
    serial: int = 0
    release: int = 0x0100
    parsed: Descriptor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the descriptor; raises DescriptorError if nothing can be made of it."""
        object.__setattr__(self, "parsed", parse(self.report_descriptor))

    def text(self, index: int) -> str:
        """The string descriptor of an index, or nothing."""
        return self.texts.get(index, "")


def from_lines(
    name: str,
    identity: tuple[int, int, int],
    texts: Sequence[str],
    lines: Sequence[Line],
    names: Mapping[str, int] = MappingProxyType({}),
) -> Profile:
    """A profile of our own making.

    `identity` is vendor, product, release; `texts` begin with those of maker, product and serial number
    and have the indexes 1, 2, 3 and so on; `names` are the usages of the maker.
    """
    data = describe.descriptor(lines, names)
    vendor_id, product_id, release = identity
    return Profile(
        name=name,
        vendor_id=vendor_id,
        product_id=product_id,
        report_descriptor=data,
        features=MappingProxyType(describe.reports(lines, parse(data))),
        texts=MappingProxyType(dict(enumerate(texts, 1))),
        manufacturer=1,
        product=2,
        serial=3,
        release=release,
    )


def from_recording(facts: Mapping[str, Any], report_descriptor: bytes) -> Profile:
    """A profile of a recorded device: its identity, strings and `feature_reports` as hex.

    `strings` names texts by `manufacturer`, `product`, `serial`, or by index with the three indexes in
    `string_indexes`; without those the indexes that the reports tell count.  `extra_input_reports` lists
    input reports that differ from the features.
    Raises ProfileError for facts that can't be read.
    """
    try:
        features = _recorded_reports(facts.get("feature_reports", {}).items())
        extra = facts.get("extra_input_reports", ())
        inputs = _recorded_reports((text[:2], text) for text in extra)
        texts, indexes = _recorded_texts(facts, _told_indexes(parse(report_descriptor), features))
        return Profile(
            name=str(facts["id"]),
            vendor_id=int(str(facts["vendor_id"]), 16),
            product_id=int(str(facts["product_id"]), 16),
            report_descriptor=report_descriptor,
            features=MappingProxyType(features),
            inputs=MappingProxyType(inputs),
            texts=MappingProxyType(texts),
            manufacturer=indexes.get("iManufacturer", 0),
            product=indexes.get("iProduct", 0),
            serial=indexes.get("iSerial", 0),
            release=int(str(facts.get("bcdDevice", "0100")), 16),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ProfileError(f"recording {facts.get('id', '?')!r}: {error!r}") from error


def _recorded_reports(pairs: Iterable[tuple[str, str]]) -> dict[int, bytes]:
    """Reports by their ids; of several with one id the first counts."""
    found: dict[int, bytes] = {}
    for report_id, text in pairs:
        data = bytes.fromhex(text)
        if not data or data[0] != int(report_id, 16):
            raise ValueError(f"report {report_id} does not begin with its id")
        found.setdefault(data[0], data)
    return found


_TEXTS = {"manufacturer": "iManufacturer", "product": "iProduct", "serial": "iSerial"}
_TOLD = {
    STANDARD["iManufacturer"]: "iManufacturer",
    STANDARD["iProduct"]: "iProduct",
    STANDARD["iSerialNumber"]: "iSerial",
}


def _told_indexes(parsed: Descriptor, features: Mapping[int, bytes]) -> dict[str, int]:
    """The indexes of texts that the device tells in its reports."""
    found: dict[str, int] = {}
    for one in parsed.fields:
        name = _TOLD.get(one.path[-1])
        if name and one.kind is Kind.FEATURE and one.report_id in features:
            index = logical(one, features[one.report_id])
            if index > 0 and index not in found.values():
                found.setdefault(name, index)
    return found


def _recorded_texts(
    facts: Mapping[str, Any], told: Mapping[str, int]
) -> tuple[dict[int, str], dict[str, int]]:
    strings = facts.get("strings") or {}
    if "string_indexes" in facts:
        return {int(index): str(text) for index, text in strings.items()}, dict(facts["string_indexes"])
    texts, indexes = dict[int, str](), dict[str, int]()
    free = (number for number in range(1, 256) if number not in told.values())
    for key, name in _TEXTS.items():
        if strings.get(key):
            indexes[name] = told.get(name) or next(free)
            texts[indexes[name]] = str(strings[key])
    return texts, indexes

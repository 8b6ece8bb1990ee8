# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a HID report descriptor from a table of lines, and the reports with the lines' values in them.

The opposite of drivers/hid/descriptor.  Source: Device Class Definition for HID 1.11, section 6.2.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from ridethrough.drivers.hid import usages
from ridethrough.drivers.hid.codec import put
from ridethrough.drivers.hid.descriptor import Descriptor, Kind


class Unit(NamedTuple):
    """A unit of HID and the power of ten that goes with it."""

    code: int
    exponent: int


class Units(Enum):
    """The units that UPSes use, and what one count is worth."""

    NONE = Unit(0, 0)
    VOLT = Unit(0x00F0D121, 7)
    TENTH_VOLT = Unit(0x00F0D121, 6)
    VOLT_AMPERE = Unit(0x0000D121, 7)
    HERTZ = Unit(0x0000F001, 0)
    TENTH_HERTZ = Unit(0x0000F001, -1)
    SECOND = Unit(0x00001001, 0)


@dataclass(frozen=True, slots=True)
class Line:
    """A field: where it stands, how wide it is, the number that is in it at first.

    `low` and `high` are its logical limits; without `high` all that fits into the bits (31 at most).
    `sent`: it is in an input report of the same layout as well.  `settable`: the host may write it.
    """

    path: str
    report_id: int
    bits: int
    value: int = 0
    unit: Units = Units.NONE
    low: int = 0
    high: int | None = None
    sent: bool = False
    settable: bool = False


INDEX_PAGE = 0x00FF0000
# Short items of the standard without their size bits (6.2.2.4 to 6.2.2.8).
_COLLECTION, _END_COLLECTION, _FEATURE, _INPUT = 0xA0, 0xC0, 0xB0, 0x80
_PAGE, _LOW, _HIGH, _EXPONENT, _UNIT, _SIZE, _REPORT_ID, _COUNT = (
    0x04, 0x14, 0x24, 0x54, 0x64, 0x74, 0x84, 0x94,
)  # fmt: skip
_USAGE = 0x08
_PHYSICAL, _APPLICATION, _VENDOR_NUMBERED = 0x00, 0x01, 0x80
_CONSTANT, _VARIABLE, _VOLATILE = 0x01, 0x02, 0x80


def descriptor(lines: Sequence[Line], names: Mapping[str, int] = MappingProxyType({})) -> bytes:
    """The report descriptor with the lines' fields in their order, each report filled up to whole bytes.

    `names` are the usages of the maker.  Raises PathError for a path that can't be read.
    """
    writer = _Writer()
    for line in lines:
        *collections, usage = usages.parse_path(line.path, names)
        writer.go_to(_nodes(collections))
        writer.field(line, usage)
    writer.fill_up()
    writer.go_to(())
    return bytes(writer.data)


def reports(lines: Iterable[Line], parsed: Descriptor) -> dict[int, bytes]:
    """Every report by its id with the lines' values in it, its id first.

    `parsed` is what has been read from the lines' descriptor: its features are the lines, in their order.
    """
    found: dict[int, bytes] = {}
    features = [field for field in parsed.fields if field.kind is Kind.FEATURE]
    for line, field in zip(lines, features, strict=True):
        whole = found.get(line.report_id) or bytes([line.report_id]).ljust(
            parsed.lengths[line.report_id], b"\0"
        )
        found[line.report_id] = put(field, whole, line.value)
    return found


class _Node(NamedTuple):
    """A collection: its usage, and its number among its like (`Flow.[4]`)."""

    usage: int
    number: int | None


def _nodes(path: Iterable[int]) -> tuple[_Node, ...]:
    """The collections of a path; a number belongs to the collection before it."""
    nodes: list[_Node] = []
    for usage in path:
        if usage & 0xFFFF0000 == INDEX_PAGE and nodes:
            nodes[-1] = _Node(nodes[-1].usage, usage & 0x7F)
        else:
            nodes.append(_Node(usage, None))
    return tuple(nodes)


class _Writer:
    """The bytes so far, the open collections, the global items in force, the bits of each report."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._open: tuple[_Node, ...] = ()
        self._globals: dict[int, int] = {}
        self._bits: dict[tuple[int, int], int] = {}

    def go_to(self, nodes: tuple[_Node, ...]) -> None:
        """Close and open collections until just `nodes` are open."""
        shared = 0
        while shared < min(len(nodes), len(self._open)) and nodes[shared] == self._open[shared]:
            shared += 1
        for _ in self._open[shared:]:
            self.data.append(_END_COLLECTION)
        for depth, node in enumerate(nodes[shared:], shared):
            self._usage(node.usage)
            nested = _PHYSICAL if depth else _APPLICATION
            self._item(_COLLECTION, nested if node.number is None else _VENDOR_NUMBERED | node.number, 1)
        self._open = nodes

    def field(self, line: Line, usage: int) -> None:
        """Write the items of a line, once as a feature, and once more as an input if it is sent."""
        self._global(_REPORT_ID, line.report_id)
        self._global(_LOW, line.low, signed=True)
        high = (1 << min(line.bits, 31)) - 1 if line.high is None else line.high
        self._global(_HIGH, high, signed=True)
        self._global(_UNIT, line.unit.value.code)
        self._global(_EXPONENT, line.unit.value.exponent & 0x0F)
        self._global(_SIZE, line.bits)
        self._global(_COUNT, 1)
        flags = _VARIABLE | _VOLATILE | (0 if line.settable else _CONSTANT)
        for item in (_FEATURE, _INPUT) if line.sent else (_FEATURE,):
            self._usage(usage)
            self._item(item, flags, 1)
            place = (line.report_id, item)
            self._bits[place] = self._bits.get(place, 0) + line.bits

    def fill_up(self) -> None:
        """End every report at a whole byte."""
        for (report_id, item), bits in self._bits.items():
            if bits % 8:
                self._global(_REPORT_ID, report_id)
                self._global(_SIZE, -bits % 8)
                self._item(item, _CONSTANT, 1)

    def _usage(self, usage: int) -> None:
        self._global(_PAGE, usage >> 16)
        self._item(_USAGE, usage & 0xFFFF, 1 if usage & 0xFFFF < 0x100 else 2)

    def _global(self, item: int, value: int, *, signed: bool = False) -> None:
        """A global item holds until the next of its kind, so it is written only where it changes."""
        if self._globals.get(item) != value:
            self._globals[item] = value
            self._item(item, value, _size(value, signed=signed), signed=signed)

    def _item(self, item: int, value: int, size: int, *, signed: bool = False) -> None:
        self.data.append(item | (3 if size == 4 else size))
        self.data += value.to_bytes(size, "little", signed=signed)


def _size(value: int, *, signed: bool) -> int:
    """The fewest bytes that an item may have for a value."""
    for size in (1, 2):
        low, high = (-(1 << 8 * size - 1), 1 << 8 * size - 1) if signed else (0, 1 << 8 * size)
        if low <= value < high:
            return size
    return 4

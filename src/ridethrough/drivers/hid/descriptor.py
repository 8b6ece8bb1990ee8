# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a HID report descriptor: which fields a device has, and where they lie in its reports.

Source: Device Class Definition for HID 1.11, section 6.2.2.  Real UPSes send descriptors that break these
rules, so whatever can be understood is kept, and what could not is told in `Descriptor.problems`.  Where
NUT's drivers/hidparser.c (facts learned from there, GPL-2.0-or-later) decides a doubtful case, its decision
is taken, because its tables were written against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

from ridethrough.drivers.hid.items import Complain, Item, items

MAX_DESCRIPTOR_BYTES = 65535
"""What wDescriptorLength of USB can say."""
MAX_FIELDS = 4096
MAX_REPORT_BYTES = 4096
MAX_DEPTH = 16
MAX_USAGES = 256
MAX_PUSHED = 32

INDEX_PAGE = 0x00FF0000
"""The page of a path's node that numbers a collection: `[4]` of `Flow.[4]` is 0x00ff0004."""


class DescriptorError(ValueError):
    """Nothing can be made of the descriptor; the text says why."""


class Kind(Enum):
    """What a field is for; the values are the words that NUT prints."""

    INPUT = "Input"
    OUTPUT = "Output"
    FEATURE = "Feature"


@dataclass(frozen=True, slots=True)
class Field:
    """One value in a report.

    `path`: usages (page << 16 | id) from the outermost collection to the item.  `offset` and `size` are in
    bits; `offset` counts from behind the report id's byte, which is there also where the id is 0.
    `flags`: the data of the main item (bit 0 constant, bit 1 variable, bit 7 volatile).
    """

    path: tuple[int, ...]
    kind: Kind
    report_id: int
    offset: int
    size: int
    logical_min: int = 0
    logical_max: int = 0
    physical_min: int = 0
    physical_max: int = 0
    has_physical: bool = False
    unit: int = 0
    unit_exponent: int = 0
    flags: int = 0
    assumed_max: bool = False
    """A logical maximum, here or in a field before, was below the minimum and has been read as unsigned."""


def _no_lengths() -> MappingProxyType[int, int]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Descriptor:
    """All fields in the descriptor's order, and what was wrong with it in words."""

    fields: tuple[Field, ...]
    problems: tuple[str, ...] = ()
    lengths: MappingProxyType[int, int] = field(default_factory=_no_lengths)
    """Bytes of each report by its id, with the id's byte: the longest of its kinds, padding counted."""

    def find(self, path: tuple[int, ...], kind: Kind) -> Field | None:
        """The first field whose path begins with `path`, as in NUT's tables."""
        depth = len(path)
        for one in self.fields:
            if one.kind is kind and one.path[:depth] == path:
                return one
        return None

    def in_report(self, report_id: int, kind: Kind) -> Iterator[Field]:
        """The fields of a report, in order."""
        return (one for one in self.fields if one.report_id == report_id and one.kind is kind)


def parse(data: bytes) -> Descriptor:
    """Read a report descriptor.

    Raises DescriptorError if there is no field in it at all, or it is longer than USB allows.  Time and
    memory are bounded by the constants of this module, whatever the bytes.
    """
    if len(data) > MAX_DESCRIPTOR_BYTES:
        raise DescriptorError(
            f"the report descriptor has {len(data)} bytes, more than the {MAX_DESCRIPTOR_BYTES} of USB"
        )
    parser = _Parser()
    for item in items(data, parser.complain):
        parser.take(item)
    return parser.finish()


# Main items.
_INPUT, _OUTPUT, _FEATURE, _COLLECTION, _END = 0x80, 0x90, 0xB0, 0xA0, 0xC0
_KINDS = {_INPUT: Kind.INPUT, _OUTPUT: Kind.OUTPUT, _FEATURE: Kind.FEATURE}
# Global items.
_USAGE_PAGE, _LOGICAL_MIN, _LOGICAL_MAX, _PHYSICAL_MIN, _PHYSICAL_MAX = 0x04, 0x14, 0x24, 0x34, 0x44
_UNIT_EXPONENT, _UNIT, _REPORT_SIZE, _REPORT_ID, _REPORT_COUNT, _PUSH, _POP = (
    0x54, 0x64, 0x74, 0x84, 0x94, 0xA4, 0xB4,
)  # fmt: skip
# Local items.
_USAGE, _USAGE_MIN, _USAGE_MAX, _DELIMITER = 0x08, 0x18, 0x28, 0xA8


@dataclass(frozen=True, slots=True)
class _Globals:
    """The global state, which PUSH saves and POP brings back."""

    page: int = 0
    logical_min: int = 0
    logical_max: int = 0
    logical_max_bits: int = 0
    assumed_max: bool = False
    physical_min: int | None = None
    physical_max: int | None = None
    unit_exponent: int = 0
    unit: int = 0
    report_size: int = 0
    report_id: int = 0
    report_count: int = 0


class _Parser:
    """The state of reading: globals and their stack, usages since the last main item, open collections."""

    def __init__(self) -> None:
        self.complain = Complain()
        self._globals = _Globals()
        self._pushed: list[_Globals] = []
        self._usages: list[tuple[int, int]] = []  # ranges, both ends included
        self._range_start: int | None = None
        self._alternative = 0  # which usage of an open delimiter set comes next; 0: no set is open
        self._path: list[int] = []
        self._open: list[int] = []  # how many nodes of the path each open collection has added
        self._bits: dict[tuple[int, Kind], int] = {}
        self._fields: list[Field] = []

    def take(self, item: Item) -> None:
        """Fold one item in."""
        kind = _KINDS.get(item.tag)
        if kind is not None:
            self._main(item, kind)
            self._forget_locals()
        elif item.tag == _COLLECTION:
            self._enter(item)
            self._forget_locals()
        elif item.tag == _END:
            self._leave(item)
            self._forget_locals()
        elif item.tag & 0x0C == 0x04:
            self._global(item)
        elif item.tag & 0x0C == 0x08:
            self._local(item)

    def finish(self) -> Descriptor:
        """What was found."""
        if self._open:
            self.complain(f"{len(self._open)} collections are not closed")
        if not self._fields:
            problems = f" ({self.complain.texts[0]})" if self.complain.texts else ""
            raise DescriptorError(f"there is no field in the report descriptor{problems}")
        lengths: dict[int, int] = {}
        for (report_id, _), bits in self._bits.items():
            lengths[report_id] = max(lengths.get(report_id, 1), 1 + (bits + 7) // 8)
        return Descriptor(tuple(self._fields), tuple(self.complain.texts), MappingProxyType(lengths))

    def _forget_locals(self) -> None:
        """Locals don't carry over to the next main item (6.2.2.8); some APC send more usages than fields."""
        self._usages.clear()
        self._range_start = None
        self._alternative = 0

    def _enter(self, item: Item) -> None:
        if len(self._path) + 2 > MAX_DEPTH:
            self.complain(f"byte {item.at}: collections are nested too deeply")
            self._open.append(0)
            return
        nodes = [self._usages[0][0] if self._usages else self._globals.page << 16]
        if item.value >= 0x80:  # vendors number their collections with the vendor's collection types
            nodes.append(INDEX_PAGE | (item.value & 0x7F))
        self._path += nodes
        self._open.append(len(nodes))

    def _leave(self, item: Item) -> None:
        if not self._open:
            self.complain(f"byte {item.at}: a collection is closed that was not opened")
            return
        nodes = self._open.pop()
        del self._path[len(self._path) - nodes :]

    def _global(self, item: Item) -> None:
        now = self._globals
        match item.tag:
            case 0xA4:  # PUSH
                if len(self._pushed) < MAX_PUSHED:
                    self._pushed.append(now)
                else:
                    self.complain(f"byte {item.at}: too much is pushed")
            case 0xB4:  # POP
                if self._pushed:
                    self._globals = self._pushed.pop()
                else:
                    self.complain(f"byte {item.at}: nothing is pushed that could be popped")
            case _:
                self._globals = _with_global(now, item)

    def _local(self, item: Item) -> None:
        usage = item.value if item.size == 4 else self._globals.page << 16 | item.value
        if item.tag == _DELIMITER:
            self._alternative = 1 if item.value == 1 else 0
        elif item.tag == _USAGE:
            if self._alternative == 1:
                self._alternative = 2
            elif self._alternative == 2:
                return  # the first of a set of alternatives is the preferred one (6.2.2.8)
            self._add_usages(usage, usage, item)
        elif item.tag == _USAGE_MIN:
            self._range_start = usage
        elif item.tag == _USAGE_MAX and self._range_start is not None:
            self._add_usages(self._range_start, usage, item)
            self._range_start = None

    def _add_usages(self, first: int, last: int, item: Item) -> None:
        if last < first:
            self.complain(f"byte {item.at}: a range of usages ends before it begins")
        elif len(self._usages) >= MAX_USAGES:
            self.complain(f"byte {item.at}: more than {MAX_USAGES} usages for one item")
        else:
            self._usages.append((first, last))

    def _nth_usages(self, count: int) -> Iterator[int]:
        """`count` usages; the last one goes for all the fields that are left (6.2.2.8)."""
        last = 0
        for first, last in self._usages:
            for usage in range(first, min(last, first + count - 1) + 1):
                yield usage
                count -= 1
            if count <= 0:
                return
        for _ in range(count):
            yield last

    def _main(self, item: Item, kind: Kind) -> None:
        now = self._globals
        at = (now.report_id, kind)
        start = self._bits.get(at, 0)
        count, size = now.report_count, now.report_size
        room = MAX_REPORT_BYTES * 8 - start
        if size * count > room:
            self.complain(f"byte {item.at}: report {now.report_id:#04x} is too long")
            count = room // size
        self._bits[at] = start + size * count
        if size == 0 or count == 0:
            self.complain(f"byte {item.at}: a field without any bits")
            return
        if not self._usages:
            return  # padding
        template = _template(now, tuple(self._path), kind, item.value)
        if now.logical_max < now.logical_min:
            self.complain(
                f"byte {item.at}: logical maximum {now.logical_max} is less than {now.logical_min}, "
                f"read as {template.logical_max}"
            )
        for number, usage in enumerate(self._nth_usages(count)):
            if len(self._fields) >= MAX_FIELDS:
                self.complain(f"byte {item.at}: more than {MAX_FIELDS} fields")
                return
            if usage:
                self._fields.append(
                    replace(template, path=(*template.path, usage), offset=start + number * size)
                )


def _with_global(now: _Globals, item: Item) -> _Globals:
    """The global state after an item that sets one value."""
    match item.tag:
        case 0x04:
            return replace(now, page=item.value & 0xFFFF)
        case 0x14:
            return replace(now, logical_min=item.signed)
        case 0x24:
            # Many devices write 0xff or 0xffff where they mean 255 or 65535.
            wrong = item.signed < now.logical_min
            value = item.value if wrong else item.signed
            assumed = now.assumed_max or wrong
            return replace(now, logical_max=value, logical_max_bits=item.value, assumed_max=assumed)
        case 0x34:
            return replace(now, physical_min=item.signed)
        case 0x44:
            return replace(now, physical_max=item.signed)
        case 0x54:
            return replace(now, unit_exponent=_exponent(item.value))
        case 0x64:
            return replace(now, unit=item.value)
        case 0x74:
            return replace(now, report_size=item.value & 0xFFFF)
        case 0x84:
            return replace(now, report_id=item.value & 0xFF)
        case 0x94:
            return replace(now, report_count=item.value & 0xFFFF)
        case _:
            return now


def _exponent(value: int) -> int:
    """A unit's exponent: four bits of two's complement by the book, but some devices send eight."""
    low = value & 0xFF
    if 7 < low < 0x80:
        low |= 0xF0
    return low - 256 if low & 0x80 else low


def _template(now: _Globals, path: tuple[int, ...], kind: Kind, flags: int) -> Field:
    """A field of the main item, without its own usage and place."""
    wrong = now.logical_max < now.logical_min
    return Field(
        path=path,
        kind=kind,
        report_id=now.report_id,
        offset=0,
        size=now.report_size,
        logical_min=now.logical_min,
        logical_max=now.logical_max_bits if wrong else now.logical_max,
        physical_min=now.physical_min or 0,
        physical_max=now.physical_max or 0,
        has_physical=now.physical_min is not None and now.physical_max is not None,
        unit=now.unit,
        unit_exponent=now.unit_exponent,
        flags=flags,
        assumed_max=now.assumed_max or wrong,
    )

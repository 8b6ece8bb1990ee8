# SPDX-License-Identifier: GPL-2.0-or-later
"""The shape of a sub-driver: rows that tie a HID path to a NUT name, and what may convert between both.

The tables in `tables/` hold nothing but these values.
What a row means is learned from NUT's drivers/usbhid-ups.h and usbhid-ups.c (GPL-2.0-or-later).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, MutableMapping, MutableSet
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import Enum, Flag, auto
from typing import TypeAlias


class Kind(Enum):
    """What a row makes of its field."""

    VARIABLE = "variable"
    STATUS = "status"  # the converted word is added to the status words ("!word" takes it away)
    ALARM = "alarm"  # the converted text is added to `ups.alarm`
    COMMAND = "command"  # never read; writing the value is the instant command


class Flags(Flag):
    """How a row is polled and written."""

    NONE = 0
    STATIC = auto()  # read once, and on each full poll only where there is no interrupt pipe
    SEMI_STATIC = auto()  # as STATIC, and after each write
    QUICK_POLL = auto()  # part of each quick poll
    ABSENT = auto()  # kept by the driver: `default` at the start, then what is SET; only if the path exists
    ENUM = auto()  # a writable row offers the texts of its conversion
    PARAM_REQUIRED = auto()  # a command or SET without a value (and without a default) is refused
    RW = auto()
    STRING = auto()  # shown as STRING:`length`
    NUMBER = auto()  # shown as NUMBER


@dataclass(slots=True)
class Context:
    """What a conversion may ask about its device, and what it may leave behind.

    The engine owns one for each device and passes it to each conversion.
    `variables` are those said so far (a conversion may set and delete some, as C does with its own state).
    `status` are the internal status words ("online", "dischrg" ...; see `WORDS`).
    `string` reads a string descriptor of the device by its index.
    `item` is the physical value of the first field with that path, `report` the newest bytes of a report
    (its id first); both are None where nothing is known.
    `memory` is the sub-driver's own scratch: battery scales, Eaton's battery monitoring.
    `orders` are settings that a conversion asks for: the engine takes them out and sets them.
    `buzzwords` are tokens of `experimental.ups.mode.buzzwords`; the engine clears them before each poll.
    """

    vendor_id: int = 0
    product_id: int = 0
    vendor: str | None = None
    product: str | None = None
    serial: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    variables: MutableMapping[str, str] = field(default_factory=dict)
    status: MutableSet[str] = field(default_factory=set)
    string: Callable[[int], str | None] = lambda index: None
    item: Callable[[str], float | None] = lambda path: None
    report: Callable[[int], bytes | None] = lambda report_id: None
    memory: dict[str, float | str] = field(default_factory=dict)
    orders: list[tuple[str, str]] = field(default_factory=list)
    buzzwords: MutableSet[str] = field(default_factory=set)
    zone: tzinfo | None = None


ToText: TypeAlias = Callable[[float, Context], "str | None"]
ToValue: TypeAlias = Callable[["str | None", Context], "float | None"]


@dataclass(frozen=True, slots=True)
class Conversion:
    """Between a field's physical value and NUT's text: a table, functions, or one of each.

    `to_text` is asked instead of the table where it is there, and `to_value` the same in the other direction.
    """

    name: str
    entries: tuple[tuple[int, str], ...] = ()
    to_text: ToText | None = None
    to_value: ToValue | None = None

    def text(self, value: float, context: Context) -> str | None:
        """NUT's text for a value, or None: nothing is published, what was said before stays."""
        if not math.isfinite(value):
            return None
        if self.to_text is not None:
            return self.to_text(value, context)
        whole = int(value)
        return next((text for number, text in self.entries if number == whole), None)

    def value(self, text: str | None, context: Context) -> float | None:
        """The value to write for a text (None: no parameter was given), or None: there is no such text."""
        if self.to_value is not None:
            return self.to_value(text, context)
        return next((float(number) for number, known in self.entries if known == text), None)

    def choices(self, context: Context) -> tuple[str, ...]:
        """The texts that a writable ENUM row offers for this device."""
        return tuple(text for number, text in self.entries if self.text(number, context) is not None)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a sub-driver's table.

    `format` prints a value that has no conversion (`%.1f`).
    `default` is the first value of an ABSENT row, or a command's value when none is given.
    `length` is the longest text that can be SET, in bytes.
    """

    name: str
    path: str
    kind: Kind = Kind.VARIABLE
    format: str = ""
    default: str | None = None
    flags: Flags = Flags.NONE
    length: int = 0
    convert: Conversion | None = None


class Claim(Enum):
    """What a sub-driver says of a device (C: is_usb_device_supported and each claim function)."""

    NO = "no"
    POSSIBLE = "possible"  # a known maker, an unknown product: taken only with `productid` in ups.conf
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Match:
    """A device that a sub-driver knows by its numbers.

    `settings` are used where ups.conf does not set them (`pollonly`, `usb_hid_rep_index` ...).
    `setup` runs once when the device is taken; it may write `memory` and return more such settings.
    """

    vendor_id: int
    product_id: int
    settings: Mapping[str, str] = field(default_factory=dict)
    setup: Callable[[Context], Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Maker:
    """How a maker that does not own its vendor id alone is recognised, by parts of its USB strings.

    `any_product`: the strings decide for all products of the vendor id, not only for those in `matches`.
    """

    in_vendor: tuple[str, ...] = ()
    in_product: tuple[str, ...] = ()
    any_product: bool = False

    def known(self, vendor: str | None, product: str | None) -> bool:
        """Whether one of the parts stands in its string."""
        return any(part in (vendor or "") for part in self.in_vendor) or any(
            part in (product or "") for part in self.in_product
        )


Formatter: TypeAlias = Callable[[Context], "str | None"]


def product_string(context: Context) -> str | None:
    """The model as the USB product string has it."""
    return context.product


def serial_string(context: Context) -> str | None:
    """The serial number as the USB serial string has it."""
    return context.serial


def vendor_string(context: Context) -> str | None:
    """The maker as the USB vendor string has it."""
    return context.vendor


def maker_or(fallback: str) -> Formatter:
    """The maker as the USB vendor string has it, else `fallback`."""
    return lambda context: context.vendor if context.vendor is not None else fallback


@dataclass(frozen=True, slots=True)
class Subdriver:
    """One family of devices: who is claimed, what its paths are called, and its rows in order.

    The first row whose path a device has, and whose value can be shown, wins its name.
    `name` is what `driver.version.data` shows; `maker` names the family in messages.
    `usages` are the family's own names, searched before the standard ones.
    `makers` (by vendor id) are asked where several families share one id.
    `strict` are vendor ids whose unknown products are never taken.
    `quiet` are vendor ids under which much else than UPSes is made, so that nothing is said of them.
    `refused` are known products for another driver ("" where there is none).
    `repairs` names the descriptor repairs in `repairs.py`.
    `skipped_reports` (by vendor and product id) are never asked for.
    """

    key: str
    name: str
    maker: str
    matches: tuple[Match, ...]
    rows: tuple[Row, ...]
    usages: Mapping[str, int] = field(default_factory=dict)
    model: Formatter = product_string
    mfr: Formatter = vendor_string
    serial: Formatter = serial_string
    repairs: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    makers: Mapping[int, Maker] = field(default_factory=dict)
    strict: frozenset[int] = frozenset()
    quiet: frozenset[int] = frozenset()
    refused: Mapping[tuple[int, int], str] = field(default_factory=dict)
    skipped_reports: Mapping[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)


QUICK = Flags.QUICK_POLL
STATIC = Flags.STATIC
SEMI = Flags.SEMI_STATIC
ENUM = Flags.ENUM
_SETTABLE = Flags.RW | Flags.STRING


def var(
    name: str,
    path: str,
    shown: str | Conversion,
    flags: Flags = Flags.NONE,
    *,
    length: int | None = None,
) -> Row:
    """A variable, shown by a format or a conversion.

    With `length` it can be SET to a text of so many bytes.
    """
    if length is not None:
        flags |= _SETTABLE
    if isinstance(shown, Conversion):
        return Row(name, path, flags=flags, length=length or 0, convert=shown)
    return Row(name, path, format=shown, flags=flags, length=length or 0)


def status(path: str, convert: Conversion, flags: Flags = Flags.NONE) -> Row:
    """A status flag or an enumeration of some."""
    return Row("BOOL", path, Kind.STATUS, flags=flags, convert=convert)


def alarm(path: str, convert: Conversion, flags: Flags = Flags.NONE) -> Row:
    """A condition shown in `ups.alarm`."""
    return Row("ups.alarm", path, Kind.ALARM, flags=flags, convert=convert)


def kept(name: str, path: str, default: str, length: int) -> Row:
    """A setting that the driver keeps itself, offered where the device has `path`."""
    return Row(name, path, default=default, flags=Flags.ABSENT | _SETTABLE, length=length)


def command(
    name: str, path: str, default: str | None, convert: Conversion | None = None, *, required: bool = False
) -> Row:
    """An instant command: `default`, or the parameter given with it, is converted and written to `path`."""
    flags = Flags.PARAM_REQUIRED if required else Flags.NONE
    return Row(name, path, Kind.COMMAND, default=default, flags=flags, convert=convert)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Report descriptors that lie: limits below what the device then sends, which would cut its readings off.

Facts learned from NUT's drivers/apc-hid.c and drivers/cps-hid.c (GPL-2.0-or-later).  The repair that
drivers/idowell-hid.c makes is for 32 bit platforms only; the parser here reads that descriptor rightly.
The caller leaves all of this out where `disable_fix_report_desc` is set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ridethrough.drivers.hid.descriptor import Descriptor, Field

VOLTAGE = 0x00840030
CONFIG_VOLTAGE = 0x00840040
CONFIG_ACTIVE_POWER = 0x00840044
HIGH_VOLTAGE_TRANSFER = 0x00840054

CPS_VOLTAGE_MAX = 511
CPS_POWER_MAX = 2048
ONE_BYTE_MAX = 255


class _Fields:
    """The fields while they are repaired."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self.all = list(fields)
        self.done: list[str] = []

    def find(self, report_id: int, usage: int) -> int | None:
        """Where the first field of any kind with this report and last usage stands."""
        for number, one in enumerate(self.all):
            if one.report_id == report_id and one.path[-1] == usage:
                return number
        return None

    def limit(self, number: int, low: int, high: int) -> None:
        """Give a field other logical limits."""
        old = self.all[number]
        if (old.logical_min, old.logical_max) == (low, high):
            return
        self.all[number] = replace(old, logical_min=low, logical_max=high)
        self.done.append(
            f"report {old.report_id:#04x} offset {old.offset}: limits {old.logical_min}..{old.logical_max} "
            f"read as {low}..{high}"
        )


def _apc(fields: _Fields) -> None:
    """Input voltages whose limit is below the voltage at which the UPS would transfer to battery."""
    transfer = fields.find(0x33, HIGH_VOLTAGE_TRANSFER)
    if transfer is None:
        return
    high = fields.all[transfer].logical_max
    voltage = fields.find(0x31, VOLTAGE)
    if voltage is not None and high > fields.all[voltage].logical_max:
        fields.limit(voltage, 0, high * 2)
    nominal = fields.find(0x30, CONFIG_VOLTAGE)
    if nominal is not None and high > fields.all[nominal].logical_max:
        fields.limit(nominal, fields.all[nominal].logical_min, ONE_BYTE_MAX)


def _cps_copied_limits(fields: _Fields) -> None:
    """Voltages that carry the limits of the high transfer voltage, forgotten in the descriptor's globals."""
    transfer = fields.find(0x10, HIGH_VOLTAGE_TRANSFER)
    if transfer is None:
        return
    wrong = (fields.all[transfer].logical_min, fields.all[transfer].logical_max)
    for report_id in (0x12, 0x0F):  # output, and only where that is wrong input
        number = fields.find(report_id, VOLTAGE)
        if number is None:
            return
        if (fields.all[number].logical_min, fields.all[number].logical_max) == wrong:
            fields.limit(number, 0, CPS_VOLTAGE_MAX)
        elif report_id == 0x12:
            return


def _cps_assumed_limits(fields: _Fields) -> None:
    """Input and output voltage with limits in too few bytes: as wide as the wider one, and as the bits."""
    found = fields.find(0x12, VOLTAGE), fields.find(0x0F, VOLTAGE)
    if found[0] is None or found[1] is None:
        return
    numbers = (found[0], found[1])
    pair = [fields.all[number] for number in numbers]
    highs = [max(one.logical_max, CPS_VOLTAGE_MAX) if one.assumed_max else one.logical_max for one in pair]
    widest = max(highs)
    for number, one, high in zip(numbers, pair, highs, strict=True):
        if not one.assumed_max:
            continue
        limit = min(widest, (1 << one.size) - 1) if 1 < one.size <= 64 else max(high, widest)
        fields.limit(number, one.logical_min, limit)


def _cps_power(fields: _Fields) -> None:
    """A nominal power above its own limit."""
    number = fields.find(0x18, CONFIG_ACTIVE_POWER)
    if number is not None and fields.all[number].logical_max < CPS_POWER_MAX:
        fields.limit(number, fields.all[number].logical_min, CPS_POWER_MAX)


@dataclass(frozen=True, slots=True)
class Repair:
    """Whose descriptors are repaired, and the steps in order."""

    vendor_id: int
    product_ids: frozenset[int]
    steps: tuple[Callable[[_Fields], None], ...]


REPAIRS: Mapping[str, Repair] = MappingProxyType({
    "apc": Repair(0x051D, frozenset({0x0002}), (_apc,)),
    "cps": Repair(
        0x0764, frozenset({0x0501, 0x0601}), (_cps_copied_limits, _cps_assumed_limits, _cps_power)
    ),
})  # fmt: skip
"""By the names that `Subdriver.repairs` uses."""


def repaired(descriptor: Descriptor, names: Iterable[str], vendor_id: int, product_id: int) -> Descriptor:
    """The descriptor with the named repairs that are meant for this device; each is told in `problems`.

    A name that is unknown here needs no repair.
    """
    fields = _Fields(descriptor.fields)
    for name in names:
        repair = REPAIRS.get(name)
        if repair is None or repair.vendor_id != vendor_id or product_id not in repair.product_ids:
            continue
        for step in repair.steps:
            step(fields)
    if not fields.done:
        return descriptor
    return replace(descriptor, fields=tuple(fields.all), problems=(*descriptor.problems, *fields.done))

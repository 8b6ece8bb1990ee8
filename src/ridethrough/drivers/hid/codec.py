# SPDX-License-Identifier: GPL-2.0-or-later
"""Between the bits of a report and the number they mean.

A report begins with its id's byte, also where the id is 0.  The logical value is the number in the bits, the
physical one is in volts, seconds, percent and so on.
Sources: HID 1.11 sections 5.8 and 6.2.2.7, HID Usages for Power Devices 1.1 section 3.2.3; how values out of
range are read is learned from NUT's drivers/hidparser.c and drivers/libhid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from ridethrough.drivers.hid.descriptor import Field

UNIT_EXPONENTS = {
    0x00000000: 0,  # none, and percent
    0x00F0D121: 7,  # volt
    0x00100001: 0,  # ampere
    0x0000D121: 7,  # volt-ampere, and watt
    0x00001001: 0,  # second
    0x00010001: 0,  # kelvin
    0x0000F001: 0,  # hertz
    0x00101001: 0,  # ampere-second
}
"""The exponent that a unit of the power page has by itself (HID counts in centimetres and grams)."""


def bits(field: Field, report: bytes) -> int:
    """The field's bits as an unsigned number; bits that a short report lacks are 0."""
    whole = int.from_bytes(report[1:], "little")
    return whole >> field.offset & ((1 << field.size) - 1)


def holds(field: Field, report: bytes) -> bool:
    """Whether the report is long enough for the whole field."""
    return field.offset + field.size <= 8 * (len(report) - 1)


def logical(field: Field, report: bytes) -> int:
    """The number in the report, always within the field's logical limits.

    Bits above those that the limits need are thrown away (they hold garbage in some APC), the sign bit is
    the highest bit that the limits need, and what is then still outside is moved to the nearest limit.
    """
    low, high = field.logical_min, field.logical_max
    sign = 1 << max(_magnitude(low).bit_length(), _magnitude(high).bit_length())
    value = bits(field, report) & ((sign - 1) | (sign if low < 0 else 0))
    if low < 0 and value & sign:
        value -= 2 * sign
    if value < low:
        return low
    return min(value, high)


def physical(field: Field, value: int) -> float:
    """A logical value in physical units."""
    return _stretched(field, value) * power_of_ten(exponent(field))


def to_logical(field: Field, value: float) -> int:
    """The logical value for a physical one, cut off towards zero as in C.

    Raises OverflowError or ValueError if `value` is infinite or not a number.
    """
    value /= power_of_ten(exponent(field))
    if not _has_scale(field):
        return int(value)
    low, high = field.logical_min, field.logical_max
    factor = float(high - low) / (field.physical_max - field.physical_min)
    return max(low, min(high, int((value - field.physical_min) * factor) + low))


def put(field: Field, report: bytes, value: int) -> bytes:
    """The report with the field's bits set to `value` (two's complement, what doesn't fit is cut off).

    A report that is too short for the field is filled up with zeros first.
    """
    length = max(len(report), 1 + (field.offset + field.size + 7) // 8)
    whole = int.from_bytes(report[1:], "little")
    mask = (1 << field.size) - 1
    whole = whole & ~(mask << field.offset) | (value & mask) << field.offset
    return report[:1].ljust(1, b"\0") + whole.to_bytes(length - 1, "little")


def exponent(field: Field) -> int:
    """The power of ten between the field's numbers and volts, seconds and so on."""
    return field.unit_exponent - UNIT_EXPONENTS.get(field.unit, 0)


def power_of_ten(exponent: int) -> float:
    """Ten to a power, with the last digits that C's repeated multiplication gives."""
    factor = 10.0 if exponent > 0 else 1 / 10.0
    result = 1.0
    for _ in range(abs(exponent)):
        result = factor * result
    return result


def _magnitude(limit: int) -> int:
    """What has to be stored of a limit besides its sign."""
    return limit if limit >= 0 else -(limit + 1)


def _has_scale(field: Field) -> bool:
    """Whether physical limits say something (6.2.2.7: none, or both 0, mean the logical ones)."""
    if not field.has_physical or field.physical_min == field.physical_max == 0:
        return False
    return field.physical_max > field.physical_min and field.logical_max > field.logical_min


def _stretched(field: Field, value: int) -> float:
    """A logical value moved into the physical limits, before exponents."""
    if not _has_scale(field):
        return float(value)
    low, high = field.physical_min, field.physical_max
    factor = float(high - low) / (field.logical_max - field.logical_min)
    return max(float(low), min(float(high), (value - field.logical_min) * factor + low))

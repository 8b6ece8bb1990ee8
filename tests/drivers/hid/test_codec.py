# SPDX-License-Identifier: GPL-2.0-or-later
"""Bits and numbers: sign, limits, scale and exponents, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.drivers.hid.codec import (
    bits,
    exponent,
    holds,
    logical,
    physical,
    power_of_ten,
    put,
    to_logical,
)
from ridethrough.drivers.hid.descriptor import Field, Kind

VOLT, SECOND = 0x00F0D121, 0x00001001


def field(
    offset: int = 0,
    size: int = 8,
    limits: tuple[int, int] = (0, 255),
    physical_limits: tuple[int, int] | None = None,
    unit: int = 0,
    unit_exponent: int = 0,
) -> Field:
    """A field in report 1."""
    low, high = physical_limits or (0, 0)
    return Field(
        (1,),
        Kind.FEATURE,
        1,
        offset,
        size,
        *limits,
        low,
        high,
        physical_limits is not None,
        unit,
        unit_exponent,
    )


@pytest.mark.parametrize(
    ("one", "report", "value"),
    [
        (field(), "01 64", 100),
        (field(8, 16, (0, 65535)), "01 00 e2 30", 0x30E2),
        (field(3, 1, (0, 1)), "01 08", 1),
        (field(0, 32, (-1, 2147483647)), "01 ff ff ff ff", -1),
        (field(0, 8, (-127, 127)), "01 81", -127),
        (field(0, 8, (-127, 127)), "01 80", -127),  # below the limit
        (field(0, 8, (0, 100)), "01 7d", 100),  # above the limit
        (field(0, 8, (0, 100)), "01 e4", 100),  # the highest bit is garbage
        (field(0, 32, (0, 0xFFFF)), "01 00 0a 08 80", 0x0A00),  # APC BF500: so are the high bytes
        (field(0, 8, (10, 20)), "01 00", 10),
        (field(8, 16, (0, 65535)), "01 00 e2", 0xE2),  # what a short report lacks is 0
    ],
)
def test_logical(one: Field, report: str, value: int) -> None:
    """The number in a report, within the limits."""
    assert logical(one, bytes.fromhex(report)) == value


def test_a_report_may_be_too_short() -> None:
    """`holds` tells whether all bits are there."""
    assert holds(field(8, 16), bytes.fromhex("01000000"))
    assert not holds(field(8, 16), bytes.fromhex("010000"))
    assert bits(field(8, 16), b"") == 0


@pytest.mark.parametrize(
    ("one", "value", "meant"),
    [
        (field(), 230, 230.0),
        (field(unit=VOLT, unit_exponent=7), 230, 230.0),
        (field(unit=VOLT, unit_exponent=6), 272, 272 * 0.1),
        (field(unit=VOLT), 230, 230 * 1e-7),
        (field(unit=SECOND, unit_exponent=1), 6, 60.0),
        (field(unit=0x1234, unit_exponent=-1), 498, 498 * 0.1),
        (field(limits=(0, 100), physical_limits=(0, 200)), 50, 100.0),
        (field(limits=(0, 100), physical_limits=(0, 0)), 50, 50.0),
        (field(limits=(0, 100), physical_limits=(5, 5)), 50, 50.0),
        (field(limits=(0, 100), physical_limits=(10, 20)), 200, 20.0),
        (field(limits=(0, 100), physical_limits=(10, 20)), -9, 10.0),
    ],
)
def test_physical(one: Field, value: int, meant: float) -> None:
    """Physical limits and exponents; a unit of the power page has an exponent of its own."""
    assert physical(one, value) == pytest.approx(meant, rel=1e-9)


def test_exponents() -> None:
    """Volts are counted in 10^-7 of the HID system's unit."""
    assert exponent(field(unit=VOLT, unit_exponent=5)) == -2
    assert power_of_ten(3) == 1000.0
    assert power_of_ten(-2) == pytest.approx(0.01)
    assert power_of_ten(0) == 1.0


@pytest.mark.parametrize(
    ("one", "value", "written"),
    [
        (field(), 20.9, 20),
        (field(), -1.0, -1),
        (field(unit=VOLT, unit_exponent=6), 27.2, 272),
        (field(limits=(0, 100), physical_limits=(0, 200)), 100.0, 50),
        (field(limits=(0, 100), physical_limits=(0, 200)), 900.0, 100),
        (field(limits=(0, 100), physical_limits=(0, 200)), -900.0, 0),
    ],
)
def test_to_logical(one: Field, value: float, written: int) -> None:
    """The way back; cut off towards zero."""
    assert to_logical(one, value) == written


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(value: float) -> None:
    """Neither infinity nor NaN is written anywhere."""
    with pytest.raises((ValueError, OverflowError)):
        to_logical(field(), value)


def test_put_leaves_the_neighbours() -> None:
    """Only the field's bits change; a short report grows."""
    assert put(field(4, 4), bytes.fromhex("01ff"), 0).hex() == "010f"
    assert put(field(0, 32), b"\x09", -1).hex() == "09ffffffff"
    assert put(field(8, 8), bytes.fromhex("01aa"), 7).hex() == "01aa07"
    assert put(field(0, 8), b"", 1).hex() == "0001"


@settings(max_examples=200)
@given(st.data(), st.integers(0, 40), st.integers(1, 32), st.binary(min_size=1, max_size=12))
def test_what_is_put_is_read(data: st.DataObject, offset: int, size: int, report: bytes) -> None:
    """A value within the limits that the bits can hold comes back."""
    signed = data.draw(st.booleans())
    limits = (-(1 << size - 1), (1 << size - 1) - 1) if signed else (0, (1 << size) - 1)
    value = data.draw(st.integers(*limits))
    one = field(offset, size, limits)
    written = put(one, report, value)
    assert logical(one, written) == value
    assert holds(one, written)
    assert written[0] == report[0]

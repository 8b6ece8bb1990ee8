# SPDX-License-Identifier: GPL-2.0-or-later
"""Report descriptors: what the HID specification says, what devices do instead, and any bytes at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.drivers.hid import descriptor, items
from ridethrough.drivers.hid.descriptor import Descriptor, DescriptorError, Field, Kind, parse
from tests.support.hid import SMALL, SMALL_LENGTHS

UPS, SUMMARY = 0x00840004, 0x00840024
IN_UPS = "0584 0904 a101"


def read(text: str) -> Descriptor:
    """Parse bytes written in hexadecimal."""
    return parse(bytes.fromhex(text))


def only(text: str) -> Field:
    """The one field of a descriptor."""
    (field,) = read(text).fields
    return field


def test_a_small_ups() -> None:
    """Paths, places and lengths of a descriptor with features, inputs and padding."""
    found = parse(SMALL)
    assert found.problems == ()
    assert dict(found.lengths) == SMALL_LENGTHS
    charge = found.find((UPS, SUMMARY, 0x00850066), Kind.INPUT)
    assert charge == Field(
        (UPS, SUMMARY, 0x00850066), Kind.INPUT, 2, 0, 8, logical_min=0, logical_max=100, flags=0xA2
    )
    volts = found.find((UPS, SUMMARY, 0x00840030), Kind.FEATURE)
    assert volts is not None
    assert (volts.unit, volts.unit_exponent, volts.logical_max) == (0x00F0D121, 6, 32767)
    assert [one.offset for one in found.in_report(1, Kind.FEATURE)] == [0, 1, 2, 3, 4]


def test_find_takes_the_first_with_that_beginning() -> None:
    """A table's path may be the beginning of a field's; kinds don't mix."""
    found = parse(SMALL)
    first = found.find((UPS, SUMMARY), Kind.FEATURE)
    assert first is found.fields[0]
    assert found.find((UPS, SUMMARY), Kind.OUTPUT) is None
    assert found.find((UPS, SUMMARY, 1), Kind.FEATURE) is None


def test_the_last_usage_goes_for_all_that_is_left() -> None:
    """Three fields, two usages: the second usage twice."""
    found = read(f"{IN_UPS} 0930 0931 25ff 7508 9503 b102 c0")
    assert [one.path[-1] & 0xFF for one in found.fields] == [0x30, 0x31, 0x31]
    assert [one.offset for one in found.fields] == [0, 8, 16]


def test_redundant_usages_are_forgotten() -> None:
    """Usages that no field took don't reach the next item (some APC send too many)."""
    found = read(f"{IN_UPS} 7508 9501 0930 0931 b102 0932 b102 c0")
    assert [one.path[-1] & 0xFF for one in found.fields] == [0x30, 0x32]


def test_a_range_of_usages() -> None:
    """USAGE MINIMUM and MAXIMUM name one field each."""
    found = read(f"{IN_UPS} 7508 9503 1930 2932 b102 c0")
    assert [one.path[-1] & 0xFF for one in found.fields] == [0x30, 0x31, 0x32]


def test_of_alternative_usages_the_first_is_taken() -> None:
    """A delimited set names one field; the set's first usage is the preferred one."""
    found = read(f"{IN_UPS} 7508 9502 a901 0930 0931 a900 0932 b102 c0")
    assert [one.path[-1] & 0xFF for one in found.fields] == [0x30, 0x32]


def test_numbered_collections() -> None:
    """A vendor's collection type is an index in the path, and goes with its collection."""
    found = read("0584 0904 a101 091e a184 7508 9501 091f b103 c0 091f b103 c0")
    assert [one.path for one in found.fields] == [
        (UPS, 0x0084001E, 0x00FF0004, 0x0084001F),
        (UPS, 0x0084001F),
    ]


def test_push_and_pop() -> None:
    """POP brings the globals back that PUSH saved."""
    found = read(f"{IN_UPS} 7508 9501 8501 a4 8502 7510 0930 b102 b4 0931 b102 c0")
    assert [(one.report_id, one.size) for one in found.fields] == [(2, 16), (1, 8)]


def test_long_items_are_skipped() -> None:
    """A long item between two short ones changes nothing."""
    assert only(f"{IN_UPS} 7508 9501 fe03550102030930 b102 c0").offset == 0


def test_usage_zero_is_padding() -> None:
    """A field with usage 0 of page 0 has no name, but takes its place."""
    found = read("0904 a101 7508 9501 0900 b102 0930 b102 c0")
    assert [(one.path[-1], one.offset) for one in found.fields] == [(0x30, 8)]


def test_extended_usage() -> None:
    """A usage of four bytes brings its own page."""
    assert only(f"{IN_UPS} 7508 9501 0b6600 8500 b102 c0").path[-1] == 0x00850066


@pytest.mark.parametrize(
    ("said", "limits", "assumed"),
    [
        ("1500 25ff", (0, 255), True),
        ("1500 26ffff", (0, 65535), True),
        ("25ff 1500", (0, 255), True),
        ("15ff 25ff", (-1, -1), False),
        ("15f0 25f5 1500", (0, 245), True),
        ("1581 257f", (-127, 127), False),
        ("14 2764000000", (0, 100), False),
        ("16ff7f 2700000080", (32767, 2147483648), True),
    ],
)
def test_limits(said: str, limits: tuple[int, int], assumed: bool) -> None:
    """Limits are signed; a maximum below the minimum was meant unsigned, in whichever order they came."""
    field = only(f"{IN_UPS} 7508 9501 {said} 0930 b102 c0")
    assert (field.logical_min, field.logical_max) == limits
    assert field.assumed_max is assumed


@pytest.mark.parametrize(("byte", "exponent"), [("07", 7), ("0f", -1), ("08", -8), ("fe", -2), ("00", 0)])
def test_unit_exponents(byte: str, exponent: int) -> None:
    """Four bits of two's complement, and the eight that some devices send."""
    assert only(f"{IN_UPS} 7508 9501 55{byte} 0930 b102 c0").unit_exponent == exponent


def test_physical_limits_count_only_together() -> None:
    """One physical limit alone scales nothing."""
    assert not only(f"{IN_UPS} 7508 9501 3505 0930 b102 c0").has_physical
    assert only(f"{IN_UPS} 7508 9501 3500 4505 0930 b102 c0").has_physical


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (f"{IN_UPS} 7508 9501 0930 b102", "not closed"),
        (f"c0 {IN_UPS} 7508 9501 0930 b102 c0", "closed that was not opened"),
        (f"{IN_UPS} 7508 9501 0930 b102 c0 b4", "nothing is pushed"),
        (f"{IN_UPS} 7508 9501 0930 b102 c0 27ff", "cut off"),
        (f"{IN_UPS} 7508 9501 0930 b102 c0 fe", "cut off"),
        (f"{IN_UPS} 7508 9501 0930 b102 c0 0931 b102 0932 0930 1932 2931 b102", "ends before it begins"),
        (f"{IN_UPS} 7508 9501 15f0 25f5 1500 0930 b102 c0", "read as 245"),
        (f"{IN_UPS} 7508 9501 0930 b102 7500 0931 b102 c0", "without any bits"),
        (f"{IN_UPS} 7508 9501 0930 b102 96ffff 0931 b102 c0", "too long"),
        (f"{IN_UPS} 7508 9501 0930 b102 {'a4' * 40} c0", "too much is pushed"),
        (f"{'0904 a100 ' * 20} 7508 9501 0930 b102 {'c0' * 20}", "too deeply"),
        (f"{IN_UPS} 7501 9501 {'0930' * 300} b102 c0", "usages for one item"),
        (f"{IN_UPS} 7501 9601 20 0930 b102 8501 b102 0930 b102 c0", "fields"),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_is_kept(text: str, part: str) -> None:
    """A broken descriptor still gives its fields, and words about what was wrong."""
    found = read(text)
    assert found.fields
    assert any(part in problem for problem in found.problems), found.problems


@pytest.mark.parametrize("data", [b"", b"\xc0", b"\x05", bytes.fromhex("0584 0904 a101 c0"), bytes(70000)])
def test_nothing_can_be_made_of_it(data: bytes) -> None:
    """Without any field there is only the error."""
    with pytest.raises(DescriptorError, match="report descriptor"):
        parse(data)


@settings(max_examples=200)
@given(st.binary(max_size=200), st.integers(0, len(SMALL)))
def test_any_bytes(data: bytes, cut: int) -> None:
    """Only DescriptorError escapes, and each field lies in a report of the told length."""
    try:
        found = parse(SMALL[:cut] + data)
    except DescriptorError:
        return
    assert len(found.fields) <= descriptor.MAX_FIELDS
    assert len(found.problems) <= items.MAX_PROBLEMS
    for one in found.fields:
        assert 8 + one.offset + one.size <= 8 * found.lengths[one.report_id]
        assert one.path[-1]

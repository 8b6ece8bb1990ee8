# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths of HID usages: names to numbers and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.drivers.hid.usages import MAX_DEPTH, STANDARD, PathError, format_path, parse_path, usage_name

OWN = {"MakerVolts": 0xFF860030, "Voltage": 0xFF860031}


def test_a_path_is_read_outermost_first() -> None:
    """`UPS.PowerSummary.[1].Voltage` gives the numbers of the power page, and an index on its own page."""
    assert parse_path("UPS.PowerSummary.[1].Voltage") == (0x00840004, 0x00840024, 0x00FF0001, 0x00840030)


def test_a_path_on_the_battery_page() -> None:
    """Names of both pages stand in one path."""
    assert parse_path("UPS.PowerSummary.PresentStatus.ACPresent")[-1] == 0x008500D0


def test_letter_case_does_not_count() -> None:
    """Tables spell RuntimeToEmpty in two ways; both mean the same."""
    assert parse_path("UPS.PowerSummary.RuntimeToEmpty") == parse_path("ups.powersummary.runtimetoempty")


def test_a_name_on_both_pages_is_the_one_of_the_power_page() -> None:
    """VoltageOutOfRange stands on both pages; NUT's tables mean the power device's."""
    assert parse_path("VoltageOutOfRange") == (0x00840063,)


def test_own_names_win_over_standard_ones() -> None:
    """A family may give its own meaning to a standard name."""
    assert parse_path("UPS.Voltage", OWN) == (0x00840004, 0xFF860031)
    assert format_path((0xFF860031, 0xFF860030), OWN) == "Voltage.MakerVolts"


def test_numbers_stand_for_names_that_nobody_gave() -> None:
    """`ff860024` is a usage of a maker's page."""
    assert parse_path("UPS.ff860024") == (0x00840004, 0xFF860024)
    assert usage_name(0xFF860024) == "ff860024"


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("", "''"),
        ("...", "'...'"),
        ("UPS.Nonsense", "'Nonsense'"),
        ("UPS.[x]", "'[x]'"),
        ("UPS.[70000]", "70000"),
    ],
)
def test_what_is_no_path_is_told(path: str, part: str) -> None:
    """The error names what could not be read."""
    with pytest.raises(PathError) as caught:
        parse_path(path)
    assert part in str(caught.value)


def test_a_path_is_never_deeper_than_a_descriptor() -> None:
    """Depth is bounded."""
    parse_path(".".join(["UPS"] * MAX_DEPTH))
    with pytest.raises(PathError):
        parse_path(".".join(["UPS"] * (MAX_DEPTH + 1)))


def test_each_standard_usage_stands_on_its_page() -> None:
    """Power device page 0x84 and battery page 0x85, nothing else."""
    assert {usage >> 16 for usage in STANDARD.values()} == {0x84, 0x85}


@settings(max_examples=60)
@given(st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=MAX_DEPTH))
def test_any_path_survives_being_printed(path: list[int]) -> None:
    """What is printed is read back as the same usages, unless a name stands on both pages."""
    back = parse_path(format_path(path))
    for usage, again in zip(path, back, strict=True):
        assert usage == again or usage_name(usage) in ("Undefined", "VoltageOutOfRange")

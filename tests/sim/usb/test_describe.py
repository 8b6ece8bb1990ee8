# SPDX-License-Identifier: GPL-2.0-or-later
"""What is written into a report descriptor is what the parser of the drivers reads out of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.drivers.hid.codec import logical
from ridethrough.drivers.hid.descriptor import Kind, parse
from ridethrough.drivers.hid.usages import PathError, format_path
from ridethrough.sim.usb.describe import Line, Units, descriptor, reports
from ridethrough.sim.usb.profiles import PROFILES, cyberpower, eaton, salicru

TABLES = {"eaton-ellipse": eaton.LINES, "salicru-soho": salicru.LINES, "cyberpower": cyberpower.LINES}
NAMES = {"eaton-ellipse": eaton.NAMES, "cyberpower": cyberpower.NAMES}
ONE = (Line("UPS.PowerSummary.RemainingCapacity", 6, 8, 100, sent=True, high=100),)


def test_bytes_of_one_line() -> None:
    """A line becomes collections, globals, and a main item for each of its two kinds."""
    assert descriptor(ONE).hex(" ") == (
        "05 84 09 04 a1 01 09 24 a1 00 "  # page, UPS: application; PowerSummary: physical
        "85 06 15 00 25 64 65 00 55 00 75 08 95 01 "  # id, limits, no unit, size, count
        "05 85 09 66 b1 83 09 66 81 83 c0 c0"
    )


@pytest.mark.parametrize("name", PROFILES)
def test_profile_is_read_as_it_is_written(name: str) -> None:
    """Path, bits, limits, unit and first value of every line of our profiles survive, without a complaint."""
    profile = PROFILES[name]
    assert profile.parsed.problems == ()
    features = [field for field in profile.parsed.fields if field.kind is Kind.FEATURE]
    for line, field in zip(TABLES[name], features, strict=True):
        assert format_path(field.path, NAMES.get(name, {})) == line.path
        assert (field.report_id, field.size, field.logical_min) == (line.report_id, line.bits, line.low)
        assert (field.unit, field.unit_exponent) == tuple(line.unit.value)
        assert bool(field.flags & 1) is not line.settable
        assert logical(field, profile.features[field.report_id]) == line.value
    sent = [line.report_id for line in TABLES[name] if line.sent]
    assert [field.report_id for field in profile.parsed.fields if field.kind is Kind.INPUT] == sent


def test_reports_end_at_whole_bytes() -> None:
    """Bits that are left over are filled up, in features and inputs alike."""
    lines = (Line("UPS.PowerSummary.PresentStatus.ACPresent", 1, 1, 1, sent=True),)
    parsed = parse(descriptor(lines))
    assert dict(parsed.lengths) == {1: 2}
    assert reports(lines, parsed) == {1: b"\x01\x01"}


def test_unknown_names_are_refused() -> None:
    """A path that no table of usages knows is an error, not a field with a made-up number."""
    with pytest.raises(PathError, match="iModel"):
        descriptor((Line("UPS.PowerSummary.iModel", 1, 8),))


LEAVES = st.sampled_from(
    [
        "UPS.PowerSummary.Voltage",
        "UPS.Flow.[4].ConfigVoltage",
        "UPS.Flow.[1].ConfigVoltage",
        "UPS.Output.Boost",
    ]
)


@st.composite
def any_line(draw: st.DrawFn) -> Line:
    """A line with a value within its limits."""
    bits = draw(st.integers(1, 32))
    low = draw(st.sampled_from([0, -1])) if bits > 1 else 0
    high = (1 << (bits - 1)) - 1 if low else (1 << min(bits, 31)) - 1
    value = draw(st.integers(low, high))
    unit = draw(st.sampled_from(Units))
    return Line(draw(LEAVES), draw(st.integers(1, 3)), bits, value, unit, low, high, draw(st.booleans()))


@settings(max_examples=100)
@given(st.lists(any_line(), min_size=1, max_size=12))
def test_any_table_comes_back(lines: list[Line]) -> None:
    """Whatever the widths and the order: the same fields, and the same values in the reports."""
    parsed = parse(descriptor(lines))
    assert parsed.problems == ()
    found = reports(lines, parsed)
    features = [field for field in parsed.fields if field.kind is Kind.FEATURE]
    for line, field in zip(lines, features, strict=True):
        assert (format_path(field.path), field.size) == (line.path, line.bits)
        assert logical(field, found[line.report_id]) == line.value
    assert all(len(report) == parsed.lengths[report_id] for report_id, report in found.items())

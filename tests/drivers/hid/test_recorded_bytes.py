# SPDX-License-Identifier: GPL-2.0-or-later
"""Recorded devices: their fields, and the numbers in their reports, as others have read them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ridethrough.drivers.hid.codec import logical, physical
from ridethrough.drivers.hid.descriptor import Descriptor, Field, parse
from ridethrough.drivers.hid.matching import SUBDRIVERS
from ridethrough.drivers.hid.repairs import REPAIRS, repaired
from ridethrough.drivers.hid.usages import format_path
from tests.support.hid import NAMES, descriptor_of, facts_of, fields_of, oracle_of

pytestmark = pytest.mark.skipif(not NAMES, reason="the recorded devices are not here")


def shown(one: Field) -> list[str]:
    """A field as the tables of fields print it."""
    return [
        ".".join(f"{node:08x}" for node in one.path),
        one.kind.value,
        f"{one.report_id:#04x}",
        *map(str, (one.offset, one.size, one.logical_min, one.logical_max)),
        *map(str, (one.physical_min, one.physical_max)),
        f"{one.unit:#010x}",
        str(one.unit_exponent),
        f"{one.flags:#04x}",
    ]


def device(name: str) -> Descriptor:
    """The recorded descriptor, repaired."""
    facts = facts_of(name)
    ids = int(facts["vendor_id"], 16), int(facts["product_id"], 16)
    return repaired(parse(descriptor_of(name)), REPAIRS, *ids)


def usages_of(name: str) -> Mapping[str, int]:
    """The names of its sub-driver."""
    wanted = oracle_of(name)["subdriver"]
    return next(one.usages for one in SUBDRIVERS if one.name == wanted)


@pytest.mark.parametrize("name", NAMES)
def test_fields(name: str) -> None:
    """Every field: path, kind, place, limits, unit, flags, in the same order."""
    assert [shown(one) for one in parse(descriptor_of(name)).fields] == [row[1:13] for row in fields_of(name)]


@pytest.mark.parametrize("name", NAMES)
def test_paths_and_numbers(name: str) -> None:
    """Every path that the newest C driver finds, and every number that it reads from the recorded reports."""
    reports = facts_of(name)["feature_reports"]
    fields: dict[tuple[str, str, int, int], Field] = {}
    for one in device(name).fields:
        fields.setdefault((one.kind.value, f"{one.report_id:02x}", one.offset, one.size), one)
    for path, kind, report_id, offset, size, value in oracle_of(name)["paths"]:
        field = fields[kind, report_id, offset, size]
        if path != "UPS.00000000.ff000055":  # C forgets the page of a collection without a usage
            assert format_path(field.path, usages_of(name)).lower() == path.lower()
        if report_id in reports and value is not None:
            number = physical(field, logical(field, bytes.fromhex(reports[report_id])))
            assert f"{number:g}" == value, path

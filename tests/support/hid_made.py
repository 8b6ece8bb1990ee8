# SPDX-License-Identifier: GPL-2.0-or-later
"""A device that has a field for every path of a sub-driver, so that each of its conversions is run."""

from __future__ import annotations

import contextlib
from types import MappingProxyType

from ridethrough.drivers.hid.descriptor import Descriptor, Field, Kind
from ridethrough.drivers.hid.rows import Subdriver
from ridethrough.drivers.hid.usages import PathError, parse_path

SIZE = 32
FIELDS_OF_A_REPORT = 8
REPORTS = 255


def with_everything(subdriver: Subdriver) -> Descriptor:
    """Each path once as a feature and once as an input, eight fields of 32 bits to a report."""
    paths: dict[tuple[int, ...], None] = {}
    for row in subdriver.rows:
        with contextlib.suppress(PathError):
            paths[parse_path(row.path, subdriver.usages)] = None
    fields: list[Field] = []
    limits = -(2**31), 2**31 - 1
    for number, path in enumerate(paths):
        place, offset = divmod(number, FIELDS_OF_A_REPORT)
        for kind in (Kind.FEATURE, Kind.INPUT):
            fields.append(Field(path, kind, 1 + place % REPORTS, offset * SIZE, SIZE, *limits, flags=2))
    lengths = dict.fromkeys((one.report_id for one in fields), 1 + FIELDS_OF_A_REPORT * SIZE // 8)
    return Descriptor(tuple(fields), (), MappingProxyType(lengths))

# SPDX-License-Identifier: GPL-2.0-or-later
"""HID report descriptors and reports: only DescriptorError escapes, in bounded time and memory."""

from __future__ import annotations

import random

from ridethrough.drivers.hid import descriptor, items
from ridethrough.drivers.hid.codec import logical, physical, put, to_logical
from ridethrough.drivers.hid.descriptor import DescriptorError, parse
from ridethrough.drivers.hid.repairs import REPAIRS, repaired
from tests.support.fuzzing import try_inputs
from tests.support.hid import SMALL
from tests.support.mutation import mutated

CORPUS = (
    SMALL,
    SMALL + bytes.fromhex("fe0355010203 a4 85ff b4 1930 2940 9510 7503 b102"),
    bytes.fromhex("0584 0904 a101 091e a184 a901 091f 0930 a900 25ff 7508 97ffffff7f b103 c0 c0"),
)

Case = tuple[bytes, bytes]


def make(rng: random.Random) -> Case:
    """A descriptor, and a report for any of its fields."""
    return mutated(rng, CORPUS), rng.randbytes(rng.randrange(0, 40))


def attempt(case: Case) -> None:
    """The promises of `parse` and of the codec."""
    data, report = case
    try:
        found = parse(data)
    except DescriptorError:
        return
    assert len(found.fields) <= descriptor.MAX_FIELDS
    assert len(found.problems) <= items.MAX_PROBLEMS
    assert all(length <= descriptor.MAX_REPORT_BYTES + 1 for length in found.lengths.values())
    repaired(found, REPAIRS, 0x0764, 0x0501)
    for one in found.fields[:: max(1, len(found.fields) // 50)]:
        assert 8 + one.offset + one.size <= 8 * found.lengths[one.report_id]
        value = logical(one, report)
        low, high = sorted((one.logical_min, one.logical_max))
        assert low <= value <= high
        to_logical(one, physical(one, value))
        assert len(put(one, report, value)) <= max(len(report), descriptor.MAX_REPORT_BYTES + 1)


def fuzz(rng: random.Random, deadline: float) -> int:
    """Run until the deadline."""
    return try_inputs(rng, deadline, make, attempt)

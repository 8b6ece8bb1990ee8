# SPDX-License-Identifier: GPL-2.0-or-later
"""Any bytes in any report of any sub-driver's device: nothing escapes, what is said is text."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache

from ridethrough.drivers.hid.descriptor import Descriptor
from ridethrough.drivers.hid.engine import MAX_NOTES, Device, Settings, Walk
from ridethrough.drivers.hid.matching import SUBDRIVERS
from ridethrough.drivers.hid.rows import Context, Subdriver
from ridethrough.drivers.hid.writes import obey_orders, run_command, set_variable
from tests.support.fuzzing import try_inputs
from tests.support.hid_made import with_everything
from tests.support.hid_play import VirtualUps

TABLES = tuple(one for one in SUBDRIVERS if one.rows)
STRINGS = (None, "", "APC", "Back-UPS BX950MI FW:1", "EATON", "5P\n", "9" * 130, "caf\udce9", "\0", "%s%n")
TEXTS = ("", "0", "-1", "1e999", "nan", "9" * 40, "yes", "enabled", "2024/02/30", "12:00:00", "caf\udce9")
WORDS = (0, 1, 2, 3, 5, 12, 100, 230, 255, 2**31 - 1, 2**32 - 1)


@dataclass(frozen=True)
class Case:
    """A sub-driver, who its device says it is, and all that comes from it."""

    table: int
    identity: tuple[int, int, str | None, str | None, str | None]
    rounds: tuple[dict[int, bytes], ...]
    inputs: tuple[bytes, ...]
    strings: dict[int, str]
    texts: tuple[str, ...]
    settings: Settings


@lru_cache(maxsize=len(TABLES))
def device_of(number: int) -> tuple[Subdriver, Descriptor]:
    """A sub-driver and its device with every field."""
    return TABLES[number], with_everything(TABLES[number])


def words(rng: random.Random, count: int) -> bytes:
    """Fields with numbers that conversions look for, and others."""
    return b"".join(
        (rng.choice(WORDS) if rng.random() < 0.7 else rng.getrandbits(32)).to_bytes(4, "little")
        for _ in range(count)
    )


def report(rng: random.Random, report_id: int) -> bytes:
    """A report, whole or not."""
    data = bytes([report_id]) + words(rng, 8)
    return data if rng.random() < 0.9 else data[: rng.randrange(len(data))]


def make(rng: random.Random) -> Case:
    """Anything that a device could send."""
    number = rng.randrange(len(TABLES))
    table, descriptor = device_of(number)
    ids = [(one.vendor_id, one.product_id) for one in table.matches] or [(0, 0)]
    strings = [rng.choice(STRINGS) for _ in range(3)]
    return Case(
        number,
        (*rng.choice(ids), strings[0], strings[1], strings[2]),
        tuple(
            {one: report(rng, one) for one in range(256) if rng.random() < 0.95}
            for _ in range(rng.randrange(1, 3))
        ),
        tuple(report(rng, rng.choice(sorted(descriptor.lengths))) for _ in range(4)),
        {index: rng.choice(STRINGS) or "" for index in (0, 1, 2, 3, 5)},
        tuple(rng.choice(TEXTS) for _ in range(6)),
        Settings(pollonly=rng.random() < 0.2, interruptonly=rng.random() < 0.1),
    )


def check(device: Device) -> None:
    """What is shown is text that a client can be told."""
    for name, one in device.variables().items():
        assert isinstance(one.value, str), name
        one.value.encode("utf-8", "surrogateescape")
        assert one.type_words()
    assert len(device.notes) <= MAX_NOTES


def attempt(case: Case) -> None:
    """The promises of the engine and of all conversions."""
    table, descriptor = device_of(case.table)
    device = Device(descriptor, table, Context(*case.identity), case.settings)
    ups = VirtualUps(strings=case.strings)
    for now, reports in enumerate(case.rounds):
        ups.reports = dict(reports)
        ups.run(device.poll(Walk.FULL if now else Walk.INIT, now * 100.0))
        ups.run(obey_orders(device))
        check(device)
        for data in case.inputs:
            device.take_input(data, now * 100.0 + 50)
        check(device)
    names = [row.name for row in table.rows]
    for number, text in enumerate(case.texts):
        name = names[len(names) * number // len(case.texts)]
        ups.run(set_variable(device, name, text))
        ups.run(run_command(device, name, text))
    ups.run(run_command(device, "shutdown.default"))
    check(device)


def fuzz(rng: random.Random, deadline: float) -> int:
    """Run until the deadline."""
    return try_inputs(rng, deadline, make, attempt)

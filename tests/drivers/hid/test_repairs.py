# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptors that lie are repaired for the devices that are known to lie, and for no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ridethrough.drivers.hid.descriptor import Descriptor, Field, Kind
from ridethrough.drivers.hid.repairs import (
    CONFIG_ACTIVE_POWER,
    CONFIG_VOLTAGE,
    HIGH_VOLTAGE_TRANSFER,
    VOLTAGE,
    repaired,
)

APC, CPS = (0x051D, 0x0002), (0x0764, 0x0501)
Limits = tuple[int, int]


def field(report_id: int, usage: int, limits: Limits, *, size: int = 16, assumed: bool = False) -> Field:
    """A field of a UPS."""
    return Field((0x00840004, usage), Kind.FEATURE, report_id, 0, size, *limits, assumed_max=assumed)


def after(fields: list[Field], device: tuple[int, int], name: str) -> list[Limits]:
    """The limits after the repair."""
    done = repaired(Descriptor(tuple(fields)), (name,), *device)
    assert bool(done.problems) == (list(done.fields) != fields), "each repair is told"
    return [(one.logical_min, one.logical_max) for one in done.fields]


def test_apc_input_voltages() -> None:
    """Limits below the transfer voltage: twice that for what is measured, a byte for what is configured."""
    fields = [
        field(0x30, CONFIG_VOLTAGE, (1, 100)),
        field(0x31, VOLTAGE, (5, 200)),
        field(0x33, HIGH_VOLTAGE_TRANSFER, (250, 280)),
    ]
    assert after(fields, APC, "apc") == [(1, 255), (0, 560), (250, 280)]
    fine = [*(replace(one, logical_max=300) for one in fields[:2]), fields[2]]
    assert after(fine, APC, "apc") == [(1, 300), (5, 300), (250, 280)]
    assert after(fields[:2], APC, "apc") == [(1, 100), (5, 200)]


def test_cps_limits_copied_from_the_transfer_voltage() -> None:
    """The output voltage, and only then the input voltage, get wide limits."""
    transfer = field(0x10, HIGH_VOLTAGE_TRANSFER, (260, 270))
    output, source = field(0x12, VOLTAGE, (260, 270)), field(0x0F, VOLTAGE, (260, 270))
    fine = field(0x12, VOLTAGE, (0, 300))
    assert after([transfer, source, output], CPS, "cps") == [(260, 270), (0, 511), (0, 511)]
    assert after([transfer, source, fine], CPS, "cps") == [(260, 270), (260, 270), (0, 300)]
    assert after([transfer, source], CPS, "cps") == [(260, 270), (260, 270)]


@pytest.mark.parametrize(
    ("source", "output", "expected"),
    [
        (((0, 65535), True, 16), ((0, 255), True, 16), [(0, 65535), (0, 65535)]),
        (((0, 65535), True, 16), ((0, 255), True, 8), [(0, 65535), (0, 255)]),
        (((0, 255), True, 16), ((0, 255), False, 16), [(0, 511), (0, 255)]),
        (((0, 300), False, 16), ((0, 255), False, 16), [(0, 300), (0, 255)]),
        (((0, 600), False, 16), ((0, 255), True, 16), [(0, 600), (0, 600)]),
    ],
)
def test_cps_limits_in_too_few_bytes(
    source: tuple[Limits, bool, int], output: tuple[Limits, bool, int], expected: list[Limits]
) -> None:
    """Assumed limits become as wide as the other voltage's, but not wider than the bits."""
    fields = [
        field(number, VOLTAGE, limits, size=size, assumed=assumed)
        for number, (limits, assumed, size) in ((0x0F, source), (0x12, output))
    ]
    assert after(fields, CPS, "cps") == expected


def test_cps_nominal_power() -> None:
    """A nominal power is not cut off at a limit below 2048 W."""
    assert after([field(0x18, CONFIG_ACTIVE_POWER, (0, 450))], CPS, "cps") == [(0, 2048)]
    assert after([field(0x18, CONFIG_ACTIVE_POWER, (0, 3000))], CPS, "cps") == [(0, 3000)]


@pytest.mark.parametrize(
    ("device", "name"), [((0x0764, 0x0005), "cps"), (APC, "cps"), (CPS, "apc"), (CPS, "other")]
)
def test_other_devices_are_left_alone(device: tuple[int, int], name: str) -> None:
    """Another product, another maker, a name without repairs: nothing changes."""
    assert after([field(0x18, CONFIG_ACTIVE_POWER, (0, 450))], device, name) == [(0, 450)]

# SPDX-License-Identifier: GPL-2.0-or-later
"""The model answers as a HID device must, moves with the power, and misbehaves as told."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.drivers.hid.descriptor import Kind
from ridethrough.drivers.hid.usages import parse_path
from ridethrough.sim.usb.device import GONE, MAX_QUEUED, SILENCE, STALL, Fault, Refusal, VirtualUps
from ridethrough.sim.usb.power import Power
from ridethrough.sim.usb.profile import Profile
from ridethrough.sim.usb.profiles import PROFILES

EATON = PROFILES["eaton-ellipse"]
UNNUMBERED = Profile(
    name="plain",
    vendor_id=1,
    product_id=2,
    report_descriptor=bytes.fromhex("0584 0904 a101 0585 09d0 1500 2501 7508 9501 b102 09d0 8102 c0"),
    features={0: b"\0\1"},
)


def get(device: VirtualUps, kind: int, report_id: int, length: int = 64) -> bytes | Refusal:
    """GET_REPORT."""
    return device.control(struct.pack("<BBHHH", 0xA1, 1, kind << 8 | report_id, 0, length))


def put(device: VirtualUps, report_id: int, data: bytes) -> bytes | Refusal:
    """SET_REPORT of a feature."""
    return device.control(struct.pack("<BBHHH", 0x21, 9, 3 << 8 | report_id, 0, len(data)), data)


def descriptor(device: VirtualUps, kind: int, index: int = 0, length: int = 4096) -> bytes | Refusal:
    """GET_DESCRIPTOR."""
    return device.control(struct.pack("<BBHHH", 0x80, 6, kind << 8 | index, 0, length))


def queued(device: VirtualUps) -> list[str]:
    """All input reports that wait."""
    return [report.hex() for report in iter(device.interrupt, None)]


def test_standard_descriptors() -> None:
    """Identity, one HID interface with an interrupt endpoint, texts in UTF-16, the report descriptor."""
    device = VirtualUps(EATON)
    first = descriptor(device, 1)
    assert isinstance(first, bytes)
    assert (first[0], len(first), first[8:12]) == (18, 18, struct.pack("<HH", 0x0463, 0xFFFF))
    whole = descriptor(device, 2)
    assert isinstance(whole, bytes)
    assert whole[2:4] == struct.pack("<H", len(whole)) == struct.pack("<H", 34)
    assert whole[14] == 3
    assert whole[-7:] == bytes.fromhex("07 05 81 03 08 00 0a")
    assert descriptor(device, 3) == bytes.fromhex("04 03 09 04")
    assert descriptor(device, 3, 1) == b"\x0c\x03" + "EATON".encode("utf-16-le")
    assert descriptor(device, 3, 99) is STALL
    assert descriptor(device, 0x22) == EATON.report_descriptor
    assert descriptor(device, 0x22, length=5) == EATON.report_descriptor[:5]
    assert descriptor(device, 0x06) is STALL


def test_reports_are_read_and_written() -> None:
    """A feature reads as the profile has it, takes what is written, and is cut to what was asked for."""
    device = VirtualUps(EATON)
    assert get(device, 3, 6) == EATON.features[6]
    assert get(device, 3, 6, 2) == EATON.features[6][:2]
    assert get(device, 3, 0x99) is STALL
    assert put(device, 9, bytes.fromhex("0914000000")) == b""
    assert get(device, 3, 9) == bytes.fromhex("0914000000")
    assert put(device, 0x99, b"\x99\0") is STALL
    assert list(device.log)[-2:] == ["get feature 09 -> 09 14 00 00 00", "set feature 99 99 00 -> stall"]


def test_written_report_keeps_its_length() -> None:
    """What is too long is cut, what is too short changes its bytes only, and the request's id counts."""
    device = VirtualUps(EATON)
    put(device, 9, bytes.fromhex("00 01"))
    assert get(device, 3, 9) == bytes.fromhex("09 01 ff ff ff")
    put(device, 9, bytes.fromhex("09 01 02 03 04 05 06"))
    assert get(device, 3, 9) == bytes.fromhex("09 01 02 03 04")


def test_device_without_report_ids() -> None:
    """Where the descriptor has no ids, there are none on the wire."""
    device = VirtualUps(UNNUMBERED)
    assert get(device, 3, 0) == b"\1"
    device.set_power(Power.OB)
    assert device.interrupt() == b"\0"
    assert put(device, 0, b"\1") == b""
    assert get(device, 3, 0) == b"\1"


@pytest.mark.parametrize(
    ("profile", "states"),
    [
        ("eaton-ellipse", {"ob": "013000", "lb": "013200", "ol": "012500"}),
        ("salicru-soho", {"ob": "0100000001010000", "lb": "0100010001010000", "ol": "0101000100010000"}),
        ("cyberpower", {"ob": "0b04", "lb": "0b2c", "ol": "0b11"}),
    ],
)
def test_power_moves_bits_and_sends_them(profile: str, states: dict[str, str]) -> None:
    """Every state sends the report of states; the feature says the same; line power brings all back."""
    device = VirtualUps(PROFILES[profile])
    for state, report in states.items():
        device.set_power(Power(state))
        assert report in queued(device)
        report_id = int(report[:2], 16)
        assert device.report(Kind.FEATURE, report_id) == bytes.fromhex(report)
    assert {key: device.report(Kind.FEATURE, key) for key in PROFILES[profile].features} == dict(
        PROFILES[profile].features
    )
    device.set_power(Power.OL)
    assert queued(device) == []


def test_one_field_is_set_by_its_path() -> None:
    """A test can move any field, and only that one."""
    device = VirtualUps(EATON)
    device.set_usage(parse_path("UPS.PowerSummary.PresentStatus.Overload"), 1)
    assert queued(device) == ["012501"]
    device.set_usage(parse_path("UPS.PowerSummary.PercentLoad"), 120)
    assert queued(device) == []
    assert get(device, 3, 7) == b"\x07\x78"


def test_faults() -> None:
    """A stall, silence and an unplug are told apart; garbage is bounded; all ends with the fault."""
    device = VirtualUps(EATON, lambda count: b"\xaa" * count)
    device.set_power(Power.OB)
    for fault, answer in ((Fault.STALL, STALL), (Fault.SILENCE, SILENCE), (Fault.UNPLUGGED, GONE)):
        device.fault = fault
        assert get(device, 3, 1) is answer
        if fault is not Fault.STALL:
            assert device.interrupt() is None
    device.fault = Fault.GARBAGE
    garbage = get(device, 3, 1, 8)
    assert isinstance(garbage, bytes)
    assert set(garbage) <= {0xAA}
    assert len(garbage) <= 8
    device.fault = Fault.NONE
    assert get(device, 3, 1) == bytes.fromhex("013000")
    assert queued(device) == ["013000", "066158020000"]


def test_silence_is_logged_once() -> None:
    """A bench that tries again on behalf of one request does not fill the log."""
    device = VirtualUps(EATON)
    device.fault = Fault.SILENCE
    for _ in range(3):
        get(device, 3, 1)
    assert list(device.log) == ["get feature 01 -> silence"]


def test_queue_is_bounded_and_forgotten() -> None:
    """A host that doesn't read loses the oldest reports; one that begins to read has none of before."""
    device = VirtualUps(EATON)
    for number in range(MAX_QUEUED + 5):
        device.send(bytes([1, number]))
    assert queued(device) == [bytes([1, number]).hex() for number in range(5, MAX_QUEUED + 5)]
    device.send(b"\1\1")
    device.forget_inputs()
    assert queued(device) == []


def test_twin_is_the_device_after_a_replug() -> None:
    """Its reports and its log go on; its fault and its queue do not."""
    device = VirtualUps(EATON)
    device.set_power(Power.OB)
    get(device, 3, 1)
    device.fault = Fault.UNPLUGGED
    twin = device.twin()
    assert get(twin, 3, 1) == bytes.fromhex("013000")
    assert queued(twin) == []
    assert len(twin.log) == 2
    assert device.fault is Fault.UNPLUGGED
    twin.set_power(Power.OL)
    assert get(twin, 3, 1) == EATON.features[1]


def test_requests_of_a_host_that_sets_up() -> None:
    """What every host asks at the start is granted; what no UPS has is a stall."""
    device = VirtualUps(EATON)
    assert device.control(bytes.fromhex("0009010000000000")) == b""
    assert device.control(bytes.fromhex("210a000000000000")) == b""
    assert device.control(bytes.fromhex("8008000000000100")) == b"\1"
    assert device.control(bytes.fromhex("c001000000000800")) is STALL
    assert list(device.log) == [
        "set configuration -> ok",
        "set idle -> ok",
        "request 80 08 0000 0000 -> 01",
        "request c0 01 0000 0000 -> stall",
    ]
    with pytest.raises(ValueError, match="8 bytes"):
        device.control(b"\0")


@settings(max_examples=100)
@given(st.binary(min_size=8, max_size=8), st.binary(max_size=80), st.sampled_from(Fault))
def test_any_request_has_an_answer(setup: bytes, data: bytes, fault: Fault) -> None:
    """Whatever a host sends: bytes no longer than it asked for, or a refusal."""
    device = VirtualUps(EATON, lambda count: b"\xff" * count)
    device.fault = fault
    answer = device.control(setup, data)
    if isinstance(answer, bytes):
        assert len(answer) <= int.from_bytes(setup[6:], "little")
    else:
        assert isinstance(answer, Refusal)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Request numbers and structures, against what a C compiler makes of the kernel's headers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.drivers.transport import ioctls
from tests.support.fake_hidraw import NUMBERED, PLAIN


def test_the_numbers_are_those_of_linux_on_most_machines() -> None:
    """Printed by C programs with <linux/hidraw.h> and <linux/usbdevice_fs.h> on x86_64."""
    numbers = ioctls.requests_of("x86_64")
    assert numbers.descriptor_size == 0x80044801
    assert numbers.descriptor == 0x90044802
    assert numbers.raw_info == 0x80084803
    assert numbers.set_feature(9) == 0xC0094806
    assert numbers.get_feature(9) == 0xC0094807
    assert numbers.control == 0xC0185500
    assert numbers.nested == 0xC0105512
    assert numbers.reset == 0x5514
    assert numbers.connect == 0x5517
    assert ioctls.requests_of("aarch64") == numbers


def test_machines_with_other_direction_bits_get_their_numbers() -> None:
    """POWER and its like code the direction in three bits: none 1, read 2, write 4."""
    numbers = ioctls.requests_of("ppc64le")
    assert numbers.raw_info == 0x40084803
    assert numbers.set_feature(9) == 0xC0094806
    assert numbers.reset == 0x20005514


def test_a_report_too_long_for_a_request_number_is_refused() -> None:
    """A length that would spill into the direction bits never reaches the kernel."""
    with pytest.raises(ValueError, match="16384 bytes"):
        ioctls.Requests().get_feature(16384)


def test_a_descriptor_comes_out_as_long_as_the_kernel_says() -> None:
    """Zeros behind it are no part of it."""
    answer = ioctls.descriptor_request(len(PLAIN))
    answer[4 : 4 + len(PLAIN)] = PLAIN
    assert ioctls.descriptor_of(answer) == PLAIN
    assert len(answer) == 4100


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"\x06\x03L\0i\0", b"L\0i\0"),
        (b"\x06\x03L\0i\0rest", b"L\0i\0"),
        (b"\x08\x03L\0i\0", b"L\0i\0"),  # cut off
        (b"\x05\x03L\0i", b"L\0"),  # half a character
        (b"\x02\x03", b""),
        (b"\x06\x02L\0i\0", None),  # a descriptor, but no string
        (b"\x01\x03", None),
        (b"", None),
    ],
)
def test_a_string_descriptor_is_read_within_its_bounds(answer: bytes, body: bytes | None) -> None:
    """Lengths that lie are cut to what is there."""
    assert ioctls.string_body(answer) == body


def test_report_ids_are_seen() -> None:
    """Whether reports begin with an id stands in the report descriptor."""
    assert ioctls.numbered(NUMBERED)
    assert not ioctls.numbered(PLAIN)
    # 85 as data of an item, and within a long item, is no Report ID.
    assert not ioctls.numbered(bytes.fromhex("2685002585fe03008501850904"))


@settings(max_examples=100)
@given(st.binary(max_size=64))
def test_any_bytes_are_walked_to_their_end(data: bytes) -> None:
    """Garbage never hangs or breaks the walk, and an id item in front is always found."""
    ioctls.numbered(data)
    assert ioctls.numbered(b"\x85\x01" + data)

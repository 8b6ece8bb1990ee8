# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of `ups@host:port`."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.client.target import Target, TargetError, address, parse_address, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("su700", Target("su700", "localhost", 3493)),
        ("su700@mybox", Target("su700", "mybox", 3493)),
        ("su700@mybox:1234", Target("su700", "mybox", 1234)),
        ("su700@[::1]", Target("su700", "::1", 3493)),
        ("su700@[fe80::1%eth0]:1234", Target("su700", "fe80::1%eth0", 1234)),
        ("su700@::1", Target("su700", "::1", 3493)),
        ("my ups@127.0.0.1:65535", Target("my ups", "127.0.0.1", 65535)),
    ],
)
def test_targets_are_read(text: str, target: Target) -> None:
    """Every way NUT writes a UPS is read, IPv6 included."""
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@host",
        "ups@",
        "ups:3493",
        "ups@host:",
        "ups@host:0",
        "ups@host:65536",
        "ups@host:x",
        "ups@host:\u0663",
        "ups@[::1",
        "ups@[::1]x",
        "ups@[]:1",
        "ups@:1",
        "ups@host:123456",
    ],
)
def test_mistakes_are_named(text: str) -> None:
    """What is no target is refused with the text itself and the form it should have."""
    with pytest.raises(TargetError) as caught:
        parse_target(text)
    message = str(caught.value)
    assert "write" in message or "number from 1" in message
    assert f"'{text.partition('@')[2] or text}'" in message or f"'{text}'" in message


@settings(max_examples=60)
@given(st.text(max_size=20))
def test_any_text_gives_a_target_or_an_error(text: str) -> None:
    """No text raises anything but TargetError, and what is read is written the same way again."""
    try:
        target = parse_target(text)
    except TargetError:
        return
    assert parse_target(str(target)) == target or "[" in text or "]" in text


def test_addresses_are_written() -> None:
    """An IPv6 address stands in brackets in messages."""
    assert address("::1", 3493) == "[::1]:3493"
    assert parse_address(address("::1", 1)) == ("::1", 1)
    assert str(Target("a", "b", 1)) == "a@b:1"

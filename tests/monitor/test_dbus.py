# SPDX-License-Identifier: GPL-2.0-or-later
"""D-Bus messages: the bytes of the specification, and no nonsense that raises anything but DBusError."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.monitor.dbus import (
    MAX_MESSAGE_BYTES,
    DBusError,
    Decoder,
    Kind,
    Message,
    encode,
    hello_lines,
)

HELLO = Message(
    Kind.CALL, 1, path="/org/freedesktop/DBus", interface="org.freedesktop.DBus", member="Hello",
    destination="org.freedesktop.DBus",
)  # fmt: skip
HELLO_BYTES = (
    b"l\x01\x00\x01\x00\x00\x00\x00\x01\x00\x00\x00\x6d\x00\x00\x00"
    b"\x01\x01o\x00\x15\x00\x00\x00/org/freedesktop/DBus\x00\x00\x00"
    b"\x02\x01s\x00\x14\x00\x00\x00org.freedesktop.DBus\x00\x00\x00\x00"
    b"\x03\x01s\x00\x05\x00\x00\x00Hello\x00\x00\x00"
    b"\x06\x01s\x00\x14\x00\x00\x00org.freedesktop.DBus\x00\x00\x00\x00"
)
# As logind of a big-endian machine would say it.
SIGNAL_BYTES = (
    b"B\x04\x01\x01\x00\x00\x00\x04\x00\x00\x00\x09\x00\x00\x00\x1f"
    b"\x03\x01s\x00\x00\x00\x00\x0fPrepareForSleep\x00"
    b"\x08\x01g\x00\x01b\x00\x00"
    b"\x00\x00\x00\x01"
)


def test_the_first_call() -> None:
    """Hello in bytes, padded as the specification has it; and back."""
    assert encode(HELLO) == HELLO_BYTES
    assert Decoder().feed(HELLO_BYTES) == [HELLO]


def test_the_other_byte_order() -> None:
    """The first byte of a message says its byte order."""
    (signal,) = Decoder().feed(SIGNAL_BYTES)
    assert (signal.kind, signal.member, signal.args) == (Kind.SIGNAL, "PrepareForSleep", (True,))


@given(st.lists(st.integers(1, 40), max_size=20))
@settings(max_examples=50)
def test_any_cuts_make_the_same_messages(cuts: list[int]) -> None:
    """However the bytes come, the messages are the same."""
    data, decoder, found = HELLO_BYTES + SIGNAL_BYTES + HELLO_BYTES, Decoder(), list[Message]()
    for cut in cuts:
        found += decoder.feed(data[:cut])
        data = data[cut:]
    found += decoder.feed(data)
    assert [message.member for message in found] == ["Hello", "PrepareForSleep", "Hello"]


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
@settings(max_examples=100)
def test_values_come_back(text: str, number: int, truth: bool) -> None:
    """Texts, numbers and truths of a body, at every alignment."""
    sent = Message(Kind.RETURN, 7, 3, signature="subgs", args=(text, number, truth, "as", text))
    assert Decoder().feed(encode(sent)) == [sent]


def test_a_body_of_other_types_is_no_values() -> None:
    """An array is not read, and costs nothing of what comes after it."""
    other = encode(Message(Kind.SIGNAL, 2, member="Other", signature="s", args=("x",)))
    array = other.replace(b"\x08\x01g\x00\x01s\x00", b"\x08\x01g\x00\x01a\x00")
    assert [(m.member, m.args) for m in Decoder().feed(array + HELLO_BYTES)] == [("Other", ()), ("Hello", ())]


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"l\x01\x00\x01" + b"\xff" * 12,
        b"l\x01\x00\x01" + MAX_MESSAGE_BYTES.to_bytes(4, "little") + b"\0" * 8,
        HELLO_BYTES.replace(b"l\x01", b"l\x09", 1),
        HELLO_BYTES.replace(b"\x01o\x00\x15", b"\x01o\x00\xff"),
        HELLO_BYTES.replace(b"\x02\x01s", b"\x02\x02s"),
        HELLO_BYTES.replace(b"\x02\x01s", b"\x02\x01z"),
    ],
)
def test_nonsense_is_named(data: bytes) -> None:
    """What is no message, or one too long, is a DBusError."""
    with pytest.raises(DBusError):
        Decoder().feed(data)


@given(st.binary(max_size=80), st.integers(0, len(HELLO_BYTES)))
@settings(max_examples=200)
def test_no_bytes_raise_anything_else(junk: bytes, at: int) -> None:
    """Bad input is a DBusError or nothing."""
    with contextlib.suppress(DBusError):
        Decoder().feed(HELLO_BYTES[:at] + junk + HELLO_BYTES[at:])


def test_the_greeting_names_the_user_in_hex() -> None:
    """AUTH EXTERNAL with the decimal uid, each digit as hex."""
    assert hello_lines(1000)[0] == b"\0AUTH EXTERNAL 31303030\r\n"

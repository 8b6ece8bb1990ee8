# SPDX-License-Identifier: GPL-2.0-or-later
"""As much of D-Bus as hearing of the machine's sleep takes: messages of basic types, bytes in and values out.

Source: the D-Bus specification, "Authentication Protocol" and "Message Protocol".
Arrays and structs in a body are not read: such a message has no `args`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

MAX_MESSAGE_BYTES: Final = 128 * 1024
"""logind's messages have some hundred bytes; the specification allows 128 MiB."""
MAX_LINE_BYTES: Final = 4096
FIXED_BYTES: Final = 16


class Kind(IntEnum):
    """The type of a message."""

    CALL = 1
    RETURN = 2
    ERROR = 3
    SIGNAL = 4


class DBusError(Exception):
    """The other side does not speak D-Bus, or refused; the text says what it sent."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.  `args` are its values if the signature holds basic types only; `h` numbers a file."""

    kind: Kind
    serial: int
    reply_to: int = 0
    path: str = ""
    interface: str = ""
    member: str = ""
    error: str = ""
    destination: str = ""
    sender: str = ""
    signature: str = ""
    args: tuple[str | int | bool, ...] = ()


# field code -> (attribute, type), in the order of the specification's table
_FIELDS: Final = {
    1: ("path", "o"),
    2: ("interface", "s"),
    3: ("member", "s"),
    4: ("error", "s"),
    5: ("reply_to", "u"),
    6: ("destination", "s"),
    7: ("sender", "s"),
    8: ("signature", "g"),
}
_SIZES: Final = {"y": 1, "b": 4, "i": 4, "u": 4, "h": 4, "s": 4, "o": 4, "g": 1, "x": 8, "t": 8, "d": 8}
_FORMATS: Final = {"y": "B", "b": "I", "i": "i", "u": "I", "h": "I", "x": "q", "t": "Q", "d": "d"}


def encode(message: Message, *, files: int = 0) -> bytes:
    """A message as little-endian bytes; `files` is how many descriptors go with it.

    The values of `args` are written by `signature`, which has one letter for each.
    """
    body = bytearray()
    for letter, value in zip(message.signature, message.args, strict=True):
        _put(body, letter, value)
    fields = bytearray()
    for code, (name, letter) in _FIELDS.items():
        if value := getattr(message, name):
            _field(fields, code, letter, value)
    if files:
        _field(fields, 9, "u", files)
    head = struct.pack("<cBBBIII", b"l", message.kind, 0, 1, len(body), message.serial, len(fields))
    return head + bytes(fields) + b"\0" * (-(len(head) + len(fields)) % 8) + bytes(body)


def _field(out: bytearray, code: int, letter: str, value: str | int) -> None:
    # The array of fields begins at byte 16, so that positions in it are aligned as in the message.
    out += b"\0" * (-len(out) % 8)
    out += bytes((code, 1, ord(letter), 0))
    _put(out, letter, value)


def _put(out: bytearray, letter: str, value: str | int | bool) -> None:
    out += b"\0" * (-len(out) % _SIZES[letter])
    if letter in "sog":
        data = str(value).encode()
        out += struct.pack("<B" if letter == "g" else "<I", len(data)) + data + b"\0"
    else:
        out += struct.pack(f"<{_FORMATS[letter]}", value)


class Decoder:
    """`feed` bytes as they come; gives the messages that are complete.  Raises DBusError on nonsense."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """All messages that are complete with these bytes."""
        self._held += data
        return list(self._messages())

    def _messages(self) -> Iterator[Message]:
        while len(self._held) >= FIXED_BYTES:
            order = {ord("l"): "<", ord("B"): ">"}.get(self._held[0])
            if order is None:
                raise DBusError(f"a message begins with byte {self._held[0]}, not with l or B")
            body, _, fields = struct.unpack_from(f"{order}III", self._held, 4)
            start = FIXED_BYTES + fields + (-fields % 8)
            if start + body > MAX_MESSAGE_BYTES:
                raise DBusError(f"a message of {start + body} bytes; {MAX_MESSAGE_BYTES} at most are read")
            if len(self._held) < start + body:
                return
            data = bytes(self._held[: start + body])
            del self._held[: start + body]
            try:
                yield _decode(data, order, fields, start)
            except (struct.error, IndexError, ValueError) as error:
                raise DBusError(f"a message that makes no sense: {error}") from None


def _decode(data: bytes, order: str, fields: int, start: int) -> Message:
    serial = struct.unpack_from(f"{order}I", data, 8)[0]
    found: dict[str, str | int | bool] = {}
    at, end = FIXED_BYTES, FIXED_BYTES + fields
    while at < end:
        at += -at % 8
        code, letter = data[at], chr(data[at + 2])
        if data[at + 1] != 1:
            raise ValueError(f"header field {code} has a type of {data[at + 1]} letters")
        value, at = _get(data, order, letter, at + 4)
        if code in _FIELDS and _FIELDS[code][1] == letter:
            found[_FIELDS[code][0]] = value
    signature = str(found.get("signature", ""))
    args: list[str | int | bool] = []
    if set(signature) <= set(_SIZES):
        at = start
        for letter in signature:
            value, at = _get(data, order, letter, at)
            args.append(value)

    def text(name: str) -> str:
        return str(found.get(name, ""))

    return Message(
        Kind(data[1]),
        serial,
        int(found.get("reply_to", 0)),
        path=text("path"),
        interface=text("interface"),
        member=text("member"),
        error=text("error"),
        destination=text("destination"),
        sender=text("sender"),
        signature=signature,
        args=tuple(args),
    )


def _get(data: bytes, order: str, letter: str, at: int) -> tuple[str | int | bool, int]:
    """The value of a basic type at a position, and the position behind it."""
    at += -at % _SIZES[letter] if letter in _SIZES else 0
    if letter in ("s", "o", "g"):
        size = data[at] if letter == "g" else struct.unpack_from(f"{order}I", data, at)[0]
        at += _SIZES[letter]
        if at + size >= len(data):
            raise ValueError("a text runs over the end")
        return data[at : at + size].decode("utf-8", "replace"), at + size + 1
    if letter not in _FORMATS:
        raise ValueError(f"a value of type {letter!r}")
    value = struct.unpack_from(order + _FORMATS[letter], data, at)[0]
    return (bool(value) if letter == "b" else value), at + _SIZES[letter]


def hello_lines(uid: int) -> tuple[bytes, ...]:
    """What a client says before the first message; the next line goes out when the last was answered.

    The first answer must begin with OK; the second may refuse descriptors; the third line has no answer.
    """
    return (
        b"\0AUTH EXTERNAL " + str(uid).encode().hex().encode() + b"\r\n",
        b"NEGOTIATE_UNIX_FD\r\n",
        b"BEGIN\r\n",
    )

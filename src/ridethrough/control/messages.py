# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of the control socket (docs/control-socket.md).  Each is one JSON object and a newline.

    request   {"v": 1, "id": 7, "do": "timers.start", "name": "onbatt", "seconds": 30}
    reply     {"v": 1, "id": 7, "ok": true, ...}      or  {"v": 1, "id": 7, "ok": false, "error": "words"}
    event     {"v": 1, "event": "notice", "seq": 12, "at": "2026-01-31T12:00:00.000+00:00", "t": 81.5, ...}

Text survives byte for byte: what is not ASCII is escaped, and so are the lone surrogates of surrogateescape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

VERSION = 1
MAX_REQUEST = 64 * 1024  # bytes of a line with its newline; an event has the same limit
MAX_REPLY = 1024 * 1024  # a reply may hold the variables of many UPSes
MAX_ID = 2**53 - 1  # what every JSON reader holds exactly
MAX_VERB = 64

REQUEST_KEYS = frozenset({"v", "id", "do"})
REPLY_KEYS = frozenset({"v", "id", "ok", "error"})


class ControlError(Exception):
    """The control socket can't be used, or refused a request; the text says why and what to do."""


class MessageError(ControlError):
    """A line that is not a message; `id` is that of the request, if it could be read."""

    def __init__(self, text: str, number: int | None = None) -> None:
        """Keep the id, so that the refusal reaches the one who asked."""
        super().__init__(text)
        self.id = number


class RequestError(Exception):
    """Raised by what answers a verb: the request is refused with this text."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks: a verb and its fields."""

    id: int
    verb: str
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: fields, or an error in words."""

    id: int | None
    fields: Mapping[str, Any]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line over the limit; its bytes are gone."""

    limit: int


class LineSplitter:
    """Cuts a stream into lines, and holds at most `limit` bytes of an unfinished one."""

    def __init__(self, limit: int = MAX_REQUEST) -> None:
        """`limit` counts the newline."""
        self._limit = limit
        self._held = b""
        self._skipping = False

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished line are held."""
        return len(self._held)

    def feed(self, data: bytes) -> list[bytes | TooLong]:
        """Return the lines that are complete now, without newline; a too long one once, as `TooLong`."""
        lines: list[bytes | TooLong] = []
        *complete, rest = (self._held + data).split(b"\n")
        for line in complete:
            if self._skipping:
                self._skipping = False
            elif len(line) >= self._limit:
                lines.append(TooLong(self._limit))
            else:
                lines.append(line)
        if not self._skipping and len(rest) >= self._limit:
            lines.append(TooLong(self._limit))
            self._skipping = True
        self._held = b"" if self._skipping else rest
        return lines


def encode_request(number: int, verb: str, args: Mapping[str, Any]) -> bytes:
    """Return the line of a request; ControlError if its fields are no JSON or too long."""
    if taken := REQUEST_KEYS & args.keys():
        raise ControlError(f"{verb}: {', '.join(sorted(taken))} can't be the name of a field")
    return _line({"v": VERSION, "id": number, "do": verb, **args}, MAX_REQUEST, verb)


def decode_request(line: bytes) -> Request:
    """Return the request of a line; MessageError in words otherwise."""
    message = _object(line)
    number = message.get("id")
    if type(number) is not int or not 0 <= number <= MAX_ID:
        raise MessageError(f'the request needs an "id", a whole number from 0 to {MAX_ID}')
    version = message.get("v")
    if type(version) is not int or version != VERSION:
        raise MessageError(
            f"version {VERSION} of the control protocol is spoken here, and the request is of version"
            f" {_short(version)}; use the ridethrough command of the same release as the service",
            number,
        )
    verb = message.get("do")
    if not isinstance(verb, str) or not 0 < len(verb) <= MAX_VERB:
        raise MessageError(f'the request needs a "do", a verb of at most {MAX_VERB} characters', number)
    return Request(number, verb, {key: value for key, value in message.items() if key not in REQUEST_KEYS})


def encode_reply(number: int, fields: Mapping[str, Any]) -> bytes:
    """Return the line of a successful reply; ControlError if its fields are no JSON or too long."""
    if taken := REPLY_KEYS & fields.keys():
        raise ControlError(f"{', '.join(sorted(taken))} can't be the name of a field of a reply")
    return _line({"v": VERSION, "id": number, "ok": True, **fields}, MAX_REPLY, "the reply")


def encode_refusal(number: int | None, error: str) -> bytes:
    """Return the line of a refusal; `number` is None if the request's could not be read."""
    return _line({"v": VERSION, "id": number, "ok": False, "error": error[:4096]}, MAX_REPLY, "the refusal")


def encode_event(event: Mapping[str, Any], seq: int, at: str) -> bytes:
    """Return the line of an event.

    `event` holds its kind as "event" and, as "t", the seconds of the monotonic clock.
    Raises ControlError if it has no kind, is no JSON or is too long.
    """
    kind = event.get("event")
    if not isinstance(kind, str) or not kind:
        raise ControlError('an event needs its kind as "event"')
    head = {"v": VERSION, "event": kind, "seq": seq, "at": at}
    return _line({**head, **event, **head}, MAX_REQUEST, f"event {kind}")


def decode_answer(line: bytes) -> Answer | dict[str, Any]:
    """Return a server's line: an `Answer`, or an event as a dictionary; MessageError for anything else."""
    message = _object(line)
    version = message.get("v")
    if type(version) is not int or version != VERSION:
        raise MessageError(
            f"the service speaks version {_short(version)} of the control protocol, this command version"
            f" {VERSION}; restart the service, or use the command of its release"
        )
    if isinstance(message.get("event"), str):
        return message
    number, ok, error = message.get("id"), message.get("ok"), message.get("error")
    if number is not None and type(number) is not int:
        raise MessageError("the service sent a reply without an id")
    if ok is True:
        return Answer(number, {key: value for key, value in message.items() if key not in REPLY_KEYS})
    if ok is False and isinstance(error, str):
        return Answer(number, {}, error)
    raise MessageError("the service sent what is neither a reply nor an event")


def _object(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise MessageError("not a line of JSON; see docs/control-socket.md") from None
    if not isinstance(message, dict):
        raise MessageError("not a JSON object; see docs/control-socket.md")
    return message


def _no_constant(name: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(name)


def _short(value: object) -> str:
    text = "none" if value is None else ascii(value)
    return text if len(text) <= 20 else text[:17] + "..."


def _line(message: Mapping[str, Any], limit: int, what: str) -> bytes:
    try:
        line = json.dumps(message, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise ControlError(f"{what} can't be written as JSON: {error}") from None
    if len(line) > limit:
        raise ControlError(f"{what} has {len(line)} bytes, and a line may have {limit}")
    return line

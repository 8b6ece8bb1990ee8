# SPDX-License-Identifier: GPL-2.0-or-later
"""The control socket's lines: a message, or a `MessageError` in words; what was read can be written again."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ridethrough.control.messages import (
    MAX_REQUEST,
    Answer,
    ControlError,
    LineSplitter,
    MessageError,
    TooLong,
    decode_answer,
    decode_request,
    encode_event,
    encode_refusal,
    encode_reply,
    encode_request,
)
from tests.support.fuzzing import try_inputs
from tests.support.mutation import chunks, mutated

CORPUS = (
    encode_request(7, "timers.start", {"name": "onbatt", "seconds": 30}),
    encode_request(1, "sim", {"what": "mains", "value": "off", "ups": ""}),
    encode_request(
        2, "subscribe", {"types": ["notice", "status"], "replay": 10, "deep": {"a": [1, None, 2.5]}}
    ),
    encode_reply(7, {"text": "caf\udce9", "list": [True, False]}),
    encode_refusal(None, "no such verb"),
    encode_event({"event": "notice", "t": 81.5, "ups": "u@h"}, 12, "2026-01-31T12:00:00.000+00:00"),
)
SMALL = 256

Case = tuple[bytes, Sequence[bytes], int]


def make(rng: random.Random) -> Case:
    """Bytes, the same in pieces, and the limit of a line."""
    data = b"".join(mutated(rng, CORPUS) for _ in range(rng.randrange(1, 3)))
    return data, chunks(rng, data), rng.choice((SMALL, MAX_REQUEST))


def cut(pieces: Sequence[bytes], limit: int) -> list[bytes | TooLong]:
    """The lines in the pieces; what is held is bounded."""
    splitter = LineSplitter(limit)
    lines: list[bytes | TooLong] = []
    for piece in pieces:
        lines += splitter.feed(piece)
        assert splitter.pending < limit
    return lines


def attempt(case: Case) -> None:
    """Lines, requests and answers."""
    data, pieces, limit = case
    lines = cut([data], limit)
    assert cut(pieces, limit) == lines, "the pieces matter"
    for line in lines:
        if not isinstance(line, TooLong):
            request(line)
            answer(line)


def request(line: bytes) -> None:
    """A line as a server reads it."""
    try:
        read = decode_request(line)
    except MessageError as error:
        words(error)
        return
    try:
        again = encode_request(read.id, read.verb, read.args)
    except ControlError as error:
        words(error)  # 1e999 is JSON and has no value to write; escapes may make a line too long.
        return
    assert decode_request(again[:-1]) == read


def answer(line: bytes) -> None:
    """A line as a client reads it."""
    try:
        read = decode_answer(line)
    except MessageError as error:
        words(error)
        return
    assert isinstance(read, Answer | dict)


def words(error: ControlError) -> None:
    """A refusal goes back over the socket and into a log."""
    assert len(str(error)) < 500
    assert str(error).isprintable()
    assert encode_refusal(getattr(error, "id", None), str(error)).count(b"\n") == 1


def fuzz(rng: random.Random, deadline: float) -> int:
    """Run until the deadline."""
    return try_inputs(rng, deadline, make, attempt)

# SPDX-License-Identifier: GPL-2.0-or-later
"""NUT's lexer: any bytes in any pieces are the same lines, little is held, `split` undoes `join`."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ridethrough.wire.words import FILE_LIMITS, SOCKET_LIMITS, Limits, Line, WordStream, join, split
from tests.support.fuzzing import try_inputs
from tests.support.mutation import chunks, mutated

CORPUS = (
    b'[su700]\n\tdriver = usbhid-ups\n\tport = auto\n\tdesc = "the \\"big\\" one"\n',
    b'GET VAR su700 ups.status\nSET VAR su700 ups.id "a \\\\ b"\n',
    b'MONITOR ups@localhost 1 mon "p # w" primary # a comment\n',
    b"NOTIFYMSG ONBATT \"UPS %s\" \\\n on battery\n",
    b'LISTEN = 127.0.0.1=3493\n"quoted over\ntwo lines" plain\n',
    b"caf\xc3\xa9 \xff\xfe bytes\r\n\n\n",
)  # fmt: skip
SMALL = Limits(max_words=4, max_word_bytes=12, max_line_bytes=48)

Case = tuple[bytes, Sequence[bytes], Limits]


def make(rng: random.Random) -> Case:
    """Bytes, the same in pieces, and what a line may hold."""
    data = mutated(rng, CORPUS)
    return data, chunks(rng, data), rng.choice((SMALL, SOCKET_LIMITS, FILE_LIMITS))


def read(pieces: Sequence[bytes], limits: Limits) -> list[Line]:
    """All lines of the pieces; what is held is bounded after each."""
    stream = WordStream(limits)
    lines: list[Line] = []
    for piece in pieces:
        lines += stream.feed(piece)
        assert stream.pending <= limits.max_line_bytes, "more than a line is held"
    lines += stream.finish()
    assert stream.pending == 0
    return lines


def attempt(case: Case) -> None:
    """The promises of `WordStream`."""
    data, pieces, limits = case
    lines = read([data], limits)
    assert read(pieces, limits) == lines, "the pieces matter"
    physical = data.count(b"\n") + 1
    for line in lines:
        assert line.words or line.error, "an empty line came out"
        assert len(line.words) <= limits.max_words
        assert all(
            len(word.encode("utf-8", "surrogateescape")) <= limits.max_word_bytes for word in line.words
        )
        assert 1 <= line.number <= physical
        if line.error is None:
            assert tuple(split(join(line.words), limits=FILE_LIMITS)) == line.words, (
                "join is not undone by split"
            )


def fuzz(rng: random.Random, deadline: float) -> int:
    """Run until the deadline."""
    return try_inputs(rng, deadline, make, attempt)

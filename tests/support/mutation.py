# SPDX-License-Identifier: GPL-2.0-or-later
"""Broken inputs made from good ones, for the fuzz drivers: cut, spliced, repeated, flipped, stuffed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

SPECIALS = (
    *(b'"', b"\\", b"#", b"=", b"\n", b"\r", b"\0", b"\xff", b" ", b"\t", b"\\\n", b'\\"', b'""'),
    *(b"{", b"[", b"}", b"]", b":", b",", b"@", b"-", b"%s"),
    *(b"\xc3\xa9", b"\xed\xa0\x80", b"\x1b", b"\x7f", b"0", b"-1", b"1e999", b"9" * 25),
)
RUNS = (b"a", b"9", b" ", b'"', b"\\", b"#", b"=", b"[", b"{", b"\n", b"\0", b"\xff", b"x ", b"a.")
MAX_BYTES = 40_000
"""What grew longer is cut: long enough for every limit of a line, short enough for many inputs a second."""

Mutation = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def mutated(rng: random.Random, corpus: Sequence[bytes]) -> bytes:
    """One of the corpus after up to six mutations (none at times: the good input must hold as well)."""
    data = rng.choice(corpus)
    for _ in range(min(rng.randrange(7), rng.randrange(7))):
        data = rng.choice(MUTATIONS)(rng, data, corpus)[:MAX_BYTES]
    return data


def chunks(rng: random.Random, data: bytes) -> list[bytes]:
    """The same bytes in random pieces, as a socket may give them; at most some twenty."""
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(20)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def _place(rng: random.Random, data: bytes) -> int:
    return rng.randrange(len(data) + 1)


def _span(rng: random.Random, data: bytes) -> tuple[int, int]:
    start = _place(rng, data)
    return start, min(len(data), start + rng.choice((1, 2, 8, 40, 400)))


def _insert(rng: random.Random, data: bytes, _corpus: Sequence[bytes]) -> bytes:
    at = _place(rng, data)
    return data[:at] + rng.choice(SPECIALS) + data[at:]


def _flip(rng: random.Random, data: bytes, _corpus: Sequence[bytes]) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _truncate(rng: random.Random, data: bytes, _corpus: Sequence[bytes]) -> bytes:
    return data[: _place(rng, data)]


def _cut_out(rng: random.Random, data: bytes, _corpus: Sequence[bytes]) -> bytes:
    start, end = _span(rng, data)
    return data[:start] + data[end:]


def _repeat(rng: random.Random, data: bytes, _corpus: Sequence[bytes]) -> bytes:
    start, end = _span(rng, data)
    return data[:end] + data[start:end] * rng.choice((1, 2, 3, 30)) + data[end:]


def _splice(rng: random.Random, data: bytes, corpus: Sequence[bytes]) -> bytes:
    other = rng.choice(corpus)
    return data[: _place(rng, data)] + other[_place(rng, other) :]


def _run(rng: random.Random, data: bytes, _corpus: Sequence[bytes]) -> bytes:
    at = _place(rng, data)
    # Around the limits: of C's words (512), of names (256), and far beyond; rarely the long ones.
    length = rng.choice((20, 20, 255, 257, 511, 513, 513, 1100, 8200, 16500 if rng.random() < 0.2 else 300))
    return data[:at] + rng.choice(RUNS) * length + data[at:]


MUTATIONS: Sequence[Mutation] = (
    _insert,
    _insert,
    _insert,
    _flip,
    _truncate,
    _cut_out,
    _repeat,
    _splice,
    _run,
)

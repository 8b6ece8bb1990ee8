# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of physical lines."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.protocol.lines import LineStream, TextLine, read_line
from ridethrough.wire.words import Limits

LIMITS = Limits(max_words=8, max_word_bytes=40, max_line_bytes=100)
WIDTHS = {"SETINFO": 3}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b'SETINFO ups.id "a b"', ("SETINFO", "ups.id", "a b")),
        (b'SETINFO ups.id "a \\"b\\" \\# \\\\"', ("SETINFO", "ups.id", 'a "b" # \\')),
        (b"PONG\r", ("PONG",)),
        (b'SETINFO ups.id "15" rack"', ("SETINFO", "ups.id", '15" rack')),
        (b'SETINFO ups.id "15" rack #2"', ("SETINFO", "ups.id", '15" rack #2')),
        (b'SETINFO ups.id "rack #2"', ("SETINFO", "ups.id", "rack #2")),
        (b'SETINFO ups.id "ends with \\"', ("SETINFO", "ups.id", "ends with \\")),
        (b'DESC su x "Outlet #1"', ("DESC", "su", "x", "Outlet #1")),
    ],
)
def test_a_line_is_read_as_it_was_meant(raw: bytes, words: tuple[str, ...]) -> None:
    """Escaped text is read by the lexer; text that a C driver forgot to escape is taken literally."""
    assert read_line(raw, LIMITS, WIDTHS) == TextLine(words)


@pytest.mark.parametrize("raw", [b'"', b'SETINFO a "b', b"PING \\", b'x # "', b'X "' + b"y" * 50 + b'"'])
def test_a_line_that_can_not_be_read_is_said(raw: bytes) -> None:
    """What has no meaning gives an error, or is nothing but a comment."""
    line = read_line(raw, LIMITS, WIDTHS)
    assert line.error is not None or line.words == ("x",)


def test_a_stray_quote_spoils_its_own_line_only() -> None:
    """The line after an unclosed quote is read as if nothing had been."""
    lines = LineStream(LIMITS).feed(b'GARBAGE "oops\nPONG\n')
    assert [line.error is None for line in lines] == [False, True]
    assert lines[1].words == ("PONG",)


def test_an_endless_line_is_dropped_once() -> None:
    """A line beyond the limit is one error, holds no memory, and ends at its newline."""
    stream = LineStream(LIMITS)
    lines = []
    for _ in range(50):
        lines += stream.feed(b"x" * 30)
        assert stream.pending <= LIMITS.max_line_bytes
    lines += stream.feed(b"y\nPONG\n")
    assert [line.words for line in lines] == [(), ("PONG",)]
    assert lines[0].error is not None


@settings(max_examples=150)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=10))
def test_chunks_do_not_matter(data: bytes, cuts: list[int]) -> None:
    """However a stream is cut, the same lines come out, and nothing is raised."""
    whole = LineStream(LIMITS, WIDTHS).feed(data)
    stream = LineStream(LIMITS, WIDTHS)
    places = sorted({0, len(data), *(cut for cut in cuts if cut <= len(data))})
    parts = [line for start, end in itertools.pairwise(places) for line in stream.feed(data[start:end])]
    assert parts == whole


@pytest.mark.parametrize(
    "line",
    [
        b"SETINFO a" + b" " * 16000 + b"x\\",
        b" " * 16000 + b'x"',
        b'SETINFO "' + b' "' * 8000 + b"\\",
        b"a\t" * 8000 + b'"#',
        b"SETINFO ups.id" + b" " * 16000 + b'"15" rack #2"',
    ],
)
def test_no_line_takes_long(line: bytes) -> None:
    """The longest line that is let through is read in milliseconds, whatever it is made of."""
    began = time.process_time()
    LineStream(Limits(64, 8192, 16384), {"SETINFO": 3}).feed(line + b"\n")
    assert time.process_time() - began < 0.5

# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes to request lines: one line, one answer, also for what can't be read."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.server.requests import RequestReader
from tests.support.server_core import Talk, make_core

INVALID = b"ERR INVALID-ARGUMENT\n"


def lines_of(*pieces: bytes) -> list[tuple[str, ...] | str]:
    """What comes out: the words of each line, or "error"."""
    reader = RequestReader()
    return ["error" if line.error else line.words for piece in pieces for line in reader.feed(piece)]


def test_each_line_is_one() -> None:
    """Words, an empty line, a comment; one that goes on over a newline is one, too."""
    assert lines_of(b"GET VAR a b\n") == [("GET", "VAR", "a", "b")]
    assert lines_of(b"\n", b" \t\n", b"# x\n", b"\r\n") == [()] * 4
    assert lines_of(b'A "b\n', b'c" d\n') == [("A", "bc", "d")]
    assert lines_of(b"A \\\n", b"b\n") == [("A", "b")]


def test_a_line_that_can_not_be_read_is_one_error() -> None:
    """What stands behind the fault belongs to the same line, however it was cut."""
    broken = b'GET VAR "su#700" "ups.status\n'
    assert lines_of(broken, b"NETVER\n") == ["error", ("NETVER",)]
    for cut in range(1, len(broken)):
        assert lines_of(broken[:cut], broken[cut:], b"NETVER\n") == ["error", ("NETVER",)], cut
    long = b"x" * 100_000
    assert lines_of(long, long, long + b"\n", b"NETVER\n") == ["error", ("NETVER",)]


def test_a_known_request_in_the_rest_of_a_bad_line_is_not_answered() -> None:
    """Nothing of a line that was refused is acted on."""
    talk = Talk(make_core())
    assert talk.ask("NETVER") == b"1.3\n"
    assert talk.react(b'PASSWORD "a#').reply == b""
    assert talk.core.known(talk.session, b"NETVER\n", 0.0) is None
    assert talk.react(b"NETVER\n").reply == INVALID
    long = b"x" * 100_000
    assert talk.react(long).reply == INVALID
    assert talk.core.known(talk.session, b"NETVER\n", 0.0) is None
    assert talk.react(b"NETVER\n").reply == b""
    assert talk.react(b"NETVER\n").reply == b"1.3\n"


WORDS = st.sampled_from([b"NETVER", b'"a#b"', b"x\\ y", b'"q w"', b"# c", b"", b"\xff", b"=", b"GET VAR a b"])


@given(st.lists(st.lists(WORDS, max_size=4), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_as_many_answers_as_lines(lines: list[list[bytes]]) -> None:
    """A client that counts its answers stays in step, whatever its lines hold (quotes closed)."""
    talk = Talk(make_core())
    data = b"".join(b" ".join(words) + b"\n" for words in lines)
    assert talk.react(data).reply.count(b"\n") == len(lines)

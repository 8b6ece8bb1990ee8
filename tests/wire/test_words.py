# SPDX-License-Identifier: GPL-2.0-or-later
"""NUT's lexer: what goes in, what comes out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.wire.words import (
    FILE_LIMITS,
    SOCKET_LIMITS,
    Limits,
    Line,
    WireError,
    WordStream,
    decode,
    encode,
    join,
    quote,
    split,
)

READS = [
    ("this is a line", ["this", "is", "a", "line"]),
    ('this "is also" a line', ["this", "is also", "a", "line"]),
    (r"embedded\ space", ["embedded space"]),
    (r"embedded\\backslash", ["embedded\\backslash"]),
    ("driver=usbhid-ups", ["driver", "=", "usbhid-ups"]),
    ("driver = usbhid-ups", ["driver", "=", "usbhid-ups"]),
    ("a==b", ["a", "=", "=", "b"]),
    ("[ups]", ["[ups]"]),
    ("word#comment", ["word"]),
    ("# comment only", []),
    ('""', [""]),
    ('"a"b', ["a", "b"]),
    ('ab"cd ef"', ['ab"cd', 'ef"']),
    (r'"a\"b\\c\#d"', ['a"b\\c#d']),
    (r"a\"b", ['a"b']),
    (r"a\=b", ["a=b"]),
    ("tab\there\vand\fthere\r", ["tab", "here", "and", "there"]),
    ("bell\x07gone", ["bellgone"]),
    ("USV-Gerät", ["USV-Gerät"]),
    ("", []),
]


@pytest.mark.parametrize(("line", "words"), READS)
def test_a_line_reads_as_nut_reads_it(line: str, words: list[str]) -> None:
    """Each row is a rule of parseconf."""
    assert split(line) == words


def lines(data: bytes, limits: Limits = FILE_LIMITS) -> list[Line]:
    stream = WordStream(limits)
    return stream.feed(data) + stream.finish()


def test_line_numbers_are_those_of_the_file() -> None:
    """An error message can name file:line, also behind comments, blanks and joined lines."""
    found = lines(b"one\n\n# two\nfour \\\nfive\nsix 'x' # c\n\n\"eight\nnine\" ten\neleven")
    assert [(line.number, line.words) for line in found] == [
        (1, ("one",)),
        (4, ("four", "five")),
        (6, ("six", "'x'")),
        (8, ("eightnine", "ten")),
        (10, ("eleven",)),
    ]


def test_a_hash_in_quotes_is_an_error_and_the_rest_is_read_as_a_new_line() -> None:
    """As in NUT: the words up to the # are kept, the error says what to write."""
    first, second = lines(b'password = "a#b"\n')
    assert first.words == ("password", "=", "a")
    assert first.error is not None
    assert "\\#" in first.error
    assert second.words == ('b"',)


def test_an_unclosed_quote_names_the_line_where_it_opened() -> None:
    """The user is sent to the cause, not to the end of the file."""
    (line,) = lines(b'\ndesc = "never closed\nMODE=x\n')
    assert line.quote_line == 2
    assert line.error is not None
    assert "line 2" in line.error
    assert line.words == ("desc", "=", "never closedMODE=x")


def test_a_backslash_alone_at_the_end_of_a_file_is_no_word() -> None:
    """As in NUT: a word that was begun with it and never came is none, an empty one in quotes is one."""
    for end in (b"\\", b"\\\n", b"\\\n\\"):
        assert [line.words for line in lines(b"desc = " + end)] == [("desc", "=")]
    assert [line.words for line in lines(b'desc = ""')] == [("desc", "=", "")]


def test_an_error_line_is_followed_by_good_ones() -> None:
    """One bad line costs nothing but itself."""
    assert [line.words for line in lines(b'x "a#\ngood line\n')][-1] == ("good", "line")


def test_words_beyond_the_limits_are_cut_and_said() -> None:
    """Nothing is lost in silence, on the fast way and on the slow."""
    limits = Limits(max_words=2, max_word_bytes=3, max_line_bytes=100)
    for data in (b"abcd b c\n", b"abcd b c #\n"):
        (line,) = lines(data, limits)
        assert line == Line(("abc", "b"), None, 1, clipped=True)
    assert lines(b"a b\n", limits) == [Line(("a", "b"), None, 1)]


@pytest.mark.parametrize("lead", [b"", b'"', b"\\"])
def test_an_endless_line_is_refused_once_and_memory_stays_bounded(lead: bytes) -> None:
    """A line of 1 MB is one error; the next line is read."""
    stream = WordStream(SOCKET_LIMITS)
    found: list[Line] = stream.feed(lead)
    for _ in range(256):
        found += stream.feed(b"x" * 4096)
        assert stream.pending <= 2 * 1024 * 1024
    found += stream.feed(b"\nVER\n")
    assert found[-1].words == ("VER",)
    assert [line.error for line in found[:-1]] == [
        f"line is longer than {SOCKET_LIMITS.max_line_bytes} bytes"
    ]


def test_a_comment_may_be_long() -> None:
    """What is not kept needs no limit."""
    (line,) = lines(b"word #" + b"x" * 100_000 + b"\n")
    assert line == Line(("word",), None, 1)


def test_pending_counts_what_is_held() -> None:
    """A shell can see that a client left half a line."""
    stream = WordStream()
    stream.feed(b"GET V")
    assert stream.pending == 5
    stream.feed(b'AR "x')
    assert stream.pending == 10
    stream.feed(b'"\n')
    assert stream.pending == 0


def test_split_raises_in_words() -> None:
    """A caller with one line gets one error."""
    with pytest.raises(WireError, match="never closed"):
        split('a "b')


def test_quote_and_join_write_what_nut_reads() -> None:
    """The bytes on the wire are NUT's."""
    assert quote('a"b\\c#d') == '"a\\"b\\\\c\\#d"'
    assert join(["SET", "VAR", "ups", "ups.id", "my UPS", ""]) == 'SET VAR ups ups.id "my UPS" ""'


printable = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), max_size=40)


@given(st.lists(printable, min_size=1, max_size=20))
def test_what_join_writes_split_reads(words: list[str]) -> None:
    """Round trip of every text without control characters."""
    assert split(join(words)) == words
    assert split(" ".join(quote(word) for word in words)) == words


@given(st.binary(max_size=200))
def test_bytes_survive_decoding(data: bytes) -> None:
    """A device string that is not UTF-8 leaves as it came."""
    assert encode(decode(data)) == data


nutty = st.lists(
    st.sampled_from([b"a", b" ", b'"', b"\\", b"#", b"=", b"\n", b"\t", b"\x00", b"\xff", b"word", b"\r"]),
    max_size=60,
).map(b"".join)


@settings(max_examples=300)
@given(nutty, st.data())
def test_any_chunking_gives_the_same_lines(data: bytes, draw: st.DataObject) -> None:
    """Where the network cuts the stream changes nothing; the fast way and the slow way agree."""
    whole = lines(data)
    stream = WordStream(FILE_LIMITS)
    found: list[Line] = []
    at = 0
    while at < len(data):
        size = draw.draw(st.integers(1, len(data) - at))
        found += stream.feed(data[at : at + size])
        at += size
    assert found + stream.finish() == whole
    slow = WordStream(FILE_LIMITS)
    byte_by_byte = [line for byte in data for line in slow.feed(bytes([byte]))]
    assert byte_by_byte + slow.finish() == whole


@given(st.binary(max_size=400))
def test_random_bytes_never_raise(data: bytes) -> None:
    """Nothing from a file or a socket raises out of the lexer."""
    for line in lines(data, Limits(max_words=4, max_word_bytes=8, max_line_bytes=64)):
        assert len(line.words) <= 4
        assert all(len(encode(word)) <= 8 for word in line.words)

# SPDX-License-Identifier: GPL-2.0-or-later
"""NUT's lexer: lines into words, words into lines.

Files, the network protocol and the driver socket all use the same words.
The behaviour follows NUT's `parseconf` (learned from `common/parseconf.c`, Russell Kroll, GPL-2.0-or-later):

- words are parted by blanks; `"..."` holds blanks; a backslash takes the next character as it is;
- `=` is a word of its own; `#` begins a comment, and inside quotes an unescaped `#` is an error;
- a backslash before a newline joins two lines; a quoted word may run over a newline, which is left out;
- control characters are dropped.

Two things are ours: bytes beyond ASCII survive (NUT drops them), and whatever had to be cut off is said
(`Line.clipped`, `Line.error`), never lost in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

_BLANKS = b" \t\n\v\f\r"
_NEWLINE = 10
_PLAIN_LINE = re.compile(
    rb'(?:[ \t\v\f\r]++|"[^"\\#\x00-\x1f]*+"|[^\x00-\x20"#\\=][^\x00-\x20#\\=]*+|=)*+',
)
_PLAIN_WORD = re.compile(rb'"([^"]*)"|([^\x00-\x20"=][^\x00-\x20=]*|=)')
_NEEDS_QUOTES = re.compile(r'[\s"\\#=]')
_ESCAPED = re.compile(r'(["\\#])')


class WireError(ValueError):
    """A line that NUT's lexer cannot read; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one line may hold; what lies beyond is cut off and said."""

    max_words: int
    max_word_bytes: int
    max_line_bytes: int


FILE_LIMITS = Limits(max_words=256, max_word_bytes=8192, max_line_bytes=65536)
SOCKET_LIMITS = Limits(max_words=32, max_word_bytes=512, max_line_bytes=32 * 514)


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line.

    `number` is the physical line (from 1) on which it began.
    `error` says what is wrong, or is None; the words read up to there are kept.
    `clipped` tells that words or bytes beyond the limits were cut off.
    `quote_line` is the physical line of a quote that was never closed, else 0.
    """

    words: tuple[str, ...]
    error: str | None
    number: int
    clipped: bool = False
    quote_line: int = 0


class _State(Enum):
    FIND_WORD = auto()
    FIND_END = auto()
    QUOTED = auto()
    QUOTED_LITERAL = auto()
    WORD = auto()
    WORD_LITERAL = auto()
    DROPPING = auto()


_HOLDS_NOTHING = (_State.FIND_END, _State.DROPPING)


def encode(text: str) -> bytes:
    """Text as the bytes it came from (UTF-8; bytes that were not UTF-8 come back as they were)."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """Bytes as text; what is not UTF-8 survives as surrogates (PEP 383)."""
    return data.decode("utf-8", "surrogateescape")


def quote(value: str) -> str:
    """A value in double quotes, escaped so that `split` gives it back."""
    return '"' + _ESCAPED.sub(r"\\\1", value) + '"'


def join(words: Iterable[str]) -> str:
    """Words as one line without newline; a word is quoted only where it must be."""
    return " ".join(quote(word) if not word or _NEEDS_QUOTES.search(word) else word for word in words)


def split(line: str, limits: Limits = FILE_LIMITS) -> list[str]:
    """The words of one line.

    Raises `WireError` for an unescaped `#` in quotes, a quote that is not closed, and lines over the limits.
    """
    stream = WordStream(limits)
    lines = stream.feed(encode(line)) + stream.finish()
    words: list[str] = []
    for part in lines:
        if part.error is not None:
            raise WireError(part.error)
        words.extend(part.words)
    return words


class WordStream:
    """Bytes in, lines out; the same object serves files (call `finish` at the end) and sockets.

    Memory is bounded by `limits`: a line longer than `max_line_bytes` comes out once with an error,
    and its rest is dropped up to its newline.
    """

    __slots__ = (
        "_began",
        "_clipped",
        "_held",
        "_limits",
        "_number",
        "_quote_line",
        "_state",
        "_tail",
        "_word",
        "_words",
    )

    def __init__(self, limits: Limits = SOCKET_LIMITS) -> None:
        self._limits = limits
        self._number = 1
        self._tail = b""
        self._state: _State = _State.FIND_WORD
        self._words: list[str] = []
        self._word = bytearray()
        self._held = 0
        self._clipped = False
        self._quote_line = 0
        self._began = 1

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished line are held, at most `max_line_bytes`; 0 where none is begun."""
        # Of a comment and of what is dropped nothing is held, however long it is; but the line is begun.
        return len(self._tail) or (self._held and min(self._held, self._limits.max_line_bytes))

    def feed(self, data: bytes) -> list[Line]:
        """Take bytes, give the lines that they complete. Lines without words are left out."""
        lines: list[Line] = []
        if self._tail:
            data = self._tail + data
            self._tail = b""
        at = 0
        while at < len(data):
            if self._state is _State.FIND_WORD and not self._held:
                end = data.find(b"\n", at)
                if end < 0:
                    at = self._keep_tail(data, at)
                    if at >= len(data):
                        break
                elif end - at <= self._limits.max_line_bytes and _PLAIN_LINE.fullmatch(data, at, end):
                    self._plain(data[at:end], lines)
                    at = end + 1
                    continue
            at = self._walk(data, at, lines)
        return lines

    def finish(self) -> list[Line]:
        """The end of the file: what was begun comes out as a line. The stream is empty afterwards."""
        lines: list[Line] = []
        if self._tail:
            tail, self._tail = self._tail, b""
            self._walk(tail, 0, lines)
        if self._state in (_State.QUOTED, _State.QUOTED_LITERAL):
            self._end_word()
            self._emit(lines, f'the quote (") opened on line {self._quote_line} is never closed')
        else:
            # A backslash alone at the end of a file begins a word that never comes.
            if self._state in (_State.WORD, _State.WORD_LITERAL) and self._word:
                self._end_word()
            self._emit(lines, None)
        return lines

    # -- the fast way: a whole line without escapes and comments ------------------------------

    def _keep_tail(self, data: bytes, at: int) -> int:
        """Hold the unfinished last line whole while it is short; else walk it byte by byte."""
        if len(data) - at <= self._limits.max_line_bytes:
            self._tail = data[at:]
            return len(data)
        return at

    def _plain(self, line: bytes, lines: list[Line]) -> None:
        number = self._number
        self._number += 1
        self._began = self._number
        words = [
            quoted if bare is None else bare
            for quoted, bare in ((m.group(1), m.group(2)) for m in _PLAIN_WORD.finditer(line))
        ]
        if not words:
            return
        limits = self._limits
        clipped = len(words) > limits.max_words
        kept: list[str] = []
        for word in words[: limits.max_words]:
            if len(word) > limits.max_word_bytes:
                clipped = True
            kept.append(decode(word[: limits.max_word_bytes]))
        lines.append(Line(tuple(kept), None, number, clipped))

    # -- the slow way: one byte after another -------------------------------------------------

    def _walk(self, data: bytes, at: int, lines: list[Line]) -> int:
        """Walk from `at` until a line ends or the data does; gives the place reached."""
        while at < len(data):
            if self._state in _HOLDS_NOTHING:
                # A comment, or what is dropped: only its newline counts, and a flood must cost little.
                end = data.find(b"\n", at)
                skipped = (len(data) if end < 0 else end) - at
                self._held += skipped
                at += skipped
                if end < 0:
                    break
            byte = data[at]
            at += 1
            self._held += 1
            ended = self._step(byte, lines)
            if byte == _NEWLINE:
                self._number += 1
            if ended:
                self._reset()
                break
            if self._held > self._limits.max_line_bytes and self._state not in _HOLDS_NOTHING:
                limit = self._limits.max_line_bytes
                lines.append(
                    Line(tuple(self._words), f"line is longer than {limit} bytes", self._began, True)
                )
                self._state = _State.DROPPING
                self._words, self._word = [], bytearray()
        return at

    def _step(self, byte: int, lines: list[Line]) -> bool:
        """One byte through the state machine; True when the logical line ended with it."""
        state = self._state
        if state is _State.FIND_WORD:
            return self._find_word(byte, lines)
        if state is _State.WORD:
            return self._in_word(byte, lines)
        if state is _State.QUOTED:
            return self._in_quotes(byte, lines)
        if state in (_State.QUOTED_LITERAL, _State.WORD_LITERAL):
            if byte != _NEWLINE:
                self._add(byte)
            self._state = _State.QUOTED if state is _State.QUOTED_LITERAL else _State.WORD
            return False
        if byte != _NEWLINE:
            return False
        if state is _State.FIND_END:
            self._emit(lines, None, reset=False)
        else:
            self._held = 0
        return True

    def _find_word(self, byte: int, lines: list[Line]) -> bool:
        if byte == _NEWLINE:
            self._emit(lines, None, reset=False)
            return True
        if byte in _BLANKS:
            return False
        if byte == ord("#"):
            self._state = _State.FIND_END
        elif byte == ord("\\"):
            self._state = _State.WORD_LITERAL
        elif byte == ord('"'):
            self._state = _State.QUOTED
            self._quote_line = self._number
        else:
            self._add(byte)
            if byte == ord("="):
                self._end_word()
            else:
                self._state = _State.WORD
        return False

    def _in_word(self, byte: int, lines: list[Line]) -> bool:
        if byte == ord("\\"):
            self._state = _State.WORD_LITERAL
        elif byte in _BLANKS or byte in b"#=":
            self._end_word()
            self._state = _State.FIND_WORD
            return self._find_word(byte, lines)
        else:
            self._add(byte)
        return False

    def _in_quotes(self, byte: int, lines: list[Line]) -> bool:
        if byte == ord("#"):
            self._end_word()
            self._emit(lines, "a # in quotes needs a backslash before it (\\#)", reset=False)
            return True
        if byte == ord('"'):
            self._end_word()
            self._state = _State.FIND_WORD
            self._quote_line = 0
        elif byte == ord("\\"):
            self._state = _State.QUOTED_LITERAL
        else:
            self._add(byte)
        return False

    def _add(self, byte: int) -> None:
        if byte < 0x20:
            return
        if len(self._word) < self._limits.max_word_bytes:
            self._word.append(byte)
        else:
            self._clipped = True

    def _end_word(self) -> None:
        if len(self._words) < self._limits.max_words:
            self._words.append(decode(bytes(self._word)))
        else:
            self._clipped = True
        self._word = bytearray()

    def _emit(self, lines: list[Line], error: str | None, reset: bool = True) -> None:
        if self._words or error is not None:
            quote_line = self._quote_line if error else 0
            lines.append(Line(tuple(self._words), error, self._began, self._clipped, quote_line))
        if reset:
            self._reset()

    def _reset(self) -> None:
        self._state = _State.FIND_WORD
        self._words = []
        self._word = bytearray()
        self._held = 0
        self._clipped = False
        self._quote_line = 0
        self._began = self._number

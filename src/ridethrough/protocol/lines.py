# SPDX-License-Identifier: GPL-2.0-or-later
"""Physical lines of a socket, as words: one bad line never spoils the next.

NUT's lexer lets a quoted word run over a newline, so a single stray quote would swallow what follows.
Both protocols are line by line, so a line is cut at its newline first and read into words then.
C drivers send changed values without escaping them (`SETINFO ups.id "15" rack #2"`, drivers/dstate.c); such a
line is read as it was meant, see `read_line`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ridethrough.wire.words import Limits, WordStream, decode

_NOT_IN_A_HEAD = re.compile(rb"[\\#=]")
_CONTROL = re.compile(rb"[\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line: its words, or an error with what could be read before it."""

    words: tuple[str, ...]
    error: str | None = None


class LineStream:
    """Bytes in, lines out; at most `limits.max_line_bytes` are held."""

    __slots__ = ("_dropping", "_held", "_limits", "_widths")

    def __init__(self, limits: Limits, widths: dict[str, int] | None = None) -> None:
        """`widths` gives, for verbs whose last word is a quoted text, how many words the line has."""
        self._limits = limits
        self._widths = widths or {}
        self._held = b""
        self._dropping = False

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished line are held."""
        return len(self._held)

    def feed(self, data: bytes) -> list[TextLine]:
        """Take bytes, give the lines that they complete; lines without words are left out."""
        lines: list[TextLine] = []
        parts = data.split(b"\n")
        last = len(parts) - 1
        for index, part in enumerate(parts):
            if self._dropping:
                self._dropping = index == last
                continue
            if len(self._held) + len(part) > self._limits.max_line_bytes:
                lines.append(TextLine((), f"a line is longer than {self._limits.max_line_bytes} bytes"))
                self._held = b""
                self._dropping = index == last
                continue
            raw = self._held + part
            if index == last:
                self._held = raw
                break
            self._held = b""
            line = read_line(raw, self._limits, self._widths)
            if line.words or line.error is not None:
                lines.append(line)
        return lines


def read_line(raw: bytes, limits: Limits, widths: dict[str, int]) -> TextLine:
    """The words of one physical line (without its newline).

    A line that the lexer can't read, or whose verb has another number of words in `widths`, is read once more
    as words followed by one text in quotes, taken literally: a sender who forgot to escape means that.
    """
    stream = WordStream(limits)
    found = stream.feed(raw + b"\n")
    words = found[0].words if found else ()
    error: str | None = None
    if stream.pending or len(found) > 1:
        error = "a quote or an escape is not closed"
    elif found:
        error = found[0].error or ("a word is too long, or there are too many" if found[0].clipped else None)
    width = widths.get(words[0].upper(), 0) if words else 0
    if error is None and width in {0, len(words)}:
        return TextLine(words)
    literal = _literal(raw, limits)
    if literal and (width in {0, len(literal)}):
        return TextLine(literal)
    return TextLine(words, error)


def _literal(raw: bytes, limits: Limits) -> tuple[str, ...]:
    """Head words without quotes, then one text in quotes up to the end of the line; () for any other line.

    In steps that each look at the line once: a pattern for it all took minutes over a line of blanks.
    """
    head, _, rest = raw.partition(b'"')
    rest = rest.rstrip()
    if not rest.endswith(b'"') or not head[-1:].isspace() or _NOT_IN_A_HEAD.search(head):
        return ()
    words, text = head.split(), rest[:-1]
    if not words or len(words) + 1 > limits.max_words:
        return ()
    if any(len(word) > limits.max_word_bytes for word in (*words, text)):
        return ()
    return tuple(decode(_CONTROL.sub(b"", word)) for word in (*words, text))

# SPDX-License-Identifier: GPL-2.0-or-later
"""The client side of the NUT network protocol without I/O: requests in, bytes out; bytes in, replies out.

The caller owes: after `send`, write `data_to_send()` to the server; give every received byte to `receive`;
call `receive_eof` when the server closes.
Replies come one for each request, in order, so requests may be pipelined.
After a `ProtocolError` the connection can't be used any more and must be closed.
Source: RFC 9271 section 4, NUT's net-protocol.txt.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ridethrough.protocol.errors import ConnectionLost, Err, ProtocolError
from ridethrough.protocol.lines import LineStream
from ridethrough.wire.words import Limits, decode, join, split

# Wider than what C servers send, so that longer values of other servers arrive whole.
REPLY_LIMITS = Limits(max_words=64, max_word_bytes=16384, max_line_bytes=32768)
MAX_BLOCK_ROWS = 10_000
MAX_BLOCK_BYTES = 4 * 1024 * 1024
MAX_OUTSTANDING = 10_000

# The requests whose answer begins with the words of the question (`GET VAR u v` -> `VAR u v "..."`).
_ECHOED = frozenset({"VAR", "TYPE", "DESC", "CMDDESC", "UPSDESC", "NUMLOGINS"})


@dataclass(frozen=True, slots=True)
class Ok:
    """`OK`; `text` is what followed it."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Fail:
    """`ERR`; `text` is everything that followed it, beginning with the word as it was sent."""

    err: Err
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """Any other answer of one line, as words (`VAR su700 ups.status OL`, `PENDING`, a version text)."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """The answer to LIST: `query` is what was asked, each row holds the words after the repeated query."""

    query: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Reply: TypeAlias = Ok | Fail | Line | Block


class _Expected(NamedTuple):
    """What is asked and not answered yet: a block, or one line that begins with the echo."""

    block: bool
    echo: tuple[str, ...]


class ClientProtocol:
    """One connection's life from the client's side; see the head of this file."""

    __slots__ = ("_block_bytes", "_expected", "_failure", "_out", "_rows", "_stream")

    def __init__(self, limits: Limits = REPLY_LIMITS) -> None:
        """`limits` bound one line of the server."""
        self._stream = LineStream(limits)
        self._expected: deque[_Expected] = deque()
        self._out = bytearray()
        self._rows: list[tuple[str, ...]] | None = None  # rows of the block being read
        self._block_bytes = 0
        self._failure: str | None = None

    @property
    def outstanding(self) -> int:
        """How many requests wait for their answer."""
        return len(self._expected)

    def send(self, line: bytes) -> None:
        """Queue one request as `protocol.requests` builds it; write `data_to_send()` next.

        Raises ProtocolError when the connection has failed before, or when too many requests wait.
        """
        if self._failure is not None:
            raise ProtocolError(self._failure)
        if len(self._expected) >= MAX_OUTSTANDING:
            raise ProtocolError(f"{MAX_OUTSTANDING} requests wait for an answer already")
        self._expected.append(_expect(line))
        self._out += line

    def data_to_send(self) -> bytes:
        """The bytes to write to the server now; each is given once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def receive(self, data: bytes) -> list[Reply]:
        """Take bytes of the server, give the replies they complete.

        Raises ProtocolError for nonsense; replies that were complete before it are in the error.
        """
        if self._failure is not None:
            raise ProtocolError(self._failure)
        replies: list[Reply] = []
        try:
            for line in self._stream.feed(data):
                if line.error is not None:
                    raise ProtocolError(f"the server sent a line that can't be read: {line.error}")
                reply = self._take(line.words)
                if reply is not None:
                    self._expected.popleft()
                    replies.append(reply)
        except ProtocolError as error:
            self._failure = str(error)
            raise ProtocolError(self._failure, tuple(replies)) from None
        return replies

    def receive_eof(self) -> None:
        """The server has closed the connection.

        Raises ConnectionLost when answers are missing or a line is cut off; else nothing was lost.
        """
        if self._failure is not None:
            raise ProtocolError(self._failure)
        self._failure = "the server has closed the connection"
        if self._expected:
            raise ConnectionLost("the server closed the connection before it answered")
        if self._stream.pending:
            raise ConnectionLost("the server closed the connection in the middle of a line")

    def _take(self, words: tuple[str, ...]) -> Reply | None:
        """One line: a reply, or None inside a block."""
        if not self._expected:
            raise ProtocolError(f"the server sent a line nobody asked for: {_shown(words)}")
        expected = self._expected[0]
        if words[0] == "ERR":
            self._rows = None
            return Fail(Err.parse(words[1] if len(words) > 1 else ""), join(words[1:]))
        if self._rows is not None:
            return self._take_row(expected, words, self._rows)
        if expected.block:
            if words[:2] != ("BEGIN", "LIST") or not _begins(words[2:], expected.echo):
                raise ProtocolError(f"the server answered LIST {join(expected.echo)} with: {_shown(words)}")
            self._rows, self._block_bytes = [], 0
            return None
        if words[0] == "OK":
            return Ok(join(words[1:]))
        if expected.echo and not _begins(words, expected.echo):
            raise ProtocolError(f"the server answered GET {join(expected.echo)} with: {_shown(words)}")
        return Line(words)

    def _take_row(
        self, expected: _Expected, words: tuple[str, ...], rows: list[tuple[str, ...]]
    ) -> Block | None:
        if words[:2] == ("END", "LIST"):
            self._rows = None
            return Block(expected.echo, tuple(rows))
        if not _begins(words, expected.echo):
            raise ProtocolError(f"the list {join(expected.echo)} holds a stray line: {_shown(words)}")
        self._block_bytes += sum(map(len, words))
        if len(rows) >= MAX_BLOCK_ROWS or self._block_bytes > MAX_BLOCK_BYTES:
            raise ProtocolError(f"the list {join(expected.echo)} is too long; the server floods")
        rows.append(words[len(expected.echo) :])
        return None


def _expect(line: bytes) -> _Expected:
    if not line.endswith(b"\n") or line.count(b"\n") != 1:
        raise ValueError("a request is one line and ends with a newline")
    words = tuple(split(decode(line)))
    if not words:
        raise ValueError("a request has at least one word")
    verb, rest = words[0].upper(), words[1:]
    if verb == "LIST":
        return _Expected(True, rest)
    if verb == "GET" and rest and rest[0].upper() in _ECHOED:
        return _Expected(False, rest)
    return _Expected(False, ())


def _begins(words: tuple[str, ...], echo: tuple[str, ...]) -> bool:
    """Whether a line begins with the words asked for; C servers echo names in their own case."""
    if len(words) < len(echo):
        return False
    head = words[: len(echo)]
    return head == echo or all(a.lower() == b.lower() for a, b in zip(head, echo, strict=True))


def _shown(words: tuple[str, ...]) -> str:
    """A line of the server, short enough for an error message."""
    text = join(words)
    return repr(text if len(text) <= 80 else text[:80] + "...")

# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines a NUT server answers with, as bytes or as rows for `block`.

Values and descriptions stand in quotes always, names only where they need them: that is how NUT's `upsd`
writes, and simple clients count on it.  Source: RFC 9271 section 4.2, NUT's net-protocol.txt.
"""

from __future__ import annotations

from collections.abc import Iterable

from ridethrough.protocol.errors import Err
from ridethrough.wire.words import encode, join, quote

_ONE_LINE = str.maketrans({"\n": " ", "\r": " ", "\0": " "})


def line(text: str) -> bytes:
    """One finished line; a line break inside becomes a space, as it would end the line for the reader."""
    return encode(text.translate(_ONE_LINE)) + b"\n"


def ok(text: str = "") -> bytes:
    """`OK`, or `OK` and what follows it (`Goodbye`, `FSD-SET`, `TRACKING <id>`)."""
    return line(f"OK {text}" if text else "OK")


def err(word: Err, extra: str = "") -> bytes:
    """`ERR <word>`; `extra` is allowed by the protocol and ignored by NUT's clients."""
    return line(f"ERR {word.value} {extra}" if extra else f"ERR {word.value}")


def var(ups: str, name: str, value: str) -> bytes:
    """The answer to GET VAR."""
    return line(row_var(ups, name, value))


def numlogins(ups: str, count: int) -> bytes:
    """The answer to GET NUMLOGINS."""
    return line(f"NUMLOGINS {join([ups])} {count}")


def upsdesc(ups: str, text: str) -> bytes:
    """The answer to GET UPSDESC."""
    return line(f"UPSDESC {join([ups])} {quote(text)}")


def type_of(ups: str, name: str, type_words: str) -> bytes:
    """The answer to GET TYPE; `type_words` as `Variable.type_words()` gives them, unquoted."""
    return line(f"TYPE {join([ups, name])} {type_words}")


def desc(ups: str, name: str, text: str) -> bytes:
    """The answer to GET DESC."""
    return line(f"DESC {join([ups, name])} {quote(text)}")


def cmddesc(ups: str, name: str, text: str) -> bytes:
    """The answer to GET CMDDESC."""
    return line(f"CMDDESC {join([ups, name])} {quote(text)}")


def row_ups(name: str, text: str) -> str:
    """A row of LIST UPS."""
    return f"UPS {join([name])} {quote(text)}"


def row_var(ups: str, name: str, value: str) -> str:
    """A row of LIST VAR."""
    return f"VAR {join([ups, name])} {quote(value)}"


def row_rw(ups: str, name: str, value: str) -> str:
    """A row of LIST RW."""
    return f"RW {join([ups, name])} {quote(value)}"


def row_cmd(ups: str, name: str) -> str:
    """A row of LIST CMD."""
    return f"CMD {join([ups, name])}"


def row_enum(ups: str, name: str, value: str) -> str:
    """A row of LIST ENUM."""
    return f"ENUM {join([ups, name])} {quote(value)}"


def row_range(ups: str, name: str, low: str, high: str) -> str:
    """A row of LIST RANGE."""
    return f"RANGE {join([ups, name])} {quote(low)} {quote(high)}"


def row_client(ups: str, address: str) -> str:
    """A row of LIST CLIENT."""
    return f"CLIENT {join([ups, address])}"


def block(query: str, rows: Iterable[str]) -> bytes:
    """A whole LIST answer: BEGIN, the rows, END.

    `query` is what followed LIST in the request (`"VAR su700"`); build it with `query_of`.
    """
    lines = [f"BEGIN LIST {query}", *rows, f"END LIST {query}"]
    return b"".join(line(text) for text in lines)


def query_of(*words: str) -> str:
    """The words after LIST as one text for `block`."""
    return join(words)

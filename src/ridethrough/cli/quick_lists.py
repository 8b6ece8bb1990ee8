# SPDX-License-Identifier: GPL-2.0-or-later
"""`upscmd -l UPS` and `upsrw [-l] UPS`, answered before the rest of the program is loaded (see `quick`).

What is not plain is left to the whole program, which asks anew and has all the wording for faults.
"""

import _socket
import posix
import time

from ridethrough.cli import quick

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = (b"ENUM", b"RANGE", b"NUMBER", b"RW")


def handle(name: str, words: list[str]) -> int | None:
    """List; the exit status, or None if the whole program has to."""
    rest = words[1:] if words[:1] == ["-l"] else words
    if len(rest) != 1 or (name == "upscmd" and rest is words):
        return None
    asked = quick.question(rest)
    if asked is None or not quick.plain_surroundings(posix.environ):
        return None
    _, host, port, query = asked
    deadline = time.monotonic() + quick.WAIT_S
    try:
        link = quick.connected(host, port, deadline)
        if link is None:
            return None
        ask = _Asker(link, query.removeprefix(b"LIST VAR "), deadline)
        output = commands(ask) if name == "upscmd" else variables(ask)
        quick.leave(link)
    except (Odd, OSError):
        return None
    return quick.written(output)


class Odd(Exception):
    """Something is not plain."""


class _Asker:
    """Questions about one UPS over one connection; raises Odd, OSError."""

    def __init__(self, link: _socket.socket, ups: bytes, deadline: float) -> None:
        self.link, self.ups, self.deadline = link, ups, deadline

    def lines(self, queries: list[bytes]) -> list[bytes]:
        """The answers to queries that have one line each, asked all at once."""
        if not queries:
            return []
        reply = self._reply(queries, lambda it: it.count(b"\n") >= len(queries))
        found = reply[:-1].split(b"\n")
        if len(found) != len(queries):
            raise Odd
        return found

    def lists(self, queries: list[bytes]) -> list[list[bytes]]:
        """What stands behind `LIST`'s own words in each row of each list, asked all at once."""
        if not queries:
            return []

        def whole(reply: bytes) -> bool:
            reply = b"\n" + reply
            return b"\nERR " in reply or reply.count(b"\nEND LIST ") >= len(queries)

        left = self._reply([b"LIST " + query for query in queries], whole)
        found = []
        for query in queries:
            head, middle, left = left.partition(b"END LIST " + query + b"\n")
            begin = b"BEGIN LIST " + query + b"\n"
            rows = head.removeprefix(begin).split(b"\n")[:-1]
            if not middle or not head.startswith(begin):
                raise Odd
            if not all(row.startswith(query + b" ") for row in rows):
                raise Odd
            found.append([row.removeprefix(query + b" ") for row in rows])
        if left:
            raise Odd
        return found

    def _reply(self, queries: list[bytes], whole: "Callable[[bytes], bool]") -> bytes:
        asked = b"".join(query + b"\n" for query in queries)
        reply = quick.answer(self.link, asked, whole, self.deadline)
        if reply is None or len(reply) > quick.MAX_BYTES or reply.translate(None, quick.ODD) != reply:
            raise Odd
        return reply


def commands(ask: _Asker) -> bytes:
    """The instant commands with their descriptions, as upscmd prints them."""
    (names,) = ask.lists([b"CMD " + ask.ups])
    output = b"Instant commands supported on UPS [" + ask.ups + b"]:\n\n"
    queries = [b"CMDDESC " + ask.ups + b" " + _name(name) for name in names]
    descriptions = ask.lines([b"GET " + query for query in queries])
    for name, query, line in zip(names, queries, descriptions, strict=True):
        output += name if line.startswith(b"ERR ") else name + b" - " + _text(query, line)
        output += b"\n"
    return output


def variables(ask: _Asker) -> bytes:
    """The writable variables with description, type and choices, as upsrw prints them."""
    (rows,) = ask.lists([b"RW " + ask.ups])
    values = {}
    for row in rows:
        name, _, quoted = row.partition(b" ")
        values[_name(name)] = _unquoted(quoted)
    queries = [ask.ups + b" " + name for name in values]
    descriptions = ask.lines([b"GET DESC " + query for query in queries])
    kinds = [line.split(b" ") for line in ask.lines([b"GET TYPE " + query for query in queries])]
    wanted = []
    for query, kind in zip(queries, kinds, strict=True):
        if kind[:3] != [b"TYPE", *query.split(b" ")] or not kind[3:]:
            raise Odd
        if b"RANGE" in kind or b"ENUM" in kind:
            wanted.append((b"RANGE " if b"RANGE" in kind else b"ENUM ") + query)
    choices = dict(zip(wanted, ask.lists(wanted), strict=True))
    output = b""
    for (name, value), query, line, kind in zip(values.items(), queries, descriptions, kinds, strict=True):
        output += b"[" + name + b"]\n"
        output += b"Description unavailable" if line.startswith(b"ERR ") else _text(b"DESC " + query, line)
        output += b"\n" + _type(kind[3:], query, value, choices) + b"\n"
    return output


def _type(kind: list[bytes], query: bytes, value: bytes, choices: dict[bytes, list[bytes]]) -> bytes:
    """What upsrw says of a type; the first word that settles it counts."""
    words = [word for word in kind if word != b"RW"]
    enum = words[:1] == [b"ENUM"]
    word = (words[1:] if enum else words)[:1]
    if word == [b"RANGE"] and not enum:
        return b"Type: RANGE NUMBER\n" + _ranges(choices[b"RANGE " + query], value)
    length = b""
    if word and word[0].startswith(b"STRING:") and word[0][7:].isdigit():
        word, length = [b"STRING"], b"Maximum length: %d\n" % int(word[0][7:])
    if word not in ([b"STRING"], [b"NUMBER"]) or (word == [b"STRING"]) is not bool(length):
        raise Odd
    if not enum:
        return b"Type: " + word[0] + b"\n" + length + b"Value: " + value + b"\n"
    output = b"Type: ENUM " + word[0] + b"\n" + length
    for quoted in choices[b"ENUM " + query]:
        option = _unquoted(quoted)
        output += b'Option: "' + option + (b'" SELECTED\n' if option == value else b'"\n')
    return output


def _ranges(rows: list[bytes], value: bytes) -> bytes:
    output, number = b"", _integer(value)
    for row in rows:
        low, _, high = row.partition(b" ")
        ends = _integer(_unquoted(low)), _integer(_unquoted(high))
        output += b'Option: "%d-%d"' % ends + (b" SELECTED\n" if ends[0] <= number <= ends[1] else b"\n")
    return output


def _integer(text: bytes) -> int:
    """The number a text begins with, as in upsrw."""
    whole = text.partition(b".")[0]
    if not whole.isdigit() or len(whole) > 9:
        raise Odd
    return int(whole)


def _name(name: bytes) -> bytes:
    if not name or name.translate(None, quick.NAME):
        raise Odd
    return name


def _text(query: bytes, line: bytes) -> bytes:
    if not line.startswith(query + b" "):
        raise Odd
    return _unquoted(line.removeprefix(query + b" "))


def _unquoted(quoted: bytes) -> bytes:
    text = quick.unquoted(quoted)
    if text is None:
        raise Odd
    return text

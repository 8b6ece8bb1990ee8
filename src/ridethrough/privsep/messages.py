# SPDX-License-Identifier: GPL-2.0-or-later
"""What the core and the helper say to each other: one JSON object in each packet of a SOCK_SEQPACKET socket.

A request is `{"v": 1, "id": n, "verb": number, ...}` with exactly the fields that `FIELDS` names.
A reply is `{"v": 1, "id": n, "state": "started" | "done" | "refused", "exit": status, "text": words}`.
A request is answered by `refused`, or by `done`, which `started` may precede.
Id 0 is the helper's own: its first packet, before any request, says that it is ready, or why it is not.

`helper.py` stands alone and repeats these few constants; a test holds both tables against each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

VERSION = 1
MAX_MESSAGE = 32768  # bytes of a packet, either way
MAX_TEXT = 1024  # bytes of a notice's text

MAX_NAME = 256  # bytes of a type, of the name of a UPS, of a name for CMDSCRIPT

OWN_ID = 0

_NOT_IN_A_TYPE = re.compile("[^A-Z_,]")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.:@%+,\[\]-]")


class MessageError(ValueError):
    """A packet that is not a message of this protocol."""


class Verb(IntEnum):
    """All that the helper can do."""

    SHUTDOWN = 1
    NOTIFYCMD = 2
    CMDSCRIPT = 3
    ACTION = 4
    KILLPOWER = 5
    PING = 6
    WRITE_POWERDOWNFLAG = 7
    CLEAR_POWERDOWNFLAG = 8
    WALL = 9


FIELDS: Mapping[Verb, tuple[str, ...]] = {
    Verb.SHUTDOWN: (),
    Verb.NOTIFYCMD: ("type", "ups", "text"),
    Verb.CMDSCRIPT: ("name", "type", "ups", "text"),
    Verb.ACTION: ("number",),
    Verb.KILLPOWER: ("names",),
    Verb.PING: (),
    Verb.WRITE_POWERDOWNFLAG: (),
    Verb.CLEAR_POWERDOWNFLAG: (),
    Verb.WALL: ("text",),
}


class State(StrEnum):
    """How far a request has come."""

    STARTED = "started"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the helper answered.

    `exit` is None but for `done`: 0 is success, a negative number the signal that ended the command, 126 and
    127 mean that it could not be run.  `text` holds its last words, or those of the refusal.
    """

    id: int
    state: State
    exit: int | None
    text: str


def encode_request(number: int, verb: Verb, /, **fields: object) -> bytes:
    """Return the packet of a request; `number` is 1 or more, and stands in all replies to it."""
    assert set(fields) == set(FIELDS[verb]), f"{verb.name} has the fields {FIELDS[verb]}"
    return json.dumps({"v": VERSION, "id": number, "verb": int(verb), **fields}).encode("ascii")


def decode_reply(data: bytes) -> Reply:
    """Return the reply in a packet; MessageError if it is none."""
    try:
        message = json.loads(data.decode("ascii"))
        if message["v"] != VERSION or type(message["id"]) is not int:
            raise MessageError(f"the helper speaks another version than {VERSION}; restart the whole service")
        status, text = message["exit"], message["text"]
        if type(status) not in (int, type(None)) or not isinstance(text, str):
            raise MessageError("a reply of the helper has fields of the wrong type")
        return Reply(message["id"], State(message["state"]), status, text)
    except MessageError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MessageError(f"the helper sent what is not a reply ({type(error).__name__})") from None


def type_field(value: str) -> str:
    """Return a NOTIFYTYPE (or several, joined by commas) as the helper accepts it.

    The helper is strict; a notice must not be lost for a letter, so the letter is replaced here.
    """
    words = (word[:40] for word in _NOT_IN_A_TYPE.sub("_", value.upper()).split(","))
    return _join(word for word in words if word)


def ups_field(value: str) -> str:
    """Return the name of a UPS (or several, joined by commas) as the helper accepts it; see `type_field`."""
    return _join(_NOT_IN_A_NAME.sub("_", value).lstrip(":@%+,[]-").split(","))


def _join(words: Iterable[str]) -> str:
    joined = ""
    for word in words:
        longer = f"{joined},{word}" if joined else word[:MAX_NAME]
        if len(longer) > MAX_NAME:
            break
        joined = longer
    return joined


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text` cut to `limit` bytes, ending in '...' if it was longer.

    The helper refuses longer texts; a notice that is cut still arrives.
    What stands for no bytes at all (a lone surrogate that surrogateescape did not make) becomes '?'.
    """
    safe = "".join(
        "?" if 0xD800 <= ord(char) <= 0xDFFF and not 0xDC80 <= ord(char) <= 0xDCFF else char for char in text
    )
    data = safe.encode("utf-8", "surrogateescape")
    if len(data) <= limit:
        return safe
    cut = limit - 3
    while data[cut] & 0xC0 == 0x80 and cut > limit - 7:  # not within a character
        cut -= 1
    return data[:cut].decode("utf-8", "surrogateescape") + "..."

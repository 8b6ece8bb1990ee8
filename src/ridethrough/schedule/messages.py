# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said over PIPEFN, in NUT's words, one message a line (learned from NUT's `clients/upssched.c`).

A C upssched of 2.8.0 or later and ours can talk to each other's timer daemon:

    START NAME SECONDS [TYPE UPS TEXT]         -> OK
    START-SHARED NAME SECONDS [TYPE UPS TEXT]  -> OK
    CANCEL NAME [COMMAND [TYPE UPS TEXT]]      -> OK
    CANCEL-MATCHED NAME [...]                  -> OK
    LIST-TIMERS                                -> BEGIN LIST TIMERS, a line each, END LIST TIMERS, OK

What can't be obeyed is answered `ERR WHY "text"`; C says `ERR UNKNOWN`.
NUT's lexer drops control characters. A TEXT that has some is followed by one more word, which C passes over:
the same TEXT with `%0a` for a newline.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ridethrough.schedule.core import CancelTimer, StartTimer
from ridethrough.schedule.rules import MAX_NAME, NO_CAUSE, BadSeconds, Cause, read_seconds
from ridethrough.schedule.timers import Timer
from ridethrough.wire.words import Limits, decode, encode, quote

PIPE_LIMITS = Limits(max_words=16, max_word_bytes=16384, max_line_bytes=65536)
MAX_TEXT_BYTES = 12_000
MAX_LISTED_CHARS = 400
LIST = "LIST-TIMERS"
BEGIN_LIST, END_LIST = "BEGIN LIST TIMERS", "END LIST TIMERS"
OK = "OK"
_CONTROL = re.compile("[\x00-\x1f\x7f]+")
_CODED = re.compile("[\x00-\x1f\x7f%]")
_CODE = re.compile("%([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Bad:
    """A message that can't be obeyed: the word behind ERR, and why."""

    word: str
    text: str


def request(event: StartTimer | CancelTimer) -> bytes:
    """The line that asks the daemon for this; the caller reads the answer with `outcome`."""
    cause = event.cause
    if isinstance(event, StartTimer):
        verb, argument = "START-SHARED" if event.shared else "START", f"{event.seconds:.15g}"
    else:
        verb, argument = "CANCEL-MATCHED" if event.matched else "CANCEL", event.command
    words = [event.name, argument, cause.type, cause.ups, cause.text]
    if _CONTROL.search(cause.text):
        coded = _CODED.sub(lambda found: f"%{ord(found[0]):02x}", cause.text)
        words += [coded] if len(encode(coded)) <= MAX_TEXT_BYTES else []
    return encode(" ".join((verb, *(quote(_clean(word)) for word in words)))) + b"\n"


def read(words: tuple[str, ...]) -> StartTimer | CancelTimer | str | Bad:
    """A message's words as the event that it asks for, or LIST, or what is wrong with it."""
    verb, args = words[0], words[1:]
    if verb == LIST:
        return LIST
    if verb not in ("START", "START-SHARED", "CANCEL", "CANCEL-MATCHED"):
        return Bad("UNKNOWN", f"unknown command on socket: {verb[:40]!a}")
    if not args or not args[0]:
        return Bad("INVALID", f"{verb} without the name of a timer")
    if any(len(word) > MAX_NAME for word in args[:2]):
        return Bad("INVALID", f"{verb} {args[0][:40]}: a name or command has at most {MAX_NAME} characters")
    name = args[0]
    cause = Cause(*args[2:5]) if len(args) >= 5 else NO_CAUSE
    if len(args) > 5:
        whole = _CODE.sub(lambda found: chr(int(found[1], 16)), args[5])
        # Only what was dropped on the way is put in again.
        cause = replace(cause, text=whole) if _clean(whole) == cause.text else cause
    if verb.startswith("CANCEL"):
        return CancelTimer(name, args[1] if len(args) > 1 else "", cause, verb.endswith("-MATCHED"))
    try:
        seconds, _ = read_seconds(args[1] if len(args) > 1 else "")
    except BadSeconds as bad:
        return Bad("INVALID", f"timer {name[:40]}: {bad}")
    return StartTimer(name, seconds, cause, verb.endswith("-SHARED"))


def refusal(bad: Bad) -> bytes:
    """The answer to a message that can't be obeyed."""
    return encode(f"ERR {bad.word} {quote(_clean(bad.text))}\n")


def listing(timers: Iterable[Timer], now: float, wall: float) -> bytes:
    """The answer to LIST-TIMERS: name, end (seconds of the epoch), seconds left, types, UPSes, texts.

    The fields are parted by tabs; an empty one is `""`, as in C.
    """
    lines = [BEGIN_LIST]
    for timer in timers:
        left, cause = timer.left(now), timer.cause
        fields = (timer.name, f"{wall + left:.0f}", f"{left:.0f}", cause.type, cause.ups, cause.text)
        lines.append("\t".join(_clean(field)[:MAX_LISTED_CHARS] or '""' for field in fields))
    return encode("\n".join([*lines, END_LIST, OK, ""]))


def complete(answer: bytes) -> bool:
    """Whether an answer is there to its end."""
    if answer.startswith(BEGIN_LIST.encode()):
        return answer.endswith(f"{END_LIST}\n{OK}\n".encode()) or b"\nERR " in answer
    return answer.endswith(b"\n")


def outcome(answer: bytes) -> str | None:
    """What went wrong according to an answer, or None if all is well."""
    last = decode(answer).rstrip("\n").rpartition("\n")[2]
    return None if last.startswith(OK) else last or "no answer"


def rows(answer: bytes) -> list[list[str]]:
    """The fields of each timer in an answer to LIST-TIMERS."""
    lines = decode(answer).split("\n")
    inside = lines[1 : lines.index(END_LIST)] if END_LIST in lines else []
    return [["" if field == '""' else field for field in line.split("\t", 5)] for line in inside]


def _clean(word: str) -> str:
    """Without control characters (NUT's lexer drops them and would glue words together), and not too long."""
    text = _CONTROL.sub(" ", word)
    data = encode(text)
    return text if len(data) <= MAX_TEXT_BYTES else decode(data[:MAX_TEXT_BYTES])

# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver's side of the driver socket: what a server or a sibling asks, and the lines a driver sends.

The caller (a shell around a unix socket) owes: one `DriverSession` for each connection, every received byte
to `receive`, an answer to each request; `diff` after each commit to every session whose `broadcast` is true.
Nothing here raises for what the other side sends.
Source: NUT's sock-protocol.txt; order of a dump learned from drivers/dstate.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from ridethrough.protocol.lines import LineStream
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import STATUS, Change, Snapshot
from ridethrough.ups.variables import Variable, VarKind
from ridethrough.wire.words import Limits, encode, join, quote

# A server that is not C may send longer values than the 512 bytes C keeps.
REQUEST_LIMITS = Limits(max_words=32, max_word_bytes=4096, max_line_bytes=8192)

_ONE_LINE = str.maketrans({"\n": " ", "\r": " ", "\0": " "})


@dataclass(frozen=True, slots=True)
class Ping:
    """Answer with `pong()`."""


@dataclass(frozen=True, slots=True)
class DumpAll:
    """Answer with `dump(snapshot, stale)`."""


@dataclass(frozen=True, slots=True)
class DumpValue:
    """Answer with `dump_value(snapshot, name, stale)`."""

    name: str


@dataclass(frozen=True, slots=True)
class DumpStatus:
    """Answer with `dump_status(snapshot, stale)`."""


@dataclass(frozen=True, slots=True)
class InstCmd:
    """Run a command; answer with `tracking(...)` when `tracking` is not None, else not at all."""

    name: str
    param: str | None = None
    tracking: str | None = None


@dataclass(frozen=True, slots=True)
class SetVar:
    """Set a variable; answer with `tracking(...)` when `tracking` is not None, else not at all."""

    name: str
    value: str
    tracking: str | None = None


@dataclass(frozen=True, slots=True)
class NoBroadcast:
    """This connection wants no unasked lines; the session's `broadcast` is False already."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """This connection wants unasked lines, or not; the session's `broadcast` is set already."""

    on: bool


@dataclass(frozen=True, slots=True)
class GetPid:
    """Answer with `pid(number)`."""


@dataclass(frozen=True, slots=True)
class Logout:
    """Answer with `goodbye()`, then close."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A line that is no request; it has no answer.  `text` is fit for a log."""

    text: str


DriverRequest: TypeAlias = (
    Ping
    | DumpAll
    | DumpValue
    | DumpStatus
    | InstCmd
    | SetVar
    | NoBroadcast
    | Broadcast
    | GetPid
    | Logout
    | Unknown
)

# Requests without arguments; further words are ignored, as C drivers do.
_BARE: dict[str, DriverRequest] = {
    "PING": Ping(),
    "DUMPALL": DumpAll(),
    "DUMPSTATUS": DumpStatus(),
    "GETPID": GetPid(),
    "LOGOUT": Logout(),
    "NOBROADCAST": NoBroadcast(),
}


class DriverSession:
    """One connection of a server (or sibling) to this driver."""

    __slots__ = ("_stream", "broadcast")

    def __init__(self, limits: Limits = REQUEST_LIMITS) -> None:
        """`broadcast` tells whether this connection wants changes unasked; it does until it says not."""
        self._stream = LineStream(limits)
        self.broadcast = True

    def receive(self, data: bytes) -> list[DriverRequest]:
        """Take bytes, give the requests they complete, in order."""
        requests: list[DriverRequest] = []
        for line in self._stream.feed(data):
            if line.error is not None:
                # Half a value must never reach a device.
                request: DriverRequest = Unknown(line.error)
            else:
                request = parse_request(line.words)
            if isinstance(request, NoBroadcast):
                self.broadcast = False
            elif isinstance(request, Broadcast):
                self.broadcast = request.on
            requests.append(request)
        return requests


def parse_request(words: tuple[str, ...]) -> DriverRequest:
    """The request that the words of one line make."""
    verb, args = words[0].upper(), words[1:]
    if verb in _BARE:
        return _BARE[verb]
    if verb == "DUMPVALUE" and args:
        return DumpValue(args[0])
    if verb == "BROADCAST":
        return Broadcast(_positive(args[0]) if args else True)
    if verb == "INSTCMD":
        return _instcmd(args)
    if verb == "SET":
        return _setvar(args)
    return Unknown(f"not a request of the driver socket: {join(words)[:80]}")


def _instcmd(args: tuple[str, ...]) -> DriverRequest:
    """`INSTCMD <name> [<param>] [TRACKING <id>]`."""
    match args:
        case (name,):
            return InstCmd(name)
        case (name, param):
            return InstCmd(name, param)
        case (name, word, tracking) if word.upper() == "TRACKING":
            return InstCmd(name, None, tracking)
        case (name, param, word, tracking) if word.upper() == "TRACKING":
            return InstCmd(name, param, tracking)
    return Unknown(f"malformed INSTCMD: {join(args)[:80]}")


def _setvar(args: tuple[str, ...]) -> DriverRequest:
    """`SET <name> <value> [TRACKING <id>]`."""
    match args:
        case (name, value):
            return SetVar(name, value)
        case (name, value, word, tracking) if word.upper() == "TRACKING":
            return SetVar(name, value, tracking)
    return Unknown(f"malformed SET: {join(args)[:80]}")


def _positive(text: str) -> bool:
    """BROADCAST's argument: zero and negative numbers mean no; what is no number means yes."""
    try:
        return int(text, 10) >= 1
    except ValueError:
        return True


# -- what a driver sends ------------------------------------------------------------------------


def dump(snapshot: Snapshot, stale: bool) -> bytes:
    """The answer to DUMPALL: the whole state, sorted as C drivers do, ended by DUMPDONE."""
    lines: list[str] = ["DATASTALE"] if stale else []
    for name in sorted(snapshot.variables, key=str.lower):
        lines += _variable(snapshot.variables[name])
    lines += [f"ADDCMD {join([name])}" for name in sorted(snapshot.commands, key=str.lower)]
    return _lines([*lines, *_end(stale)])


def dump_value(snapshot: Snapshot, name: str, stale: bool) -> bytes:
    """The answer to DUMPVALUE: one variable (none if it is not there), ended by DUMPDONE."""
    variable = snapshot.variables.get(name)
    lines: list[str] = ["DATASTALE"] if stale else []
    if variable is not None:
        lines += _variable(variable)
    return _lines([*lines, *_end(stale)])


def dump_status(snapshot: Snapshot, stale: bool) -> bytes:
    """The answer to DUMPSTATUS."""
    return dump_value(snapshot, STATUS, stale)


def diff(change: Change, before: Snapshot | None = None) -> bytes:
    """What changed in one commit, as one piece of bytes.

    With `before` (the snapshot the change was made from) only what differs is sent, and values and ranges
    that are allowed no longer are taken back.  Without it each variable is sent whole, and nothing is taken
    back.
    """
    old = {} if before is None else before.variables
    lines: list[str] = []
    for variable in change.set:
        previous = old.get(variable.name)
        lines += _variable(variable) if previous is None else _difference(previous, variable)
    lines += [f"DELINFO {join([name])}" for name in change.deleted]
    lines += [f"ADDCMD {join([name])}" for name in change.commands_added]
    lines += [f"DELCMD {join([name])}" for name in change.commands_removed]
    return _lines(lines)


def data_ok() -> bytes:
    """The data may be used from now on."""
    return b"DATAOK\n"


def data_stale() -> bytes:
    """The data must not be used from now on."""
    return b"DATASTALE\n"


def pong() -> bytes:
    """The answer to PING."""
    return b"PONG\n"


def pid(number: int) -> bytes:
    """The answer to GETPID."""
    return f"PID {number}\n".encode("ascii")


def goodbye() -> bytes:
    """The answer to LOGOUT; close afterwards."""
    return b"OK Goodbye\n"


def tracking(tracking_id: str, outcome: Outcome) -> bytes:
    """What became of a command or SET that carried a tracking id."""
    return _lines([f"TRACKING {join([tracking_id])} {outcome.code}"])


def _end(stale: bool) -> tuple[str, ...]:
    return ("DUMPDONE",) if stale else ("DATAOK", "DUMPDONE")


def _variable(variable: Variable) -> list[str]:
    """One variable whole, in the order of C drivers: value, enum, ranges, length, flags."""
    name = join([variable.name])
    lines = [f"SETINFO {name} {quote(variable.value)}"]
    lines += [f"ADDENUM {name} {quote(value)}" for value in variable.enum]
    lines += [f"ADDRANGE {name} {join(ends)}" for ends in variable.ranges]
    if variable.max_length:
        lines.append(f"SETAUX {name} {variable.max_length}")
    flags = _flags(variable)
    if flags:
        lines.append(f"SETFLAGS {name} {flags}")
    return lines


def _difference(old: Variable, new: Variable) -> list[str]:
    """What turns `old` into `new`.  A changed order of the enum counts: it is sent anew."""
    name = join([new.name])
    lines: list[str] = []
    if new.value != old.value:
        lines.append(f"SETINFO {name} {quote(new.value)}")
    if new.enum != old.enum:
        lines += [f"DELENUM {name} {quote(value)}" for value in old.enum]
        lines += [f"ADDENUM {name} {quote(value)}" for value in new.enum]
    if new.ranges != old.ranges:
        lines += [f"DELRANGE {name} {join(ends)}" for ends in old.ranges]
        lines += [f"ADDRANGE {name} {join(ends)}" for ends in new.ranges]
    if new.max_length != old.max_length:
        lines.append(f"SETAUX {name} {new.max_length}")
    if _flags(new) != _flags(old):
        lines.append(f"SETFLAGS {name} {_flags(new)}".rstrip())
    return lines


def _flags(variable: Variable) -> str:
    words = ["RW"] if variable.rw else []
    if variable.kind is not VarKind.NONE:
        words.append(variable.kind.value)
    return " ".join(words)


def _lines(lines: Iterable[str]) -> bytes:
    """Lines as bytes; a line break inside a value becomes a space, as it would end the line."""
    return b"".join(encode(line.translate(_ONE_LINE)) + b"\n" for line in lines)

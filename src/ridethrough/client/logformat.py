# SPDX-License-Identifier: GPL-2.0-or-later
"""The format strings of `upslog`: a template read once, then filled in for each UPS and each moment.

Source: NUT's upslog(8); the corner cases are those of NUT's clients/upslog.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

DEFAULT_FORMAT: Final = (
    "%TIME @Y@m@d @H@M@S% %VAR battery.charge% %VAR input.voltage% %VAR ups.load% [%VAR ups.status%]"
    " %VAR ups.temperature% %VAR input.frequency%"
)
UPSHOST_PREFIX: Final = "%UPSHOST%%t"
"""What `-N` puts before the format."""
INVALID: Final = "INVALID"
UNAVAILABLE: Final = "NA"
MAX_FORMAT_CHARS: Final = 4096
# A command is known by how it begins, whatever its letter case: `%time @H%`, `%VARIABLE ups.load%`.
_COMMANDS: Final = ("HOST", "UPSHOST", "PID", "TIME", "VAR", "ETIME")


class FormatError(ValueError):
    """A format that can't be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the template: `command` is one of NUT's, or "" for text that stands as it is."""

    command: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a line is made of.

    `upshost` is the UPS as the user wrote it; `epoch` counts whole seconds since 1970; `shown_time` gives the
    same moment in an strftime format; `value` gives a variable, or None for one that is not to be had.
    """

    host: str
    upshost: str
    pid: int
    epoch: int
    shown_time: Callable[[str], str]
    value: Callable[[str], str | None]


def parse(template: str) -> tuple[Piece, ...]:
    """Read a template.  What is wrong in it is shown in each line as INVALID, as NUT does.

    Raises FormatError for one of more than MAX_FORMAT_CHARS.
    """
    if len(template) > MAX_FORMAT_CHARS:
        raise FormatError(f"the format has more than {MAX_FORMAT_CHARS} characters")
    pieces: list[Piece] = []
    text = ""
    at = 0
    while at < len(template):
        following = template[at + 1 : at + 2]
        if template[at] != "%":
            text += template[at]
            at += 1
        elif following in ("%", "t"):
            text += "%" if following == "%" else "\t"
            at += 2
        elif (end := template.find("%", at + 1)) < 0:
            text += INVALID  # and what follows the lonely % stands as it is
            at += 1
        else:
            piece = _command(template[at + 1 : end])
            if piece.command:
                pieces += [Piece("", text), piece]
                text = ""
            else:
                text += piece.argument
            at = end + 1
    pieces.append(Piece("", text))
    return tuple(piece for piece in pieces if piece != Piece(""))


def variables(pieces: tuple[Piece, ...]) -> tuple[str, ...]:
    """The variables that a template asks for, each once, in order."""
    names = (piece.argument for piece in pieces if piece.command == "VAR")
    return tuple(dict.fromkeys(names))


def render(pieces: tuple[Piece, ...], moment: Moment) -> str:
    """The line, without a newline at its end; newlines in values become spaces, so that it stays one."""
    return "".join(_shown(piece, moment) for piece in pieces).translate(_ONE_LINE)


def names_upshost(pieces: tuple[Piece, ...]) -> bool:
    """Whether the lines of different UPSes can be told apart."""
    return any(piece.command == "UPSHOST" for piece in pieces)


_ONE_LINE: Final = str.maketrans("\n\r", "  ")


def _command(words: str) -> Piece:
    name, _, argument = words.partition(" ")
    known = next((command for command in _COMMANDS if name.upper().startswith(command)), "")
    if not known or (known == "VAR" and "." not in argument) or (known == "TIME" and not argument):
        return Piece("", INVALID)
    # The command line keeps % for itself, so strftime's is written @.
    return Piece(known, argument.replace("@", "%") if known == "TIME" else argument)


def _shown(piece: Piece, moment: Moment) -> str:
    match piece.command:
        case "HOST":
            return moment.host
        case "UPSHOST":
            return moment.upshost
        case "PID":
            return str(moment.pid)
        case "TIME":
            return moment.shown_time(piece.argument)
        case "ETIME":
            return str(moment.epoch)
        case "VAR":
            found = moment.value(piece.argument)
            return UNAVAILABLE if found is None else found
    return piece.argument

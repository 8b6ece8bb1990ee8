# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver's lines of state (SETINFO, ADDENUM, ADDCMD ...) folded into a draft, within bounds.

Source: NUT's sock-protocol.txt.
"""

from __future__ import annotations

from collections.abc import Callable

from ridethrough.ups.state import EMPTY, STATUS, Change, Draft, Snapshot
from ridethrough.ups.variables import VarKind

MAX_VARIABLES = 4096
MAX_COMMANDS = 1024
MAX_CHOICES = 512  # values of an enum, or ranges, of one variable
MAX_NAME = 256
MAX_DIGITS = 18


class Fold:
    """The state of one driver in the making."""

    def __init__(self) -> None:
        """Start with nothing known."""
        self.snapshot: Snapshot = EMPTY
        self._draft = Draft(EMPTY)
        # Lower case -> as it is kept.  To C all names that differ only in case are one (common/state.c).
        self._names: dict[str, str] = {}
        self._commands: dict[str, str] = {}
        self._dirty = False

    def take(self, verb: str, args: tuple[str, ...]) -> bool:
        """One line; False when it is no line of state, makes no sense, or would pass a bound."""
        entry = _VERBS.get(verb)
        if entry is None:
            return False
        fewest, method = entry
        if len(args) < fewest or not 0 < len(args[0]) <= MAX_NAME:
            return False
        known = self._commands if method in _OF_COMMANDS else self._names
        low = args[0].lower()
        # Everybody else looks for the status under its own spelling.
        name = STATUS if low == STATUS else known.get(low, args[0])
        taken = method(self, (name, *args[1:]))
        self._dirty = self._dirty or taken
        return taken

    def commit(self) -> Change:
        """Make all that was taken the new `snapshot`; the change is false when nothing differs."""
        if not self._dirty:
            return Change()
        self._dirty = False
        self.snapshot, change = self._draft.commit()
        self._draft = Draft(self.snapshot)
        return change

    def _setinfo(self, args: tuple[str, ...]) -> bool:
        name, value = args[0], args[1]
        if name.lower() not in self._names:
            if len(self._names) >= MAX_VARIABLES:
                return False
            self._names[name.lower()] = name
        self._draft.set(name, value)
        return True

    def _delinfo(self, args: tuple[str, ...]) -> bool:
        self._names.pop(args[0].lower(), None)
        self._draft.delete(args[0])
        return True

    def _addenum(self, args: tuple[str, ...]) -> bool:
        variable = self._draft.variable(args[0])
        if variable is None:
            return False
        if args[1] in variable.enum:
            return True
        if len(variable.enum) >= MAX_CHOICES:
            return False
        self._draft.describe(args[0], enum=(*variable.enum, args[1]))
        return True

    def _delenum(self, args: tuple[str, ...]) -> bool:
        variable = self._draft.variable(args[0])
        if variable is None:
            return False
        self._draft.describe(args[0], enum=tuple(value for value in variable.enum if value != args[1]))
        return True

    def _addrange(self, args: tuple[str, ...]) -> bool:
        variable = self._draft.variable(args[0])
        if variable is None:
            return False
        ends = (args[1], args[2])
        if ends in variable.ranges:
            return True
        if len(variable.ranges) >= MAX_CHOICES:
            return False
        self._draft.describe(args[0], ranges=(*variable.ranges, ends))
        return True

    def _delrange(self, args: tuple[str, ...]) -> bool:
        variable = self._draft.variable(args[0])
        if variable is None:
            return False
        gone = (args[1], args[2])
        self._draft.describe(args[0], ranges=tuple(ends for ends in variable.ranges if ends != gone))
        return True

    def _setaux(self, args: tuple[str, ...]) -> bool:
        number = integer(args[1])
        if number is None or self._draft.variable(args[0]) is None:
            return False
        self._draft.describe(args[0], max_length=max(0, number))
        return True

    def _setflags(self, args: tuple[str, ...]) -> bool:
        if self._draft.variable(args[0]) is None:
            return False
        flags = {word.upper() for word in args[1:]}
        kind = VarKind.NONE
        if "STRING" in flags:
            kind = VarKind.STRING
        elif "NUMBER" in flags:
            kind = VarKind.NUMBER
        self._draft.describe(args[0], rw="RW" in flags, kind=kind)
        return True

    def _addcmd(self, args: tuple[str, ...]) -> bool:
        if args[0].lower() not in self._commands:
            if len(self._commands) >= MAX_COMMANDS:
                return False
            self._commands[args[0].lower()] = args[0]
        self._draft.add_command(args[0])
        return True

    def _delcmd(self, args: tuple[str, ...]) -> bool:
        self._commands.pop(args[0].lower(), None)
        self._draft.delete_command(args[0])
        return True


# verb -> (fewest arguments, what it does)
_VERBS: dict[str, tuple[int, Callable[[Fold, tuple[str, ...]], bool]]] = {
    "SETINFO": (2, Fold._setinfo),
    "DELINFO": (1, Fold._delinfo),
    "ADDENUM": (2, Fold._addenum),
    "DELENUM": (2, Fold._delenum),
    "ADDRANGE": (3, Fold._addrange),
    "DELRANGE": (3, Fold._delrange),
    "SETAUX": (2, Fold._setaux),
    "SETFLAGS": (1, Fold._setflags),
    "ADDCMD": (1, Fold._addcmd),
    "DELCMD": (1, Fold._delcmd),
}

_OF_COMMANDS = (Fold._addcmd, Fold._delcmd)


def integer(text: str) -> int | None:
    """A whole number of the driver socket, or None."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS):
        return None
    return int(text)

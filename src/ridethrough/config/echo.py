# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of the user's own words an error message may repeat, and what they may have meant."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable

_LONGEST_SHOWN = 60
_LONGEST_COMPARED = 64


def shown(word: str, instead: str = "this word") -> str:
    """`word` in quotes if it is short, printable and without blanks; else `instead`.

    A long word with blanks may be a whole file that an open quote took in, passwords and all.
    """
    plain = word.isprintable() and len(word) <= _LONGEST_SHOWN and not any(c.isspace() for c in word)
    return f"'{word}'" if word and plain else instead


def shown_command(command: str) -> str:
    """A command line for a log: whole if it is plainly one that stops this host, else its program alone.

    The arguments of others may be passwords, and whoever reads a log or asks for the status is not root.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words or not words[0].isprintable():
        return "a command that is not shown"
    plain = all(_PLAIN.fullmatch(word) for word in words)
    if len(words) == 1 or (plain and words[0].rpartition("/")[2] in _STOPS_A_HOST):
        return " ".join(words)
    return f"{words[0]} ... (its arguments are not shown)"


_PLAIN = re.compile(r"[\w/.+-]{1,40}")
_STOPS_A_HOST = ("shutdown", "poweroff", "halt", "reboot", "systemctl", "init", "telinit")


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that `word` was probably meant to be; letter case does not count."""
    if len(word) > _LONGEST_COMPARED:
        return None
    by_fold = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), by_fold, 1, cutoff)
    return by_fold[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """`did you mean 'X'?`, or nothing."""
    name = nearest(word, known, cutoff)
    return f"did you mean '{name}'?" if name is not None else ""

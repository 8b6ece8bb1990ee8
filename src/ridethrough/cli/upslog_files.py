# SPDX-License-Identifier: GPL-2.0-or-later
"""The log files of `upslog`: opened once each, opened anew at SIGHUP, written a whole line at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from ridethrough.cli.upslog_args import STDOUT
from ridethrough.wire.words import encode


class LogFiles:
    """Every file of the command line; `close` is owed."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` is told what goes wrong later on."""
        self._say = say
        self._open: dict[str, int] = {}
        self._failed: dict[str, str] = {}

    def open(self, names: Iterable[str]) -> None:
        """Open them.  Raises OSError, with the file's name in it."""
        for name in names:
            if name not in self._open:
                # A copy of standard output: the program may go to the background and give up its own.
                self._open[name] = os.dup(1) if name == STDOUT else _append(name)

    def reopen(self) -> None:
        """Open every plain file anew, after a rotation; one that can't be keeps what it had."""
        for name, old in tuple(self._open.items()):
            if name == STDOUT:
                continue
            try:
                self._open[name] = _append(name)
            except OSError as error:
                self._say(f"could not reopen logfile {name}: {error.strerror}; the old one is written on")
            else:
                os.close(old)

    def write(self, name: str, line: str) -> None:
        """One line; what can't be written is said once, and again when the reason changes."""
        data = encode(line) + b"\n"
        try:
            while data:
                data = data[os.write(self._open[name], data) :]
        except OSError as error:
            if name == STDOUT and isinstance(error, BrokenPipeError):
                raise
            reason = error.strerror or str(error)
            if self._failed.get(name) != reason:
                self._failed[name] = reason
                self._say(f"can't write to {name}: {reason}; lines are lost until this is mended")
        else:
            if self._failed.pop(name, None):
                self._say(f"{name} can be written again")

    def close(self) -> None:
        """Close them all."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()


def _append(name: str) -> int:
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY, 0o666)

# SPDX-License-Identifier: GPL-2.0-or-later
"""dummy-ups on a definition file: `dummy-once` and `dummy-loop` (NUT's dummy-ups(8)).

`dummy-once` plays the file once and again when its time stamp or size changes; values set by clients stay.
`dummy-loop` plays it over and over, which forgets what clients have set.
"""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Final

from ridethrough.drivers import files
from ridethrough.drivers.base import Context, DriverError
from ridethrough.drivers.dummy import table
from ridethrough.drivers.dummy.definition import MAX_BYTES, Definition, parse, valid_name
from ridethrough.drivers.dummy.player import Play, play, with_status
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import STATUS, Draft

MAX_EDITS: Final = 256


class Mode(StrEnum):
    """`mode` in ups.conf.  DUMMY is the old word for a loop, told of files that end in neither name."""

    LOOP = "dummy-loop"
    ONCE = "dummy-once"
    DUMMY = "dummy"
    REPEATER = "repeater"


def choose_mode(mode: str | None, port: str) -> Mode:
    """The mode that is written, else the one that the port tells.  DriverError for a word that is none."""
    if mode is not None:
        try:
            return Mode.LOOP if mode == Mode.DUMMY else Mode(mode)
        except ValueError:
            words = ", ".join(word.value for word in Mode)
            raise DriverError(f"dummy-ups has no mode '{mode}'; write one of {words}") from None
    if "@" in port:
        return Mode.REPEATER
    if port.endswith(".seq"):
        return Mode.LOOP
    return Mode.ONCE if port.endswith(".dev") else Mode.DUMMY


class DummyFile:
    """The driver; see `ridethrough.drivers.base.Driver`."""

    def __init__(self, name: str, port: str, mode: Mode, context: Context) -> None:
        self._name = name
        self._mode = mode
        self._path = files.find(port, context.confpath)
        self._log = context.log
        self._definition = Definition((), ())
        self._stamp: tuple[int, int, int] | None = None
        self._play = Play()
        self._edits: dict[str, str] = {}
        self._begun = False

    async def open(self) -> None:
        """Read the file.  DriverError where there is none, or nothing in it is of use."""
        self._load()

    async def poll(self, draft: Draft, now: float) -> None:
        """Go on playing, then apply what clients have set since."""
        if not self._begun:
            self._begun = True
            self._initial(draft)
        waiting = self._play.resume_at is not None and now < self._play.resume_at
        between = self._play.at == 0 and not waiting
        if (between or self._mode is Mode.ONCE) and self._stat() != self._stamp:
            self._load()
        if self._mode is not Mode.ONCE or self._play.passes == 0:
            self._play = play(self._definition, self._play, draft, now)
        self._apply_edits(draft)

    async def instcmd(self, name: str, param: str | None) -> Outcome:
        """No command does anything, as with C dummy-ups."""
        return Outcome.UNKNOWN

    async def setvar(self, name: str, value: str) -> Outcome:
        """Any variable may be set, but the driver's and the server's own; an empty value takes it away."""
        if not valid_name(name):
            return Outcome.UNKNOWN
        if name.startswith(("driver.", "server.")):
            return Outcome.INVALID
        if len(self._edits) >= MAX_EDITS and name not in self._edits:
            return Outcome.FAILED
        self._edits[name] = value
        return Outcome.HANDLED

    async def close(self) -> None:
        """Nothing is held open."""

    def wake_at(self) -> float | None:
        """The end of the TIMER."""
        return None if self._mode is Mode.ONCE and self._play.passes else self._play.resume_at

    def _initial(self, draft: Draft) -> None:
        for name, value in table.INITIAL.items():
            draft.put(table.variable(name, value))
        for command in table.COMMANDS:
            draft.add_command(command)
        draft.set("driver.parameter.mode", self._mode)

    def _apply_edits(self, draft: Draft) -> None:
        for name, value in self._edits.items():
            if name == STATUS:
                self._play, value = with_status(self._play, value)
                draft.put(table.variable(name, value))
            elif value:
                draft.put(table.variable(name, value))
            else:
                draft.delete(name)
        self._edits.clear()

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _load(self) -> None:
        stamp = self._stat()
        data = files.read(self._path, MAX_BYTES + 1, self._name)
        definition = parse(data, str(self._path))
        if definition.problems and not definition.steps:
            raise DriverError(
                f"[{self._name}] {self._path} is not a definition file: {definition.problems[0]}"
                f" ({len(definition.problems)} problems)"
            )
        # A file that is written anew at this moment is seen again, since its stamp was taken before.
        self._stamp, self._definition = stamp, definition
        self._play = Play()
        for problem in definition.problems:
            self._log("error", f"[{self._name}] {problem}")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Definition files of dummy-ups (`.dev`, `.seq`): bytes in, steps and problems out.

A line is `<variable>: <value>`, `TIMER <seconds>`, `ALARM [text]`, or a comment (`#`).
Words are NUT's (`ridethrough.wire`), and the words of a value are joined with one space, as C dummy-ups does.
A line that is none of these is a problem with its `file:line`, and the rest of the file goes on.
Recorded dumps must look as they do with C dummy-ups, which has these habits: a variable with nothing behind
it (`ups.serial:`) gets the text of the line before it (`ups.serial: ""` takes it away), a value ends after
127 bytes, and a name keeps the letter case in which it came first.
Source: dummy-ups(8), and its behaviour learned from drivers/dummy-ups.c (GPL-2.0-or-later).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ridethrough.drivers.dummy import table
from ridethrough.ups.state import STATUS
from ridethrough.wire.words import FILE_LIMITS, Line, WordStream, decode, encode

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
MAX_BYTES: Final = 1_048_576
MAX_STEPS: Final = 20_000
MAX_PROBLEMS: Final = 20
MAX_TIMER_S: Final = 1e7
MAX_VALUE_BYTES: Final = 127

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+", re.ASCII)
_SECONDS: Final = re.compile(r"\d+(\.\d*)?|\.\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Assign:
    """Give a variable a value; an empty one takes the variable away."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Set `ups.status`, which may be empty."""

    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """Raise an alarm; without text: take all alarms back."""

    text: str


@dataclass(frozen=True, slots=True)
class Timer:
    """Wait before the next line."""

    seconds: float


Step: TypeAlias = Assign | SetStatus | Alarm | Timer


@dataclass(frozen=True, slots=True)
class Definition:
    """A file as read.  `problems` are complete messages with `file:line`, a bounded number of them."""

    steps: tuple[Step, ...]
    problems: tuple[str, ...]

    @property
    def raises_alarms(self) -> bool:
        """Whether the file speaks of alarms at all."""
        return any(isinstance(step, Alarm) for step in self.steps)


def parse(data: bytes, file: str) -> Definition:
    """Read a definition file; `file` is its name in messages.  Nothing in `data` makes this raise."""
    steps: list[Step] = []
    problems: list[str] = []
    reader = _Reader()
    count = 0
    for line in _lines(data[:MAX_BYTES].removeprefix(BYTE_ORDER_MARK)):
        step, problem = reader.step(line)
        if problem:
            count += 1
            if count <= MAX_PROBLEMS:
                problems.append(f"{file}:{line.number}: {problem}")
        if step is not None and len(steps) < MAX_STEPS:
            steps.append(step)
        elif step is not None:
            problems.append(f"{file}:{line.number}: more than {MAX_STEPS} lines; the rest is not read")
            break
    if count > MAX_PROBLEMS:
        problems.append(f"{file}: {count - MAX_PROBLEMS} more lines are wrong")
    if len(data) > MAX_BYTES:
        problems.append(f"{file}: the file is longer than {MAX_BYTES} bytes; the rest is not read")
    return Definition(tuple(steps), tuple(problems))


def _lines(data: bytes) -> list[Line]:
    stream = WordStream(FILE_LIMITS)
    return stream.feed(data) + stream.finish()


def _first_names() -> dict[str, str]:
    return {name: name for name in table.INITIAL}


@dataclass(slots=True)
class _Reader:
    """Lines to steps, with what C dummy-ups remembers from one line to the next."""

    text: str = ""
    """The last value of a variable or an alarm, whatever became of it."""
    names: dict[str, str] = field(default_factory=_first_names)
    """Each name as it was first written, by its small letters."""

    def step(self, line: Line) -> tuple[Step | None, str]:
        """What a line says: a step or nothing, and the problem with it or "".

        What a file says of `driver.*` is nothing: that is told by the driver itself.
        """
        if line.error is not None:
            return None, line.error
        if line.clipped:
            return None, "the line has too many or too long words; write a shorter value"
        head, *values = line.words
        word = head.rstrip(":")
        if word == "TIMER":
            timer = _timer(values)
            return (None, timer) if isinstance(timer, str) else (timer, "")
        if word == "ALARM":
            problem = self._keep(values)
            return Alarm(self.text if values else ""), problem
        name, problem = _name(head, values)
        if problem or name.startswith("driver."):
            if problem:
                self._keep(values)
            return None, problem
        if name == STATUS:
            return SetStatus(tuple(dict.fromkeys(" ".join(values).split()))), ""
        problem = self._keep(values)
        # Nothing behind ups.alarm means no alarm: there C's versions differ from each other.
        value = "" if name == "ups.alarm" and not values else self.text
        return Assign(self.names.setdefault(name.lower(), name), value), problem

    def _keep(self, values: list[str]) -> str:
        """Take the text of a line, if it has one; gives the problem with it."""
        if not values:
            return ""
        data = encode(" ".join(values))
        self.text = decode(data[:MAX_VALUE_BYTES])
        if len(data) <= MAX_VALUE_BYTES:
            return ""
        return f"the value is longer than {MAX_VALUE_BYTES} bytes and was cut there; write a shorter one"


def _name(head: str, values: list[str]) -> tuple[str, str]:
    """The variable at the head of a line, and what is wrong with it or ""."""
    name, colon, glued = head.partition(":")
    if not _NAME.fullmatch(name):
        return name, (
            f"'{_shown(head)}' is not a variable's name; write '<variable>: <value>', such as 'ups.load: 30'"
        )
    if glued:
        return name, f"put a space after the colon: '{_shown(name)}: {_shown(glued)}'"
    if values[:1] == ["="] and not colon:
        return name, f"write '{_shown(name)}: <value>', with a colon instead of '='"
    return name, ""


def _timer(values: list[str]) -> Step | str:
    if not values or not _SECONDS.fullmatch(values[0]):
        return "TIMER needs a number of seconds, such as 'TIMER 60'"
    seconds = float(values[0])
    if seconds > MAX_TIMER_S:
        return f"TIMER takes at most {MAX_TIMER_S:.0f} seconds"
    return Timer(seconds)


def valid_name(name: str) -> bool:
    """Whether a variable may have this name."""
    return _NAME.fullmatch(name) is not None


def _shown(text: str) -> str:
    """A piece of a line fit for a terminal: short, and without bytes that would disturb it."""
    short = text if len(text) <= 40 else text[:37] + "..."
    return "".join(c if c.isprintable() else "?" for c in short)

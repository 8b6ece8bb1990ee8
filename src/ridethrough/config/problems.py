# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong in a configuration file, where, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

MAX_PER_FILE = 200
MAX_TEXT = 500


class Severity(StrEnum):
    """ERROR: what the user asked for is not in force. WARNING: it is, but probably not as meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `line` counts from 1; 0 means the file as a whole. It never holds a password.

    Its texts are printable and short, whatever of the file they repeat: no terminal may choke on them.
    """

    severity: Severity
    file: str
    line: int
    message: str
    hint: str = ""

    def __post_init__(self) -> None:
        for name in ("file", "message", "hint"):
            text = getattr(self, name)
            if not text.isprintable() or len(text) > MAX_TEXT:
                shown = "".join(char if char.isprintable() else "?" for char in text[:MAX_TEXT])
                object.__setattr__(self, name, shown + "..." if len(text) > MAX_TEXT else shown)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{place}: {self.severity}: {self.message}"
        return f"{text}; {self.hint}" if self.hint else text


@dataclass(slots=True)
class Problems:
    """Collects the faults of one file; after `limit` of them the rest is counted, not kept."""

    file: str
    limit: int = MAX_PER_FILE
    _found: list[Problem] = field(default_factory=list)
    _more: int = 0

    @property
    def full(self) -> bool:
        """Whether a further one is only counted; then there is no need to look for a good hint."""
        return len(self._found) >= self.limit

    def error(self, line: int, message: str, hint: str = "") -> None:
        """Note that something asked for is not in force."""
        self._add(Problem(Severity.ERROR, self.file, line, message, hint))

    def warn(self, line: int, message: str, hint: str = "") -> None:
        """Note that something is probably not as meant."""
        self._add(Problem(Severity.WARNING, self.file, line, message, hint))

    def listed(self) -> list[Problem]:
        """All of them in the order of their lines; what was only counted stands as the last one."""
        found = sorted(self._found, key=lambda problem: problem.line)
        if self._more:
            rest = f"and {self._more} more problems in this file"
            found.append(Problem(Severity.ERROR, self.file, 0, rest, "correct those above first"))
        return found

    def _add(self, problem: Problem) -> None:
        if self.full:
            self._more += 1
        else:
            self._found.append(problem)

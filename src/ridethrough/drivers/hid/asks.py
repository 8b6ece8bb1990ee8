# SPDX-License-Identifier: GPL-2.0-or-later
"""What the engine asks of a device, one thing at a time: the transport answers, the engine goes on.

The engine's methods that need the device are generators: they yield an ask and are sent the answer.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar


@dataclass(frozen=True, slots=True)
class GetReport:
    """Read a feature report; the answer is its bytes, the id's byte first, or None if it can't be read.

    `length` is what the descriptor makes of it, with the id's byte; a device may send more or less.
    """

    report_id: int
    length: int


@dataclass(frozen=True, slots=True)
class SetReport:
    """Write a feature report (`data` begins with its id); the answer is b"" if it was taken, else None."""

    data: bytes


@dataclass(frozen=True, slots=True)
class GetString:
    """Read a string descriptor; the answer is its bytes (UTF-8), or None if there is none."""

    index: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Let the device rest for some seconds; the answer does not matter."""

    seconds: float


Ask: TypeAlias = GetReport | SetReport | GetString | Pause


class Wanting(Exception):
    """A conversion needs what is not known yet; it is run again once `ask` is answered."""

    def __init__(self, ask: GetReport | GetString) -> None:
        super().__init__(f"not known yet: {ask}")
        self.ask = ask


Answer: TypeAlias = bytes | None
Result = TypeVar("Result")
Steps: TypeAlias = Generator[Ask, Answer, Result]

# SPDX-License-Identifier: GPL-2.0-or-later
"""One variable of a UPS: value, type and right to write (RFC 9271; NUT `docs/net-protocol.txt`, TYPE)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)


class VarKind(StrEnum):
    """What a driver said of a variable's kind; NONE is what most drivers say."""

    NONE = ""
    STRING = "STRING"
    NUMBER = "NUMBER"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable as a driver committed it. `max_length` is in bytes, 0 when not said."""

    name: str
    value: str
    rw: bool = False
    kind: VarKind = VarKind.NONE
    max_length: int = 0
    enum: tuple[str, ...] = ()
    ranges: tuple[tuple[str, str], ...] = ()

    def type_words(self) -> str:
        """The words after `TYPE <ups> <var>` in the answer to GET TYPE; as `upsd`, ENUM and RANGE come before
        STRING:n or NUMBER, and what has no kind is a NUMBER."""
        words = ["RW"] if self.rw else []
        if self.enum:
            words.append("ENUM")
        if self.ranges:
            words.append("RANGE")
        words.append(f"STRING:{self.max_length}" if self.kind is VarKind.STRING else "NUMBER")
        return " ".join(words)

    def number(self) -> float | None:
        """The value as a number, or None; NUT's notation only: a decimal dot, no exponent, no comma."""
        return parse_number(self.value)

    def refusal(self, value: str) -> str | None:
        """Why a value can't be set (`READONLY`, `TOO-LONG`, `INVALID-VALUE`), or None where it can."""
        if not self.rw:
            return "READONLY"
        too_long = len(value.encode("utf-8", "surrogateescape")) > self.max_length
        if self.kind is VarKind.STRING and self.max_length and too_long:
            return "TOO-LONG"
        if self.enum and value not in self.enum:
            return "INVALID-VALUE"
        if self.ranges and not any(_within(value, low, high) for low, high in self.ranges):
            return "INVALID-VALUE"
        return None


def parse_number(text: str) -> float | None:
    """A decimal number in NUT's notation (`1200.20`), or None for everything else."""
    number = float(text) if _DECIMAL.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def _within(value: str, low: str, high: str) -> bool:
    number, least, most = parse_number(value), parse_number(low), parse_number(high)
    return number is not None and least is not None and most is not None and least <= number <= most

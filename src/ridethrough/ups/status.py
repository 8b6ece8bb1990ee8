# SPDX-License-Identifier: GPL-2.0-or-later
"""`ups.status` as a set of tokens (vocabulary: NUT's `docs/new-drivers.txt`, RFC 9271 section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Token(StrEnum):
    """The tokens that NUT knows; others are kept in a `Status` as they come."""

    OL = "OL"
    OB = "OB"
    LB = "LB"
    HB = "HB"
    RB = "RB"
    CHRG = "CHRG"
    DISCHRG = "DISCHRG"
    BYPASS = "BYPASS"
    CAL = "CAL"
    OFF = "OFF"
    OVER = "OVER"
    TRIM = "TRIM"
    BOOST = "BOOST"
    FSD = "FSD"
    ALARM = "ALARM"
    TEST = "TEST"
    WAIT = "WAIT"
    ECO = "ECO"
    COMM = "COMM"
    NOCOMM = "NOCOMM"


KNOWN_TOKENS = frozenset(token.value for token in Token)


@dataclass(frozen=True, slots=True)
class Status:
    """The tokens of `ups.status`, in the order in which they were said, each once."""

    tokens: tuple[str, ...] = ()

    EMPTY: ClassVar[Status]

    @staticmethod
    def parse(text: str) -> Status:
        """Read `"OL CHRG"`; repeated tokens count once, unknown ones are kept."""
        return Status(tuple(dict.fromkeys(text.split())))

    def __str__(self) -> str:
        return " ".join(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self.tokens

    def __bool__(self) -> bool:
        return bool(self.tokens)

    def with_token(self, token: str, *, first: bool = False) -> Status:
        """This status and one more token, at the end or (as `upsd` does with FSD) at the beginning."""
        if token in self.tokens:
            return self
        return Status((str(token), *self.tokens) if first else (*self.tokens, str(token)))

    def without(self, token: str) -> Status:
        """This status less one token."""
        return Status(tuple(own for own in self.tokens if own != token))

    def unknown(self) -> tuple[str, ...]:
        """The tokens that NUT's vocabulary does not have."""
        return tuple(token for token in self.tokens if token not in KNOWN_TOKENS)


Status.EMPTY = Status()

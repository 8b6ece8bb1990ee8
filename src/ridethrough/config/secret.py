# SPDX-License-Identifier: GPL-2.0-or-later
"""A password that cannot be printed by accident."""

from __future__ import annotations

import hmac
from typing import Never

from ridethrough.wire.words import encode


class Secret:
    """Holds a password; `repr`, `str` and `format` give `***`, only `reveal` gives the text.

    Two are compared in constant time, so that a client cannot measure how much of a password was right.
    It cannot be pickled or copied into JSON: whoever needs the text must ask for it by name.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The password itself. The caller owes that it goes nowhere but to where it is needed."""
        return self._text

    def matches(self, text: str) -> bool:
        """Whether `text` is the password, in constant time."""
        return hmac.compare_digest(encode(self._text), encode(text))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self.matches(other._text)

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> Never:
        raise TypeError("a secret is not serialised; call reveal() where its text is needed")

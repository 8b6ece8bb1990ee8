# SPDX-License-Identifier: GPL-2.0-or-later
"""What became of an instant command or of a SET (codes: NUT's `docs/sock-protocol.txt`, TRACKING)."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """A driver's answer to INSTCMD and SET."""

    HANDLED = "handled"
    UNKNOWN = "unknown"
    INVALID = "invalid"
    FAILED = "failed"
    CONVERSION_FAILED = "conversion failed"

    @property
    def code(self) -> int:
        """The number on the driver socket."""
        return CODES[self]

    @staticmethod
    def of_code(code: int) -> Outcome:
        """The outcome of a number; a number that NUT does not have is a failure."""
        return _BY_CODE.get(code, Outcome.FAILED)


CODES: dict[Outcome, int] = {
    Outcome.HANDLED: 0,
    Outcome.UNKNOWN: 1,
    Outcome.INVALID: 2,
    Outcome.FAILED: 3,
    Outcome.CONVERSION_FAILED: 4,
}
_BY_CODE = {code: outcome for outcome, code in CODES.items()}

# SPDX-License-Identifier: GPL-2.0-or-later
"""What became of commands and settings: the table behind GET TRACKING (protocol 1.3)."""

from __future__ import annotations

from ridethrough.protocol.errors import Err
from ridethrough.ups.commands import Outcome

PENDING = "PENDING"
NOT_KNOWN = f"ERR {Err.UNKNOWN}"

# What the client reads for what the driver said.
WORDS: dict[Outcome, str] = {
    Outcome.HANDLED: "SUCCESS",
    Outcome.UNKNOWN: NOT_KNOWN,
    Outcome.INVALID: f"ERR {Err.INVALID_ARGUMENT}",
    Outcome.CONVERSION_FAILED: f"ERR {Err.INVALID_ARGUMENT}",
    Outcome.FAILED: f"ERR {Err.FAILED}",
}


class TrackingTable:
    """Ids in the order in which they were given out; at most `limit`, each kept for `keep_s` seconds."""

    def __init__(self, limit: int, keep_s: float) -> None:
        """Begin an empty table."""
        self.limit = limit
        self.keep_s = keep_s
        self._entries: dict[str, tuple[str, float]] = {}

    def __len__(self) -> int:
        """How many ids are remembered."""
        return len(self._entries)

    def add(self, tracking_id: str, now: float) -> None:
        """Remember a request as pending; the oldest one makes room if the table is full."""
        while len(self._entries) >= self.limit:
            del self._entries[next(iter(self._entries))]
        self._entries[tracking_id.lower()] = (PENDING, now)

    def done(self, tracking_id: str, outcome: Outcome) -> None:
        """Note the driver's answer; an id that has been forgotten is none of our business any more."""
        key = tracking_id.lower()
        if key in self._entries:
            self._entries[key] = (WORDS[outcome], self._entries[key][1])

    def state(self, tracking_id: str) -> str:
        """What GET TRACKING answers for the id."""
        entry = self._entries.get(tracking_id.lower())
        return entry[0] if entry is not None else NOT_KNOWN

    def expire(self, now: float) -> None:
        """Forget what is older than `keep_s`."""
        for key, (_, since) in list(self._entries.items()):
            if now - since <= self.keep_s:
                break
            del self._entries[key]

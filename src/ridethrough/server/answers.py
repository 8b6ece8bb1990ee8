# SPDX-License-Identifier: GPL-2.0-or-later
"""Ready replies by request line: a commit costs once, and a repeated read is one dictionary look-up.

A reply is kept together with its owner (the UPS whose view it was made from, or "" for the configuration),
and goes when the owner changes.  The store is bounded: once it is full, requests are simply worked out anew.
"""

from __future__ import annotations

MAX_LINE_BYTES = 256
MAX_LINES = 4096
MAX_BYTES = 4 * 1024 * 1024


class Answers:
    """The store.  `ready` may be read directly, by request lines with their newlines;
    it is changed by `keep` and `drop` alone."""

    __slots__ = ("_bytes", "_owned", "ready")

    def __init__(self) -> None:
        """Begin empty."""
        self.ready: dict[bytes, bytes] = {}
        self._owned: dict[str, list[bytes]] = {}
        self._bytes = 0

    @property
    def size(self) -> int:
        """How many bytes of requests and replies are held."""
        return self._bytes

    def keep(self, owner: str, line: bytes, reply: bytes) -> None:
        """Keep the reply to a request line (with its newline), if there is room."""
        cost = len(line) + len(reply)
        if len(line) > MAX_LINE_BYTES or len(self.ready) >= MAX_LINES or self._bytes + cost > MAX_BYTES:
            return
        if line in self.ready:
            return
        self.ready[line] = reply
        self._owned.setdefault(owner, []).append(line)
        self._bytes += cost

    def drop(self, owner: str) -> None:
        """Forget all that was made from `owner`."""
        for line in self._owned.pop(owner, ()):
            self._bytes -= len(line) + len(self.ready.pop(line))

    def clear(self) -> None:
        """Forget everything."""
        self.ready.clear()
        self._owned.clear()
        self._bytes = 0

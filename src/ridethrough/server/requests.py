# SPDX-License-Identifier: GPL-2.0-or-later
"""A session's bytes as request lines, so that each line that was sent is answered once.

C says nothing to a line that it can't read, and forgets whatever else it had read together with it.
Here such a line is one error, and what stands behind it up to the newline is dropped: a client that counts
its answers stays in step.  An empty line is a line, too: C answers UNKNOWN-COMMAND.
"""

from __future__ import annotations

from ridethrough.wire.words import SOCKET_LIMITS, Line, WordStream

_EMPTY = Line((), None, 1)


class RequestReader:
    """`pending` is not 0 while a request is begun and not complete; the next bytes belong to it."""

    __slots__ = ("_skipping", "_stream", "pending")

    def __init__(self) -> None:
        """Begin with nothing."""
        self._stream = WordStream(SOCKET_LIMITS)
        self._skipping = False
        self.pending = 0

    def feed(self, data: bytes) -> list[Line]:
        """Take bytes in which a newline may only stand at the end; give the request that they complete."""
        whole = data.endswith(b"\n")
        if self._skipping:
            self._skipping = not whole
            self.pending = int(self._skipping)
            return []
        lines = self._stream.feed(data)
        if lines and lines[0].error is not None:
            self._stream = WordStream(SOCKET_LIMITS)
            self._skipping = not whole
            self.pending = int(self._skipping)
            return lines[:1]
        self.pending = self._stream.pending
        return lines if lines or self.pending or not whole else [_EMPTY]

# SPDX-License-Identifier: GPL-2.0-or-later
"""The production clock: asyncio deadlines on CLOCK_BOOTTIME, which goes on while the machine sleeps.

A timer that came due in suspend fires within a second of the resume, instead of late by the whole sleep.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import Final

LONGEST_WAIT_S: Final = 1.0
_CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ShortSelector(selectors.DefaultSelector):
    """A selector that never waits longer than `LONGEST_WAIT_S`.

    The kernel's own waits stand still in suspend: a long one would learn late that its deadline has passed.
    """

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for sockets; the loop asks again until a deadline has come."""
        short = timeout is not None and timeout < LONGEST_WAIT_S
        return super().select(timeout if short else LONGEST_WAIT_S)


class BoottimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` is CLOCK_BOOTTIME (Linux; elsewhere the ordinary monotonic clock)."""

    def __init__(self) -> None:
        super().__init__(ShortSelector())

    def time(self) -> float:
        """Seconds since boot, suspend included."""
        return time.clock_gettime(_CLOCK)


def boottime() -> float:
    """Seconds since boot, suspend included; the monotonic clock where the system has no CLOCK_BOOTTIME."""
    return time.clock_gettime(_CLOCK)

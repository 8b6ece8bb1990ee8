# SPDX-License-Identifier: GPL-2.0-or-later
"""The production clock: asyncio deadlines on CLOCK_BOOTTIME, which goes on while the machine sleeps.

A timer that came due in suspend fires at once after resume, instead of late by the length of the sleep.
"""

from __future__ import annotations

import asyncio
import time


class BoottimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` is CLOCK_BOOTTIME (Linux; elsewhere the ordinary monotonic clock)."""

    def time(self) -> float:
        """Seconds since boot, suspend included."""
        return boottime()


def boottime() -> float:
    """Seconds since boot, suspend included; the monotonic clock where the system has no CLOCK_BOOTTIME."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)

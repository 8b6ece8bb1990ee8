# SPDX-License-Identifier: GPL-2.0-or-later
"""An event loop whose time runs `speed` times as fast as the wall's, while its sockets stay real.

Only the waiting is shortened.
Time moves in `select` alone, and never beyond the next deadline.
A busy or stalled machine thus makes the simulation slower, never wrong,
and a reply that has arrived is read before the timeout that waited for it.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Mapping
from typing import Any, Final

SHORTEST_WAIT_S: Final = 0.001


class ScaledSelector(selectors.BaseSelector):
    """A selector that waits `1/speed` of what it is asked to, and counts the time asked for as passed."""

    def __init__(self, speed: float, start: float = 0.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, not {speed:g}")
        self.speed = speed
        self.now = start
        self._real = selectors.DefaultSelector()
        self._owed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for sockets at most `timeout` scaled seconds; `now` moves by what passed, at most that."""
        began = time.monotonic()
        if timeout is None:
            ready = self._real.select(None)
            self.now += (time.monotonic() - began) * self.speed
            return ready
        wanted = max(timeout, 0.0)
        # epoll rounds every wait up to a millisecond: shorter ones are saved up, or high speeds would crawl.
        self._owed_s += wanted / self.speed
        wait_s, self._owed_s = (0.0, self._owed_s) if self._owed_s < SHORTEST_WAIT_S else (self._owed_s, 0.0)
        ready = self._real.select(wait_s)
        self.now += min((time.monotonic() - began) * self.speed, wanted) if ready else wanted
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As every selector."""
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """As every selector."""
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As every selector."""
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        """Release the real selector."""
        self._real.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """As every selector."""
        return self._real.get_map()


class ScaledLoop(asyncio.SelectorEventLoop):
    """An event loop for `--speed`; its `time()` starts at 0."""

    def __init__(self, speed: float) -> None:
        self._scaled = ScaledSelector(speed)
        super().__init__(self._scaled)

    def time(self) -> float:
        """Scaled seconds since the loop was made."""
        return self._scaled.now

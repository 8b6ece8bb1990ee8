# SPDX-License-Identifier: GPL-2.0-or-later
"""An asyncio loop whose clock jumps: tests of shells take no real time, and the same time each run.

`run_virtual(coro)` runs a coroutine on a loop whose `time()` starts at `start` and moves only when
nothing is ready: then it jumps to the next timer.  Real sockets between tasks of the loop work, because
what one end writes the kernel shows to the other at once.  While a thread of the executor is at work
the clock stands still.  A loop that would wait for ever, with no timer and no thread, raises `Deadlock`.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from typing import Any, TypeVar

T = TypeVar("T")

# How long one look at the sockets may take while a thread works.
THREAD_LOOK_S = 0.01
# A thread that is not of the executor (asyncio's own, at its end) gets this long before it is a deadlock.
LAST_LOOK_S = 0.5
# Timers in one run; a test that needs more has gone round in circles.
MAX_JUMPS = 200_000


class Deadlock(AssertionError):
    """Everything waits, and no timer would ever end the waiting."""


class _JumpingSelector(selectors.BaseSelector):
    """Asks the real selector without waiting, and moves the clock instead of sleeping."""

    def __init__(self, start: float) -> None:
        self._real = selectors.DefaultSelector()
        self.now = start
        self.threads = 0
        self._jumps = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if timeout is not None and timeout <= 0:
            return ready  # callbacks are waiting: no time may pass before them
        while not ready and self.threads > 0:
            ready = self._real.select(THREAD_LOOK_S)
        if ready:
            return ready
        if timeout is None:
            ready = self._real.select(LAST_LOOK_S)
            if ready:
                return ready
            raise Deadlock("every task waits and no timer is set: the loop would never go on")
        self._jumps += 1
        if self._jumps > MAX_JUMPS:
            raise Deadlock(f"the clock has jumped {MAX_JUMPS} times; does something poll for ever?")
        self.now += timeout
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop of `run_virtual`.  `time()` is virtual seconds; `advance(s)` moves it by hand."""

    def __init__(self, start: float = 0.0) -> None:
        self._jumping = _JumpingSelector(start)
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def advance(self, seconds: float) -> None:
        """Move the clock forward at once, as if the machine had been suspended."""
        self._jumping.now += seconds

    def run_in_executor(
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self._jumping.threads += 1

        def ended(_: asyncio.Future[T]) -> None:
            self._jumping.threads -= 1

        future.add_done_callback(ended)
        return future


def run_virtual(coro: Coroutine[Any, Any, T], start: float = 0.0) -> T:
    """Run `coro` to its end on a virtual clock that begins at `start`, and return its result.

    Tasks left over are cancelled and waited for, as `asyncio.run` does.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(start)) as runner:
        return runner.run(coro)

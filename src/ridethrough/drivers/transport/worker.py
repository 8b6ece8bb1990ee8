# SPDX-License-Identifier: GPL-2.0-or-later
"""A thread for calls that may hang in the kernel, so that the loop never does.

One call runs at a time, a few wait.  A call that its caller no longer waits for is not begun any more: an
order to a UPS must not be carried out long after it was given up.  The thread is a daemon: one that hangs in
the kernel for good does not hold up the end of the program.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, TypeVar

T = TypeVar("T")

CAPACITY: Final = 16


class Late(Exception):
    """The call has not come back in time.  `begun`: it may still do its work."""

    def __init__(self, begun: bool) -> None:
        super().__init__("the call has not come back in time")
        self.begun = begun


class Full(Exception):
    """Too many calls wait already, or the worker has been ended."""


class Hands(Protocol):
    """What a Worker does, so that tests can do it without a thread."""

    async def do(self, work: Callable[[], T], limit_s: float) -> T:
        """The result of `work`, or what it raised.  Raises Late, Full."""

    def end(self, last: Callable[[], None] | None = None) -> None:
        """Take no more calls; `last` comes after all that were begun."""

    async def ended(self, limit_s: float) -> bool:
        """Whether all is over, which is waited for."""

    @property
    def alive(self) -> bool:
        """Whether something may still be going on."""


MakeHands: TypeAlias = Callable[[str], Hands]
"""Makes a worker of that name."""


@dataclass(slots=True)
class _Job:
    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    begun: bool = False
    dropped: bool = False


class Worker:
    """One thread; it starts with the first call.  `end` is owed."""

    def __init__(self, name: str, capacity: int = CAPACITY) -> None:
        self._name = name
        self._jobs: queue.Queue[_Job | None] = queue.Queue(capacity + 1)  # one more: the end
        self._capacity = capacity
        self._thread: threading.Thread | None = None
        self._last: Callable[[], None] | None = None
        self._ended = False
        self._lock = threading.Lock()
        self._over = asyncio.Event()

    async def do(self, work: Callable[[], T], limit_s: float) -> T:
        """The result of `work`, or what it raised.  Raises Late after `limit_s` seconds, Full."""
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        if self._ended or self._jobs.qsize() >= self._capacity:
            raise Full
        self._jobs.put_nowait(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(loop,), name=self._name, daemon=True)
            self._thread.start()
        try:
            done, _ = await asyncio.wait({job.future}, timeout=limit_s)
            if not done:
                raise Late(not self._drop(job))
            result: T = job.future.result()
            return result
        finally:
            self._drop(job)

    def end(self, last: Callable[[], None] | None = None) -> None:
        """Let the thread end after what it is doing now, with `last` as its last call.

        Calls that wait are given up.  Without a thread `last` runs here.
        """
        if self._ended:
            return
        self._ended = True
        if self._thread is None:
            if last is not None:
                last()
            return
        self._last = last
        self._jobs.put_nowait(None)

    async def ended(self, limit_s: float) -> bool:
        """Whether the thread has come to its end, which is waited for; `end` comes first."""
        if self.alive:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), limit_s)
        return self._over.is_set() or not self.alive

    @property
    def alive(self) -> bool:
        """Whether its thread runs, be it that it hangs."""
        return self._thread is not None and self._thread.is_alive()

    def _drop(self, job: _Job) -> bool:
        """Give a call up; whether it will never be begun."""
        with self._lock:
            job.dropped = True
            return not job.begun

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while (job := self._jobs.get()) is not None:
            with self._lock:
                if job.dropped or self._ended:
                    _tell(job, asyncio.CancelledError() if job.dropped else Full())
                    continue
                job.begun = True
            try:
                result = job.work()
            except Exception as error:
                _tell(job, error)
            else:
                _tell(job, None, result)
        if self._last is not None:
            with contextlib.suppress(Exception):
                self._last()
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(self._over.set)


def _tell(job: _Job, error: BaseException | None, result: Any = None) -> None:
    def tell() -> None:
        if job.future.done():
            return
        if error is None:
            job.future.set_result(result)
        elif isinstance(error, asyncio.CancelledError):
            job.future.cancel()
        else:
            job.future.set_exception(error)
            if job.dropped:
                job.future.exception()  # nobody waits for it: it counts as seen

    with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
        job.loop.call_soon_threadsafe(tell)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The production clock: asyncio deadlines on CLOCK_BOOTTIME, which goes on while the machine sleeps.

A timer that came due in suspend fires within a second of the resume, instead of late by the whole sleep.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import selectors
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

LONGEST_WAIT_S: Final = 1.0
_CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class ShortSelector(selectors.BaseSelector):
    """A selector that never waits longer than `LONGEST_WAIT_S`.

    The kernel's own waits stand still in suspend: a long one would learn late that its deadline has passed.
    It does what `selectors.EpollSelector` does, for a third less time: the server asks it for every request.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._keys: dict[FileDescriptorLike, selectors.SelectorKey] = {}

    def register(
        self, fileobj: FileDescriptorLike, events: int, data: object = None
    ) -> selectors.SelectorKey:
        """Watch a descriptor; KeyError if it is watched already."""
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        if fd in self._keys:
            raise KeyError(f"descriptor {fd} is watched already")
        self._epoll.register(fd, _MASKS[events])
        key = self._keys[fd] = selectors.SelectorKey(fileobj, fd, events, data)
        return key

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        """Watch it no longer; KeyError if it is not watched."""
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = self._keys.pop(fd)
        with contextlib.suppress(OSError):  # It may be closed already.
            self._epoll.unregister(fd)
        return key

    def modify(self, fileobj: FileDescriptorLike, events: int, data: object = None) -> selectors.SelectorKey:
        """Watch it for other events; KeyError if it is not watched."""
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        if events != self._keys[fd].events:
            self._epoll.modify(fd, _MASKS[events])
        key = self._keys[fd] = selectors.SelectorKey(fileobj, fd, events, data)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for descriptors; the loop asks again until a deadline has come."""
        if timeout is None or timeout > LONGEST_WAIT_S:
            timeout = LONGEST_WAIT_S
        elif timeout < 0:
            timeout = 0
        keys, ready = self._keys, []
        for fd, event in self._epoll.poll(timeout, len(keys) or 1):
            key = keys.get(fd)
            if key is None:
                continue
            # An error or an end is news for whoever reads, and for whoever writes.
            mask = event if event == select.EPOLLIN else _events(event)
            if mask & key.events:
                ready.append((key, mask & key.events))
        return ready

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        """What is watched, by descriptor."""
        return self._keys

    def close(self) -> None:
        """Watch nothing any more."""
        self._epoll.close()
        self._keys.clear()


_MASKS: Final = {
    selectors.EVENT_READ: select.EPOLLIN,
    selectors.EVENT_WRITE: select.EPOLLOUT,
    selectors.EVENT_READ | selectors.EVENT_WRITE: select.EPOLLIN | select.EPOLLOUT,
}


def _events(event: int) -> int:
    read = selectors.EVENT_READ if event & ~select.EPOLLOUT else 0
    return read | (selectors.EVENT_WRITE if event & ~select.EPOLLIN else 0)


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

# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines for people, written by a thread of its own.

A terminal that is held (Ctrl-S), a pipe that nobody reads, or a journal on a dead disk makes `write` wait
for ever; in the event loop that would stop the monitor, in the very night when disks fail.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

MAX_LINES: Final = 2000
CLOSE_LIMIT_S: Final = 1.0


class Printer:
    """Writes lines to a file descriptor.  `say` never waits and never raises; `close` is owed.

    Make it after root was dropped: a process with threads does not change its user at once.
    The descriptor is written without Python's buffers, whose locks would make the end of the program wait.
    """

    def __init__(self, fd: int, *, begin: bool = True) -> None:
        """Start the thread, or leave that to `begin`; it ends with `close`, or with the program."""
        self._fd = fd
        self._deeds: deque[Callable[[], None]] = deque()
        self._lost = 0
        self._closing = False
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        if begin:
            self.begin()

    def begin(self) -> None:
        """Start the thread, if it does not run yet; what was said meanwhile is written now."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="printer", daemon=True)
            self._thread.start()

    def say(self, line: str) -> None:
        """Have a line written; the oldest ones are dropped, and counted, once too many wait."""
        self.do(partial(self._write, line))

    def do(self, deed: Callable[[], None]) -> None:
        """Have a line told in another way that may wait, such as syslog(3), in its turn."""
        with self._news:
            if len(self._deeds) >= MAX_LINES:
                self._deeds.popleft()
                self._lost += 1
            self._deeds.append(deed)
            self._news.notify()

    def flush(self, limit_s: float = CLOSE_LIMIT_S) -> bool:
        """Wait until all that was said is written, for a bounded time; False if it is not."""
        written = threading.Event()
        self.do(written.set)
        self.begin()
        return written.wait(limit_s)

    def close(self, limit_s: float = CLOSE_LIMIT_S) -> bool:
        """Let what waits be written, for a bounded time; False if it still waits then."""
        with self._news:
            self._closing = True
            self._news.notify()
        self.begin()
        assert self._thread is not None
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._news:
                while not self._deeds:
                    if self._closing:
                        return
                    self._news.wait()
                lost, self._lost = self._lost, 0
                deed = self._deeds.popleft()
            if lost:
                self._write(f"({lost} lines were lost here: nobody read them)")
            # Whatever can't be told must not end the telling.
            with contextlib.suppress(Exception):
                deed()

    def _write(self, line: str) -> None:
        """A reader that went away is nobody's fault."""
        with contextlib.suppress(OSError):
            write_all(self._fd, encoded(line) + b"\n")


def write_all(fd: int, data: bytes) -> None:
    """Write all of it, however long that takes; raises OSError."""
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            select.select([], [fd], [])


def encoded(line: str) -> bytes:
    """Bytes that are no UTF-8 come out as they came in; what stands for no byte becomes a question mark."""
    return line.encode("utf-8", "surrogateescape" if _escaped(line) else "replace")


def _escaped(line: str) -> bool:
    """Whether all that is no text in it stands for bytes."""
    return not any(0xD800 <= ord(char) <= 0xDFFF and not 0xDC80 <= ord(char) <= 0xDCFF for char in line)

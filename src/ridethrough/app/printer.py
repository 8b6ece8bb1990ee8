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

    def __init__(self, fd: int) -> None:
        """Start the thread; it ends with `close`, or with the program."""
        self._fd = fd
        self._deeds: deque[Callable[[], None]] = deque()
        self._lost = 0
        self._closing = False
        self._news = threading.Condition()
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

    def close(self, limit_s: float = CLOSE_LIMIT_S) -> None:
        """Let what waits be written, for a bounded time."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join(limit_s)

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
        """Bytes that are no UTF-8 come out as they came in; a reader that went away is nobody's fault."""
        data = line.encode("utf-8", "surrogateescape" if _escaped(line) else "replace") + b"\n"
        with contextlib.suppress(OSError):
            while data:
                try:
                    data = data[os.write(self._fd, data) :]
                except BlockingIOError:
                    select.select([], [self._fd], [])


def _escaped(line: str) -> bool:
    """Whether all that is no text in it stands for bytes."""
    return not any(0xD800 <= ord(char) <= 0xDFFF and not 0xDC80 <= ord(char) <= 0xDCFF for char in line)

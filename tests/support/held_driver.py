# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver socket that says exactly what the test tells it to say, and when: for dumps that come late."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path


class HeldDriver:
    """The links of all servers that have connected.  `greeting` is sent once DUMPALL has come."""

    def __init__(self, greeting: bytes) -> None:
        """Begin without a link."""
        self.greeting = greeting
        self.asked = 0
        self._links: list[socket.socket] = []
        self._lock = threading.Lock()

    def say(self, data: bytes) -> None:
        """Send the same to every server that is connected now."""
        for link in self._current():
            link.sendall(data)

    def drop(self) -> None:
        """Close all links, as a driver that ends."""
        for link in self._current():
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def _current(self) -> list[socket.socket]:
        with self._lock:
            return list(self._links)

    def serve(self, link: socket.socket) -> None:
        """One server's link to its end."""
        with self._lock:
            self._links.append(link)
        try:
            with contextlib.suppress(OSError):
                for line in link.makefile("rb"):
                    if line.strip() == b"PING":
                        link.sendall(b"PONG\n")
                    elif line.strip() == b"DUMPALL":
                        link.sendall(self.greeting)
                        self.asked += 1
        finally:
            with self._lock:
                self._links.remove(link)
            link.close()


@contextlib.contextmanager
def held_driver(path: Path, greeting: bytes = b"") -> Iterator[HeldDriver]:
    """Listen on the unix socket `path`; all links are closed in the end."""
    driver = HeldDriver(greeting)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    link, _ = listener.accept()
                    threading.Thread(target=driver.serve, args=(link,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield driver
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            driver.drop()

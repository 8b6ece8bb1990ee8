# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver whose UPS says what the test tells it to say, at once, to a C upsd and to ours alike.

It speaks NUT's driver protocol (docs/sock-protocol.txt) in plain bytes, without any code of the project.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path


class LiveDriver:
    """One UPS on one unix socket."""

    def __init__(self, path: Path, variables: dict[str, str]) -> None:
        """`live_driver` makes it."""
        self._variables = dict(variables)
        self._links: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o666)  # Whoever is the server's user may connect.
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def say(self, status: str, **more: str) -> float:
        """Change ups.status, and with it `battery_charge="9"`...; gives the monotonic time of that."""
        named = {name.replace("_", "."): value for name, value in more.items()}
        with self._lock:
            self._variables |= {**named, "ups.status": status}
            data = b"".join(_setinfo(*pair) for pair in (*named.items(), ("ups.status", status)))
            at = time.monotonic()
            for link in self._links:
                with contextlib.suppress(OSError):
                    link.sendall(data)
        return at

    def close(self) -> None:
        """End it; its servers see the socket close."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for link in self._links:
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)
                link.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), link.makefile("rb") as lines:
            for line in lines:
                with self._lock:
                    if line.startswith(b"DUMPALL"):
                        dump = b"".join(map(_setinfo, self._variables, self._variables.values()))
                        link.sendall(dump + b"DATAOK\nDUMPDONE\n")
                        if link not in self._links:
                            self._links.append(link)
                    elif line.startswith(b"PING"):
                        link.sendall(b"PONG\n")


def _setinfo(name: str, value: str) -> bytes:
    return f'SETINFO {name} "{value}"\n'.encode()


@contextlib.contextmanager
def live_driver(path: Path, status: str = "OL", charge: str = "100") -> Iterator[LiveDriver]:
    """Serve a UPS on the socket `path` (`<statepath>/<driver>-<ups>`) until the block is left."""
    names = {"driver.name": "live", "driver.version": "1", "battery.charge": charge, "ups.status": status}
    driver = LiveDriver(path, names)
    try:
        yield driver
    finally:
        driver.close()

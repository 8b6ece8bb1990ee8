# SPDX-License-Identifier: GPL-2.0-or-later
"""A scripted TCP server for tests of clients: each received line is looked up, its answer is sent."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.support.ports import LOOPBACK

Answer = Callable[[bytes], bytes | None]


@dataclass(slots=True)
class LineServer:
    """A running server: where it listens, and every line it received."""

    host: str
    port: int
    seen: list[bytes] = field(default_factory=list)
    links: list[socket.socket] = field(default_factory=list)


@contextlib.contextmanager
def line_server(answer: Answer | dict[bytes, bytes], host: str = LOOPBACK) -> Iterator[LineServer]:
    """Serve on the loopback; `answer` gives the bytes to send for a line, b"" for none, None to close."""
    reply: Answer = answer if callable(answer) else lambda line: answer.get(line, b"ERR UNKNOWN-COMMAND\n")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen()
        server = LineServer(host, listener.getsockname()[1])

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    link, _ = listener.accept()
                    server.links.append(link)
                    threading.Thread(target=serve, args=(link,), daemon=True).start()

        def serve(link: socket.socket) -> None:
            with contextlib.suppress(OSError), link.makefile("rb") as lines:
                for line in lines:
                    server.seen.append(line)
                    data = reply(line)
                    if data is None:
                        link.shutdown(socket.SHUT_RDWR)
                        return
                    link.sendall(data)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for link in server.links:
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)
                link.close()

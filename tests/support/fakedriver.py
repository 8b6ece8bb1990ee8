# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver for tests: a unix socket in a thread that serves a fixed snapshot through our driver's side."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from ridethrough.protocol import driver
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Snapshot

Answer = Callable[[driver.InstCmd | driver.SetVar], Outcome]


def _handled(request: driver.InstCmd | driver.SetVar) -> Outcome:
    return Outcome.HANDLED


@contextlib.contextmanager
def fake_driver(
    path: Path, snapshot: Snapshot, answer: Answer = _handled
) -> Iterator[list[driver.DriverRequest]]:
    """Serve `snapshot` on the unix socket `path`; yields the list of all requests, which grows."""
    seen: list[driver.DriverRequest] = []
    links: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    link, _ = listener.accept()
                    links.append(link)
                    threading.Thread(target=serve, args=(link,), daemon=True).start()

        def serve(link: socket.socket) -> None:
            session = driver.DriverSession()
            with contextlib.suppress(OSError):
                while data := link.recv(65536):
                    for request in session.receive(data):
                        seen.append(request)
                        link.sendall(_reply(request, snapshot, answer))

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for link in links:
                link.close()


def _reply(request: driver.DriverRequest, snapshot: Snapshot, answer: Answer) -> bytes:
    match request:
        case driver.DumpAll():
            return driver.dump(snapshot, stale=False)
        case driver.Ping():
            return driver.pong()
        case driver.InstCmd(tracking=tracking) | driver.SetVar(tracking=tracking):
            outcome = answer(request)
            return b"" if tracking is None else driver.tracking(tracking, outcome)
        case _:
            return b""

# SPDX-License-Identifier: GPL-2.0-or-later
"""A TCP connection that can be cut or held: a proxy on the loopback between one client and its server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from enum import Enum, auto

from tests.support.ports import LOOPBACK

READ_BYTES = 65536
CONNECT_S = 5.0


class Way(Enum):
    """What happens on the way."""

    OPEN = auto()
    CUT = auto()
    """Connections end at once, as behind a router that refuses."""
    HELD = auto()
    """Nothing gets through and nobody is told, as with a pulled plug."""


class CuttingProxy:
    """Passes on what it gets, as long as it may."""

    def __init__(self, port: int) -> None:
        """`cutting_proxy` makes it; `port` is the server's."""
        self._server = port
        self._links: set[socket.socket] = set()
        self._way = Way.OPEN
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections, and every new one."""
        self._way = Way.CUT
        self._open.set()
        for link in tuple(self._links):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def hold(self) -> None:
        """Let nothing through any more, and keep the connections."""
        self._way = Way.HELD
        self._open.clear()

    def mend(self) -> None:
        """Let everything through again; what was held comes late."""
        self._way = Way.OPEN
        self._open.set()

    def close(self) -> None:
        """End it."""
        self.cut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        """Both directions of one connection, until one side ends it."""
        with client:
            if self._way is Way.CUT:
                return
            self._open.wait()
            try:
                server = socket.create_connection((LOOPBACK, self._server), CONNECT_S)
            except OSError:
                return
            with server:
                server.settimeout(None)
                both = {client, server}
                self._links |= both
                back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
                back.start()
                self._pump(client, server)
                back.join()
                self._links -= both

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(READ_BYTES):
                self._open.wait()
                sink.sendall(data)
        for link in (source, sink):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def cutting_proxy(port: int) -> Iterator[CuttingProxy]:
    """A proxy before the server on `port`; its own port is `.port`."""
    proxy = CuttingProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()

# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver socket of a runner: what a C `upsd`, or ours, connects to (NUT's sock-protocol.txt).

Whoever may open the socket may do everything, so it has mode 0660; that is all the security there is.
Each connection is bounded: a reader that leaves more than `MAX_UNSENT_BYTES` unread is dropped.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

from ridethrough.drivers import unixpath
from ridethrough.drivers.base import Log, no_log
from ridethrough.drivers.runner import Runner
from ridethrough.protocol import driver as wire
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Change, DeviceView, Freshness

MAX_UNSENT_BYTES: Final = 1_048_576
MAX_CONNECTIONS: Final = 64
MAX_REQUESTS: Final = 16
"""Commands and SETs of one connection that wait for the device at a time; more are FAILED at once."""


class DriverSocket:
    """Serves one runner at one path.  `await start()`, and `await close()` in the end."""

    def __init__(
        self,
        path: Path,
        runner: Runner,
        *,
        group: int | None = None,
        log: Log = no_log,
    ) -> None:
        self.path = path
        self.runner = runner
        self.log = log
        self._group = group
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._links: set[_Link] = set()
        self._last = runner.view

    async def start(self) -> None:
        """Listen.  Raises `unixpath.SocketPathError` in words."""
        sock = unixpath.listen(self.path, self._group)
        self._inode = os.lstat(self.path).st_ino
        self._last = self.runner.view
        self._unlisten = self.runner.listen(self._on_view)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Link(self), sock=sock)

    async def close(self) -> None:
        """Stop listening, drop all connections, take the socket file away."""
        if self._server is None:
            return
        self._unlisten()
        self._server.close()
        for link in tuple(self._links):
            link.close()
        unixpath.remove(self.path, self._inode)
        self._server = None

    @property
    def stale(self) -> bool:
        """Whether the readings may not be used."""
        return self._last.freshness is not Freshness.FRESH

    def admit(self, link: _Link) -> bool:
        """Take a new connection in; False when there are too many."""
        if len(self._links) >= MAX_CONNECTIONS:
            self.log("warning", f"{self.path}: more than {MAX_CONNECTIONS} connections; one was refused")
            return False
        self._links.add(link)
        return True

    def forget(self, link: _Link) -> None:
        """A connection has ended."""
        self._links.discard(link)

    def _on_view(self, view: DeviceView, change: Change) -> None:
        """Broadcast one commit: what is not to be trusted is never announced as fresh in between."""
        was_stale, before, self._last = self.stale, self._last.snapshot, view
        data = wire.diff(change, before) if change else b""
        if self.stale and not was_stale:
            data = wire.data_stale() + data
        elif was_stale and not self.stale:
            data += wire.data_ok()
        for link in tuple(self._links):
            if link.session.broadcast:
                link.send(data)


class _Link(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: DriverSocket) -> None:
        self.session = wire.DriverSession()
        self._server = server
        self._transport: asyncio.WriteTransport | None = None
        self._requests: set[asyncio.Task[None]] = set()
        self._last_request: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        if not self._server.admit(self):
            transport.abort()
            return
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        # A command that is under way goes on: the device must not be left in the middle of it.
        self._transport = None
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        for request in self.session.receive(data):
            if self._transport is None:
                return
            self._answer(request)

    def send(self, data: bytes) -> None:
        """Write, or drop a connection that does not read."""
        if self._transport is None or not data:
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._server.log("warning", f"{self._server.path}: dropped a reader that does not read")
            self._transport.abort()
            self._transport = None

    def close(self) -> None:
        """End the connection after what is written."""
        if self._transport is not None:
            self._transport.close()

    def _answer(self, request: wire.DriverRequest) -> None:
        snapshot, stale = self._server.runner.view.snapshot, self._server.stale
        match request:
            case wire.Ping():
                self.send(wire.pong())
            case wire.DumpAll():
                self.send(wire.dump(snapshot, stale))
            case wire.DumpValue(name):
                self.send(wire.dump_value(snapshot, name, stale))
            case wire.DumpStatus():
                self.send(wire.dump_status(snapshot, stale))
            case wire.GetPid():
                self.send(wire.pid(os.getpid()))
            case wire.Logout():
                self.send(wire.goodbye())
                self.close()
            case wire.InstCmd() | wire.SetVar():
                self._begin(request)
            case wire.Unknown(text):
                self._server.log("warning", f"{self._server.path}: {text}")
            case wire.NoBroadcast() | wire.Broadcast():
                pass  # the session has taken notice

    def _begin(self, request: wire.InstCmd | wire.SetVar) -> None:
        if len(self._requests) >= MAX_REQUESTS:
            self._done(request, Outcome.FAILED)
            return
        task = asyncio.get_running_loop().create_task(self._ask(request, self._last_request))
        self._last_request = task
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _ask(self, request: wire.InstCmd | wire.SetVar, after: asyncio.Task[None] | None) -> None:
        if after is not None and not after.done():
            await asyncio.wait({after})  # in the order in which they were asked
        runner = self._server.runner
        if isinstance(request, wire.InstCmd):
            outcome = await runner.instcmd(request.name, request.param)
        else:
            outcome = await runner.setvar(request.name, request.value)
        self._done(request, outcome)

    def _done(self, request: wire.InstCmd | wire.SetVar, outcome: Outcome) -> None:
        if outcome is not Outcome.HANDLED:
            self._server.log("warning", f"{self._server.path}: {_shown(request)}: {outcome}")
        if request.tracking is not None:
            self.send(wire.tracking(request.tracking, outcome))


def _shown(request: wire.InstCmd | wire.SetVar) -> str:
    verb = "command" if isinstance(request, wire.InstCmd) else "setting"
    return f"{verb} {request.name}"

# SPDX-License-Identifier: GPL-2.0-or-later
"""The TCP shell of the server: carries bytes between clients and `ServerCore`, and decides nothing.

One batch of bytes read is one write.
A client that does not take its answers is first not read from any more, then dropped: what is held for it
stays below 1 MiB.
Newcomers beyond `maxconn`, or beyond the file descriptors that the system gives, are refused at once.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterable, Sequence

from ridethrough.config.models import Listen
from ridethrough.server.core import ServerCore
from ridethrough.server.doors import Doors
from ridethrough.server.effects import Drop, Effect, Level, Log, Reaction
from ridethrough.server.limits import make_room
from ridethrough.server.memory import MemoryChannel
from ridethrough.server.session import Session
from ridethrough.server.sockets import Families
from ridethrough.server.transport import SocketTransport

HIGH_WATER_BYTES = 256 * 1024
SLOW_READER_S = 10.0
CLOSE_GRACE_S = 5.0
TICK_S = 5.0
READ_BYTES = 64 * 1024
_ACCEPTS_AT_ONCE = 64
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

OnEffect = Callable[[Effect], None]


class Listener:
    """The listening sockets and the connections they brought."""

    def __init__(
        self,
        core: ServerCore,
        listens: Sequence[Listen],
        on_effect: OnEffect,
        *,
        maxconn: int | None = None,
        families: Families = Families.BOTH,
        allow_some: bool = False,
        slow_reader_s: float = SLOW_READER_S,
        tick_s: float = TICK_S,
    ) -> None:
        """Prepare; nothing is opened before `start`.

        `on_effect` is called in the event loop for every effect but Drop, and must return at once.
        """
        self.core = core
        self._wanted = maxconn
        self.maxconn = 0
        self._listens = tuple(listens)
        self._on_effect = on_effect
        self._allow_some = allow_some
        self._slow_reader_s = slow_reader_s
        self._tick_s = tick_s
        self._doors = Doors(families, self._accept, self._log)
        self._connections: dict[int, Connection] = {}
        # One for all connections: what was read is taken out before anybody else reads.
        self.buffer = memoryview(bytearray(READ_BYTES))
        self._channels: set[MemoryChannel] = set()
        self._spare = -1
        self._refused = 0
        self._timer: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def bound(self) -> list[tuple[str, int]]:
        """Address and port of every listening socket."""
        return self._doors.bound

    async def start(self) -> None:
        """Listen on all addresses; afterwards `close` is owed.  Raises ListenError, nothing left open."""
        self._set_maxconn(self._wanted)
        self._doors.open(self._listens, allow_some=self._allow_some)
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._tick_s, self._tick)

    async def close(self) -> None:
        """Stop listening and close every connection; ends within `CLOSE_GRACE_S`."""
        if self._timer is not None:
            self._timer.cancel()
        self._doors.close()
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        for channel in tuple(self._channels):
            channel.close()
        for connection in tuple(self._connections.values()):
            connection.finish()
        try:
            async with asyncio.timeout(CLOSE_GRACE_S):
                await self._empty.wait()
        except TimeoutError:
            for connection in tuple(self._connections.values()):
                connection.abort()

    async def change(self, listens: Sequence[Listen], *, maxconn: int | None, allow_some: bool) -> None:
        """Take a reloaded LISTEN and MAXCONN; clients that are here stay, even beyond a lower MAXCONN.

        Raises ListenError if an address can't be had; then it listens as before.
        """
        if maxconn != self._wanted:
            self._set_maxconn(maxconn)
        await self._doors.change(listens, allow_some=allow_some)

    def carry_out(self, effects: Iterable[Effect]) -> None:
        """Do what the core asked for: close dropped connections here, pass the rest on."""
        for effect in effects:
            if not isinstance(effect, Drop):
                self._on_effect(effect)
                continue
            connection = self._connections.get(effect.session.number)
            if connection is not None:
                connection.finish()
            for channel in tuple(self._channels):
                channel.dropped(effect)

    def memory_channel(self, peer: str = "local") -> MemoryChannel:
        """A client's channel inside this process, to be opened by whoever uses it (the monitor)."""
        return MemoryChannel(self.core, self.carry_out, peer, self._channels)

    def _set_maxconn(self, maxconn: int | None) -> None:
        self._wanted = maxconn
        self.maxconn, warning = make_room(maxconn)
        if warning:
            self._log(Level.WARNING, warning)

    def _log(self, level: Level, text: str) -> None:
        self._on_effect(Log(level, text))

    # -- connections come and go ----------------------------------------------------------------

    def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(_ACCEPTS_AT_ONCE):
            try:
                client, address = sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno in _NO_DESCRIPTORS:
                    self._shed(sock)
                return
            if len(self._connections) >= self.maxconn:
                client.close()
                self._note_refusal(f"MAXCONN ({self.maxconn} clients) is reached")
                continue
            SocketTransport(loop, client, Connection(self, str(address[0]), self._slow_reader_s))

    def _shed(self, sock: socket.socket) -> None:
        """Out of descriptors: give the spare one up for a moment, so a newcomer is refused, not hung."""
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        try:
            client, _ = sock.accept()
            client.close()
        except OSError:
            pass
        try:
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._spare = -1
        self._note_refusal("no file descriptors are left; raise the limit of open files")

    def _note_refusal(self, why: str) -> None:
        """Say it once a tick; more of the same is counted."""
        self._refused += 1
        if self._refused == 1:
            self._log(Level.WARNING, f"a new client was refused: {why}")

    def opened(self, connection: Connection) -> None:
        """A connection is ready."""
        self._connections[connection.session.number] = connection
        self._empty.clear()

    def closed(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.pop(connection.session.number, None)
        if not self._connections:
            self._empty.set()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._timer = loop.call_later(self._tick_s, self._tick)
        self.carry_out(self.core.tick(now))
        for connection in tuple(self._connections.values()):
            connection.check(now)
        if self._refused > 1:
            self._log(Level.WARNING, f"{self._refused - 1} more new clients were refused")
        self._refused = 0


class Connection(asyncio.BufferedProtocol):
    """One client's TCP connection.

    It reads into the listener's buffer: a plain Protocol is handed a new piece of 256 KiB for every read.
    """

    def __init__(self, listener: Listener, peer: str, slow_reader_s: float) -> None:
        """Prepare; the session begins when the transport is there."""
        self._listener = listener
        self._core = listener.core
        self._peer = peer
        self._buffer = listener.buffer
        self._slow_reader_s = slow_reader_s
        self._loop = asyncio.get_running_loop()
        # Bound once, as they are called for every request.
        self._time = self._loop.time
        self._known = self._core.known
        self._blocked_since: float | None = None
        self._waiting = False
        self.session: Session

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client is there."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._write = transport.write
        transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        self.session = self._core.open_session(self._peer, self._loop.time())
        self._listener.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, for whatever reason."""
        self._listener.closed(self)
        self._listener.carry_out(self._core.close_session(self.session, self._loop.time()))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to read to."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Requests have come, or parts of them."""
        data = bytes(self._buffer[:nbytes])
        now = self._time()
        known = self._known(self.session, data, now)
        if known is not None:
            self._write(known)
        else:
            self._answer(self._core.receive(self.session, data, now))

    def pause_writing(self) -> None:
        """The client does not take its answers: stop reading more requests."""
        self._blocked_since = self._loop.time()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It has taken them."""
        self._blocked_since = None
        if self._waiting:
            self._loop.call_soon(self._go_on)
        elif not self._transport.is_closing():
            self._transport.resume_reading()

    def finish(self) -> None:
        """Close as soon as the last answer is out; at the latest after `CLOSE_GRACE_S`."""
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._loop.call_later(CLOSE_GRACE_S, self._transport.abort)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def check(self, now: float) -> None:
        """Drop a client that has not taken its answers for too long."""
        if self._blocked_since is None or now - self._blocked_since < self._slow_reader_s:
            return
        held = self._transport.get_write_buffer_size()
        for_s = now - self._blocked_since
        text = (
            f"{self.session.who} was disconnected: it left {held} bytes of answers unread for {for_s:.0f} s"
        )
        self._listener.carry_out([Log(Level.NOTICE, text)])
        self.abort()

    def _answer(self, reaction: Reaction) -> None:
        if reaction.reply:
            self._transport.write(reaction.reply)
        if reaction.effects:
            self._listener.carry_out(reaction.effects)
        if reaction.close:
            self.finish()
            return
        if reaction.more:
            self._waiting = True
            self._transport.pause_reading()
            # Others get their turn before the rest of this client's requests.
            if self._blocked_since is None:
                self._loop.call_soon(self._go_on)
        elif self._waiting:
            self._waiting = False
            if self._blocked_since is None:
                self._transport.resume_reading()

    def _go_on(self) -> None:
        if self._waiting and self._blocked_since is None and not self._transport.is_closing():
            self._answer(self._core.go_on(self.session, self._loop.time()))

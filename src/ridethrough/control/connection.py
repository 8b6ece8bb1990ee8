# SPDX-License-Identifier: GPL-2.0-or-later
"""One connection of the control socket, on the server's side."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol, cast

from ridethrough.control.messages import (
    ControlError,
    LineSplitter,
    MessageError,
    Request,
    RequestError,
    TooLong,
    decode_request,
    encode_refusal,
    encode_reply,
)
from ridethrough.control.peers import Peer, peer_of

MAX_OUTSTANDING: Final = 16  # requests that wait for their answer
MAX_QUEUE: Final = 256  # events that wait for a slow subscriber
MAX_UNREAD: Final = 4 * 1024 * 1024  # bytes of replies that a client leaves lying before it is cut off
HIGH_WATER: Final = 64 * 1024  # from here on events are queued


class Owner(Protocol):
    """What a connection needs of the server that accepted it."""

    def admit(self, connection: Connection, peer: Peer) -> tuple[str, str | None]:
        """The role of a new connection, and why it can't stay, or None."""

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""

    async def answer(self, connection: Connection, verb: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields of the reply to a request; RequestError in words."""

    def lost_line(self, count: int) -> bytes:
        """The event that tells a subscriber how many it has missed."""


class Connection(asyncio.Protocol):
    """Reads requests, writes replies and events."""

    peer: Peer

    def __init__(self, server: Owner) -> None:
        """Wait for the connection to be made."""
        self._server = server
        self._lines = LineSplitter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._queue: deque[bytes] = deque()
        self._lost = 0
        self._types: frozenset[str] | None = None  # None: no subscriber; empty: of all kinds
        self._paused = False
        self._transport: asyncio.WriteTransport | None = None

    # -- asyncio.Protocol ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the kernel who it is, and let it in or say why not."""
        self._transport = cast("asyncio.WriteTransport", transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        self.peer = peer_of(cast("socket.socket", transport.get_extra_info("socket")))
        role, why = self._server.admit(self, self.peer)
        self.peer = replace(self.peer, role=role)
        if why is not None:
            self._write(encode_refusal(None, why))
            self.close()

    def data_received(self, data: bytes) -> None:
        """Answer each line; a line that can't be answered is refused in words."""
        for line in self._lines.feed(data):
            if self._transport is None or self._transport.is_closing():
                return
            if isinstance(line, TooLong):
                self._write(encode_refusal(None, f"a request may have {line.limit} bytes; this one had more"))
            elif line.strip():
                self._request(line)

    def pause_writing(self) -> None:
        """From now on events wait in the queue."""
        self._paused = True

    def resume_writing(self) -> None:
        """The client reads again."""
        self._paused = False
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        """End what was still being answered."""
        self._transport = None
        self._server.leave(self)
        for task in self._tasks:
            task.cancel()

    # -- called by the server --------------------------------------------------------------------------

    def close(self) -> None:
        """Close it after what was written has gone out, or at once if the client does not read."""
        if self._transport is None:
            return
        if self._paused:
            self._transport.abort()
        else:
            self._transport.close()

    def event(self, kind: str, line: bytes) -> None:
        """Queue an event if this connection has subscribed to its kind."""
        if self._types is None or (self._types and kind not in self._types):
            return
        if len(self._queue) >= MAX_QUEUE:
            self._queue.popleft()  # the newest say best how things are
            self._lost += 1
        self._queue.append(line)
        self._pump()

    def subscribe(self, types: frozenset[str], replay: list[bytes], lost: int) -> None:
        """Queue `replay`; the reply to the request goes out first, then the queue."""
        self._types, self._lost, self._queue = types, lost, deque(replay)

    # -- requests --------------------------------------------------------------------------------------

    def _request(self, line: bytes) -> None:
        try:
            request = decode_request(line)
        except MessageError as error:
            self._write(encode_refusal(error.id, str(error)))
            return
        if len(self._tasks) >= MAX_OUTSTANDING:
            text = f"{MAX_OUTSTANDING} requests of this connection wait for their answer already"
            self._write(encode_refusal(request.id, text))
            return
        self._spawn(self._answer(request))

    def _spawn(self, answer: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(answer)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: Request) -> None:
        try:
            reply = encode_reply(request.id, await self._server.answer(self, request.verb, request.args))
        except (RequestError, ControlError) as error:
            reply = encode_refusal(request.id, str(error))
        self._write(reply)
        self._pump()

    # -- writing ---------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Write as many events as the client takes; what it lost is told first, being the oldest."""
        while self._queue and not self._paused and self._transport is not None:
            if self._lost:
                lost, self._lost = self._lost, 0
                self._write(self._server.lost_line(lost))
                continue
            self._write(self._queue.popleft())

    def _write(self, data: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > MAX_UNREAD:
            self._transport.abort()

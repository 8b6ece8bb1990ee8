# SPDX-License-Identifier: GPL-2.0-or-later
"""The transport of accepted sockets keeps asyncio's promises to its protocol."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

from ridethrough.server.transport import SocketTransport


class Recorder(asyncio.BufferedProtocol):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.buffer = bytearray(1000)
        self.keeps_open = False
        self.on_resume: Callable[[], None] = lambda: None
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.told.append("made")

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.told.append(bytes(self.buffer[:nbytes]))

    def eof_received(self) -> bool:
        self.told.append("eof")
        return self.keeps_open

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")
        self.on_resume()

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append(("lost", type(exc)))
        self.lost.set()


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[tuple[SocketTransport, Recorder, socket.socket]]:
    """A transport, its protocol, and the client's end."""
    ours, client = socket.socketpair()
    protocol = Recorder()
    transport = SocketTransport(asyncio.get_running_loop(), ours, protocol)
    client.setblocking(False)
    try:
        yield transport, protocol, client
    finally:
        client.close()
        transport.abort()
        async with asyncio.timeout(5):
            await protocol.lost.wait()
        await asyncio.sleep(0)
        assert ours.fileno() == -1, "the socket is left open"


async def turns() -> None:
    """Let the loop look at its sockets."""
    for _ in range(3):
        await asyncio.sleep(0)


async def drained(client: socket.socket) -> int:
    """Read at the client's end until it closes; how many bytes came."""
    count = 0
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(5):
        while chunk := await loop.sock_recv(client, 1 << 20):
            count += len(chunk)
    return count


def test_what_comes_is_handed_on_and_what_is_written_goes_out() -> None:
    """The protocol is told of the connection at once, of bytes as they come, of the end once."""

    async def run() -> None:
        async with connected() as (transport, protocol, client):
            assert protocol.told == ["made"]
            client.send(b"GET")
            await turns()
            transport.write(b"VAR")
            assert client.recv(10) == b"VAR"
            client.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(5):
                await protocol.lost.wait()
            assert protocol.told == ["made", b"GET", "eof", ("lost", type(None))]
            assert transport.is_closing()

    asyncio.run(run())


def test_a_protocol_may_keep_a_half_closed_connection() -> None:
    """Then it can still write."""

    async def run() -> None:
        async with connected() as (transport, protocol, client):
            protocol.keeps_open = True
            client.shutdown(socket.SHUT_WR)
            await turns()
            transport.write(b"still")
            assert client.recv(10) == b"still"
            assert protocol.told == ["made", "eof"]

    asyncio.run(run())


def test_pausing_reading_leaves_bytes_in_the_kernel() -> None:
    """Twice is once, both ways."""

    async def run() -> None:
        async with connected() as (transport, protocol, client):
            transport.pause_reading()
            transport.pause_reading()
            assert not transport.is_reading()
            client.send(b"GET")
            await turns()
            assert protocol.told == ["made"]
            transport.resume_reading()
            transport.resume_reading()
            await turns()
            assert protocol.told == ["made", b"GET"]

    asyncio.run(run())


def test_a_client_that_does_not_read_pauses_the_protocol_until_it_does() -> None:
    """Everything arrives in the end, also what was held when the connection was closed."""

    async def run() -> None:
        async with connected() as (transport, protocol, client):
            transport.set_write_buffer_limits(high=1000)
            transport.write(b"x" * 1_000_000)
            transport.write(b"y" * 1000)
            held = transport.get_write_buffer_size()
            assert 1000 < held < 1_001_000
            assert protocol.told == ["made", "pause"]
            transport.close()
            transport.close()
            assert await drained(client) == 1_001_000
            assert protocol.told == ["made", "pause", "resume", ("lost", type(None))]

    asyncio.run(run())


def test_the_protocol_may_close_when_it_is_told_to_resume() -> None:
    """Nothing is left registered with the loop, and the end is told once."""

    async def run() -> None:
        async with connected() as (transport, protocol, client):
            transport.set_write_buffer_limits(high=1000)
            protocol.on_resume = transport.close
            transport.write(b"x" * 1_000_000)
            assert await drained(client) == 1_000_000
            loop = asyncio.get_running_loop()
            assert not loop.remove_writer(transport._fd)
            assert not loop.remove_reader(transport._fd)

    asyncio.run(run())


def test_an_abort_drops_what_is_held() -> None:
    """Nothing is sent, read or told afterwards but the loss."""

    async def run() -> None:
        async with connected() as (transport, protocol, client):
            transport.write(b"x" * 1_000_000)
            transport.abort()
            transport.abort()
            assert transport.get_write_buffer_size() == 0
            transport.write(b"more")
            transport.resume_reading()
            assert await drained(client) < 1_000_000
            assert protocol.told == ["made", "pause", ("lost", type(None))]

    asyncio.run(run())


def test_a_client_that_is_gone_is_told_with_its_error() -> None:
    """Writing to it is no exception for the writer."""

    async def run() -> None:
        async with connected() as (transport, protocol, client):
            client.close()
            transport.write(b"x")
            async with asyncio.timeout(5):
                await protocol.lost.wait()
            assert protocol.told == ["made", ("lost", BrokenPipeError)]

    asyncio.run(run())

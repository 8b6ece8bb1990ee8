# SPDX-License-Identifier: GPL-2.0-or-later
"""The TCP shell: real sockets on the loopback, on a virtual clock."""

from __future__ import annotations

import asyncio
import os
import resource
import socket

import pytest

from ridethrough.server import listener as listener_module
from ridethrough.server.effects import Ask, LoginsChanged
from ridethrough.server.limits import default_maxconn
from ridethrough.ups.variables import Variable
from tests.support.ports import LOOPBACK
from tests.support.server_bench import bench
from tests.support.server_core import VARIABLES, make_core, view
from tests.support.vloop import run_virtual

STATUS = b'VAR su700 ups.status "OL"\n'


def test_requests_are_answered_in_order() -> None:
    """Over a real socket the same bytes come back as from the core, also for requests in pieces."""

    async def run() -> None:
        async with bench() as made:
            reader, writer = await made.connect()
            for piece in (b"GET VAR su", b"700 ups.status\nNETV", b"ER\n"):
                writer.write(piece)
                await asyncio.sleep(0.1)
            assert await reader.readexactly(len(STATUS) + 4) == STATUS + b"1.3\n"
            writer.write(b"LOGOUT\nNETVER\n")
            assert await reader.read() == b"OK Goodbye\n"
            writer.close()
            assert await made.ask(b"GET VAR su700 ups.status\n" * 500) == STATUS * 500
            assert made.core.session_count == 0

    run_virtual(run())


def test_a_login_ends_with_its_connection() -> None:
    """Whoever vanishes is no longer counted, and that is told."""

    async def run() -> None:
        async with bench() as made:
            reader, writer = await made.connect()
            writer.write(b"USERNAME sec\nPASSWORD s\nLOGIN su700\n")
            assert await reader.readexactly(9) == b"OK\nOK\nOK\n"
            assert made.core.logins("su700") == (LOOPBACK,)
            writer.transport.abort()
            await asyncio.sleep(0.1)
            assert made.core.logins("su700") == ()
            assert made.effects[-1] == LoginsChanged("su700", ())

    run_virtual(run())


def test_what_the_core_asks_for_is_passed_on() -> None:
    """A command reaches the one who carries effects out."""

    async def run() -> None:
        async with bench() as made:
            assert await made.ask(b"USERNAME admin\nPASSWORD a\nINSTCMD su700 load.off\n") == b"OK\n" * 3
            assert any(isinstance(effect, Ask) and effect.name == "load.off" for effect in made.effects)

    run_virtual(run())


def test_an_idle_client_is_closed() -> None:
    """A client that sends nothing is closed after the idle time; one that asks stays."""

    async def run() -> None:
        async with bench(make_core(idle_timeout_s=60.0)) as made:
            silent, silent_writer = await made.connect()
            busy, busy_writer = await made.connect()
            began = asyncio.get_running_loop().time()
            for _ in range(4):
                await asyncio.sleep(20)
                busy_writer.write(b"NETVER\n")
                assert await busy.readline() == b"1.3\n"
            assert await silent.read() == b""
            assert 60 <= asyncio.get_running_loop().time() - began <= 80
            assert "nothing was asked for 60 s" in made.logged()
            silent_writer.close()
            busy_writer.close()

    run_virtual(run())


@pytest.mark.parametrize(
    "asked",
    [
        b"LIST VAR su700\n" * 4000,
        b"GET VAR su700 ups.status\n" * 200_000,
        # Answers that are a little shorter than their requests: no single batch is ever too big.
        (b"LIST UPS" + b" " * 110 + b"\n") * 100_000,
    ],
)
def test_a_client_that_does_not_read_is_dropped(asked: bytes) -> None:
    """It is not read from any more, little is held for it, it is closed and named; others are served."""

    async def run() -> None:
        core = make_core()
        core.update(view(variables=[*VARIABLES, *(Variable(f"x.{i}", "y" * 200) for i in range(100))]))
        async with bench(core) as made:
            loop = asyncio.get_running_loop()
            sock = socket.socket()
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await loop.sock_connect(sock, (LOOPBACK, made.port))
            sender = loop.create_task(loop.sock_sendall(sock, asked))
            for _ in range(50):
                await asyncio.sleep(0.01)
            (connection,) = made.listener._connections.values()
            held = connection._transport.get_write_buffer_size() + len(connection.session.unread)
            assert 0 < held < 1024 * 1024
            assert await made.ask(b"NETVER\n") == b"1.3\n"
            await asyncio.sleep(30)
            assert made.core.session_count == 0
            assert "answers unread" in made.logged()
            sender.cancel()
            await asyncio.wait([sender])
            sender.cancelled() or sender.exception()
            sock.close()

    run_virtual(run())


def test_a_slow_client_gets_everything() -> None:
    """Many big answers asked for at once all arrive, whole and in order, if the client reads slowly."""

    async def run() -> None:
        core = make_core()
        core.update(view(variables=[*VARIABLES, *(Variable(f"x.{i}", "y" * 200) for i in range(100))]))
        async with bench(core) as made:
            reader, writer = await made.connect()
            writer.write(b"LIST VAR su700\n" * 400 + b"NETVER\n")
            got = bytearray()
            while not got.endswith(b"\n1.3\n"):
                got += await reader.read(200_000)
                await asyncio.sleep(0.2)
            assert got.count(b"BEGIN LIST VAR su700\n") == got.count(b"END LIST VAR su700\n") == 400
            assert len(got) > 5_000_000
            writer.close()

    run_virtual(run())


def test_a_newcomer_beyond_maxconn_is_refused_at_once() -> None:
    """The one too many is closed, the others go on, and a place that gets free is given away."""

    async def run() -> None:
        async with bench(maxconn=2) as made:
            first, first_writer = await made.connect()
            _, second_writer = await made.connect()
            await asyncio.sleep(0)
            for _ in range(3):
                assert await made.ask(b"") == b""
            first_writer.write(b"NETVER\n")
            assert await first.readline() == b"1.3\n"
            assert made.logged().count("refused: MAXCONN (2 clients) is reached") == 1
            second_writer.close()
            await asyncio.sleep(0.1)
            assert await made.ask(b"NETVER\n") == b"1.3\n"
            await asyncio.sleep(10)
            assert "2 more new clients were refused" in made.logged()
            first_writer.close()

    run_virtual(run())


def test_a_rush_of_newcomers_fills_every_place_and_no_more() -> None:
    """Clients that come all at once are counted once each: none is refused below MAXCONN."""

    async def run() -> None:
        async with bench(maxconn=50) as made:
            clients = [socket.create_connection((LOOPBACK, made.port), timeout=5) for _ in range(51)]
            await asyncio.sleep(0.1)
            assert made.core.session_count == 50
            assert made.logged().count("refused") == 1
            for client in clients:
                client.close()

    run_virtual(run())


def test_a_newcomer_without_descriptors_is_refused_at_once() -> None:
    """Out of file descriptors, a client is closed instead of left hanging, and the server goes on."""

    async def run() -> None:
        async with bench() as made:
            (sock,) = made.listener._doors.sockets
            failing = [OSError(24, "Too many open files")]
            real = socket.socket.accept

            class Poor(socket.socket):
                def accept(self) -> tuple[socket.socket, object]:
                    if failing:
                        raise failing.pop()
                    return real(self)

            poor = Poor(fileno=os.dup(sock.fileno()))
            loop = asyncio.get_running_loop()
            loop.remove_reader(sock.fileno())
            loop.add_reader(poor.fileno(), made.listener._accept, poor)
            reader, writer = await made.connect()
            assert await reader.read() == b""
            assert "no file descriptors are left" in made.logged()
            writer.close()
            assert await made.ask(b"NETVER\n") == b"1.3\n"
            loop.remove_reader(poor.fileno())
            poor.close()

    run_virtual(run())


def test_answers_are_sent_without_delay() -> None:
    """The connection has TCP_NODELAY."""

    async def run() -> None:
        async with bench() as made:
            _, writer = await made.connect()
            await asyncio.sleep(0.1)
            (connection,) = made.listener._connections.values()
            sock = connection._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            writer.close()

    run_virtual(run())


def test_a_close_ends_all_connections() -> None:
    """After close nothing listens, every client sees the end, and every login is gone."""

    async def run() -> None:
        async with bench() as made:
            port = made.port
            reader, writer = await made.connect()
            writer.write(b"USERNAME sec\nPASSWORD s\nLOGIN su700\n")
            await reader.readexactly(9)
            await made.listener.close()
            assert await reader.read() == b""
            assert made.core.session_count == 0
            assert made.listener.bound == []
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(LOOPBACK, port)
            writer.close()

    run_virtual(run())


def test_a_removed_ups_disconnects_its_clients() -> None:
    """What the core drops is closed by the listener."""

    async def run() -> None:
        async with bench() as made:
            reader, writer = await made.connect()
            writer.write(b"USERNAME sec\nPASSWORD s\nLOGIN su700\n")
            await reader.readexactly(9)
            made.listener.carry_out(made.core.remove("su700"))
            assert await reader.read() == b""
            writer.close()

    run_virtual(run())


def test_maxconn_leaves_descriptors_for_the_server() -> None:
    """The default limit of clients is below the limit of open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 0 < default_maxconn() < (soft if soft != resource.RLIM_INFINITY else 1 << 30)
    assert listener_module.HIGH_WATER_BYTES < 1024 * 1024

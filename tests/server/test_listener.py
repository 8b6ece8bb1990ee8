# SPDX-License-Identifier: GPL-2.0-or-later
"""The TCP shell: real sockets on the loopback, on a virtual clock."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import AsyncIterator

import pytest

from ridethrough.client.aio import AsyncClient
from ridethrough.config.models import Listen
from ridethrough.protocol import requests
from ridethrough.protocol.client import Line
from ridethrough.server import listener as listener_module
from ridethrough.server.core import ServerCore
from ridethrough.server.effects import Ask, Effect, Log, LoginsChanged
from ridethrough.server.listener import Listener, default_maxconn
from ridethrough.server.sockets import Families, ListenError
from ridethrough.ups.variables import Variable
from tests.support.ports import LOOPBACK, free_port
from tests.support.server_core import VARIABLES, make_core, view
from tests.support.vloop import run_virtual

STATUS = b'VAR su700 ups.status "OL"\n'


class Bench:
    """A running listener, what it told, and clients."""

    def __init__(self, core: ServerCore, **options: object) -> None:
        self.effects: list[Effect] = []
        listens = options.pop("listens", (Listen(LOOPBACK, 0, 1),))
        self.listener = Listener(core, listens, self.effects.append, **options)
        self.core = core

    @property
    def port(self) -> int:
        """Of the first socket."""
        return self.listener.bound[0][1]

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client that reads."""
        return await asyncio.open_connection(LOOPBACK, self.port)

    async def ask(self, data: bytes) -> bytes:
        """Everything that is answered to a client that half-closes after `data`."""
        reader, writer = await self.connect()
        writer.write(data)
        writer.write_eof()
        reply = await reader.read()
        writer.close()
        await writer.wait_closed()
        return reply

    def logged(self) -> str:
        """All log lines."""
        return "\n".join(effect.text for effect in self.effects if isinstance(effect, Log))


@contextlib.asynccontextmanager
async def bench(core: ServerCore | None = None, **options: object) -> AsyncIterator[Bench]:
    """A started one, closed afterwards."""
    made = Bench(core or make_core(), **options)
    await made.listener.start()
    try:
        yield made
    finally:
        await made.listener.close()


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


def test_a_newcomer_without_descriptors_is_refused_at_once() -> None:
    """Out of file descriptors, a client is closed instead of left hanging, and the server goes on."""

    async def run() -> None:
        async with bench() as made:
            (sock,) = made.listener._sockets
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


def test_a_port_in_use_is_named_with_its_holder() -> None:
    """The error names host, port and the process; nothing stays open."""

    async def run() -> None:
        with socket.create_server((LOOPBACK, 0)) as taken:
            port = taken.getsockname()[1]
            free = free_port()
            core = make_core()
            listener = Listener(core, [Listen(LOOPBACK, free, 1), Listen(LOOPBACK, port, 2)], lambda _: None)
            with pytest.raises(
                ListenError, match=rf"can't listen on 127\.0\.0\.1:{port}: .*\(pid {os.getpid()}\)"
            ):
                await listener.start()
            with socket.create_server((LOOPBACK, free)):
                pass
            await listener.close()

    run_virtual(run())


def test_one_address_is_enough_if_allowed() -> None:
    """With ALLOW_NOT_ALL_LISTENERS the rest becomes a warning; no address at all is still an error."""

    async def run() -> None:
        stranger = Listen("192.0.2.77", 0, 2)
        async with bench(listens=(Listen(LOOPBACK, 0, 1), stranger), allow_some=True) as made:
            assert await made.ask(b"NETVER\n") == b"1.3\n"
            assert "192.0.2.77:0: this machine has no such address" in made.logged()
        with pytest.raises(ListenError, match=r"192\.0\.2\.77:0"):
            await Bench(make_core(), listens=(stranger,), allow_some=True).listener.start()
        with pytest.raises(ListenError, match=r"192\.0\.2\.77:0"):
            await Bench(make_core(), listens=(Listen(LOOPBACK, 0, 1), stranger)).listener.start()

    run_virtual(run())


def test_a_bad_host_name_is_refused_in_words() -> None:
    """A LISTEN that is no address of anything says so."""

    async def run() -> None:
        for host in ("no.such.host.invalid", "x" * 300, "a b"):
            with pytest.raises(ListenError, match="can't listen on"):
                await Bench(make_core(), listens=(Listen(host, 0, 1),)).listener.start()

    run_virtual(run())


@pytest.mark.parametrize(
    ("host", "families", "expected"),
    [
        ("*", Families.IPV4, ["0.0.0.0"]),
        ("127.0.0.1", Families.IPV4, ["127.0.0.1"]),
        ("localhost", Families.IPV4, ["127.0.0.1"]),
    ],
)
def test_listen_on_families(host: str, families: Families, expected: list[str]) -> None:
    """`*` is the wildcard address of each IP version asked for; names mean their addresses."""

    async def run() -> None:
        async with bench(listens=(Listen(host, 0, 1),), families=families) as made:
            assert [bound[0] for bound in made.listener.bound] == expected

    run_virtual(run())


def test_ipv6() -> None:
    """IPv6 sockets take IPv6 only, and clients are shown with their address."""
    if not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")

    async def run() -> None:
        port = free_port()
        async with bench(listens=(Listen("*", port, 1),)) as made:
            assert {bound[0] for bound in made.listener.bound} == {"::", "0.0.0.0"}
        async with bench(listens=(Listen("::1", 0, 1), Listen(LOOPBACK, 0, 2))) as made:
            reader, writer = await asyncio.open_connection("::1", made.port)
            writer.write(b"USERNAME sec\nPASSWORD s\nLOGIN su700\nLIST CLIENT su700\n")
            assert b"\nCLIENT su700 ::1\n" in await reader.readuntil(b"END LIST CLIENT su700\n")
            writer.close()
        with pytest.raises(ListenError, match="IP version"):
            await Bench(make_core(), listens=(Listen("::1", 0, 1),), families=Families.IPV4).listener.start()

    run_virtual(run())


def test_the_default_listen_does_without_ipv6() -> None:
    """NUT's default addresses are 127.0.0.1 and ::1; a machine without the second is served by the first."""

    async def run() -> None:
        # An address this machine lacks stands in for ::1; line 0 marks a default.
        listens = (Listen(LOOPBACK, 0, 0), Listen("192.0.2.77", 0, 0))
        async with bench(listens=listens) as made:
            assert [bound[0] for bound in made.listener.bound] == [LOOPBACK]

    run_virtual(run())


def test_the_memory_channel_speaks_the_same_bytes() -> None:
    """A monitor in this process logs in and is counted as over TCP, and is told when it is dropped."""

    async def run() -> None:
        async with bench() as made:
            got: list[bytes] = []
            ended: list[str] = []
            channel = made.listener.memory_channel("local")
            channel.on_data, channel.on_closed = got.append, ended.append
            channel.write(b"NETVER\n")
            await channel.open()
            channel.write(b"USERNAME prim\nPASSWORD p\nLOGIN su700\n")
            assert got == []
            await asyncio.sleep(0)
            assert b"".join(got) == b"OK\n" * 3
            assert made.core.logins("su700") == ("local",)
            await asyncio.sleep(3600)
            channel.write(b"GET NUMLOGINS su700\n")
            await asyncio.sleep(0)
            assert got[-1] == b"NUMLOGINS su700 1\n"
            made.listener.carry_out(made.core.remove("su700"))
            await asyncio.sleep(0)
            assert ended == ["UPS [su700] is no longer configured"]
            await channel.open()
            channel.write(b"NETVER\nLOGOUT\n")
            channel.write(b"NETVER\n")
            await asyncio.sleep(0)
            assert got[-1] == b"1.3\nOK Goodbye\n"
            assert ended[1:] == ["the server closed the connection"]
            await channel.open()
            channel.write(b"NETVER\n")
            channel.close()
            channel.close()
            assert made.core.session_count == 0
            await asyncio.sleep(0)
            assert got[-1] == b"1.3\n"
            assert ended[2:] == ["the connection was closed"]
            await channel.open()
            await made.listener.close()
            await asyncio.sleep(0)
            assert len(ended) == 4


def test_the_asyncio_client_speaks_over_memory() -> None:
    """Our own client takes the channel for a server like any other."""

    async def run() -> None:
        async with bench() as made:
            client = AsyncClient(made.listener.memory_channel())
            await client.open()
            reply = await client.ask(requests.get_var("su700", "ups.status"), 5.0)
            assert isinstance(reply, Line)
            assert reply.words[-1] == "OL"
            await client.close()
            assert made.core.session_count == 0

    run_virtual(run())


def test_maxconn_leaves_descriptors_for_the_server() -> None:
    """The default limit of clients is below the limit of open files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 0 < default_maxconn() < (soft if soft != resource.RLIM_INFINITY else 1 << 30)
    assert listener_module.HIGH_WATER_BYTES < 1024 * 1024


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True

# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the asyncio client: over TCP on the loopback, and over a channel in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ridethrough.client.aio import AsyncClient, ClientError, LinkError, Refused, TcpChannel
from ridethrough.protocol import requests
from ridethrough.protocol.client import Fail, Line
from ridethrough.protocol.errors import Err
from tests.support.lineserver import LineServer, line_server
from tests.support.ports import free_port

SCRIPT = {
    b"LIST UPS\n": b'BEGIN LIST UPS\nUPS su "A box"\nEND LIST UPS\n',
    b"LIST VAR su\n": b'BEGIN LIST VAR su\nVAR su b.c "1"\nEND LIST VAR su\n',
    b"LIST CMD su\n": b"BEGIN LIST CMD su\nCMD su load.off\nEND LIST CMD su\n",
    b"GET VAR su a.b\n": b'VAR su a.b "2"\n',
    b"GET VAR su b.c\n": b"ERR DATA-STALE\n",
    b"GET NUMLOGINS su\n": b"NUMLOGINS su 2\n",
    b"GET NUMLOGINS odd\n": b"NUMLOGINS odd many\n",
    b"USERNAME joe\n": b"OK\n",
    b"PASSWORD secret\n": b"OK\n",
    b"LOGIN su\n": b"OK\n",
    b"PRIMARY su\n": b"OK PRIMARY-GRANTED\n",
    b"MASTER old\n": b"OK MASTER-GRANTED\n",
    b"PRIMARY no\n": b"ERR ACCESS-DENIED\n",
    b"FSD su\n": b"OK FSD-SET\n",
    b"INSTCMD su load.off\n": b"OK TRACKING 1-a\n",
    b'SET VAR su a.b "7"\n': b"OK\n",
    b"LOGOUT\n": b"OK Goodbye\n",
}


class MemoryChannel:
    """A channel whose other end is the test."""

    where = "memory:1"

    def __init__(self) -> None:
        """Nothing is open."""
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.on_closed: Callable[[str], None] = lambda reason: None
        self.written = b""
        self.state = "new"

    async def open(self) -> None:
        """Open at once."""
        self.state = "open"

    def write(self, data: bytes) -> None:
        """Keep what is written."""
        self.written += data

    def close(self) -> None:
        """Close, and say so soon."""
        self._end("closed")

    def abort(self) -> None:
        """The same."""
        self._end("aborted")

    def _end(self, state: str) -> None:
        if self.state == "open":
            self.state = state
            asyncio.get_running_loop().call_soon(self.on_closed, "the connection was closed")


def over_tcp(
    server: LineServer, use: Callable[[AsyncClient], Awaitable[None]], timeout_s: float = 5.0
) -> None:
    """Run `use` with an open client of a scripted server."""

    async def run() -> None:
        client = AsyncClient(TcpChannel(server.host, server.port), timeout_s)
        await client.open()
        try:
            await use(client)
        finally:
            await client.close()
        assert not client.is_open

    asyncio.run(run())


async def opened() -> tuple[AsyncClient, MemoryChannel, list[str]]:
    """An open client over memory, and the list of reasons its `on_lost` hears."""
    channel = MemoryChannel()
    lost: list[str] = []
    client = AsyncClient(channel, 5.0, lost.append)
    await client.open()
    return client, channel, lost


def test_everything_asked_is_answered() -> None:
    """Each method sends its request and gives its value; good-bye is said at the end."""

    async def use(client: AsyncClient) -> None:
        assert await client.list_ups() == {"su": "A box"}
        assert await client.list_var("su") == {"b.c": "1"}
        assert await client.list_cmd("su") == ["load.off"]
        assert await client.get_var("su", "a.b") == "2"
        assert await client.numlogins("su") == 2
        await client.authenticate("joe", "secret")
        await client.login("su")
        await client.primary("su")
        await client.fsd("su")
        assert await client.instcmd("su", "load.off") == "1-a"
        assert await client.set_var("su", "a.b", "7") == ""

    with line_server(SCRIPT) as server:
        over_tcp(server, use)
        assert server.seen[-1] == b"LOGOUT\n"


def test_an_old_server_is_asked_in_its_own_word() -> None:
    """PRIMARY goes first; only UNKNOWN-COMMAND leads to the old word, a refusal is a refusal."""

    async def use(client: AsyncClient) -> None:
        await client.primary("old")
        with pytest.raises(Refused, match="access denied"):
            await client.primary("no")

    with line_server(SCRIPT) as server:
        over_tcp(server, use)
        assert server.seen[:3] == [b"PRIMARY old\n", b"MASTER old\n", b"PRIMARY no\n"]


def test_errors_name_host_and_port() -> None:
    """A refusal or a number that is none names the server."""

    async def use(client: AsyncClient) -> None:
        with pytest.raises(Refused, match=r"127\.0\.0\.1:\d+: data stale"):
            await client.get_var("su", "b.c")
        with pytest.raises(ClientError, match="not a number: 'many'"):
            await client.numlogins("odd")

    with line_server(SCRIPT) as server:
        over_tcp(server, use)


def test_pipelined_requests_get_their_own_replies() -> None:
    """Requests sent at once are on the wire at once, and answered in order."""

    async def run() -> None:
        client, channel, _ = await opened()
        tasks = [
            asyncio.ensure_future(client.ask(requests.get_var("su", name))) for name in ("a.b", "c.d", "e.f")
        ]
        await asyncio.sleep(0)
        assert channel.written == b"GET VAR su a.b\nGET VAR su c.d\nGET VAR su e.f\n"
        tasks[1].cancel()
        await asyncio.sleep(0)
        channel.on_data(b'VAR su a.b "1"\nVAR su c.d "2"\nERR DATA-')
        channel.on_data(b"STALE\n")
        assert await tasks[0] == Line(("VAR", "su", "a.b", "1"))
        assert await tasks[2] == Fail(Err.DATA_STALE, "DATA-STALE")
        await client.close()

    asyncio.run(run())


def test_a_late_reply_closes_the_connection() -> None:
    """After the timeout all who wait get an error with the place, and a late reply reaches nobody."""

    async def run() -> None:
        client, channel, lost = await opened()
        other = asyncio.ensure_future(client.ask(requests.ver()))
        await asyncio.sleep(0)
        with pytest.raises(LinkError, match=r"memory:1: read error: no reply in 0\.01 s"):
            await client.ask(requests.netver(), timeout_s=0.01)
        with pytest.raises(LinkError, match="no reply"):
            await other
        assert channel.state == "aborted"
        assert len(lost) == 1
        channel.on_data(b"1.3\n")
        with pytest.raises(LinkError, match="no reply"):
            await client.ask(requests.ver())
        await client.close()
        assert len(lost) == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "text"),
    [(b"x" * 200_000, "longer than"), (b"1.3\nOK\n", "nobody asked"), (b'a "b\n', "can't be read")],
)
def test_a_server_that_talks_nonsense_is_cut_off(answer: bytes, text: str) -> None:
    """Floods and garbage close the connection with an error in words; replies before them are delivered."""

    async def run() -> None:
        client, channel, lost = await opened()
        task = asyncio.ensure_future(client.ask(requests.netver()))
        await asyncio.sleep(0)
        channel.on_data(answer)
        if answer.startswith(b"1.3"):
            assert await task == Line(("1.3",))
        else:
            with pytest.raises(LinkError, match=text):
                await task
        assert channel.state == "aborted"
        assert text in lost[0]
        await client.close()

    asyncio.run(run())


def test_a_lost_connection_is_told_once() -> None:
    """A close by the server fails who waits, tells `on_lost`, and further requests say why."""

    async def run() -> None:
        client, channel, lost = await opened()
        task = asyncio.ensure_future(client.ask(requests.ver()))
        await asyncio.sleep(0)
        channel.on_closed("the server closed the connection")
        with pytest.raises(LinkError, match="server disconnected; the server closed"):
            await task
        with pytest.raises(LinkError, match="the server closed"):
            await client.ask(requests.ver())
        assert lost == ["the server closed the connection"]
        await client.close()

    asyncio.run(run())


def test_closing_is_not_a_loss() -> None:
    """Our own close tells nobody, but whoever still waits gets an error; a second close is no error."""

    async def run() -> None:
        client, channel, lost = await opened()
        task = asyncio.ensure_future(client.ask(requests.ver()))
        await asyncio.sleep(0)
        await client.close()
        await client.close()
        assert channel.written == b"VER\nLOGOUT\n"
        assert channel.state == "closed"
        with pytest.raises(LinkError, match="was closed"):
            await task
        assert lost == []

    asyncio.run(run())


def test_a_client_that_was_never_opened() -> None:
    """Asking before `open` is an error in words; closing is none."""

    async def run() -> None:
        client = AsyncClient(MemoryChannel())
        with pytest.raises(LinkError, match="open the client first"):
            await client.ask(requests.ver())
        await client.close()

    asyncio.run(run())


def test_a_server_that_hangs_up() -> None:
    """Over TCP, a close instead of an answer is an error in NUT's words."""

    async def use(client: AsyncClient) -> None:
        with pytest.raises(LinkError, match=r"server disconnected"):
            await client.ask(requests.ver())

    with line_server(lambda line: None) as server:
        over_tcp(server, use)


def test_a_server_that_is_not_there() -> None:
    """A refused connection and an unknown name are errors in words, with what to check."""

    async def run() -> None:
        port = free_port()
        with pytest.raises(
            LinkError, match=f"127.0.0.1:{port}: connection failure: .*; check that upsd runs"
        ):
            await AsyncClient(TcpChannel("127.0.0.1", port)).open()
        with pytest.raises(LinkError, match="connection failure"):
            await AsyncClient(TcpChannel("x..y", 3493)).open()

    asyncio.run(run())


def test_a_server_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server does not take is held up to a limit only."""
    monkeypatch.setattr("ridethrough.client.channel.MAX_UNSENT_BYTES", 1000)

    async def run() -> None:
        sleeping = asyncio.Event()

        async def never_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await sleeping.wait()
            writer.close()

        server = await asyncio.start_server(never_read, "127.0.0.1", 0, limit=1)
        channel = TcpChannel("127.0.0.1", server.sockets[0].getsockname()[1])
        closed: list[str] = []
        channel.on_closed = closed.append
        await channel.open()
        for _ in range(200):
            channel.write(b"x" * 100_000)
            await asyncio.sleep(0)
            if closed:
                break
        assert closed
        channel.write(b"x")
        sleeping.set()
        server.close()
        await server.wait_closed()

    asyncio.run(run())

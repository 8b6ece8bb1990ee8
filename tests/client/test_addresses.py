# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses that are remembered: a dead name server costs no reconnection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import Any

import pytest

from ridethrough.client.addresses import MAX_HUNG, AddressBook, is_literal, resolve
from ridethrough.client.answers import LinkError
from ridethrough.client.channel import TcpChannel
from tests.support.fake_upsd import FakeUpsd
from tests.support.vloop import run_virtual


class Names:
    """A name server: `found` is its answer, an exception its failure, None that it hangs until `go`."""

    def __init__(self, found: tuple[str, ...] | Exception | None) -> None:
        self.found = found
        self.asked = 0
        self.go = threading.Event()

    def __call__(self, host: str, family: int) -> tuple[str, ...]:
        self.asked += 1
        if self.found is None:
            self.go.wait(10.0)
            return ("192.0.2.9",)
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def test_a_name_server_that_fails_after_the_first_time() -> None:
    """The last good addresses are used; new ones replace them when it answers again."""
    names = Names(("192.0.2.1", "192.0.2.2"))
    book = AddressBook(names)

    async def world() -> None:
        assert await book.look_up("nas") == ("192.0.2.1", "192.0.2.2")
        names.found = socket.gaierror(-3, "Temporary failure in name resolution")
        assert await book.look_up("nas") == ("192.0.2.1", "192.0.2.2")
        names.found = ()
        assert await book.look_up("nas") == ("192.0.2.1", "192.0.2.2")
        names.found = ("192.0.2.3",)
        assert await book.look_up("nas") == ("192.0.2.3",)
        names.found = ()
        with pytest.raises(OSError, match="has no address"):
            await book.look_up("other")

    asyncio.run(world())


def test_a_name_server_that_hangs() -> None:
    """What is known is used after the patience; one look-up is under way, however often one is wanted."""
    names = Names(("192.0.2.1",))
    book = AddressBook(names, patience_s=0.02)

    async def world() -> None:
        await book.look_up("nas")
        names.found = None
        for _ in range(3):
            assert await book.look_up("nas") == ("192.0.2.1",)
        assert names.asked == 2
        names.go.set()
        async with asyncio.timeout(5.0):
            while await book.look_up("nas") != ("192.0.2.9",):
                pass

    asyncio.run(world())


def test_a_look_up_that_hangs_for_good() -> None:
    """Another one is begun beside it, a few at most; what it says later does not disturb."""
    names = Names(None)
    book = AddressBook(names, hung_s=0.0)

    async def world() -> None:
        for _ in range(9):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await book.look_up("nas")
        assert names.asked == 1 + MAX_HUNG
        names.go.set()
        async with asyncio.timeout(5.0):
            assert await book.look_up("nas") == ("192.0.2.9",)
        names.found = ("192.0.2.1",)
        async with asyncio.timeout(5.0):
            while await book.look_up("nas") != ("192.0.2.1",):
                pass

    asyncio.run(world())


def test_without_a_thread_the_old_addresses_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host at its limit of threads still finds the servers that it knows."""
    names = Names(("192.0.2.1",))
    book = AddressBook(names)

    def full(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def world() -> None:
        await book.look_up("nas")
        monkeypatch.setattr(threading.Thread, "start", full)
        assert await book.look_up("nas") == ("192.0.2.1",)
        with pytest.raises(OSError, match="can't start new thread"):
            await book.look_up("other")

    asyncio.run(world())


def test_the_address_that_worked_goes_first() -> None:
    """Also after the next look-up, as long as it is among the answers."""
    names = Names(("192.0.2.1", "192.0.2.2"))
    book = AddressBook(names)

    async def world() -> None:
        await book.look_up("nas")
        book.worked("nas", "192.0.2.2")
        book.worked("nas", "192.0.2.7")
        assert await book.look_up("nas") == ("192.0.2.2", "192.0.2.1")
        names.found = ("192.0.2.1", "192.0.2.4")
        assert await book.look_up("nas") == ("192.0.2.1", "192.0.2.4")

    asyncio.run(world())


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("::1", True), ("fe80::1%eth0", True), ("localhost", False)]
)
def test_addresses_are_not_looked_up(host: str, expected: bool) -> None:
    """An address is itself."""
    assert is_literal(host) is expected
    if expected:
        names = Names(OSError("asked"))
        assert asyncio.run(AddressBook(names).look_up(host)) == (host,)
        assert names.asked == 0


def test_the_system_resolver() -> None:
    """localhost is known without a network, and -4 is obeyed."""
    assert resolve("localhost", int(socket.AF_INET)) == ("127.0.0.1",)


def test_a_channel_connects_by_the_book() -> None:
    """The second address is taken when the first refuses, and then first; an unknown name is a LinkError."""
    names = Names(("127.0.0.2", "127.0.0.1"))
    book = AddressBook(names)

    async def world() -> None:
        server = FakeUpsd()
        await server.start()
        channel = TcpChannel("nas", server.port, book=book)
        await channel.open()
        channel.abort()
        names.found = OSError("the name server is down")
        assert await book.look_up("nas") == ("127.0.0.1", "127.0.0.2")
        again = TcpChannel("nas", server.port, book=book)
        await again.open()
        again.abort()
        with pytest.raises(LinkError, match="nowhere"):
            await TcpChannel("nowhere", server.port, book=book).open()
        await server.stop()

    asyncio.run(world())


@pytest.mark.parametrize("limit_s", [1.0, 4.0], ids=["cut off by the caller", "in time"])
def test_an_address_that_swallows_everything(monkeypatch: pytest.MonkeyPatch, limit_s: float) -> None:
    """A dead first address (IPv6 without a route, a firewall that drops) does not hide the second."""
    book = AddressBook(Names(("192.0.2.1", "127.0.0.1")), patience_s=0.0)
    tried: list[str] = []

    async def world() -> int:
        server = FakeUpsd()
        await server.start()
        loop = asyncio.get_running_loop()
        really = loop.create_connection

        async def connect(factory: Any, host: str, port: int, **options: Any) -> Any:
            tried.append(host)
            if host == "192.0.2.1":
                await asyncio.sleep(3600.0)
            return await really(factory, host, port, **options)

        monkeypatch.setattr(loop, "create_connection", connect)
        await book.look_up("nas")
        tries = 0
        while tries < 4:
            tries += 1
            channel = TcpChannel("nas", server.port, book=book)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit_s):
                    await channel.open()
                    break
        channel.abort()
        await server.stop()
        return tries

    assert run_virtual(world()) == (2 if limit_s < 1.5 else 1)
    assert tried == ["192.0.2.1", "127.0.0.1"]

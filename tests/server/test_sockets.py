# SPDX-License-Identifier: GPL-2.0-or-later
"""Which addresses the server listens on, and what is said of those that can't be had."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from ridethrough.config.models import Listen
from ridethrough.server.listener import Listener
from ridethrough.server.sockets import Families, ListenError
from tests.support.ports import LOOPBACK, free_port
from tests.support.server_bench import Bench, bench
from tests.support.server_core import make_core
from tests.support.vloop import run_virtual


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


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True

# SPDX-License-Identifier: GPL-2.0-or-later
"""LISTEN lines: what covers what, and how a reload changes the sockets without losing any."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from ridethrough.config.models import Listen
from ridethrough.server import doors as doors_module
from ridethrough.server.doors import Doors
from ridethrough.server.effects import Level
from ridethrough.server.sockets import Families, ListenError, Place, make_plan
from tests.support.ports import LOOPBACK, free_port
from tests.support.server_bench import bench
from tests.support.vloop import run_virtual

V4, V6 = socket.AF_INET, socket.AF_INET6


def test_a_wildcard_covers_its_port_in_its_family() -> None:
    """0.0.0.0 takes the clients of every IPv4 address on that port, and of nothing else."""
    everywhere = Place(V4, ("0.0.0.0", 3493))
    assert everywhere.covers(Place(V4, (LOOPBACK, 3493)))
    assert not everywhere.covers(Place(V4, (LOOPBACK, 3494)))
    assert not everywhere.covers(Place(V6, ("::1", 3493)))
    assert not Place(V4, (LOOPBACK, 3493)).covers(everywhere)
    assert Place(V6, ("::", 3493)).covers(Place(V6, ("fe80::1%lo", 3493, 0, 1)))
    assert not Place(V4, ("0.0.0.0", 0)).covers(Place(V4, (LOOPBACK, 0)))


@pytest.mark.parametrize(
    "hosts",
    [
        ("127.0.0.1", "0.0.0.0"),
        ("0.0.0.0", "127.0.0.1"),
        ("*", "127.0.0.1", "localhost"),
        ("127.0.0.1", "localhost", "*"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_lines_that_collide_are_one_socket(hosts: tuple[str, ...]) -> None:
    """Whatever their order, LISTEN lines of which one covers another serve all that they name."""

    async def run() -> None:
        port = free_port()
        listens = tuple(Listen(host, port, line) for line, host in enumerate(hosts, 1))
        async with bench(listens=listens, families=Families.IPV4) as made:
            assert made.listener.bound == [("0.0.0.0" if set(hosts) & {"*", "0.0.0.0"} else LOOPBACK, port)]
            assert await made.ask(b"NETVER\n") == b"1.3\n"

    run_virtual(run())


def test_localhost_without_ipv6_is_no_obstacle() -> None:
    """LISTEN ::1 on a machine without IPv6 only warns beside one that works, as in NUT; alone it fails."""

    async def run() -> None:
        listens = (Listen(LOOPBACK, 0, 1), Listen("::1", 0, 2))
        made = Made()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "socket", _without_ipv6)
            made.doors.open(listens, allow_some=False)
            assert [host for host, _ in made.doors.bound] == [LOOPBACK]
            assert "[::1]:0" in made.said[-1]
            made.doors.close()
            with pytest.raises(ListenError, match=r"\[::1\]:0"):
                made.doors.open(listens[1:], allow_some=False)

    run_virtual(run())


class Made:
    """Doors that accept nobody, and what they said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.knocks = 0
        self.doors = Doors(Families.BOTH, self.knock, self.say)

    def knock(self, sock: socket.socket) -> None:
        """Count."""
        self.knocks += 1

    def say(self, level: Level, text: str) -> None:
        """Note."""
        self.said.append(f"{level}: {text}")


@contextlib.asynccontextmanager
async def opened(*listens: Listen) -> AsyncIterator[Made]:
    """Doors on these lines, closed afterwards."""
    made = Made()
    made.doors.open(listens, allow_some=False)
    try:
        yield made
    finally:
        made.doors.close()


def test_a_reload_opens_what_is_new_and_closes_what_is_gone() -> None:
    """The socket of a line that stays is not touched; both changes are said."""

    async def run() -> None:
        one, two, three = (Listen(LOOPBACK, free_port(), 1) for _ in range(3))
        async with opened(one, two) as made:
            before = dict(zip(made.doors.bound, made.doors.sockets, strict=True))
            await made.doors.change((two, three), allow_some=False)
            after = dict(zip(made.doors.bound, made.doors.sockets, strict=True))
            assert set(after) == {(LOOPBACK, two.port), (LOOPBACK, three.port)}
            assert after[LOOPBACK, two.port] is before[LOOPBACK, two.port]
            assert made.said == [
                f"{Level.INFO}: no longer listening on {LOOPBACK} port {one.port}",
                f"{Level.INFO}: now listening on {LOOPBACK} port {three.port}",
            ]
            with socket.create_server((LOOPBACK, one.port)):
                pass

    run_virtual(run())


def test_a_reload_that_changes_nothing_does_nothing() -> None:
    """The same lines again: no name is looked up, no socket opened, no word said."""

    async def run() -> None:
        one = Listen(LOOPBACK, 0, 1)
        async with opened(one) as made:
            before = made.doors.sockets
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(doors_module, "make_plan", None)
                await made.doors.change((Listen(LOOPBACK, 0, 9),), allow_some=False)
            assert (made.doors.sockets, made.said) == (before, [])

    run_virtual(run())


@pytest.mark.parametrize(("old", "new"), [(LOOPBACK, "0.0.0.0"), ("0.0.0.0", LOOPBACK), (LOOPBACK, "*")])
def test_an_address_becomes_a_wildcard_and_back(old: str, new: str) -> None:
    """On one port the two can't be open at once: they are exchanged, and who knocks is let in first."""

    async def run() -> None:
        port = free_port()
        async with opened(Listen(old, port, 1)) as made:
            await made.doors.change((Listen(new, port, 1),), allow_some=False)
            assert ("0.0.0.0" if new == "*" else new, port) in made.doors.bound
            assert (old, port) not in made.doors.bound
            assert made.knocks >= 1

    run_virtual(run())


def test_an_address_that_can_not_be_had_changes_nothing() -> None:
    """The whole reload of LISTEN is refused, also where sockets had to be closed to try it."""

    async def run() -> None:
        port, other = free_port(), free_port()
        async with opened(Listen(LOOPBACK, port, 1), Listen(LOOPBACK, other, 2)) as made:
            before = set(made.doors.bound)
            with pytest.raises(ListenError, match=r"192\.0\.2\.77"):
                await made.doors.change((Listen("192.0.2.77", port, 1),), allow_some=False)
            assert set(made.doors.bound) == before
            with pytest.raises(ListenError, match=r"no\.such\.host\.invalid"):
                await made.doors.change((Listen("no.such.host.invalid", port, 1),), allow_some=False)
            assert set(made.doors.bound) == before
            # The wildcard needs the address's place, and a stranger holds another one of that port.
            used = rf"0\.0\.0\.0:{port}: the port is already used"
            with socket.create_server(("127.0.0.2", port)), pytest.raises(ListenError, match=used):
                await made.doors.change((Listen("0.0.0.0", port, 1),), allow_some=False)
            assert set(made.doors.bound) == before
            assert all(
                sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for sock in made.doors.sockets
            )

    run_virtual(run())


def test_a_place_that_only_root_could_take_back_is_kept() -> None:
    """Below 1024 a process that gave up root exchanges nothing."""

    async def run() -> None:
        async with opened(Listen(LOOPBACK, free_port(), 1)) as made:
            (place,) = made.doors._sockets
            made.doors._sockets = {Place(V4, (LOOPBACK, 700)): made.doors._sockets[place]}
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(doors_module.os, "geteuid", lambda: 1000)
                with pytest.raises(ListenError, match="restart upsd"):
                    await made.doors.change((Listen("0.0.0.0", 700, 1),), allow_some=False)
            assert len(made.doors.sockets) == 1

    run_virtual(run())


def test_a_missing_address_is_tried_again() -> None:
    """With ALLOW_NOT_ALL_LISTENERS an address that was not there may have come by the next reload."""

    async def run() -> None:
        with socket.create_server((LOOPBACK, 0)) as taken:
            lines = (Listen(LOOPBACK, free_port(), 1), Listen(LOOPBACK, taken.getsockname()[1], 2))
            made = Made()
            made.doors.open(lines, allow_some=True)
            assert len(made.doors.bound) == 1
        await made.doors.change(lines, allow_some=True)
        assert [port for _, port in made.doors.bound] == [line.port for line in lines]
        made.doors.close()

    run_virtual(run())


def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    """Names that can't be looked up in time leave everything as it was."""

    async def run() -> None:
        async with opened(Listen(LOOPBACK, 0, 1)) as made:
            before = made.doors.bound

            async def hangs(*args: object) -> None:
                await asyncio.sleep(1e6)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(doors_module.asyncio, "to_thread", hangs)
                with pytest.raises(ListenError, match="within 10 s"):
                    await made.doors.change((Listen("nas.example", 3493, 1),), allow_some=False)
            assert made.doors.bound == before

    run_virtual(run())


def test_a_plan_looks_up_only_what_it_does_not_know() -> None:
    """A name that stays keeps the addresses that it had."""
    known = {("nas.example", 3493): (Place(V4, (LOOPBACK, 3493)),)}
    plan = make_plan((Listen("nas.example", 3493, 1),), Families.BOTH, known)
    assert plan.needed() == [Place(V4, (LOOPBACK, 3493))]


def test_a_scope_stays_with_its_address() -> None:
    """A link-local IPv6 address is bound with the interface that it names."""
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    (place,) = make_plan((Listen("fe80::1%lo", 3493, 1),), Families.BOTH).places["fe80::1%lo", 3493]
    assert place.address[3] == socket.if_nametoindex("lo")


_SOCKET = socket.socket


def _without_ipv6(
    family: int = V4, kind: int = socket.SOCK_STREAM, *rest: object, **more: object
) -> socket.socket:
    if family == V6:
        raise OSError(97, "Address family not supported by protocol")
    return _SOCKET(family, kind, *rest, **more)

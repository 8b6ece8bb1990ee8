# SPDX-License-Identifier: GPL-2.0-or-later
"""The selector of the production loop, beside Python's own."""

from __future__ import annotations

import asyncio
import select
import selectors
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from ridethrough.app.clock import BoottimeLoop, ShortSelector

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two connected sockets."""
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        yield one, other


def writable(sock: socket.socket) -> bool:
    """Whether more can be sent."""
    return bool(select.select([], [sock], [], 0)[1])


def both(fd: int, events: int) -> list[int]:
    """What our selector and Python's say of a descriptor; they must agree."""
    said = []
    for selector in (ShortSelector(), selectors.EpollSelector()):
        with closing(selector):
            selector.register(fd, events, "data")
            found = selector.select(0)
            assert [key for key, _ in found] in ([], [selectors.SelectorKey(fd, fd, events, "data")])
            said.append(sum(mask for _, mask in found))
    assert said[0] == said[1]
    return said


@pytest.mark.parametrize("events", [READ, WRITE, READ | WRITE])
@pytest.mark.parametrize("state", ["idle", "readable", "half closed", "closed", "full"])
def test_it_says_what_pythons_says(pair: Pair, state: str, events: int) -> None:
    """For readers and writers of a socket in each state."""
    one, other = pair
    match state:
        case "readable":
            other.send(b"x")
        case "half closed":
            other.shutdown(socket.SHUT_WR)
        case "closed":
            one.send(b"unread")
            other.close()
        case "full":
            while writable(one):
                one.send(b"x" * 65536)
    mask = both(one.fileno(), events)[0]
    wanted = {"idle": WRITE, "readable": READ | WRITE, "half closed": READ | WRITE, "closed": READ | WRITE}
    assert mask == wanted.get(state, 0) & events


def test_what_is_watched_can_change(pair: Pair) -> None:
    """modify, unregister and get_key as asyncio uses them; wrong uses are KeyErrors."""
    one, other = pair
    with closing(ShortSelector()) as selector:
        other.send(b"x")
        selector.register(one, READ, 1)
        with pytest.raises(KeyError):
            selector.register(one.fileno(), READ)
        assert selector.modify(one, READ | WRITE, 2).data == 2
        assert [(key.data, mask) for key, mask in selector.select(0)] == [(2, READ | WRITE)]
        assert selector.modify(one.fileno(), READ | WRITE, 3).data == 3
        assert selector.get_key(one.fileno()).data == 3
        assert selector.unregister(one).data == 3
        assert selector.select(0) == []
        for wrong in (selector.unregister, selector.get_key):
            with pytest.raises(KeyError):
                wrong(one.fileno())
        with pytest.raises(KeyError):
            selector.modify(one, READ)


def test_a_descriptor_closed_too_early_does_no_harm(pair: Pair) -> None:
    """It is gone from the kernel's list already; forgetting it is no error."""
    one, _ = pair
    with closing(ShortSelector()) as selector:
        number = one.fileno()
        selector.register(number, READ)
        one.close()
        assert selector.unregister(number).fd == number


def test_a_server_runs_on_it() -> None:
    """asyncio's own streams: a thousand lines there and back, then the end of the connection."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    async def main() -> tuple[list[bytes], bytes]:
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.writelines(b"%d\n" % number for number in range(1000))
            lines = [await reader.readline() for _ in range(1000)]
            writer.write_eof()
            rest = await reader.read()
            writer.close()
            return lines, rest

    with asyncio.Runner(loop_factory=BoottimeLoop) as runner:
        assert runner.run(main()) == ([b"%d\n" % number for number in range(1000)], b"")

# SPDX-License-Identifier: GPL-2.0-or-later
"""A control socket to test against: a table of verbs, raw clients, a virtual clock."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from ridethrough.control.messages import MAX_REPLY
from ridethrough.control.peers import Peer
from ridethrough.control.server import (
    OBSERVER,
    OPERATOR,
    ControlServer,
    RequestError,
)
from tests.support.vloop import run_virtual

Fields = Mapping[str, Any]


async def echo(args: Fields, peer: Peer) -> Fields:
    """Answer with what was asked."""
    return {"args": dict(args), "role": peer.role}


async def refuse(args: Fields, peer: Peer) -> Fields:
    """Refuse in words."""
    raise RequestError("there is no UPS 'x'")


async def crash(args: Fields, peer: Peer) -> Fields:
    """A defect."""
    raise KeyError("secret detail")


async def wait(args: Fields, peer: Peer) -> Fields:
    """Take long."""
    await asyncio.sleep(3600)
    return {}


async def huge(args: Fields, peer: Peer) -> Fields:
    """Answer more than a line may have."""
    return {"a": "x" * MAX_REPLY}


async def large(args: Fields, peer: Peer) -> Fields:
    """Answer as much as a line may have."""
    return {"a": "x" * (MAX_REPLY - 100)}


VERBS = {
    "echo": (OBSERVER, echo),
    "set": (OPERATOR, echo),
    "refuse": (OBSERVER, refuse),
    "crash": (OBSERVER, crash),
    "wait": (OBSERVER, wait),
    "huge": (OBSERVER, huge),
    "large": (OBSERVER, large),
}


class Client:
    """A raw client: lines out, objects in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, **message: object) -> None:
        """Write a request of version 1 with id 1, unless told otherwise."""
        self.writer.write(json.dumps({"v": 1, "id": 1, **message}).encode() + b"\n")

    async def read(self) -> dict[str, Any]:
        """Read one object."""
        line = await asyncio.wait_for(self.reader.readline(), 60)
        assert line, "the server has closed"
        message: dict[str, Any] = json.loads(line)
        return message

    async def ask(self, **message: object) -> dict[str, Any]:
        """Ask, and read one object."""
        self.send(**message)
        return await self.read()

    async def closed(self) -> bool:
        """Whether the server closes without a further word."""
        with contextlib.suppress(ConnectionResetError):
            return await asyncio.wait_for(self.reader.read(), 60) == b""
        return True


class Bench:
    """A running server and its log."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.path, self.logged, self.clients = path, list[str](), list[Client]()
        options.setdefault("wall", lambda: "noon")
        self.server = ControlServer(path, VERBS, log=lambda _level, text: self.logged.append(text), **options)

    async def client(self) -> Client:
        """Connect a client."""
        client = Client(*await asyncio.open_unix_connection(self.path, limit=MAX_REPLY))
        self.clients.append(client)
        return client


@contextlib.asynccontextmanager
async def served(path: Path, **options: Any) -> AsyncIterator[Bench]:
    """A server that is closed in the end, and its clients too."""
    bench = Bench(path / "r.sock", **options)
    await bench.server.start()
    try:
        yield bench
    finally:
        await bench.server.close()
        for client in bench.clients:
            client.writer.close()
            with contextlib.suppress(OSError):
                await client.writer.wait_closed()


def virtual(test: Callable[[Path], Any]) -> Callable[[Path], None]:
    """Run an async test on the virtual clock."""

    def run(tmp_path: Path) -> None:
        run_virtual(test(tmp_path))

    run.__doc__ = test.__doc__
    return run

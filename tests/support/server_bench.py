# SPDX-License-Identifier: GPL-2.0-or-later
"""A listener on real sockets of the loopback, what it told, and clients of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from ridethrough.config.models import Listen
from ridethrough.server.core import ServerCore
from ridethrough.server.effects import Effect, Log
from ridethrough.server.listener import Listener
from tests.support.ports import LOOPBACK
from tests.support.server_core import make_core


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

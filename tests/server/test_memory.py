# SPDX-License-Identifier: GPL-2.0-or-later
"""The channel inside the process: a session of the server without a socket."""

from __future__ import annotations

import asyncio

from ridethrough.client.aio import AsyncClient
from ridethrough.protocol import requests
from ridethrough.protocol.client import Line
from tests.support.server_bench import bench
from tests.support.vloop import run_virtual


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

    run_virtual(run())


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

# SPDX-License-Identifier: GPL-2.0-or-later
"""The virtual loop that other tests stand on."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.support.vloop import Deadlock, VirtualLoop, run_virtual


def test_a_day_takes_no_time() -> None:
    """A sleep moves the virtual clock by just its length, and next to no real time."""

    async def day() -> float:
        await asyncio.sleep(86400.0)
        return asyncio.get_running_loop().time()

    before = time.monotonic()
    assert run_virtual(day(), start=5.0) == pytest.approx(86405.0)
    assert time.monotonic() - before < 5.0


def test_timers_fire_in_order() -> None:
    """Timers come due in the order of their deadlines, at their deadlines."""

    async def order() -> list[tuple[str, float]]:
        loop, seen = asyncio.get_running_loop(), []

        async def at(name: str, delay: float) -> None:
            await asyncio.sleep(delay)
            seen.append((name, loop.time()))

        await asyncio.gather(at("late", 3.0), at("early", 1.0), at("middle", 2.0))
        return seen

    assert run_virtual(order()) == [("early", 1.0), ("middle", 2.0), ("late", 3.0)]


def test_waiting_for_ever_is_an_error() -> None:
    """A coroutine that nothing can wake fails instead of hanging the test run."""

    async def stuck() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Deadlock, match="no timer"):
        run_virtual(stuck())


def test_sockets_and_threads_work() -> None:
    """Data between two ends and a thread's result arrive before any timer jumps over them."""

    async def both() -> tuple[bytes, str, float]:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()[:2]
        async with asyncio.timeout(1.0):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"hello\n")
            line = await reader.readline()
            writer.close()
        server.close()
        async with asyncio.timeout(0.5):
            word = await asyncio.to_thread(lambda: (time.sleep(0.05), "done")[1])
        return line, word, asyncio.get_running_loop().time()

    line, word, now = run_virtual(both())
    assert (line, word) == (b"hello\n", "done")
    assert now < 1.0


def test_suspend() -> None:
    """`advance` jumps over pending timers, which are then all due at once."""

    async def sleepy() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        task = asyncio.create_task(asyncio.sleep(10.0))
        await asyncio.sleep(0)
        loop.advance(3600.0)
        await task
        return loop.time()

    assert run_virtual(sleepy()) == 3600.0

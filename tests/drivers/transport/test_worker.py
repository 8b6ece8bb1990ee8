# SPDX-License-Identifier: GPL-2.0-or-later
"""The thread for calls that may hang."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ridethrough.drivers.transport.worker import Full, Late, Worker

SHORT_S = 0.03


def test_results_and_errors_come_back_to_the_loop() -> None:
    """What the call gives or raises, the caller gets."""

    async def play() -> None:
        worker = Worker("test")
        assert await worker.do(lambda: threading.current_thread().name, 5) == "test"
        with pytest.raises(OSError, match="no"):
            await worker.do(_raise, 5)
        worker.end()
        assert await worker.ended(5)
        assert not worker.alive

    asyncio.run(play())


def _raise() -> None:
    raise OSError("no")


def test_a_hanging_call_holds_nobody_up_and_what_waited_is_never_begun() -> None:
    """An order that was given up is not carried out later."""

    async def play() -> None:
        gate, done = threading.Event(), []
        worker = Worker("test", capacity=2)
        with pytest.raises(Late) as late:
            await worker.do(lambda: gate.wait(10), SHORT_S)
        assert late.value.begun
        with pytest.raises(Late) as late:
            await worker.do(lambda: done.append("order"), SHORT_S)
        assert not late.value.begun
        waiting = asyncio.ensure_future(worker.do(lambda: done.append("next"), 5))
        await asyncio.sleep(0)
        with pytest.raises(Full):
            await worker.do(lambda: done.append("too many"), 5)
        gate.set()
        await waiting
        worker.end()
        assert await worker.ended(5)
        assert done == ["next"]

    asyncio.run(play())


def test_a_cancelled_caller_takes_its_call_along() -> None:
    """A call that waits is dropped with the task that made it."""

    async def play() -> None:
        gate, done = threading.Event(), []
        worker = Worker("test")
        first = asyncio.ensure_future(worker.do(lambda: gate.wait(10), 5))
        second = asyncio.ensure_future(worker.do(lambda: done.append(1), 5))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait({second})
        gate.set()
        assert await first
        assert await worker.do(lambda: list(done), 5) == []
        worker.end()
        assert await worker.ended(5)

    asyncio.run(play())


def test_the_end_gives_up_what_waits_and_runs_the_last_call_in_the_thread() -> None:
    """A node is closed only after the request that hangs in it has come back."""

    async def play() -> None:
        gate, order = threading.Event(), []
        worker = Worker("test")

        def hang() -> None:
            gate.wait(10)
            order.append("request")

        first = asyncio.ensure_future(worker.do(hang, 5))
        second = asyncio.ensure_future(worker.do(lambda: order.append("second"), 5))
        await asyncio.sleep(0)
        worker.end(lambda: order.append(f"close in {threading.current_thread().name}"))
        worker.end()
        assert not await worker.ended(SHORT_S)
        assert worker.alive
        gate.set()
        await first
        with pytest.raises(Full):
            await second
        with pytest.raises(Full):
            await worker.do(lambda: None, 5)
        assert await worker.ended(5)
        assert order == ["request", "close in test"]

    asyncio.run(play())


def test_a_worker_never_used_ends_at_once() -> None:
    """Without a thread the last call is made by who ends it."""

    async def play() -> None:
        order: list[str] = []
        worker = Worker("test")
        worker.end(lambda: order.append("last"))
        assert await worker.ended(5)
        assert order == ["last"]

    asyncio.run(play())


def test_a_thread_outlives_its_loop_without_a_word() -> None:
    """A call that comes back after the program's loop was closed is not a traceback."""
    gate = threading.Event()
    worker = Worker("test")

    async def play() -> None:
        with pytest.raises(Late):
            await worker.do(lambda: gate.wait(10), SHORT_S)

    asyncio.run(play())
    worker.end()
    gate.set()
    thread = next((each for each in threading.enumerate() if each.name == "test"), None)
    if thread is not None:
        thread.join(5)
    assert not worker.alive

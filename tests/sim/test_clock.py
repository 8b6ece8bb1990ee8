# SPDX-License-Identifier: GPL-2.0-or-later
"""The scaled clock."""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from ridethrough.app.clock import BoottimeLoop, ShortSelector, boottime
from ridethrough.sim.clock import ScaledLoop, ScaledSelector

T = TypeVar("T")


def run(speed: float, main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=lambda: ScaledLoop(speed)) as runner:
        return runner.run(main)


def test_an_hour_passes_in_no_time_and_in_order() -> None:
    """Deadlines fire in order, each at its own time, whatever the speed."""

    async def main() -> list[tuple[str, float]]:
        seen: list[tuple[str, float]] = []
        loop = asyncio.get_running_loop()

        async def after(name: str, delay: float) -> None:
            await asyncio.sleep(delay)
            seen.append((name, round(loop.time())))

        await asyncio.gather(after("hour", 3600), after("minute", 60), after("ten", 600))
        return seen

    began = time.monotonic()
    assert run(1e6, main()) == [("minute", 60), ("ten", 600), ("hour", 3600)]
    assert time.monotonic() - began < 5


def test_a_stall_is_not_time() -> None:
    """A machine that stalls for a while between two events does not make readings stale."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        before = loop.time()
        stalled_until = time.monotonic() + 0.05  # at this speed, 500 s
        while time.monotonic() < stalled_until:
            pass
        await asyncio.sleep(1)
        return loop.time() - before

    assert run(10_000, main()) < 100


def test_a_reply_is_read_before_the_timeout_that_waits_for_it() -> None:
    """Sockets are real: what has arrived counts, at any speed."""

    async def main() -> bytes:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with ours, theirs:
            theirs.send(b"OK")
            return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(ours, 10), 1)

    assert run(1e6, main()) == b"OK"


def test_speed_must_be_positive() -> None:
    """A speed of nothing is refused in words."""
    with pytest.raises(ValueError, match="above 0"):
        ScaledSelector(0)


def test_the_production_loop_never_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a suspend a deadline is found out within a second: no wait of the kernel's is longer."""
    waits: list[float] = []

    class Spy:
        def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
            waits.append(timeout)
            return []

        def close(self) -> None:
            pass

    monkeypatch.setattr(select, "epoll", Spy)
    selector = ShortSelector()
    for timeout in (None, 3600.0, 0.25, 0.0, -1.0):
        selector.select(timeout)
    selector.close()
    assert waits == [1.0, 1.0, 0.25, 0.0, 0.0]


def test_the_production_clock_counts_suspend() -> None:
    """Deadlines stand on CLOCK_BOOTTIME."""
    loop = BoottimeLoop()
    try:
        assert abs(loop.time() - boottime()) < 1
        assert abs(boottime() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1
    finally:
        loop.close()

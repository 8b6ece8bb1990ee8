# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine's sleep as logind tells it, over a real bus."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from ridethrough.monitor import suspend
from ridethrough.monitor.suspend import SleepWatch, bus_path
from tests.support.logind import Logind, private_bus

LIMIT_S = 10.0


@contextlib.asynccontextmanager
async def task(deed: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    running = asyncio.ensure_future(deed)
    try:
        yield
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not true():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.01)


@pytest.mark.dbus
def test_a_sleep_and_a_waking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delay lock is held; it is given back after `starting`, and taken anew after `finished`."""
    monkeypatch.setattr(suspend, "HOLD_S", 0.3)
    told: list[str] = []

    async def world(path: Path) -> None:
        logind = Logind(path)
        watch = SleepWatch(
            str(path), lambda: told.append("starting"), lambda: told.append("finished"), lambda *_: None
        )
        async with task(logind.serve()), task(watch.run()):
            await until(logind.locked)
            assert logind.asked[0][0] == "sleep"
            assert logind.asked[0][3] == "delay"
            logind.say(True)
            await until(lambda: told == ["starting"])
            assert logind.locked()
            await until(lambda: not logind.locked())
            logind.say(False)
            await until(lambda: told == ["starting", "finished"] and logind.locked())
            logind.say(False)
            await until(lambda: len(logind.asked) == 3)
        assert told == ["starting", "finished"]
        assert not logind.locked()
        logind.close()

    before = set(os.listdir("/proc/self/fd"))
    with private_bus(tmp_path) as path:
        asyncio.run(world(path))
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.dbus
def test_without_a_lock_the_signals_are_heard(tmp_path: Path) -> None:
    """A user who gets no lock hears of the sleep all the same, and one line says so."""
    told: list[str] = []
    said: list[str] = []

    async def world(path: Path) -> None:
        logind = Logind(path, gives_locks=False)
        watch = SleepWatch(
            str(path), lambda: told.append("starting"), lambda: told.append("finished"),
            lambda level, text: said.append(text),
        )  # fmt: skip
        async with task(logind.serve()), task(watch.run()):
            await until(lambda: bool(said))
            logind.say(True)
            await until(lambda: told == ["starting"])
            # The bus goes: nobody would tell of the waking.
            logind.close()
        assert told == ["starting"]

    with private_bus(tmp_path) as path:
        asyncio.run(world(path))
    assert said == [
        "logind gives no lock (org.freedesktop.DBus.Error.AccessDenied Permission denied): "
        "SUSPEND_STARTING may come late"
    ]


def test_without_a_bus_it_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No system bus: one line, tried again, and nothing is raised."""
    monkeypatch.setattr(suspend, "RETRY_S", 0.01)
    said: list[str] = []

    async def world() -> None:
        watch = SleepWatch(
            str(tmp_path / "none"), lambda: None, lambda: None, lambda level, text: said.append(text)
        )
        async with task(watch.run()):
            await asyncio.sleep(0.1)

    asyncio.run(world())
    assert len(said) == 1
    assert "a sleep is noticed by the clock alone" in said[0]


def test_a_bus_that_goes_in_between_is_a_waking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can't hear the end of a sleep must not take it for lasting."""
    told: list[str] = []
    watch = SleepWatch("", lambda: told.append("starting"), lambda: told.append("finished"), lambda *_: None)

    async def listen(self: SleepWatch) -> None:
        watch._asleep = True
        raise OSError("gone")

    monkeypatch.setattr(SleepWatch, "_listen", listen)

    async def world() -> None:
        async with task(watch.run()):
            await asyncio.sleep(0.01)

    asyncio.run(world())
    assert told == ["finished"]


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("", "/run/dbus/system_bus_socket"),
        ("unix:path=/x/bus", "/x/bus"),
        ("tcp:host=localhost,port=1;unix:guid=1,path=/y", "/y"),
        ("unix:abstract=z", "/run/dbus/system_bus_socket"),
    ],
)
def test_where_the_bus_is(address: str, path: str) -> None:
    """DBUS_SYSTEM_BUS_ADDRESS goes before the usual place."""
    assert bus_path({"DBUS_SYSTEM_BUS_ADDRESS": address}) == path

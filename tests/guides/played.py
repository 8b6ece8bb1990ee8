# SPDX-License-Identifier: GPL-2.0-or-later
"""A configuration directory played on the virtual clock: the real house, and scripts that are really run."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ridethrough.app.arming import helper_config
from ridethrough.app.blueprint import Blueprint
from ridethrough.app.bus import Bus, Event
from ridethrough.app.house import House
from ridethrough.app.requests import handlers
from ridethrough.config.load import Configuration, load
from ridethrough.control.peers import OPERATOR, Peer
from ridethrough.privsep.actions import Cause
from ridethrough.schedule import rules
from ridethrough.schedule.script import argv, environment
from tests.support.vloop import run_virtual

BEGIN_S = 20.0
"""Virtual seconds in which the house comes up, before a story begins."""
NOBODY = Peer(0, 0, 0, frozenset(), OPERATOR)


@dataclass(slots=True)
class Doing:
    """`Actions` that run each command while the virtual clock stands still, and note when they began."""

    config: Configuration
    env: Mapping[str, str]
    done: list[tuple[float, str]] = field(default_factory=list)

    async def notify(self, notice: Cause) -> int:
        raise AssertionError("NOTIFYCMD is upssched, whose place the house takes")

    async def cmdscript(self, name: str, notice: Cause) -> int:
        assert self.config.upssched is not None
        assert name in helper_config(self.config, {}).cmdscript_names
        cause = rules.Cause(str(notice.type), notice.ups, notice.text)
        return await self._run(
            f"CMDSCRIPT {name}", argv(self.config.upssched.cmdscript, name), environment(self.env, cause)
        )

    async def wall(self, text: str) -> int:
        return 0

    async def action(self, number: int) -> int:
        raise AssertionError("there is no plan")

    async def shutdown(self) -> None:
        assert self.config.upsmon is not None
        await self._run("SHUTDOWNCMD", ["/bin/sh", "-c", self.config.upsmon.shutdowncmd], self.env)

    async def write_powerdownflag(self) -> None:
        assert self.config.upsmon is not None
        await self._run("POWERDOWNFLAG", ["touch", self.config.upsmon.powerdownflag], self.env)

    async def clear_powerdownflag(self) -> None:
        raise AssertionError("nothing is stale")

    async def killpower(self, names: Iterable[str]) -> None:
        raise AssertionError("there is no capsule yet")

    async def ping(self) -> None:
        return

    @property
    def alive(self) -> tuple[bool, str]:
        return True, ""

    async def close(self) -> None:
        return

    async def _run(self, what: str, words: list[str], env: Mapping[str, str]) -> int:
        loop = asyncio.get_running_loop()
        self.done.append((loop.time() - BEGIN_S, what))

        def call() -> int:
            return subprocess.run(words, env=dict(env), check=False, timeout=20).returncode

        return await loop.run_in_executor(None, call)


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a story; times are virtual seconds since it began."""

    done: list[tuple[float, str]]
    notices: list[tuple[float, str]]
    timers: list[tuple[float, str, str]]
    """For each move of the story: its time, and the timers that ran just before and just after it."""

    def at(self, notice: str) -> float:
        """When a notice was told first."""
        return next(at for at, kind in self.notices if kind == notice)

    def when(self, what: str) -> list[float]:
        """When a command was begun, in whole seconds and tenths."""
        return [round(at, 1) for at, deed in self.done if deed == what]


def play(
    etc: Path, run: Path, env: Mapping[str, str], story: Sequence[tuple[float, str]], end_s: float
) -> Played:
    """Play (seconds, `mains off|on` or `load WATTS`) in the house of a directory, until `end_s`."""
    config = load(etc)
    assert config.errors == ()
    doing = Doing(config, env)
    notices: list[tuple[float, str]] = []
    timers: list[tuple[float, str, str]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def heard(event: Event) -> None:
            assert event.get("level") != "critical", event
            if event["event"] == "notice":
                notices.append((event["t"] - BEGIN_S, event["type"]))

        bus = Bus(loop.time)
        bus.listen(heard)
        house = House(Blueprint(config, run, armed=True), bus, doing, handlers)
        try:
            await house.open()
            _, sim = handlers(house)["sim"]
            for at, move in story:
                await asyncio.sleep(BEGIN_S + at - loop.time())
                what, _, value = move.partition(" ")
                before = running(house)
                await sim({"what": what, "value": value}, NOBODY)
                await asyncio.sleep(0.1)
                timers.append((at, before, running(house)))
            await asyncio.sleep(BEGIN_S + end_s - loop.time())
        finally:
            await house.close()

    run_virtual(main())
    return Played(doing.done, notices, timers)


def running(house: House) -> str:
    """The names of the timers that run."""
    assert house.scheduler is not None
    return " ".join(timer.name for timer in house.scheduler.list())

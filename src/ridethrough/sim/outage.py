# SPDX-License-Identifier: GPL-2.0-or-later
"""One outage played through a running house: mains off, mains on, and what the hosts' machines would do.

The house is real: drivers, server, sockets and monitors are those of every `serve`.
Only the mains, the battery and the machines' power switches are imagined.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ridethrough.app.house import House
from ridethrough.app.output import Output
from ridethrough.app.timeline import duration_text
from ridethrough.config.models import UpsmonConf
from ridethrough.drivers.runner import Runner
from ridethrough.monitor.shell import Monitor
from ridethrough.privsep.actions import Actions
from ridethrough.ups.state import Freshness

SETTLE_S: Final = 10.0
"""How long everything is seen to be well before the mains fails."""
CALM_S: Final = 30.0
"""How long the line must have held before a short outage counts as over."""
HALT_S: Final = 15.0
"""From SHUTDOWNCMD to the moment at which the primary's hook tells the UPS to switch off."""
READY_LIMIT_S: Final = 120.0
END_LIMIT_S: Final = 4 * 3600.0


@dataclass(slots=True)
class Outage:
    """What is to be played: the mains of `ups` is off for `duration_s`; `None`: until told to stop."""

    ups: str
    duration_s: float
    cut: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the UPS has cut the load."""

    def output(self, ups: str, on: bool) -> None:
        """The UPS has switched its output."""
        if ups == self.ups and not on:
            self.cut.set()


class Secondary:
    """A second host: a monitor of its own that comes over TCP and never runs anything."""

    def __init__(self, house: House, conf: UpsmonConf, actions: Actions, host: str) -> None:
        self._output = Output(host, conf, house.bus, actions, None, dry=True)
        self.monitor = Monitor(conf, house.tcp_link, self._output)
        self._task: asyncio.Task[int] | None = None

    def start(self) -> None:
        """Begin to monitor."""
        self._task = asyncio.get_running_loop().create_task(self.monitor.run(), name="secondary")

    async def close(self) -> None:
        """End, if it has not ended by itself."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._output.close()


async def play(house: House, outage: Outage, stop: asyncio.Event, secondary: Secondary | None) -> int:
    """Play it, say the verdict, and give the exit status: 0 when all went as it should."""
    runner = _simulated(house, outage.ups)
    monitors = [monitor for monitor in (house.monitor, secondary and secondary.monitor) if monitor]
    if not await _until(lambda: _well(runner, monitors), READY_LIMIT_S, stop):
        house.bus.log("error", f"{outage.ups}: not read, or not logged in, after {READY_LIMIT_S:g} s")
        return 1
    await _pause(SETTLE_S, stop)
    _switch(house, runner, outage, on=False)
    loop = asyncio.get_running_loop()
    began = loop.time()
    back = loop.create_task(_mains_back(house, runner, outage))
    try:
        status = await _follow(house, runner, outage, stop)
    finally:
        back.cancel()
    if not stop.is_set():
        house.bus.log("info", f"played {duration_text(loop.time() - began)} since the mains was lost")
    return status


async def _follow(house: House, runner: Runner, outage: Outage, stop: asyncio.Event) -> int:
    """Wait for one of the two ends: everybody is down and the load is cut, or the outage is over."""
    over = _Calm(runner)

    def ended() -> bool:
        return house.monitor_ended.is_set() or outage.cut.is_set() or (_quiet(house) and over())

    if not await _until(ended, END_LIMIT_S, stop):
        house.bus.log("error", "the outage came to no end; stopped")
        return 1
    if stop.is_set():
        return 0
    if not house.monitor_ended.is_set() and not outage.cut.is_set():
        house.bus.log("info", "the outage is over; nobody had to go down")
        return 0
    if outage.cut.is_set():
        house.bus.log("error", "the battery was empty before this host was down")
        return 1
    await _pause(HALT_S, stop)
    house.bus.log("info", f"the host is halted; its hook tells {outage.ups}: shutdown.return")
    await runner.instcmd("shutdown.return")
    if not await _until(outage.cut.is_set, READY_LIMIT_S, stop):
        house.bus.log("error", f"{outage.ups} did not cut the load")
        return 1
    return 0


def _switch(house: House, runner: Runner, outage: Outage, *, on: bool) -> None:
    runner.control("mains", ["on" if on else "off"])
    house.bus.tell("mains", ups=outage.ups, on=on)


async def _mains_back(house: House, runner: Runner, outage: Outage) -> None:
    await asyncio.sleep(outage.duration_s)
    if not outage.cut.is_set():
        _switch(house, runner, outage, on=True)


class _Calm:
    """Whether the UPS has been on line for `CALM_S`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._since: float | None = None

    def __call__(self) -> bool:
        now = asyncio.get_running_loop().time()
        if "OL" not in self._runner.view.snapshot.status:
            self._since = None
        elif self._since is None:
            self._since = now
        return self._since is not None and now - self._since >= CALM_S


def _quiet(house: House) -> bool:
    return house.monitor is None or not house.monitor.shutting_down


def _well(runner: Runner, monitors: Sequence[Monitor]) -> bool:
    """The UPS is read, and every login that there should be is there."""
    supplies = [supply for monitor in monitors for supply in monitor.summary()]
    fresh = runner.view.freshness is Freshness.FRESH
    return fresh and all(each.logged_in and each.fresh for each in supplies if each.wants_login)


def _simulated(house: House, ups: str) -> Runner:
    source = house.serving.sources.get(ups.lower()) if house.serving else None
    assert isinstance(source, Runner), f"{ups} is not simulated in this process"
    return source


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def _until(holds: Callable[[], bool], limit_s: float, stop: asyncio.Event) -> bool:
    """Look four times a (simulated) second; True when it holds or when we are told to stop."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit_s
    while not holds():
        if stop.is_set():
            return True
        if loop.time() >= deadline:
            return False
        await _pause(0.25, stop)
    return True

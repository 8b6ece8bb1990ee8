# SPDX-License-Identifier: GPL-2.0-or-later
"""Orders to a driver process: what each does, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ridethrough.config.models import UpsConf, UpsSection
from ridethrough.drivers.adjust import Adjustments
from ridethrough.drivers.orders import ALLOW_KILLPOWER, DEBUG, OrderError, Orders, kill_power
from ridethrough.drivers.runner import Runner
from ridethrough.ups.commands import Outcome
from tests.support.drivers import ToldDriver, Watch, section
from tests.support.vloop import run_virtual


class Bench:
    """A running told driver with its orders, and what they did."""

    def __init__(self, text: str = "") -> None:
        self.watch = Watch()
        self.driver = ToldDriver(ups__status="OL")
        self.section = section(text)
        self.new: tuple[UpsConf, UpsSection] | OrderError = (UpsConf(), self.section)
        self.stops = 0
        self.debug: list[int] = []

    async def start(self) -> Orders:
        """Wait for the first poll."""
        self.runner = Runner(self.section, self.driver, Adjustments(), self.watch.on_view, log=self.watch.log)
        self.runner.start()
        await self.runner.first()
        return Orders(
            self.runner,
            self.section,
            UpsConf(),
            stop=self._stop,
            reread=self._reread,
            set_debug=self.debug.append,
            log=self.watch.log,
        )

    def _stop(self) -> None:
        self.stops += 1

    def _reread(self) -> tuple[UpsConf, UpsSection]:
        if isinstance(self.new, OrderError):
            raise self.new
        return self.new


def play(story: Callable[[Bench, Orders], Coroutine[Any, Any, None]], text: str = "") -> Bench:
    """Run a story on the virtual clock."""
    bench = Bench(text)

    async def go() -> None:
        orders = await bench.start()
        try:
            await story(bench, orders)
        finally:
            await bench.runner.stop()

    run_virtual(go())
    return bench


def test_exit() -> None:
    """driver.exit ends the process, and is answered."""

    async def story(bench: Bench, orders: Orders) -> None:
        assert await orders.instcmd("driver.exit") is Outcome.HANDLED

    assert play(story).stops == 1


def test_what_is_the_drivers_own() -> None:
    """All else goes to the driver."""

    async def story(bench: Bench, orders: Orders) -> None:
        for name in ("load.off", "driver", "driver.dance", "beeper.mute"):
            assert await orders.instcmd(name) is None
        assert await orders.setvar("ups.id", "x") is None

    assert play(story).stops == 0


def test_killpower_wants_leave() -> None:
    """Power is killed only with allow_killpower, set in ups.conf or over the socket, and can be forbidden."""

    async def story(bench: Bench, orders: Orders) -> None:
        assert await orders.instcmd("driver.killpower") is Outcome.INVALID
        assert await orders.setvar(ALLOW_KILLPOWER, "yes") is Outcome.HANDLED
        assert await orders.instcmd("driver.killpower") is Outcome.HANDLED
        assert await orders.setvar(ALLOW_KILLPOWER, "0") is Outcome.HANDLED
        assert await orders.instcmd("driver.killpower") is Outcome.INVALID

    bench = play(story, "sdcommands = no.such,beeper.mute,never.tried")
    calls = [call for call in bench.driver.calls if call not in ("open", "poll", "close")]
    assert calls == ["no.such None", "beeper.mute None"]

    async def allowed(bench: Bench, orders: Orders) -> None:
        assert await orders.instcmd("driver.killpower") is Outcome.HANDLED

    play(allowed, "allow_killpower\nsdcommands = beeper.mute")


def test_a_device_without_a_command() -> None:
    """A device that can't be switched off says so, with the words that scripts look for."""

    async def story(bench: Bench, orders: Orders) -> None:
        assert await kill_power(bench.runner, bench.section, bench.watch.log) is Outcome.UNKNOWN

    assert "error: [u] shutdown not supported by dummy-ups" in play(story).watch.lines


@pytest.mark.parametrize(
    ("order", "outcome", "stops"),
    [
        ("driver.reload", Outcome.HANDLED, 0),
        ("driver.reload-or-error", Outcome.INVALID, 0),
        ("driver.reload-or-exit", Outcome.HANDLED, 1),
    ],
)
def test_reload_with_a_restart(order: str, outcome: Outcome, stops: int) -> None:
    """A change that needs a restart: left out, told as INVALID, or a reason to exit."""

    async def story(bench: Bench, orders: Orders) -> None:
        bench.new = (UpsConf(), section(port="other.dev"))
        assert await orders.instcmd(order) is outcome

    assert play(story).stops == stops


def test_reload_live() -> None:
    """A new pollinterval is in force at once, shown, and no reason to exit."""

    async def story(bench: Bench, orders: Orders) -> None:
        bench.new = (UpsConf(), section("pollinterval = 600"))
        assert await orders.instcmd("driver.reload-or-exit") is Outcome.HANDLED
        await asyncio.sleep(1)
        before = bench.runner.polls
        assert bench.runner.view.snapshot.get("driver.parameter.pollinterval") == "600"
        await asyncio.sleep(590)
        assert bench.runner.polls == before
        await asyncio.sleep(20)
        assert bench.runner.polls == before + 1
        assert str(bench.runner.view.freshness) == "fresh"

    bench = play(story)
    assert (bench.stops, bench.debug) == (0, [-1])


def test_reload_that_fails() -> None:
    """Settings that can't be read leave the old ones in force."""

    async def story(bench: Bench, orders: Orders) -> None:
        bench.new = OrderError("no ups.conf")
        assert await orders.instcmd("driver.reload-or-exit") is Outcome.FAILED

    bench = play(story)
    assert bench.stops == 0
    assert bench.watch.lines[-1] == "error: no ups.conf; the old settings stay in force"


def test_debug() -> None:
    """A level is passed on; rubbish is INVALID."""

    async def story(bench: Bench, orders: Orders) -> None:
        assert await orders.setvar(DEBUG, "3") is Outcome.HANDLED
        assert await orders.setvar(DEBUG, "x") is Outcome.INVALID

    assert play(story).debug == [3]

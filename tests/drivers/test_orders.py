# SPDX-License-Identifier: GPL-2.0-or-later
"""Orders to a driver process: what each does, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ridethrough.config.models import UpsConf, UpsSection
from ridethrough.drivers.adjust import ALLOW_KILLPOWER, COMMANDS, DEBUG, DriverInfo, adjustments
from ridethrough.drivers.base import DriverError
from ridethrough.drivers.lifecycle import Limit
from ridethrough.drivers.orders import (
    EXIT_LOST,
    EXIT_TO_RELOAD,
    Master,
    OrderError,
    Orders,
    Remake,
    kill_power,
)
from ridethrough.drivers.runner import Runner
from ridethrough.drivers.setting import Setting
from ridethrough.ups.commands import Outcome
from tests.support.drivers import ToldDriver, Watch, section
from tests.support.vloop import run_virtual

INFO = DriverInfo("dummy-ups", "1", "1", options=frozenset({"mode"}))


class Bench:
    """A running told driver with its orders, and what they did.

    `inside`: it lives in a process that goes on.  `next` is the driver that is made of new settings.
    """

    def __init__(self, text: str = "", *, inside: bool = False) -> None:
        self.watch = Watch()
        self.driver = ToldDriver(ups__status="OL", old__value="1")
        self.next = ToldDriver(ups__status="OB")
        self.section = section(text)
        self.new: tuple[UpsConf, UpsSection] | OrderError = (UpsConf(), self.section)
        self.inside = inside
        self.stops: list[int] = []
        self.debug: list[int] = []

    async def start(self) -> Orders:
        """Wait for the first poll."""
        setting = self._setting(self.section, UpsConf())
        self.runner = Runner(
            self.section,
            self.driver,
            setting.adjustments,
            self.watch.on_view,
            limit=setting.limit,
            log=self.watch.log,
        )
        remake = Remake(self._driver, self._setting, frozenset({"port"}))
        end = None if self.inside else self.stops.append
        orders = Orders(
            self.runner,
            self.section,
            UpsConf(),
            remake,
            Master(self._reread, end, self._debug),
            self.watch.log,
        )
        self.runner.start()
        await self.runner.first()
        return orders

    def shown(self, name: str) -> str:
        """What everybody is told."""
        return self.runner.view.snapshot.get(name)

    def _driver(self, section: UpsSection) -> ToldDriver:
        if section.option("mode") == "nonsense":
            raise DriverError("[u] no such mode")
        return self.next

    def _setting(self, section: UpsSection, conf: UpsConf) -> Setting:
        limit = Limit(int(section.number("reconnect_max_tries", -1)))
        interval_s = section.number("pollinterval", 2)
        laid = adjustments(section, INFO, pollinterval_s=interval_s)
        return Setting(laid, interval_s, limit, section.desc)

    def _debug(self, section: UpsSection, conf: UpsConf, level: int) -> int:
        self.debug.append(level)
        return max(level, 0)

    def _reread(self) -> tuple[UpsConf, UpsSection]:
        if isinstance(self.new, OrderError):
            raise self.new
        return self.new


def play(
    story: Callable[[Bench, Orders], Coroutine[Any, Any, None]], text: str = "", *, inside: bool = False
) -> Bench:
    """Run a story on the virtual clock."""
    bench = Bench(text, inside=inside)

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
        assert await bench.runner.instcmd("driver.exit") is Outcome.HANDLED

    assert play(story).stops == [0]


def test_what_is_announced() -> None:
    """Every driver shows NUT's commands, its state, and two switches that may be written as numbers."""

    async def story(bench: Bench, orders: Orders) -> None:
        snapshot = bench.runner.view.snapshot
        assert snapshot.commands == {"beeper.mute", *COMMANDS}
        assert "driver.exit" not in snapshot.commands
        shown = {name: bench.shown(name) for name in ("driver.state", DEBUG, ALLOW_KILLPOWER)}
        assert shown == {"driver.state": "quiet", DEBUG: "0", ALLOW_KILLPOWER: "0"}
        assert {snapshot.variables[name].type_words() for name in (DEBUG, ALLOW_KILLPOWER)} == {"RW NUMBER"}
        assert not snapshot.variables["driver.state"].rw

    play(story)


def test_what_is_the_drivers_own() -> None:
    """All else goes to the driver."""

    async def story(bench: Bench, orders: Orders) -> None:
        for name in ("load.off", "driver", "driver.dance", "beeper.mute"):
            assert await orders.instcmd(name) is None
        assert await orders.setvar("ups.id", "x") is None
        assert await bench.runner.instcmd("driver.dance") is Outcome.UNKNOWN

    assert play(story).stops == []


def test_killpower_wants_leave() -> None:
    """Power is killed only with allow_killpower, set in ups.conf or over the socket, and can be forbidden."""

    async def story(bench: Bench, orders: Orders) -> None:
        assert await orders.instcmd("driver.killpower") is Outcome.INVALID
        assert await orders.setvar(ALLOW_KILLPOWER, "yes") is Outcome.HANDLED
        assert bench.shown(ALLOW_KILLPOWER) == "1"
        assert await orders.instcmd("driver.killpower") is Outcome.HANDLED
        assert await orders.setvar(ALLOW_KILLPOWER, "0") is Outcome.HANDLED
        assert await orders.instcmd("driver.killpower") is Outcome.INVALID

    bench = play(story, "sdcommands = no.such,beeper.mute,never.tried")
    calls = [call for call in bench.driver.calls if call not in ("open", "poll", "close")]
    assert calls == ["no.such None", "beeper.mute None"]
    states = [view.snapshot.get("driver.state") for view in bench.watch.views]
    assert states.count("fsd.killpower") >= 1
    assert states[-1] == "quiet"

    async def allowed(bench: Bench, orders: Orders) -> None:
        assert bench.shown(ALLOW_KILLPOWER) == "1"
        assert await orders.instcmd("driver.killpower") is Outcome.HANDLED

    play(allowed, "allow_killpower\nsdcommands = beeper.mute")


def test_sdcommands_can_not_call_themselves() -> None:
    """An order in sdcommands goes to the device, which does not know it: no circle."""

    async def story(bench: Bench, orders: Orders) -> None:
        assert await orders.instcmd("driver.killpower") is Outcome.UNKNOWN

    play(story, "allow_killpower\nsdcommands = driver.killpower")


def test_a_device_without_a_command() -> None:
    """A device that can't be switched off says so, with the words that scripts look for."""

    async def story(bench: Bench, orders: Orders) -> None:
        assert await kill_power(bench.runner, bench.section, bench.watch.log) is Outcome.UNKNOWN
        assert await orders.instcmd("shutdown.default") is Outcome.UNKNOWN

    assert play(story).watch.lines.count("error: [u] shutdown not supported by dummy-ups") == 2


@pytest.mark.parametrize(
    ("order", "outcome", "stops"),
    [
        ("driver.reload", Outcome.HANDLED, []),
        ("driver.reload-or-error", Outcome.INVALID, []),
        ("driver.reload-or-exit", Outcome.HANDLED, [EXIT_TO_RELOAD]),
    ],
)
def test_reload_with_a_restart(order: str, outcome: Outcome, stops: list[int]) -> None:
    """A change that needs a restart: left out, told as INVALID, or a reason to exit."""

    async def story(bench: Bench, orders: Orders) -> None:
        bench.new = (UpsConf(), section("mode = dummy-once"))
        assert await orders.instcmd(order) is outcome

    assert play(story).stops == stops


def test_reload_live() -> None:
    """A new pollinterval is in force at once, shown, and no reason to exit."""

    async def story(bench: Bench, orders: Orders) -> None:
        bench.new = (UpsConf(), section("pollinterval = 600"))
        assert await orders.instcmd("driver.reload-or-exit") is Outcome.HANDLED
        await asyncio.sleep(1)
        before = bench.runner.polls
        assert bench.shown("driver.parameter.pollinterval") == "600"
        await asyncio.sleep(590)
        assert bench.runner.polls == before
        await asyncio.sleep(20)
        assert bench.runner.polls == before + 1
        assert str(bench.runner.view.freshness) == "fresh"

    bench = play(story)
    assert (bench.stops, bench.debug) == ([], [-1, -1])


def test_reload_of_what_is_laid_over() -> None:
    """Overrides, defaults, ignorelb, sdcommands, desc and allow_killpower come and go while it runs."""

    async def story(bench: Bench, orders: Orders) -> None:
        bench.driver.values |= {"battery.charge": "15", "battery.charge.low": "10", "ups.status": "OB"}
        await bench.runner.poll_now()
        text = "override.battery.charge.low = 20\ndefault.ups.id = x\nignorelb\nallow_killpower\n"
        bench.new = (UpsConf(), section(f'{text}sdcommands = beeper.mute\ndesc = "New"'))
        assert await orders.reload("reload-or-error") is Outcome.HANDLED
        names = ("battery.charge.low", "ups.id", "ups.status", "driver.parameter.sdcommands", ALLOW_KILLPOWER)
        assert [bench.shown(name) for name in names] == ["20", "x", "OB LB", "beeper.mute", "1"]
        assert bench.runner.view.desc == "New"
        assert await orders.instcmd("driver.killpower") is Outcome.HANDLED
        bench.new = (UpsConf(), section())
        assert await orders.reload("reload-or-error") is Outcome.HANDLED
        assert [bench.shown(name) for name in names] == ["10", "", "OB", "", "0"]

    play(story)


def test_ignorelb_that_would_be_blind() -> None:
    """ignorelb over readings that can't tell a low battery is refused: the device's LB stays."""

    async def story(bench: Bench, orders: Orders) -> None:
        bench.driver.values["ups.status"] = "OB LB"
        bench.new = (UpsConf(), section("ignorelb"))
        assert await orders.reload() is Outcome.FAILED
        await bench.runner.poll_now()
        assert bench.shown("ups.status") == "OB LB"
        assert not orders.section.flag("ignorelb")

    assert "'ignorelb' is set" in play(story).watch.lines[-1]


def test_another_instance_takes_over() -> None:
    """A new port is opened and polled by a new instance; nothing of the old one is left, nothing is stale."""

    async def story(bench: Bench, orders: Orders) -> None:
        bench.new = (UpsConf(), section(port="other.dev"))
        assert await orders.reload("reload-or-error") is Outcome.HANDLED
        shown = [bench.shown(name) for name in ("ups.status", "old.value", "driver.parameter.port")]
        assert shown == ["OB", "", "other.dev"]
        assert bench.driver.calls[-1] == "close"
        await asyncio.sleep(10)
        assert bench.runner.polls > 3

    bench = play(story)
    assert {str(view.freshness) for view in bench.watch.views[:-1]} == {"fresh"}


def test_an_instance_that_does_not_work() -> None:
    """A new port that can't be read leaves the old one in force."""

    async def story(bench: Bench, orders: Orders) -> None:
        bench.new = (UpsConf(), section(port="other.dev"))
        bench.next.open_error = DriverError("[u] cannot open other.dev")
        assert await orders.reload("reload-or-exit") is Outcome.FAILED
        bench.next.open_error, bench.next.error = None, DriverError("[u] cannot read other.dev")
        assert await orders.reload("reload-or-exit") is Outcome.FAILED
        assert bench.shown("driver.state") == "quiet"
        assert (bench.shown("old.value"), orders.section.port) == ("1", "x.dev")

    bench = play(story)
    assert bench.stops == []
    assert bench.watch.lines[-1] == "error: [u] cannot read other.dev; the old settings stay in force"


def test_reload_that_fails() -> None:
    """Settings that can't be read leave the old ones in force."""

    async def story(bench: Bench, orders: Orders) -> None:
        bench.new = OrderError("no ups.conf")
        assert await orders.instcmd("driver.reload-or-exit") is Outcome.FAILED

    bench = play(story)
    assert bench.stops == []
    assert bench.watch.lines[-1] == "error: no ups.conf; the old settings stay in force"


@pytest.mark.parametrize("order", ["driver.exit", "driver.reload-or-exit"])
def test_inside_another_process(order: str) -> None:
    """Where no process may end, the driver begins anew in its place with the settings of now."""

    async def story(bench: Bench, orders: Orders) -> None:
        bench.new = (UpsConf(), section("mode = dummy-once"))
        assert await bench.runner.instcmd(order) is Outcome.HANDLED
        await asyncio.sleep(1)
        shown = [bench.shown(name) for name in ("ups.status", "old.value", "driver.parameter.mode")]
        assert shown == ["OB", "", "dummy-once"]
        assert bench.driver.calls[-1] == "close"

    bench = play(story, inside=True)
    assert [str(view.freshness) for view in bench.watch.views].count("disconnected") == 2


def test_beginning_anew_with_nonsense() -> None:
    """Settings that make no sense, or another driver, leave the driver inside another process as it is."""

    async def story(bench: Bench, orders: Orders) -> None:
        for new in (section("mode = nonsense"), section(driver="usbhid-ups", port="auto")):
            bench.new = (UpsConf(), new)
            assert await bench.runner.instcmd("driver.exit") is Outcome.FAILED
        bench.new = OrderError("no ups.conf")
        assert await bench.runner.instcmd("driver.exit") is Outcome.HANDLED

    assert any("send SIGHUP to ridethrough serve" in line for line in play(story, inside=True).watch.lines)


@pytest.mark.parametrize(("inside", "stops"), [(False, [EXIT_LOST]), (True, [])])
def test_a_device_that_stays_lost(inside: bool, stops: list[int]) -> None:
    """After reconnect_max_tries openings in vain the process ends, or the driver begins anew."""

    async def story(bench: Bench, orders: Orders) -> None:
        bench.driver.error = bench.driver.open_error = DriverError("[u] gone")
        for _ in range(600):
            if not bench.stops:
                await asyncio.sleep(0.1)
        assert bench.driver.calls.count("open") == 1 + 3
        assert bench.shown("ups.status") == ("OB" if inside else "OL")

    assert play(story, "reconnect_max_tries = 3\npollinterval = 30", inside=inside).stops == stops


def test_debug() -> None:
    """A level is passed on, shown, survives a reload, and is taken back by -1; rubbish is INVALID."""

    async def story(bench: Bench, orders: Orders) -> None:
        assert await orders.setvar(DEBUG, "3") is Outcome.HANDLED
        assert await orders.setvar(DEBUG, "x") is Outcome.INVALID
        assert bench.shown(DEBUG) == "3"
        bench.new = (UpsConf(), section("debug_min = 1"))
        assert await orders.reload() is Outcome.HANDLED
        assert await orders.setvar(DEBUG, "-1") is Outcome.HANDLED

    assert play(story).debug == [-1, 3, 3, -1]

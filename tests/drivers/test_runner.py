# SPDX-License-Identifier: GPL-2.0-or-later
"""The runner: polls on a virtual clock, with a driver that misbehaves in every way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ridethrough.drivers.adjust import DriverInfo, adjustments
from ridethrough.drivers.base import DriverError
from ridethrough.drivers.runner import Runner
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Change, DeviceView, Freshness
from tests.support.drivers import MovableDriver, ToldDriver, Watch, section
from tests.support.vloop import run_virtual

INFO = DriverInfo("dummy-ups", "1", "1")


def drive(
    driver: ToldDriver,
    story: Callable[[Runner, ToldDriver], Awaitable[None]],
    *,
    conf: str = "",
    interval_s: float = 2.0,
    limit_s: float = 5.0,
) -> Watch:
    """Run `story` beside a started runner on a virtual clock; gives what was told."""
    watch = Watch()

    async def scene() -> None:
        it = section(conf)
        runner = Runner(
            it,
            driver,
            adjustments(it, INFO),
            watch.on_view,
            pollinterval_s=interval_s,
            call_limit_s=limit_s,
            log=watch.log,
        )
        runner.start()
        await story(runner, driver)
        await runner.stop()

    run_virtual(scene())
    return watch


def test_polls_and_commits_once() -> None:
    """A poll is told once and whole; polls without news are not told."""

    async def story(runner: Runner, driver: ToldDriver) -> None:
        await asyncio.sleep(5.0)
        driver.values["ups.status"] = "OB"
        driver.values["battery.charge"] = "99"
        await asyncio.sleep(2.0)

    watch = drive(ToldDriver(ups__status="OL", ups__mfr="Acme"), story)
    assert watch.history == [(0.0, "fresh", "OL"), (6.0, "fresh", "OB"), (7.0, "disconnected", "OB")]
    assert watch.views[0].snapshot.get("device.mfr") == "Acme"
    assert watch.views[0].snapshot.get("driver.name") == "dummy-ups"
    assert {variable.name for variable in watch.changes[1].set} == {"ups.status", "battery.charge"}


def test_a_failing_device_becomes_stale_and_comes_back() -> None:
    """Two failed polls make it stale; it is closed, opened again after the pause, and is fresh again."""

    async def story(runner: Runner, driver: ToldDriver) -> None:
        await asyncio.sleep(3.0)
        driver.error = DriverError("[u] no answer on the wire; check the cable")
        await asyncio.sleep(3.0)
        assert driver.calls[-1] == "close"
        driver.error = None
        await asyncio.sleep(1.0)

    watch = drive(ToldDriver(ups__status="OL"), story)
    assert [entry[:2] for entry in watch.history] == [
        (0.0, "fresh"),
        (5.0, "stale"),
        (5.0, "stale"),  # and driver.state says so
        (6.0, "fresh"),
        (7.0, "disconnected"),
    ]
    states = [view.snapshot.get("driver.state") for view in watch.views]
    assert states == ["quiet", "quiet", "reconnect.trying", "quiet", "quiet"]
    assert watch.lines == [
        "error: [u] no answer on the wire; check the cable",
        "info: [u] the device answers again",
    ]


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_hanging_poll_is_stale_within_the_limit(stubborn: bool) -> None:
    """A poll that never returns makes the readings stale in time, even if it resists being cancelled."""

    async def story(runner: Runner, driver: ToldDriver) -> None:
        await asyncio.sleep(1.0)
        driver.hang_s, driver.stubborn = 3600.0, stubborn
        await asyncio.sleep(8.0)
        assert runner.view.freshness is Freshness.STALE
        driver.hang_s = 0.0

    watch = drive(ToldDriver(ups__status="OL"), story)
    stale_at = next(entry[0] for entry in watch.history if entry[1] == "stale")
    assert 7.0 <= stale_at <= 7.5
    assert watch.lines == ["error: [u] the driver has not answered for 5 s"]


def test_a_fault_in_a_driver_is_one_line() -> None:
    """An exception that no driver should raise is reported in one line, and makes the readings stale."""

    async def story(runner: Runner, driver: ToldDriver) -> None:
        driver.error = ZeroDivisionError("division by zero")
        await asyncio.sleep(3.0)

    watch = drive(ToldDriver(ups__status="OL"), story)
    assert watch.lines == ["error: [u] fault in the driver: ZeroDivisionError: division by zero"]
    assert watch.history == [(3.0, "disconnected", "")]


def test_commands_wait_for_the_poll_and_are_followed_by_one() -> None:
    """Driver calls never overlap, and what a SET changed is told before the SET returns."""

    async def story(runner: Runner, driver: ToldDriver) -> None:
        await asyncio.sleep(1.0)
        driver.hang_s = 0.5
        outcomes = await asyncio.gather(
            runner.instcmd("beeper.mute"), runner.setvar("ups.id", "a"), runner.instcmd("nothing", "1")
        )
        assert outcomes == [Outcome.HANDLED, Outcome.HANDLED, Outcome.UNKNOWN]
        assert runner.view.snapshot.get("ups.id") == "a"
        assert driver.calls == ["open", "poll", "beeper.mute None", "poll", "set ups.id", "poll", "nothing 1"]
        assert driver.most_busy == 1

    drive(ToldDriver(ups__status="OL"), story)


def test_commands_fail_in_words() -> None:
    """A hanging device, a refusing one and a closed one give FAILED, and an overridden variable INVALID."""

    async def story(runner: Runner, driver: ToldDriver) -> None:
        await asyncio.sleep(0.5)
        assert await runner.setvar("ups.id", "x") is Outcome.INVALID
        assert await runner.setvar("a.b", "raise") is Outcome.FAILED
        driver.hang_s = 3600.0
        assert await runner.instcmd("beeper.mute") is Outcome.FAILED
        driver.hang_s = 0.0
        driver.error = DriverError("[u] gone")
        await asyncio.sleep(1.5)
        assert driver.calls[-1] == "close"
        assert await runner.instcmd("beeper.mute") is Outcome.FAILED

    watch = drive(ToldDriver(ups__status="OL"), story, conf="override.ups.id = fixed")
    assert watch.lines == [
        "error: [u] the device refused it",
        "error: [u] command beeper.mute: no answer for 5 s",
        "error: [u] gone",
    ]


def test_a_device_that_can_not_be_opened() -> None:
    """Until the first poll the UPS is WAITING, the reason is told once, and opening goes on with pauses."""

    async def story(runner: Runner, driver: ToldDriver) -> None:
        assert await runner.first() == "[u] no such device"
        await asyncio.sleep(20.0)
        assert runner.view.freshness is Freshness.WAITING
        assert driver.calls.count("open") == 5  # at 0, 1, 3, 7 and 15 s
        driver.open_error = None
        await asyncio.sleep(15.0)
        assert runner.view.freshness is Freshness.FRESH

    driver = ToldDriver(ups__status="OL")
    driver.open_error = DriverError("[u] no such device")
    watch = drive(driver, story)
    assert watch.lines == ["error: [u] no such device", "info: [u] the device answers again"]


def test_ignorelb_without_anything_to_decide_on_is_refused() -> None:
    """A battery that could never become low is not shown as fresh; the line says what to set."""

    async def story(runner: Runner, driver: ToldDriver) -> None:
        assert "override.battery.charge.low" in str(await runner.first())
        driver.values["battery.charge"] = "90"
        driver.values["battery.charge.low"] = "20"
        await asyncio.sleep(10.0)
        assert runner.view.freshness is Freshness.FRESH

    drive(ToldDriver(ups__status="OL"), story, conf="ignorelb")


def test_control_polls_at_once_and_wakes_are_kept() -> None:
    """A moved UPS is told at once, and a driver that knows its next event is polled right then."""

    async def story(runner: Runner, driver: ToldDriver) -> None:
        assert isinstance(driver, MovableDriver)
        await asyncio.sleep(1.0)
        assert runner.movable
        assert runner.control("mains", ["OB"]) == "did mains"
        await asyncio.sleep(0.25)
        driver.values["ups.status"] = "OB LB"
        driver.wakes = 2.5
        runner.poke()
        await asyncio.sleep(0.25)
        driver.values["ups.status"] = "OFF"
        await asyncio.sleep(2.0)
        assert driver.calls.count("poll") == 4, "a wake in the past is no reason to poll again"

    watch = drive(MovableDriver(ups__status="OL"), story, interval_s=10.0)
    assert watch.history[:4] == [
        (0.0, "fresh", "OL"),
        (1.0, "fresh", "OB"),
        (1.25, "fresh", "OB LB"),
        (2.5, "fresh", "OFF"),
    ]


def test_a_plain_driver_can_not_be_moved() -> None:
    """`sim` on a real UPS is refused in words."""

    async def story(runner: Runner, driver: ToldDriver) -> None:
        await asyncio.sleep(0.1)
        with pytest.raises(ValueError, match="no simulated UPS"):
            runner.control("mains", ["off"])

    drive(ToldDriver(ups__status="OL"), story)


def test_a_listener_that_fails_hurts_nobody() -> None:
    """Polling goes on, and the others are told, when one who listens raises."""

    def bad(view: DeviceView, change: Change) -> None:
        raise RuntimeError("oops")

    async def story(runner: Runner, driver: ToldDriver) -> None:
        off = runner.listen(bad)
        await asyncio.sleep(1.0)
        off()
        driver.values["ups.status"] = "OB"
        await asyncio.sleep(2.0)

    watch = drive(ToldDriver(ups__status="OL"), story)
    assert [entry[2] for entry in watch.history] == ["OL", "OB", "OB"]
    assert watch.lines == ["error: [u] a listener failed: RuntimeError: oops"]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of the shutdown path that a review found: each is played as it would happen at night."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ridethrough.app import report
from ridethrough.app.bus import Event
from ridethrough.app.house import House
from ridethrough.app.requests import handlers
from ridethrough.app.serving import Serving
from ridethrough.client.aio import AsyncClient
from ridethrough.config.model_upsmon import MonitorLine, UpsmonConf
from ridethrough.config.models import UpsSection
from ridethrough.control.server import Peer, RequestError
from ridethrough.drivers import adjust
from ridethrough.drivers.adjust import DriverInfo, adjustments
from ridethrough.drivers.base import DriverError
from ridethrough.drivers.external import External
from ridethrough.drivers.runner import Runner
from ridethrough.drivers.source import OnView
from ridethrough.monitor import core
from ridethrough.monitor.shell import Monitor, tcp_link
from ridethrough.privsep.errors import HelperGone
from ridethrough.ups.state import Change, DeviceView, Freshness
from ridethrough.ups.variables import parse_number
from tests.app.test_house import notices, play, texts
from tests.app.test_serving import FakeSource, config, stage
from tests.support.drivers import ToldDriver, Watch, section
from tests.support.fake_upsd import FakeUpsd
from tests.support.monitor_play import Output, line
from tests.support.vloop import VirtualLoop, run_virtual


def watching(house: House) -> Monitor:
    assert house.monitor is not None
    return house.monitor


def serving(house: House) -> Serving:
    assert house.serving is not None
    return house.serving


def test_a_defect_of_a_link_does_not_end_its_polling() -> None:
    """An exception that nobody foresaw (no thread left for a name lookup) costs one poll, not the UPS."""

    async def world() -> None:
        server, output = FakeUpsd(), Output()
        await server.start()
        tries = 0

        def connect(monitor_line: MonitorLine) -> AsyncClient:
            nonlocal tries
            tries += 1
            if tries == 2:
                raise RuntimeError("can't start new thread")
            return tcp_link(monitor_line)

        monitor = Monitor(UpsmonConf(monitors=(line(server),)), connect, output)
        running = asyncio.create_task(monitor.run())
        await asyncio.sleep(12)
        await server.stop()  # the connection is lost, the next try meets the defect
        await asyncio.sleep(6)
        await server.start()
        await asyncio.sleep(60)
        (seen,) = monitor.summary()
        assert tries > 2
        assert seen.fresh
        monitor.stop()
        await running
        await server.stop()

    run_virtual(world())


def test_two_reloads_at_once_leave_one_source() -> None:
    """SIGHUP twice in a row while a driver takes its time to stop: every source but the last is stopped."""

    async def run() -> None:
        async with stage("bare") as made:
            sources: list[FakeSource] = [made.made["bare"]]
            stopped: list[FakeSource] = []

            def make(section: UpsSection, on_view: OnView) -> FakeSource:
                source = FakeSource(section, on_view, made.log)
                sources.append(slow(source))
                return source

            def slow(source: FakeSource) -> FakeSource:
                async def stop() -> None:
                    stopped.append(source)
                    await asyncio.sleep(3)

                source.stop = stop  # type: ignore[method-assign]  # one source of many takes its time
                return source

            slow(sources[0])
            made.serving._make_source = make
            first, second = (config("bare", maxage_s=age) for age in (20, 25))
            await asyncio.gather(made.serving.reload(first), made.serving.reload(second))
            assert [source for source in sources if source not in stopped] == sources[-1:]
            assert await made.ask(b"GET VAR bare ups.status\n") == b'VAR bare ups.status "OL"\n'

    run_virtual(run())


INFO = DriverInfo("dummy-ups", "1", "1")


def runner_of(driver: ToldDriver, watch: Watch, **more: float) -> Runner:
    it = section()
    return Runner(it, driver, adjustments(it, INFO), watch.on_view, log=watch.log, **more)


def test_a_driver_that_answers_too_slowly_is_not_fresh_beyond_maxage() -> None:
    """Promise 4: two polls of nine seconds each that fail are older together than MAXAGE."""

    async def scene() -> None:
        driver, watch = ToldDriver(ups__status="OL"), Watch()
        runner = runner_of(driver, watch)
        runner.start()
        await asyncio.sleep(4.5)
        driver.hang_s, driver.error = 9.9, DriverError("no")
        await asyncio.sleep(16)
        assert runner.view.freshness is not Freshness.FRESH
        await runner.stop()

    run_virtual(scene())


def test_after_a_suspend_nothing_is_fresh_until_it_is_polled() -> None:
    """The machine slept for an hour: what was read before is not fresh while the device is asked."""

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        driver, watch = ToldDriver(ups__status="OL"), Watch()
        runner = runner_of(driver, watch)
        runner.start()
        await asyncio.sleep(4.5)
        driver.hang_s = 8.0
        loop.advance(3600)
        await asyncio.sleep(1)
        assert watch.history[-1][1] == Freshness.STALE.value
        await asyncio.sleep(10)
        assert watch.history[-1][1] == Freshness.FRESH.value
        await runner.stop()

    run_virtual(scene())


def test_a_defect_in_the_runner_does_not_leave_its_readings_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task that polls dies of a defect: its readings grow stale, it is said, and it begins anew."""

    async def scene() -> None:
        driver, watch = ToldDriver(ups__status="OL"), Watch()
        runner = runner_of(driver, watch)
        runner.start()
        await asyncio.sleep(4.5)
        really = adjust.publish

        def broken(*args: object) -> object:
            raise RuntimeError("a defect")

        monkeypatch.setattr(adjust, "publish", broken)
        await asyncio.sleep(20)
        assert runner.view.freshness is Freshness.STALE
        assert any("a defect" in text for text in watch.lines)
        monkeypatch.setattr(adjust, "publish", really)
        await asyncio.sleep(60)
        assert watch.history[-1][1] == Freshness.FRESH.value
        await runner.stop()

    run_virtual(scene())


def test_armed_serve_ends_when_shutdowncmd_could_not_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The helper is dead when the shutdown is due: serve must not sit there with a monitor that has ended."""

    async def main(house: House, events: list[Event]) -> None:
        async def gone() -> None:
            raise HelperGone("the helper has ended")

        monkeypatch.setattr(house.actions, "shutdown", gone)
        await asyncio.sleep(5)
        watching(house).user_fsd()
        await asyncio.wait_for(house.failed.wait(), 60)

    events = play(tmp_path, main, armed=True)
    assert any(event.get("level") == "critical" and "NOT" in event["text"] for event in events)


def test_an_order_that_nobody_can_carry_out_is_refused(tmp_path: Path) -> None:
    """`fsd` after the monitor has ended is no success."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        watching(house).user_fsd()
        await house.monitor_ended.wait()
        _, fsd = handlers(house)["fsd"]
        with pytest.raises(RequestError, match="has ended"):
            await fsd({}, Peer(uid=0, gid=0, pid=1, role="operator"))

    play(tmp_path, main, armed=True)


def test_a_dry_run_sets_no_fsd_that_real_hosts_would_obey(tmp_path: Path) -> None:
    """A secondary that reads a dry run's server must not be shut down by it."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        watching(house).user_fsd()
        await asyncio.sleep(3)
        device = serving(house).core.device("sim")
        assert device is not None
        assert not device.fsd
        assert any("FSD" in text for text in texts(events, "would"))
        await house.monitor_ended.wait()

    play(tmp_path, main)


def test_memory_links_are_forgotten_when_they_end(tmp_path: Path) -> None:
    """A wrong password makes a new link every minute: those of a year must not be kept."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(3600)
        assert len(serving(house).listener._channels) < 5

    play(tmp_path, main, password="wr0ng")


def test_stop_waits_for_the_hostsync_of_now(tmp_path: Path) -> None:
    """HOSTSYNC was raised by a reload; a SIGTERM in mid-shutdown waits for the new one."""

    tasks = []

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        conf = house.blueprint.config.upsmon
        assert conf is not None
        watching(house).reload(replace(conf, hostsync_s=120.0))
        assert house.serving is not None
        # Not over TCP: the virtual clock does not wait for the system's sockets.
        other = AsyncClient(house.serving.memory_channel("other"))
        await other.open()
        await other.authenticate("mon", "right")
        await other.login("sim")
        watching(house).user_fsd()

        async def keep() -> None:
            while True:
                await other.numlogins("sim")
                await asyncio.sleep(10)

        tasks.append(asyncio.create_task(keep()))
        await asyncio.sleep(1)

    events = play(tmp_path, main, armed=True)
    assert [text for text in texts(events, "would") if "SHUTDOWNCMD" in text]


def test_a_reading_that_is_no_number_of_this_world_is_still_told() -> None:
    """A charge of four hundred digits must not cost observers the event that says OB."""
    assert parse_number("9" * 400) is None


def test_the_end_of_the_helper_is_told_as_noparent(tmp_path: Path) -> None:
    """Nobody is left who may shut this host down: people are told, not only the log."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        house.helper_is_gone("the helper has ended")
        assert "NOPARENT" in notices(events)
        assert report.status(house)["helper"] is False

    play(tmp_path, main, armed=True)


def test_a_defect_of_the_core_does_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that fails is tried once a second, not as fast as the machine can; then all goes on."""

    async def world() -> None:
        server, output, steps = FakeUpsd(), Output(), 0
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        await server.start()
        monitor = Monitor(UpsmonConf(monitors=(line(server),)), tcp_link, output)
        running = asyncio.create_task(monitor.run())
        await asyncio.sleep(12)

        def broken(*args: object) -> None:
            nonlocal steps
            steps += 1
            raise RuntimeError("a defect")

        with monkeypatch.context() as patch:
            patch.setattr(core, "step", broken)
            await asyncio.sleep(5)
        assert 2 < steps < 10
        await asyncio.sleep(30)
        (seen,) = monitor.summary()
        assert seen.fresh
        server.say("OB LB")
        await asyncio.sleep(30)
        assert "shutdown" in output.whats
        monitor.stop()
        await running
        await server.stop()

    run_virtual(world())


def test_a_core_that_keeps_failing_ends_the_monitor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alive and deciding nothing is worse than ended: whoever runs it starts it again."""

    async def world() -> None:
        server, output = FakeUpsd(), Output()
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        await server.start()
        monitor = Monitor(UpsmonConf(monitors=(line(server),)), tcp_link, output)
        running = asyncio.create_task(monitor.run())
        await asyncio.sleep(12)

        def broken(*args: object) -> None:
            raise RuntimeError("a defect")

        with monkeypatch.context() as patch:
            patch.setattr(core, "step", broken)
            with pytest.raises(RuntimeError, match="a defect"):
                await asyncio.wait_for(running, 60)
        await server.stop()

    run_virtual(world())


def test_a_defect_behind_a_driver_socket_costs_the_connection_only(tmp_path: Path) -> None:
    """Whoever listens fails once: the readings are not fresh, and the socket is opened again."""

    async def scene() -> None:
        asked = 0

        async def driver(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            asked += 1
            await reader.readline()
            writer.write(b"SETINFO ups.status OL\nDATAOK\nDUMPDONE\n")
            await reader.read()
            writer.close()

        server = await asyncio.start_unix_server(driver, tmp_path / "usbhid-ups-u")
        watch, faults = Watch(), [RuntimeError("a defect")]

        def on_view(view: DeviceView, change: Change) -> None:
            if view.freshness is Freshness.FRESH and faults:
                raise faults.pop()
            watch.on_view(view, change)

        source = External(section(driver="usbhid-ups"), tmp_path, on_view, log=watch.log)
        source.start()
        await asyncio.sleep(10)
        assert asked == 2
        assert watch.history[-1][1] == Freshness.FRESH.value
        assert any("a defect" in text for text in watch.lines)
        await source.stop()
        server.close()

    run_virtual(scene())

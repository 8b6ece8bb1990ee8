# SPDX-License-Identifier: GPL-2.0-or-later
"""usbhid-ups over a faked kernel: read, told of, written to, lost and found."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from ridethrough.drivers.base import DriverError
from ridethrough.drivers.transport.identity import SETTINGS
from ridethrough.drivers.usbhid import UsbhidUps
from ridethrough.sim.usb.power import Power
from ridethrough.ups.commands import Outcome
from tests.support.drivers import Watch, section
from tests.support.usbhid_ups import EATON, Bench, known_settings, seconds


def test_a_ups_is_read_as_soon_as_the_driver_starts(tmp_path: Path) -> None:
    """Variables, rights, commands and what the driver says of itself are there after the first poll."""
    bench = Bench(tmp_path, "offdelay = 60\npollfreq = 15")

    async def story() -> None:
        assert await bench.runner.first() is None
        shown = bench.runner.view.snapshot
        assert shown.get("ups.status") == "OL"
        assert shown.get("device.model") == "Ellipse PRO 850"
        assert shown.get("device.type") == "ups"
        assert shown.get("ups.delay.shutdown") == "60"
        assert shown.get("driver.version.data").startswith("MGE HID")
        assert shown.get("driver.parameter.pollfreq") == "15"
        assert shown.variables["battery.charge.low"].rw
        assert {"load.off.delay", "beeper.mute", "shutdown.return", "driver.reload"} <= shown.commands

    bench.play(story)
    assert not [line for line in bench.watch.lines if line.startswith(("warning", "error"))]


def test_mains_lost_is_published_at_once(tmp_path: Path) -> None:
    """What the UPS tells by itself does not wait for the next poll; LB and the way back likewise."""
    bench = Bench(tmp_path)

    async def story() -> None:
        await bench.runner.first()
        await seconds(0.5)
        for state, words in ((Power.OB, "OB"), (Power.LB, "OB LB"), (Power.OL, "OL")):
            bench.power(state)
            await seconds(0.01)
            assert {*words.split()} == {"OL", "OB", "LB"} & {*bench.status.split()}

    bench.play(story)


def test_polling_sees_what_was_not_told(tmp_path: Path) -> None:
    """A UPS that sends nothing by itself is seen on battery at the next poll, also with pollonly."""
    bench = Bench(tmp_path, "pollonly\npollinterval = 1")

    async def story() -> None:
        await bench.runner.first()
        bench.power(Power.OB, told=False)
        await seconds(1.1)
        assert "OB" in bench.status

    bench.play(story)


def test_a_ups_that_tells_all_the_time_is_polled_all_the_same(tmp_path: Path) -> None:
    """Reports every half second do not put polls off for ever: a voltage that only a poll reads moves."""
    bench = Bench(tmp_path, "pollfreq = 4")

    async def story() -> None:
        await bench.runner.first()
        asked = bench.driver._walked_at
        for number in range(10):
            bench.power(Power.OB if number % 2 else Power.OL)
            await seconds(0.5)
        assert bench.driver._walked_at >= asked + 4

    bench.play(story)


def test_unplugged_is_stale_at_once_and_replugged_fresh_soon(tmp_path: Path) -> None:
    """No pause of the runner is laid over the link's own; settings that only the driver keeps stay."""
    bench = Bench(tmp_path)

    async def story() -> None:
        await bench.runner.first()
        assert await bench.runner.setvar("ups.delay.shutdown", "45") is Outcome.HANDLED
        bench.unplug()
        await seconds(0.05)
        assert bench.freshness == "stale"
        assert await bench.runner.instcmd("beeper.mute") is Outcome.FAILED
        await seconds(100)
        assert bench.freshness == "stale"
        bench.plug()
        bench.driver.hint()
        await seconds(3)
        assert bench.freshness == "fresh"
        assert bench.status == "OL"
        assert bench.runner.view.snapshot.get("ups.delay.shutdown") == "45"

    bench.play(story)
    assert any("vanished from port 1-2 and came back" in line for line in bench.watch.lines)


def test_orders_reach_the_device(tmp_path: Path) -> None:
    """A SET and a command are reports that the device sees, and the poll after a SET shows the value."""
    bench = Bench(tmp_path)

    async def story() -> None:
        await bench.runner.first()
        assert await bench.runner.setvar("battery.charge.low", "30") is Outcome.HANDLED
        assert await bench.runner.instcmd("load.off.delay", "7") is Outcome.HANDLED
        assert await bench.runner.setvar("ups.load", "3") is Outcome.UNKNOWN
        assert await bench.runner.instcmd("make.coffee") is Outcome.INVALID

    bench.play(story)
    assert len(bench.kernel.written) == 2
    assert bench.kernel.written[0][1] == 30
    assert bench.kernel.written[1][1] == 7


def test_stalls_of_four_seconds_are_lived_through(tmp_path: Path) -> None:
    """A UPS that refuses all for 4 s does not become stale."""
    bench = Bench(tmp_path)

    async def story() -> None:
        await bench.runner.first()
        bench.kernel.fault = errno.EPIPE
        await seconds(4)
        bench.kernel.fault = 0
        await seconds(4)
        assert bench.freshness == "fresh"

    bench.play(story)
    assert "stale" not in [view.freshness.value for view in bench.watch.views]


def test_stalls_without_end_are_stale_and_nothing_old_is_fresh(tmp_path: Path) -> None:
    """Nothing is published of polls that read nothing."""
    bench = Bench(tmp_path)

    async def story() -> None:
        await bench.runner.first()
        bench.kernel.fault = errno.EPIPE
        await seconds(20)
        assert bench.freshness == "stale"
        await seconds(60)
        assert bench.freshness == "stale"
        bench.kernel.fault = 0
        await seconds(20)
        assert bench.freshness == "fresh"

    bench.play(story)


def test_answers_with_the_wrong_id_are_not_believed(tmp_path: Path) -> None:
    """Garbage for a while changes nothing: a UPS whose reports had their ids does not suddenly lose them."""
    bench = Bench(tmp_path, "pollonly")

    async def story() -> None:
        await bench.runner.first()
        for report_id, report in EATON.features.items():
            bench.kernel.features[report_id] = bytes([report_id ^ 0x55]) + bytes(len(report) - 1)
        await seconds(4)
        assert (bench.freshness, bench.status) == ("fresh", "OL")
        bench.kernel.features = dict(EATON.features)
        await seconds(4)

    bench.play(story)
    assert {view.freshness.value for view in bench.watch.views[:-1]} == {"fresh"}
    assert {view.snapshot.get("ups.status") for view in bench.watch.views} == {"OL"}


def test_no_ups_is_told_and_taken_when_it_comes(tmp_path: Path) -> None:
    """The first poll fails in words, as a driver alone must end then; one that goes on finds it later."""
    bench = Bench(tmp_path, plugged=False)

    async def story() -> None:
        assert "[ups] " in (await bench.runner.first() or "")
        await seconds(30)
        bench.plug()
        bench.driver.hint()
        await seconds(3)
        assert bench.status == "OL"

    bench.play(story)
    assert len([line for line in bench.watch.lines if line.startswith(("warning", "error"))]) == 1


def test_an_unknown_model_of_a_known_maker_is_told_of(tmp_path: Path) -> None:
    """The log says once how to try it."""
    bench = Bench(tmp_path, profile=replace(EATON, vendor_id=0x0764, product_id=0x9999))

    async def story() -> None:
        assert await bench.runner.first()
        await seconds(60)

    bench.play(story)
    assert len([line for line in bench.watch.lines if "productid = 9999" in line]) == 1


def test_reconnect_max_tries_counts_polls_in_vain(tmp_path: Path) -> None:
    """A lost UPS is given up after so many polls; before that it is not."""
    bench = Bench(tmp_path, "reconnect_max_tries = 3")
    given_up: list[str] = []

    class Orders:
        def give_up(self) -> None:
            given_up.append(bench.freshness)

        async def instcmd(self, name: str) -> Outcome | None:
            return None

        async def setvar(self, name: str, value: str) -> Outcome | None:
            return None

    async def story() -> None:
        await bench.runner.first()
        bench.runner.orders = Orders()  # type: ignore[assignment]  # no more of it is called
        bench.unplug()
        await seconds(1)
        assert not given_up
        await seconds(6)
        assert given_up

    bench.play(story)


def test_settings_that_make_no_sense_are_refused_in_words(tmp_path: Path) -> None:
    """A pattern that is none, and explore without the vendor that it needs."""
    for text, words in (("product = (", "product"), ("explore", "explore needs a vendorid")):
        with pytest.raises(DriverError, match=words):
            UsbhidUps(section(text, driver="usbhid-ups"), Watch().context(tmp_path))


def test_settings_that_can_not_be_obeyed_are_told(tmp_path: Path) -> None:
    """Each setting that changes nothing is named once; all that choose a device are known."""
    bench = Bench(tmp_path, "interruptsize = 8\nusb_set_altinterface\nwaitbeforereconnect = 5\nwinhid")

    async def story() -> None:
        assert await bench.runner.first() is None

    bench.play(story)
    told = [line.split()[2] for line in bench.watch.lines if line.startswith("warning")]
    assert told == ["interruptsize", "usb_set_altinterface", "waitbeforereconnect", "winhid"]
    assert known_settings() >= {*SETTINGS, "pollonly", "maxreport", "disable_fix_report_desc"}

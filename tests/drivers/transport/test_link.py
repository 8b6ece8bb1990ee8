# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver's link to its device, over a tree like /sys and a kernel with one device, on a virtual clock."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from ridethrough.drivers.transport.base import Fault, TransportError
from ridethrough.drivers.transport.link import Machine
from ridethrough.drivers.transport.worker import Late
from tests.support.fake_hidraw import Here
from tests.support.link_bench import Bench

T = TypeVar("T")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.kernel.end()


def test_a_device_is_claimed_at_once_and_its_reports_are_heard(bench: Bench) -> None:
    """Nobody has to ask for mains lost to be heard."""
    bench.plug()

    async def story() -> None:
        await asyncio.sleep(0.01)
        assert bench.told == ["opened 1-2"]
        assert await bench.ask() == b"\x06\x64"
        bench.kernel.send(b"\x01\x00")
        await asyncio.sleep(0.01)
        assert bench.inputs == [b"\x01\x00"]
        assert bench.told == ["opened 1-2", "fresh"]
        await bench.link.set_feature(b"\x0f\x01")
        assert bench.kernel.written == [b"\x0f\x01"]
        assert bench.machine.taken == {"1-2"}
        assert bench.logged == []

    bench.play(story)


def test_unplugging_is_stale_at_once_and_replugging_fresh_within_a_second(bench: Bench) -> None:
    """Without any poll in between; the log tells the story in one line each."""
    bench.plug()

    async def story() -> None:
        await asyncio.sleep(0.01)
        await bench.ask()
        bench.unplug()
        await asyncio.sleep(0.01)
        assert bench.told[-1] == "stale"
        assert await bench.ask() is Fault.GONE
        await asyncio.sleep(3)
        bench.plug(number=5, hidraw="hidraw1")
        await asyncio.sleep(0.3)
        assert bench.told[-1] == "opened 1-2"
        assert await bench.ask() == b"\x06\x64"
        assert bench.told[-1] == "fresh"
        assert bench.kernel.opened == [str(bench.tree.root / "dev" / node) for node in ("hidraw0", "hidraw1")]
        assert bench.logged[0] == "[ups] EATON Ellipse ECO has vanished from port 1-2"
        assert bench.logged[1].startswith("[ups] EATON Ellipse ECO: vanished from port 1-2 and came back 3.")

    bench.play(story)


def test_a_serial_number_is_followed_to_another_port(bench: Bench) -> None:
    """The old port is free for others then."""
    bench.plug(strings=("EATON", "Ellipse ECO", "G35"))

    async def story() -> None:
        await asyncio.sleep(0.01)
        await bench.ask()
        bench.unplug()
        await asyncio.sleep(1)
        bench.plug("1-4", strings=("EATON", "Ellipse ECO", "G35"))
        await asyncio.sleep(1)
        await bench.ask()
        assert bench.told[-2:] == ["opened 1-4", "fresh"]
        assert "came back on port 1-4" in bench.logged[-1]
        assert bench.machine.taken == {"1-4"}

    bench.play(story)


def test_a_twin_that_came_later_is_not_taken_for_the_one_that_went(bench: Bench) -> None:
    """Two alike without serial numbers: the readings of the wrong one would be worse than none."""
    bench.plug()

    async def story() -> None:
        await asyncio.sleep(0.01)
        await bench.ask()
        bench.tree.plug("1-3", number=9, hidraw="hidraw1")
        await asyncio.sleep(5)
        bench.unplug()
        await asyncio.sleep(60)
        assert bench.told == ["opened 1-2", "fresh", "stale"]
        assert "plug yours into port 1-2 again" in bench.logged[-1]
        bench.plug()
        await asyncio.sleep(1)
        assert bench.told[-1] == "opened 1-2"

    bench.play(story)


def test_two_sections_never_share_a_ups(bench: Bench) -> None:
    """The second `port = auto` gets the other device, or none."""
    bench.plug()

    async def story() -> None:
        await asyncio.sleep(0.01)
        other = bench.another("second")
        task = asyncio.ensure_future(other.run())
        await asyncio.sleep(5)
        assert not other.running
        assert bench.logged == [
            "[second] EATON Ellipse ECO (0463:ffff, port 1-2) is in use by another section of ups.conf"
        ]
        bench.plug("1-3", number=9, hidraw="hidraw1")
        await asyncio.sleep(1)
        assert other.device is not None
        assert other.device.port == "1-3"
        task.cancel()
        await asyncio.wait({task})
        await other.close()

    bench.play(story)


def test_a_device_held_by_another_program_is_taken_when_that_lets_go(bench: Bench) -> None:
    """The C driver is named once; nothing is opened or bound while it lives, and it is bound again after."""
    bench.plug(driver="usbfs", hidraw="")
    bench.tree.process(812, "usbhid-ups", "bus/usb/001/004")

    async def story() -> None:
        await asyncio.sleep(60)
        assert bench.kernel.opened == []
        assert len(bench.logged) == 1
        assert "is held by usbhid-ups (pid 812); stop it" in bench.logged[0]
        bench.tree.end(812)
        bench.tree.unplug("1-2")
        bench.plug(driver="", hidraw="")
        await asyncio.sleep(15)
        assert [number for number, _ in bench.kernel.usb_requests][:1] == [18]
        assert "left without its kernel driver" in bench.logged[1]
        bench.tree.unplug("1-2")
        bench.plug()
        await asyncio.sleep(15)
        assert await bench.ask() == b"\x06\x64"
        assert bench.logged[-1] == "[ups] EATON Ellipse ECO: answers"

    bench.play(story)


def test_a_c_driver_that_takes_the_device_is_let(bench: Bench) -> None:
    """Between its two steps the interface looks left; only one that stays so is bound again."""
    bench.plug()

    async def story() -> None:
        await asyncio.sleep(0.01)
        await bench.ask()
        bench.unplug()
        bench.plug(driver="", hidraw="")
        await asyncio.sleep(0.5)
        assert bench.kernel.usb_requests == []
        await asyncio.sleep(3)
        assert [number for number, _ in bench.kernel.usb_requests] == [18]
        bench.kernel.fault = errno.EBUSY
        await asyncio.sleep(20)
        assert "is held by a program of another user" in bench.logged[-1]

    bench.play(story)


def test_a_refused_node_names_the_rule_and_is_opened_once_the_rule_is_there(bench: Bench) -> None:
    """Nothing has to be restarted."""
    bench.plug()
    bench.kernel.open_fault = errno.EACCES

    async def story() -> None:
        await asyncio.sleep(30)
        assert len(bench.logged) == 1
        assert "/dev/hidraw0, may not be opened by this user; let the group in" in bench.logged[0]
        bench.kernel.open_fault = 0
        await asyncio.sleep(16)
        assert await bench.ask() == b"\x06\x64"

    bench.play(story)


def test_four_seconds_of_stalls_cost_no_connection(bench: Bench) -> None:
    """It is asked less often meanwhile, and read again within a second."""
    bench.plug()

    async def story() -> None:
        await asyncio.sleep(0.01)
        await bench.ask()
        bench.kernel.fault = errno.EPIPE
        assert set(await bench.poll(4)) == {Fault.STALL}
        bench.kernel.fault = 0
        assert await bench.ask() == b"\x06\x64"
        assert len(bench.kernel.opened) == 1
        assert bench.told == ["opened 1-2", "fresh"]

    bench.play(story)


def test_a_device_that_answers_nothing_is_reset_and_opened_anew(bench: Bench) -> None:
    """Reports that it goes on sending do not hide that it can't be asked."""
    bench.plug()

    async def story() -> None:
        await asyncio.sleep(0.01)
        await bench.ask()
        bench.kernel.fault = errno.ETIMEDOUT
        for _ in range(12):
            await bench.poll(1)
            if not bench.kernel.ends[-1].fileno() < 0 and not bench.kernel.usb_requests:
                bench.kernel.send(b"\x01\x00")
        assert [number for number, _ in bench.kernel.usb_requests] == [20]
        assert "stale" in bench.told
        bench.kernel.fault = 0
        await asyncio.sleep(3)
        assert await bench.ask() == b"\x06\x64"
        assert bench.told[-2:] == ["opened 1-2", "fresh"]

    bench.play(story)


def test_nothing_is_opened_while_an_earlier_request_hangs(bench: Bench) -> None:
    """A kernel that never gives a request back costs one thread, not one a try."""
    alive = [False]

    class Stuck(Here):
        @property
        def alive(self) -> bool:
            return alive[0]

        async def ended(self, limit_s: float) -> bool:
            return not alive[0]

    bench.machine = Machine(bench.tree.sysfs, bench.kernel, Stuck)
    bench.link = bench.another("ups")
    bench.plug()

    async def story() -> None:
        await asyncio.sleep(0.01)
        await bench.ask()
        alive[0] = True
        bench.unplug()
        await asyncio.sleep(1)
        bench.plug()
        await asyncio.sleep(60)
        assert len(bench.kernel.opened) == 1
        assert "earlier request still hangs" in bench.logged[-1]
        assert "earlier request still hangs" in bench.link.obstacle
        alive[0] = False
        await asyncio.sleep(16)
        assert await bench.ask() == b"\x06\x64"
        assert bench.link.obstacle == ""

    bench.play(story)


def test_a_system_that_does_not_list_its_devices_is_told_of(bench: Bench) -> None:
    """Reading /sys may hang, too; it is tried again."""
    hung = [True]

    class Slow(Here):
        async def do(self, work: Callable[[], T], limit_s: float) -> T:
            if hung[0]:
                raise Late(True)
            return await super().do(work, limit_s)

    bench.machine = Machine(bench.tree.sysfs, bench.kernel, Slow)
    bench.link = bench.another("ups")
    bench.plug()

    async def story() -> None:
        await asyncio.sleep(20)
        assert len(bench.logged) == 1
        assert "does not say which USB devices there are" in bench.logged[0]
        hung[0] = False
        await asyncio.sleep(1)
        assert await bench.ask() == b"\x06\x64"

    bench.play(story)


def test_an_order_that_fails_is_not_sent_again_and_counts(bench: Bench) -> None:
    """A refused one means nothing; silence is silence."""
    bench.plug()

    async def story() -> None:
        await asyncio.sleep(0.01)
        await bench.ask()
        for fault in (errno.EPIPE, errno.ETIMEDOUT):
            bench.kernel.fault = fault
            for _ in range(14):
                with contextlib.suppress(TransportError):
                    await bench.link.set_feature(b"\x0f\x01")
                await asyncio.sleep(1)
            resets = [number for number, _ in bench.kernel.usb_requests]
            assert resets == ([] if fault == errno.EPIPE else [20])
        assert bench.kernel.written == []

    bench.play(story)


def test_strings_are_read_through_the_link(bench: Bench) -> None:
    """One that is missing is no trouble of the device."""
    bench.plug()
    bench.kernel.strings = {4: "PbAc"}

    async def story() -> None:
        await asyncio.sleep(0.01)
        assert await bench.link.string(4) == "PbAc"
        for _ in range(20):
            with pytest.raises(TransportError):
                await bench.link.string(9)
            await asyncio.sleep(1)
        assert bench.logged == []

    bench.play(story)


def test_a_request_to_a_device_that_is_away_says_why(bench: Bench) -> None:
    """The driver's own message can then say what a person has to do."""

    async def story() -> None:
        await asyncio.sleep(0.01)
        with pytest.raises(TransportError, match=r"\[ups\] no UPS is plugged in by USB"):
            await bench.link.get_feature(6, 2)
        bench.plug()
        await asyncio.sleep(1)
        await bench.ask()
        bench.unplug()
        await asyncio.sleep(0.01)
        with pytest.raises(TransportError, match=r"\[ups\] the UPS has vanished from port 1-2"):
            await bench.link.set_feature(b"\x0f\x01")

    bench.play(story)


def test_nonsense_is_no_answer(bench: Bench) -> None:
    """A device that answers garbage only is in trouble as one that says nothing."""
    bench.plug()

    async def story() -> None:
        await asyncio.sleep(0.01)
        for _ in range(12):
            with contextlib.suppress(TransportError):
                await bench.link.get_feature(6, 2, lambda report: report != b"\x06\x64")
            await asyncio.sleep(1)
        assert "fresh" not in bench.told
        assert any("has answered with nonsense only" in text for text in bench.logged)
        assert "report 6 is 06 64" in bench.logged[0]
        assert [number for number, _ in bench.kernel.usb_requests] == [20]

    bench.play(story)


def test_no_device_is_told_once_and_found_when_it_comes(bench: Bench) -> None:
    """A server that boots before its UPS is plugged in needs no restart; a hint makes it quicker still."""

    async def story() -> None:
        await asyncio.sleep(300)
        assert bench.logged == ["[ups] no UPS is plugged in by USB"]
        bench.plug("1-9", ids="1234:5678")
        await asyncio.sleep(2)
        assert bench.told == []
        bench.plug()
        bench.link.hint()
        await asyncio.sleep(0.01)
        assert bench.told == ["opened 1-2"]

    bench.play(story)


def test_a_kernel_without_hidraw_is_explained(bench: Bench) -> None:
    """After some looks the words say what is missing, once."""
    bench.plug(hidraw="")

    async def story() -> None:
        await asyncio.sleep(200)
        assert len(bench.logged) == 1
        assert "has no hidraw node" in bench.logged[0]

    bench.play(story)

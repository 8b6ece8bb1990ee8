# SPDX-License-Identifier: GPL-2.0-or-later
"""A HID device through hidraw: reports that come by themselves, requests, hanging, unplugging."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, Iterator

import pytest

from ridethrough.drivers.transport import usbfs
from ridethrough.drivers.transport.base import Fault, TransportError, fault_of
from ridethrough.drivers.transport.hidraw import Hidraw
from ridethrough.drivers.transport.identity import UsbDevice
from ridethrough.drivers.transport.kernel import LINUX
from ridethrough.drivers.transport.worker import CAPACITY
from tests.support.fake_hidraw import NUMBERED, PLAIN, FakeKernel

DEVICE = UsbDevice(
    "1-2", 1, 4, 0x0463, 0xFFFF, "EATON", "Ellipse ECO", "G35", string_indexes=(1, 2, 5)
)  # fmt: skip
SHORT_S = 0.03


class Bench:
    """A transport over a fake kernel, and what came of it."""

    def __init__(self, kernel: FakeKernel) -> None:
        self.kernel = kernel
        self.reports: asyncio.Queue[bytes] = asyncio.Queue()
        self.gone: asyncio.Queue[TransportError] = asyncio.Queue()
        self.confirmed = True

    def transport(self, limit_s: float = 5.0) -> Hidraw:
        return Hidraw(
            DEVICE,
            "/dev/hidraw0",
            "/dev/bus/usb/001/004",
            self.reports.put_nowait,
            self.gone.put_nowait,
            kernel=self.kernel,
            confirm=lambda: self.confirmed,
            limit_s=limit_s,
        )


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(FakeKernel())
    yield made
    made.kernel.end()


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10):
            await story()

    asyncio.run(run())


async def refused(work: Awaitable[object]) -> TransportError:
    with pytest.raises(TransportError) as caught:
        await work
    return caught.value


def test_a_device_is_read_written_and_closed(bench: Bench) -> None:
    """Reports go both ways with their id first, and nothing stays open."""
    bench.kernel.features = {6: b"\x06\x64\x00", 7: b"\x07\x01\x02\x03\x04"}

    async def story() -> None:
        transport = bench.transport()
        await transport.open()
        assert transport.descriptor == NUMBERED
        assert await transport.get_feature(6, 8) == b"\x06\x64\x00"
        assert await transport.get_feature(7, 3) == b"\x07\x01\x02"
        await transport.set_feature(b"\x0f\x01\x02")
        await transport.close()
        assert bench.kernel.opened == ["/dev/hidraw0"]
        assert bench.kernel.written == [b"\x0f\x01\x02"]
        assert not bench.kernel.fds
        assert (await refused(transport.get_feature(6, 8))).fault is Fault.CLOSED
        await transport.close()

    play(story)


def test_reports_of_the_device_arrive_in_order(bench: Bench) -> None:
    """Mains lost is heard without asking, one report at a time, also many at once."""

    async def story() -> None:
        transport = bench.transport()
        await transport.open()
        for number in range(40):
            bench.kernel.send(bytes([1, number]))
        assert [await bench.reports.get() for _ in range(40)] == [bytes([1, number]) for number in range(40)]
        await transport.close()

    play(story)


def test_reports_without_ids_get_the_id_nought(bench: Bench) -> None:
    """Whoever reads reports need not know whether the device numbers them."""
    bench.kernel.descriptor = PLAIN

    async def story() -> None:
        transport = bench.transport()
        await transport.open()
        bench.kernel.send(b"\x64\x01")
        assert await bench.reports.get() == b"\x00\x64\x01"
        await transport.close()

    play(story)


def test_a_report_is_heard_while_a_request_hangs(bench: Bench) -> None:
    """A device that leaves a request unanswered can still say that the mains is lost."""
    bench.kernel.gate.clear()

    async def story() -> None:
        transport = bench.transport(SHORT_S)
        await transport.open()
        late = await refused(transport.get_feature(6, 8))
        assert late.fault is Fault.TIMEOUT
        assert str(late) == (
            "EATON Ellipse ECO (0463:ffff, serial G35, port 1-2), /dev/hidraw0,"
            " has not answered for 0.03 s (feature report 6)"
        )
        bench.kernel.send(b"\x01\x00")
        assert await bench.reports.get() == b"\x01\x00"
        waiting = await refused(transport.set_feature(b"\x0f\x01"))
        assert waiting.fault is Fault.BUSY
        assert "earlier request still hangs" in str(waiting)
        bench.kernel.gate.set()
        await transport.close()
        assert bench.kernel.written == []
        assert not bench.kernel.fds

    play(story)


def test_a_node_that_hangs_is_left_behind_and_not_piled_up(bench: Bench) -> None:
    """Closing takes a second at most; opening again is refused in words until the kernel has let go."""
    bench.kernel.gate.clear()

    async def story() -> None:
        transport = bench.transport(SHORT_S)
        await transport.open()
        await refused(transport.get_feature(6, 8))
        await transport.close()
        assert bench.kernel.fds
        busy = await refused(transport.open())
        assert busy.fault is Fault.BUSY
        assert bench.kernel.opened == ["/dev/hidraw0"]
        bench.kernel.gate.set()
        while True:
            try:
                await transport.open()
            except TransportError:
                await asyncio.sleep(0)
            else:
                break
        assert len(bench.kernel.fds) == 1
        await transport.close()

    play(story)


def test_unplugging_is_told_at_once_and_once(bench: Bench) -> None:
    """No poll is needed to know that the device has gone, and later requests are not sent anywhere."""

    async def story() -> None:
        transport = bench.transport()
        await transport.open()
        bench.kernel.send(b"\x01\x05")
        bench.kernel.unplug()
        gone = await bench.gone.get()
        assert gone.fault is Fault.GONE
        assert bench.reports.get_nowait() == b"\x01\x05"
        bench.kernel.fault = errno.EPIPE
        assert (await refused(transport.get_feature(6, 8))).fault is Fault.GONE
        await transport.close()
        assert bench.gone.empty()

    play(story)


def test_a_descriptor_that_sysfs_has_is_not_asked_for(bench: Bench) -> None:
    """The one that is known decides whether reports have ids."""

    async def story() -> None:
        transport = Hidraw(
            DEVICE,
            "/dev/hidraw0",
            "/dev/bus/usb/001/004",
            bench.reports.put_nowait,
            bench.gone.put_nowait,
            kernel=bench.kernel,
            described=lambda: PLAIN,
        )
        await transport.open()
        assert transport.descriptor == PLAIN
        bench.kernel.send(b"\x07")
        assert await bench.reports.get() == b"\x00\x07"
        await transport.close()

    play(story)


def test_an_error_of_the_node_is_the_end_of_the_device(bench: Bench) -> None:
    """What hidraw really says after unplugging is EIO."""

    async def story() -> None:
        transport = bench.transport()
        await transport.open()
        bench.kernel.read_fault = errno.EIO
        bench.kernel.send(b"\x01\x05")
        gone = await bench.gone.get()
        assert gone.fault is Fault.GONE
        assert bench.reports.empty()
        await transport.close()

    play(story)


def test_requests_do_not_pile_up_behind_a_hanging_one(bench: Bench) -> None:
    """Beyond a few that wait, further ones are refused at once."""
    bench.kernel.gate.clear()
    bench.kernel.features = {6: b"\x06\x64"}

    async def story() -> None:
        transport = bench.transport()
        await transport.open()
        first = asyncio.ensure_future(transport.get_feature(6, 8))
        assert await asyncio.to_thread(bench.kernel.hanging.wait, 5)
        rest = asyncio.gather(
            *(transport.get_feature(6, 8) for _ in range(CAPACITY + 4)), return_exceptions=True
        )
        await asyncio.sleep(0)
        bench.kernel.gate.set()
        assert await first == b"\x06\x64"
        answers = await rest
        assert answers[:CAPACITY] == [b"\x06\x64"] * CAPACITY
        assert [each.fault for each in answers[CAPACITY:] if isinstance(each, TransportError)] == [
            Fault.BUSY
        ] * 4
        await transport.close()

    play(story)


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ETIMEDOUT, errno.EPROTO, errno.ENODEV])
def test_a_failed_request_leaves_the_device_open(bench: Bench, number: int) -> None:
    """One stall is no reason to begin anew."""
    bench.kernel.features = {6: b"\x06\x64"}

    async def story() -> None:
        transport = bench.transport()
        await transport.open()
        bench.kernel.fault = number
        await refused(transport.get_feature(6, 8))
        bench.kernel.fault = 0
        assert await transport.get_feature(6, 8) == b"\x06\x64"
        await transport.close()

    play(story)


def test_empty_answers_and_impossible_reports_are_refused(bench: Bench) -> None:
    """Neither a report without data nor one longer than can be moved passes for something."""
    bench.kernel.features = {6: b"\x06"}

    async def story() -> None:
        transport = bench.transport()
        await transport.open()
        assert (await refused(transport.get_feature(6, 8))).fault is Fault.GARBAGE
        assert (await refused(transport.set_feature(b"\x06"))).fault is Fault.UNSUPPORTED
        assert (await refused(transport.set_feature(bytes(2000)))).fault is Fault.UNSUPPORTED
        await transport.close()

    play(story)


@pytest.mark.parametrize("change", ["ids", "confirm"])
def test_a_node_that_was_given_to_another_device_is_not_used(bench: Bench, change: str) -> None:
    """Between looking and opening the node may have become another UPS: no order reaches the wrong one."""
    if change == "ids":
        bench.kernel.ids = (0x051D, 0x0002)
    else:
        bench.confirmed = False

    async def story() -> None:
        transport = bench.transport()
        error = await refused(transport.open())
        assert error.fault is Fault.GONE
        await transport.close()
        assert not bench.kernel.fds

    play(story)


def test_a_refused_open_is_reported_and_can_be_tried_again(bench: Bench) -> None:
    """After the rule was installed the same object works."""
    bench.kernel.open_fault = errno.EACCES

    async def story() -> None:
        transport = bench.transport()
        assert (await refused(transport.open())).fault is Fault.DENIED
        bench.kernel.open_fault = 0
        await transport.open()
        await transport.close()
        assert not bench.kernel.fds

    play(story)


def test_strings_come_from_the_kernel_or_from_the_device(bench: Bench) -> None:
    """The device is bothered only for strings that the kernel has not read at plugging."""
    bench.kernel.strings = {3: "PbAc", 4: "Größe ✓"}

    async def story() -> None:
        transport = bench.transport()
        await transport.open()
        assert [await transport.string(index) for index in (1, 2, 5)] == ["EATON", "Ellipse ECO", "G35"]
        assert not bench.kernel.usb_requests
        assert await transport.string(3) == "PbAc"
        assert await transport.string(4) == "Größe ✓"
        assert (await refused(transport.string(9))).fault is Fault.STALL
        assert bench.kernel.opened.count("/dev/bus/usb/001/004") == 3
        await transport.close()
        assert not bench.kernel.fds

    play(story)


def test_a_reset_goes_through_the_usb_node(bench: Bench) -> None:
    """USBDEVFS_RESET, and nothing else; a refusal names the node."""

    async def story() -> None:
        transport = bench.transport()
        await transport.open()
        await transport.reset()
        assert bench.kernel.usb_requests == [(20, b"")]
        bench.kernel.open_fault = errno.EACCES
        error = await refused(transport.reset())
        assert error.fault is Fault.DENIED
        assert "/dev/bus/usb/001/004" in str(error)
        await transport.close()

    play(story)


def test_an_interface_is_bound_to_its_driver_again(bench: Bench) -> None:
    """USBDEVFS_CONNECT, nested, for that interface."""
    usbfs.connect(bench.kernel, "/dev/bus/usb/001/004", 2)
    number, request = bench.kernel.usb_requests[0]
    assert number == 18
    assert request[:8] == (2).to_bytes(4, "little") + (0x5517).to_bytes(4, "little")
    assert not bench.kernel.fds


def test_the_real_kernel_is_asked_in_the_same_way() -> None:
    """A node that is no hidraw node refuses the requests, and reading from it does not wait."""
    fd = LINUX.open(os.devnull)
    try:
        assert LINUX.read(fd, 10) == b""
        for argument in (bytearray(8), 0):
            with pytest.raises(OSError, match="ioctl") as caught:
                LINUX.ioctl(fd, LINUX.requests.raw_info, argument)
            assert fault_of(caught.value) is Fault.UNSUPPORTED
        assert not os.get_inheritable(fd)
    finally:
        LINUX.close(fd)

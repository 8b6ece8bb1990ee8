# SPDX-License-Identifier: GPL-2.0-or-later
"""A HID device through the kernel's own driver: /dev/hidrawN (Documentation/hid/hidraw.rst of the kernel).

Whatever may hang runs in a daemon thread of the device: opening, feature reports, closing.  A request lasts
up to 5 s in the kernel when the device is silent.  What the device sends by itself the loop reads directly,
since that never waits: mains lost is heard even while a request hangs in the thread.  The kernel keeps 64
unread reports, and drops further ones.

An open or close of any hidraw node waits in the kernel for a request that hangs in another one; that is why
they are in the thread, and bounded, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Callable
from typing import Final, TypeVar

from ridethrough.drivers.transport import ioctls, usbfs
from ridethrough.drivers.transport.base import Fault, OnGone, OnInput, TransportError, failure, refusal
from ridethrough.drivers.transport.identity import UsbDevice
from ridethrough.drivers.transport.kernel import LINUX, Kernel
from ridethrough.drivers.transport.worker import Full, Hands, Late, MakeHands, Worker

T = TypeVar("T")

REQUEST_LIMIT_S: Final = 6.0
"""The kernel itself gives a control transfer of a HID device 5 s."""
CLOSE_LIMIT_S: Final = 1.0
MAX_INPUT_BYTES: Final = 4096
MAX_READS: Final = 16
"""Reports that are taken in one turn of the loop; a babbling device does not hold the others up."""


class _Handle:
    """The open node.  Only the worker's thread opens and closes it."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.fd: int | None = None

    def open(self, path: str) -> int:
        self.fd = self._kernel.open(path)
        return self.fd

    def close(self) -> None:
        if self.fd is not None:
            fd, self.fd = self.fd, None
            with contextlib.suppress(OSError):
                self._kernel.close(fd)


class Hidraw:
    """A Transport over one hidraw node.

    `on_input` gets each input report with its id first, `on_gone` the one time that the device goes by
    itself.  `confirm` says, in the thread and after opening, whether the node still is that of `device`:
    node names are used again after replugging.  `described` gives the report descriptor as sysfs has it, or
    b"": asking hidraw for it holds up all threads of Python if the kernel has to wait.
    """

    def __init__(
        self,
        device: UsbDevice,
        node: str,
        usb_node: str,
        on_input: OnInput,
        on_gone: OnGone,
        *,
        kernel: Kernel = LINUX,
        confirm: Callable[[], bool] = lambda: True,
        described: Callable[[], bytes] = lambda: b"",
        limit_s: float = REQUEST_LIMIT_S,
        hands: MakeHands = Worker,
    ) -> None:
        self.device = device
        self._node = node
        self._usb_node = usb_node
        self._on_input = on_input
        self._on_gone = on_gone
        self._kernel = kernel
        self._confirm = confirm
        self._described = described
        self._limit_s = limit_s
        self._hands = hands
        self._name = f"{device}, {node},"
        self._descriptor = b""
        self._numbered = True
        self._worker: Hands | None = None
        self._old_worker: Hands | None = None
        self._handle = _Handle(kernel)
        self._reading: tuple[asyncio.AbstractEventLoop, int] | None = None
        self._gone: TransportError | None = None

    @property
    def descriptor(self) -> bytes:
        """The report descriptor."""
        return self._descriptor

    async def open(self) -> None:
        """Open the node, look whose it is, read the report descriptor, and listen."""
        if self._worker is not None:
            await self.close()
        if self.hanging:
            raise TransportError(Fault.BUSY, f"{self._name} an earlier request still hangs in the kernel")
        self._old_worker = None
        self._gone = None
        self._handle = _Handle(self._kernel)
        self._worker = self._hands(f"hidraw {self.device.port}")
        handle = self._handle
        fd, self._descriptor = await self._do(lambda: self._open(handle), "opening")
        self._numbered = ioctls.numbered(self._descriptor)
        loop = asyncio.get_running_loop()
        loop.add_reader(fd, self._readable, fd)
        self._reading = loop, fd

    async def get_feature(self, report_id: int, length: int) -> bytes:
        """Ask for a feature report; what comes may be shorter than `length`."""
        size = min(max(length, 2), ioctls.MAX_FEATURE_BYTES)
        buffer = bytearray(size)
        buffer[0] = report_id
        number = self._kernel.requests.get_feature(size)
        doing = f"feature report {report_id}"
        count = await self._do(self._request(number, buffer), doing)
        if not 1 < count <= size:
            raise TransportError(Fault.GARBAGE, f"{self._name} gave an empty answer ({doing})")
        return bytes(buffer[:count])

    async def set_feature(self, report: bytes) -> None:
        """Send a feature report."""
        if not 1 < len(report) <= ioctls.MAX_FEATURE_BYTES:
            raise TransportError(
                Fault.UNSUPPORTED, f"{self._name} can't be sent a report of {len(report)} bytes"
            )
        number = self._kernel.requests.set_feature(len(report))
        await self._do(self._request(number, bytearray(report)), f"setting report {report[0]}")

    async def string(self, index: int) -> str:
        """A string descriptor: as the kernel read it at plugging, else from the device."""
        known = (self.device.manufacturer, self.device.product, self.device.serial)
        for number, text in zip(self.device.string_indexes, known, strict=True):
            if index and index == number and text:
                return text
        return await self._do(
            lambda: usbfs.string(self._kernel, self._usb_node, index), f"string {index}, {self._usb_node}"
        )

    async def reset(self) -> None:
        """Reset the device through its USB node."""
        await self._do(lambda: usbfs.reset(self._kernel, self._usb_node), f"reset, {self._usb_node}")

    async def close(self) -> None:
        """Stop listening, and let the thread close the node; it is left behind if it hangs."""
        self._stop_reading()
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.end(self._handle.close)
        if not await worker.ended(CLOSE_LIMIT_S):
            self._old_worker = worker

    @property
    def hanging(self) -> bool:
        """Whether a request still hangs in the kernel after `close`."""
        return self._old_worker is not None and self._old_worker.alive

    def _open(self, handle: _Handle) -> tuple[int, bytes]:
        """In the thread.  An open that nobody waits for any more is undone by the worker's last call."""
        kernel, requests = self._kernel, self._kernel.requests
        fd = handle.open(self._node)
        info = ioctls.raw_info_request()
        kernel.ioctl(fd, requests.raw_info, info)
        if ioctls.ids_of(info) != (self.device.vendor_id, self.device.product_id) or not self._confirm():
            raise OSError(errno.ENODEV, "the node belongs to another device now")
        if descriptor := self._described():
            return fd, descriptor
        size = bytearray(4)
        kernel.ioctl(fd, requests.descriptor_size, size)
        request = ioctls.descriptor_request(min(int.from_bytes(size, _ORDER), ioctls.MAX_DESCRIPTOR_BYTES))
        kernel.ioctl(fd, requests.descriptor, request)
        return fd, ioctls.descriptor_of(request)

    def _request(self, number: int, buffer: bytearray) -> Callable[[], int]:
        handle = self._handle

        def request() -> int:
            if handle.fd is None:
                raise OSError(errno.ENODEV, "closed")
            return self._kernel.ioctl(handle.fd, number, buffer)

        return request

    async def _do(self, work: Callable[[], T], doing: str) -> T:
        if self._gone is not None:
            raise TransportError(self._gone.fault, self._gone.words)
        if self._worker is None:
            raise refusal(Fault.CLOSED, self._name, doing)
        try:
            return await self._worker.do(work, self._limit_s)
        except Late as late:
            if late.begun:
                raise TransportError(
                    Fault.TIMEOUT, f"{self._name} has not answered for {self._limit_s:g} s ({doing})"
                ) from None
            raise self._hanging(doing) from None
        except Full:
            raise self._hanging(doing) from None
        except OSError as error:
            raise failure(error, self._name, doing) from None

    def _hanging(self, doing: str) -> TransportError:
        return TransportError(
            Fault.BUSY, f"{self._name} was not asked ({doing}): an earlier request still hangs in the kernel"
        )

    # -- what the device sends by itself -------------------------------------------------------------

    def _readable(self, fd: int) -> None:
        for _ in range(MAX_READS):
            if self._reading is None:
                return  # closed by what the last report led to
            try:
                report = self._kernel.read(fd, MAX_INPUT_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                # EIO is what hidraw says after unplugging.
                self._lost(error.strerror or str(error))
                return
            if not report:
                self._lost("end of file")
                return
            self._on_input(report if self._numbered else b"\0" + report)

    def _lost(self, why: str) -> None:
        self._stop_reading()
        self._gone = refusal(Fault.GONE, self._name, why)
        self._on_gone(self._gone)

    def _stop_reading(self) -> None:
        if self._reading is not None:
            loop, fd = self._reading
            self._reading = None
            loop.remove_reader(fd)


_ORDER: Final = "little" if memoryview(b"\1\0").cast("H")[0] == 1 else "big"

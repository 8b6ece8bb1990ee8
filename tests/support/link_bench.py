# SPDX-License-Identifier: GPL-2.0-or-later
"""A USB link over a tree like /sys and a kernel with one device, on a virtual clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from ridethrough.drivers.transport.base import Fault, TransportError
from ridethrough.drivers.transport.identity import UsbDevice, wanted
from ridethrough.drivers.transport.link import Machine, UsbLink
from tests.support.fake_hidraw import NUMBERED, FakeKernel, Here
from tests.support.usb_tree import UsbTree
from tests.support.vloop import run_virtual


class Bench:
    """A machine with one port, and a driver that notes what it is told; it asks for report 6 when opened."""

    def __init__(self, root: Path) -> None:
        self.tree = UsbTree(root)
        self.kernel = FakeKernel()
        self.kernel.features = {6: b"\x06\x64"}
        self.machine = Machine(self.tree.sysfs, self.kernel, Here)
        self.told: list[str] = []
        self.logged: list[str] = []
        self.inputs: list[bytes] = []
        self.link = self.another("ups")

    def another(self, section: str, **settings: str) -> UsbLink:
        return UsbLink(
            section,
            wanted(settings.items()),
            lambda device: device.vendor_id == 0x0463,
            self,
            machine=self.machine,
            log=lambda level, text: self.logged.append(text),
        )

    def on_opened(self, device: UsbDevice, descriptor: bytes) -> None:
        assert descriptor == NUMBERED
        self.told.append(f"opened {device.port}")

    def on_input(self, report: bytes) -> None:
        self.inputs.append(report)

    def on_fresh(self) -> None:
        self.told.append("fresh")

    def on_stale(self, words: str) -> None:
        self.told.append("stale")

    async def ask(self) -> bytes | Fault:
        try:
            return await self.link.get_feature(6, 2)
        except TransportError as error:
            return error.fault

    async def poll(self, seconds: float) -> list[bytes | Fault]:
        """Ask once a second."""
        loop = asyncio.get_running_loop()
        until, answers = loop.time() + seconds, []
        while loop.time() < until:
            answers.append(await self.ask())
            await asyncio.sleep(1)
        return answers

    def unplug(self, port: str = "1-2") -> None:
        self.tree.unplug(port)
        self.kernel.unplug()

    def plug(self, port: str = "1-2", **how: object) -> None:
        self.kernel.fault = 0
        self.tree.plug(port, **{"hidraw": "hidraw0", **how})  # type: ignore[arg-type]

    def play(self, story: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            task = asyncio.ensure_future(self.link.run())
            await asyncio.sleep(0)
            try:
                await story()
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                await self.link.close()
            assert not self.kernel.fds
            assert not self.machine.taken

        run_virtual(run())

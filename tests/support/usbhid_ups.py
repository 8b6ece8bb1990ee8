# SPDX-License-Identifier: GPL-2.0-or-later
"""usbhid-ups behind a runner: over a faked kernel on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from ridethrough.config.models import UpsConf
from ridethrough.drivers.registry import KINDS, setting_of
from ridethrough.drivers.runner import Runner
from ridethrough.drivers.transport.link import Machine
from ridethrough.drivers.usbhid import UsbhidUps
from ridethrough.sim.usb.device import VirtualUps
from ridethrough.sim.usb.power import Power
from ridethrough.sim.usb.profile import Profile
from ridethrough.sim.usb.profiles import PROFILES
from tests.support.drivers import Watch, section
from tests.support.fake_hidraw import FakeKernel, Here
from tests.support.usb_tree import UsbTree
from tests.support.vloop import run_virtual

EATON = PROFILES["eaton-ellipse"]
START = 100.0


class HidKernel(FakeKernel):
    """One whose reports go to the last hidraw node that was opened, also while strings are read."""

    def __init__(self, profile: Profile) -> None:
        super().__init__((profile.vendor_id, profile.product_id), profile.report_descriptor)
        self.features = dict(profile.features)
        self.strings = dict(profile.texts)

    def open(self, path: str) -> int:
        fd = super().open(path)
        if "hidraw" not in path:
            self.ends.insert(0, self.ends.pop())
        return fd


class Bench:
    """A machine with one port, a UPS of a profile in it, and the driver with the lines `options`."""

    def __init__(
        self, root: Path, options: str = "", profile: Profile = EATON, *, plugged: bool = True
    ) -> None:
        self.profile = profile
        self.model = VirtualUps(profile)
        self.tree = UsbTree(root)
        self.kernel = HidKernel(profile)
        self.watch = Watch()
        self.section = section(options, "ups", "usbhid-ups", "auto")
        if plugged:
            self.plug()
        machine = Machine(self.tree.sysfs, self.kernel, Here)
        self.driver = UsbhidUps(self.section, self.watch.context(root), machine)
        setting = setting_of(self.section, UpsConf(), self.watch.log)
        self.runner = Runner(
            self.section,
            self.driver,
            setting.adjustments,
            self.watch.on_view,
            pollinterval_s=setting.interval_s,
            limit=setting.limit,
            log=self.watch.log,
        )

    @property
    def status(self) -> str:
        return self.runner.view.snapshot.get("ups.status")

    @property
    def freshness(self) -> str:
        return self.runner.view.freshness.value

    def plug(self) -> None:
        self.kernel.fault = 0
        profile = self.profile
        texts = tuple(
            profile.text(index) for index in (profile.manufacturer, profile.product, profile.serial)
        )
        ids = f"{profile.vendor_id:04x}:{profile.product_id:04x}"
        real = self.tree.plug("1-2", ids, strings=texts, hidraw="hidraw0")
        told = (real / "descriptors").read_bytes()
        indexes = bytes([profile.manufacturer, profile.product, profile.serial])
        (real / "descriptors").write_bytes(told[:14] + indexes + told[17:])

    def unplug(self) -> None:
        self.tree.unplug("1-2")
        self.kernel.unplug()

    def power(self, state: Power, *, told: bool = True) -> None:
        """Move the UPS; `told`: it sends its input reports."""
        self.model.set_power(state)
        for report_id in self.profile.features:
            answer = self.model.control(bytes([0xA1, 1, report_id, 3, 0, 0, 64, 0]))
            assert isinstance(answer, bytes)
            self.kernel.features[report_id] = answer
        while (report := self.model.interrupt()) is not None:
            if told:
                self.kernel.send(report)

    def play(self, story: Callable[[], Awaitable[None]]) -> None:
        """Run the driver through a story, and end it."""

        async def run() -> None:
            self.runner.start()
            try:
                await story()
            finally:
                await self.runner.stop()
            assert not self.kernel.fds

        try:
            run_virtual(run(), start=START)
        finally:
            self.kernel.end()


async def seconds(count: float) -> None:
    """Let so much time pass."""
    await asyncio.sleep(count)


def known_settings() -> set[str]:
    """What its section may have."""
    info = KINDS["usbhid-ups"].info
    return set(info.options | info.flags)

# SPDX-License-Identifier: GPL-2.0-or-later
"""usbhid-ups: a USB HID UPS, through the kernel's hidraw.

The engine (`drivers.hid`) knows what to ask and what answers mean, the link (`drivers.transport`) finds the
device, asks it and gets it back.  Between them, a walk reads the device in a task of its own, so that what
the UPS tells by itself is published at once, however long a walk takes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import cache
from typing import Final

from ridethrough.config.models import UpsSection
from ridethrough.drivers import usbhid_options
from ridethrough.drivers.base import Away, Context, DriverError
from ridethrough.drivers.hid import writes
from ridethrough.drivers.hid.adopt import NotOursError, adopt
from ridethrough.drivers.hid.descriptor import DescriptorError
from ridethrough.drivers.hid.engine import POLL_INTERVAL_S, Device
from ridethrough.drivers.hid.matching import Identity, choose, refusal
from ridethrough.drivers.transport.identity import UsbDevice, WantedError, wanted
from ridethrough.drivers.transport.link import Machine, UsbLink
from ridethrough.drivers.usbhid_asker import Asker
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Draft

PATIENCE_S: Final = 8.0
"""How long a poll waits for a walk.  Below the runner's limit for a call, which would close the device."""
EARLY: Final = 0.9
"""A poll that was asked for walks if this much of the poll interval is over."""
MAX_REFUSALS: Final = 16


@cache
def this_machine() -> Machine:
    """The machine that all links of this process share, so that no two take the same device."""
    return Machine()


def identity_of(device: UsbDevice) -> Identity:
    """What the sub-drivers want to know of a device."""
    return Identity(
        device.vendor_id,
        device.product_id,
        device.manufacturer or None,
        device.product or None,
        device.serial or None,
    )


class UsbhidUps:
    """The driver; see `ridethrough.drivers.base.Driver`, and `Listener` of the link."""

    def __init__(self, section: UpsSection, context: Context, machine: Machine | None = None) -> None:
        """Raises DriverError for settings that make no sense."""
        self._name = section.name
        self._log = context.log
        self._machine = machine
        self._options = usbhid_options.given(section)
        self._remarks = list(usbhid_options.not_obeyed(section))
        interval_s = section.number("pollinterval", POLL_INTERVAL_S)
        self._interval_s = interval_s if interval_s > 0 else POLL_INTERVAL_S
        try:
            self._wish = wanted(self._options.items())
        except WantedError as error:
            raise DriverError(f"[{self._name}] {error}") from None
        if "explore" in self._options and not self._wish.named("vendorid"):
            raise DriverError(f"[{self._name}] explore needs a vendorid, or it would take any HID device")
        self._link: UsbLink | None = None
        self._asker: Asker | None = None
        self._life: asyncio.Task[None] | None = None
        self._walk: asyncio.Task[None] | None = None
        self._engine: Device | None = None
        self._kept: dict[str, str] = {}
        self._refusals: dict[str, bool] = {}  # words -> whether the log has had them
        self._trouble = ""
        self._readable = False
        self._failed = False
        self._walked_at = float("-inf")
        self._told: frozenset[str] = frozenset()
        self._news = asyncio.Event()
        self._polling = self._woken = False
        self._wake: Callable[[], None] = lambda: None

    def attach(self, wake: Callable[[], None]) -> None:
        """See `Lively`."""
        self._wake = wake

    async def open(self) -> None:
        """Begin to look for the device; the first poll waits for it."""
        await self.close()
        while self._remarks:
            self._log("warning", self._remarks.pop(0))
        self._trouble, self._readable, self._failed = "", False, False
        machine = self._machine or this_machine()
        self._link = UsbLink(self._name, self._wish, self._known, self, machine=machine, log=self._log)
        self._asker = Asker(self._name, self._link, "maxreport" in self._options, self._log)
        self._life = asyncio.get_running_loop().create_task(self._link.run(), name=f"link of {self._name}")
        self._life.add_done_callback(lambda task: None if task.cancelled() else self._tell())

    async def close(self) -> None:
        """Let go of the device."""
        self._keep()
        tasks = {task for task in (self._walk, self._life) if task is not None}
        link, self._link, self._life, self._walk = self._link, None, None, None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if link is not None:
            await link.close()

    async def poll(self, draft: Draft, now: float) -> None:
        """Read the device, or publish what it has told by itself since."""
        woken, self._woken = self._woken, False
        if self._due(now, woken):
            self._start_walk()
        self._polling = True
        try:
            if self._busy():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), PATIENCE_S)
        finally:
            self._polling = False
        heard = self._news.is_set()
        self._news.clear()
        self._say_refusals()
        self._check(heard)
        self._show(draft)

    async def setvar(self, name: str, value: str) -> Outcome:
        """Set a variable of the device."""
        engine, asker = self._running()
        return await asker.play(writes.set_variable(engine, name, value))

    async def instcmd(self, name: str, param: str | None) -> Outcome:
        """Run an instant command of the device."""
        engine, asker = self._running()
        return await asker.play(writes.run_command(engine, name, param))

    def hint(self) -> None:
        """A USB device was plugged in: look for ours soon."""
        if self._link is not None:
            self._link.hint()

    # -- what the link tells -------------------------------------------------------------------------

    def on_opened(self, device: UsbDevice, descriptor: bytes) -> None:
        """Make an engine for it, and read all of it."""
        self._keep()
        self._readable, self._trouble = False, ""
        try:
            self._engine = adopt(
                identity_of(device),
                descriptor,
                self._options,
                kept=self._kept,
                poll_interval_s=self._interval_s,
            )
        except (NotOursError, DescriptorError) as error:
            self._trouble = f"[{self._name}] {device}: {error}"
            self._log("error", self._trouble)
            self._tell()
            return
        self._start_walk()

    def on_input(self, report: bytes) -> None:
        """Publish what it says, whatever else is going on."""
        if self._engine is None or not self._readable:
            return
        if self._engine.take_input(report, asyncio.get_running_loop().time()):
            self._tell()

    def on_fresh(self) -> None:
        """Read it anew, if a walk is not what has brought it back."""
        self._trouble = ""
        if self._engine is not None and not self._readable and not self._walking():
            self._engine.changed = True
            self._start_walk()

    def on_stale(self, words: str) -> None:
        """Have it said at once."""
        self._trouble, self._readable = f"[{self._name}] {words}", False
        self._tell()

    def _known(self, device: UsbDevice) -> bool:
        """In the thread that looks for devices."""
        identity = identity_of(device)
        if choose(identity, self._options) is not None:
            return True
        why = refusal(identity) if self._wish.matches(device) else ""
        if why and len(self._refusals) < MAX_REFUSALS:
            self._refusals.setdefault(why, False)
        return False

    # -- walks ---------------------------------------------------------------------------------------

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _tell(self) -> None:
        """Have it polled; a poll that waits already needs no other."""
        self._news.set()
        if not self._polling and not self._woken:
            self._woken = True
            self._wake()

    def _walking(self) -> bool:
        return self._walk is not None and not self._walk.done()

    def _due(self, now: float, woken: bool) -> bool:
        if self._engine is None or self._walking() or self._link is None or not self._link.running:
            return False
        return not woken or self._engine.changed or now - self._walked_at >= EARLY * self._interval_s

    def _busy(self) -> bool:
        """Whether there is something to wait for."""
        if self._walking():
            return True
        return self._engine is None and self._link is not None and not self._link.obstacle

    def _start_walk(self) -> None:
        if self._walk is not None:
            self._walk.cancel()
        assert self._engine is not None, "on_opened makes it"
        assert self._asker is not None, "open makes it"
        self._walked_at = self._now()
        walk = self._read(self._engine, self._asker)
        self._walk = asyncio.get_running_loop().create_task(walk, name=f"walk of {self._name}")

    async def _read(self, engine: Device, asker: Asker) -> None:
        """One walk; what it finds is there for the poll that it wakes."""
        try:
            good = await asker.play(engine.poll(engine.due(self._now()), self._now()))
            if good:
                await asker.play(writes.obey_orders(engine))
            self._failed = not good
            self._readable = self._readable or (good and not self._trouble)
        finally:
            for level, text in engine.notes:
                self._log(level, f"[{self._name}] {text}")
            engine.notes.clear()
            if engine is self._engine and self._link is not None:
                self._tell()

    def _running(self) -> tuple[Device, Asker]:
        if self._engine is None or self._asker is None or not self._readable:
            raise DriverError(self._why())
        return self._engine, self._asker

    # -- what is published ---------------------------------------------------------------------------

    def _why(self) -> str:
        obstacle = self._link.obstacle if self._link is not None else ""
        return self._trouble or f"[{self._name}] {obstacle or 'the UPS has not been read yet'}"

    def _check(self, heard: bool) -> None:
        """Raises where nothing may be published."""
        if self._life is not None and self._life.done():
            fault = None if self._life.cancelled() else self._life.exception()
            raise DriverError(f"[{self._name}] the link to the device has ended: {fault!r}; it is begun anew")
        if self._walk is not None and self._walk.done() and not self._walk.cancelled():
            fault = self._walk.exception()
            if fault is not None:
                self._walk = None
                raise DriverError(f"[{self._name}] reading the device: {type(fault).__name__}: {fault}")
        if not self._readable or self._engine is None:
            at_once = bool(self._trouble or (self._link is not None and self._link.obstacle))
            raise Away(self._why(), at_once=at_once)
        if not heard and self._walking():
            raise Away(f"[{self._name}] reading the UPS takes more than {PATIENCE_S:g} s", at_once=False)
        if self._failed and not self._walking():
            self._failed = False
            raise Away(f"[{self._name}] the UPS answers none of the requests of a poll", at_once=False)

    def _show(self, draft: Draft) -> None:
        engine = self._engine
        assert engine is not None
        variables = engine.variables()
        for name in self._told - variables.keys():
            draft.delete(name)
        for variable in variables.values():
            draft.put(variable)
        for command in engine.commands:
            draft.add_command(command)
        self._told = frozenset(variables)
        draft.set("driver.version.data", engine.subdriver.name)
        draft.set("driver.version.usb", "hidraw")
        draft.set("driver.parameter.pollfreq", f"{engine.settings.full_s:g}")

    def _keep(self) -> None:
        """The engine is given up; the settings that only it has are for the next one."""
        if self._engine is not None:
            self._kept = self._engine.kept()
            self._engine = None

    def _say_refusals(self) -> None:
        for words in [words for words, said in self._refusals.items() if not said]:
            self._refusals[words] = True
            self._log("warning", f"[{self._name}] {words}")

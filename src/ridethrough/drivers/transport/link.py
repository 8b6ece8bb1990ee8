# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver's link to its USB device: found, opened, watched, and found again, as `recovery` says.

The driver asks; what comes of it, also what goes wrong, the link tells `recovery` and does what that wants
done.  libusb, for devices that hidraw does not reach, will be another Transport in `_reach`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections import deque
from collections.abc import Callable, MutableSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from ridethrough.drivers.base import Log, no_log
from ridethrough.drivers.transport import recovery, usbfs
from ridethrough.drivers.transport import recovery_messages as m
from ridethrough.drivers.transport.base import Fault, Transport, TransportError, failure
from ridethrough.drivers.transport.hidraw import Hidraw
from ridethrough.drivers.transport.identity import (
    Choice,
    Identity,
    UsbDevice,
    Wanted,
    again,
    beware,
    choose,
    identify,
)
from ridethrough.drivers.transport.kernel import LINUX, Kernel
from ridethrough.drivers.transport.reach import Step, Way, held, way
from ridethrough.drivers.transport.sysfs import Sysfs
from ridethrough.drivers.transport.worker import Full, Hands, Late, MakeHands, Worker

LOOK_LIMIT_S: Final = 6.0
PATIENCE: Final = 8
"""So many looks a device gets to show its hidraw node, from 0.25 to 15 s apart."""


MOVE_S: Final = 0.5
"""Nobody plugs a device into another port so quickly: one that is there by then is another unit."""
UNSETTLED: Final = 3
"""So many looks, 1.75 s, a device that was ours stays without a driver before it is given one again."""
_SHOWN_BYTES: Final = 16


class Listener(Protocol):
    """Who is told what becomes of the device; all of it is called in the loop and must not block."""

    def on_opened(self, device: UsbDevice, descriptor: bytes) -> None:
        """It has been opened, be it again; ask it for something, since only an answer makes it fresh."""

    def on_input(self, report: bytes) -> None:
        """It has sent a report, its id first."""

    def on_fresh(self) -> None:
        """It answers, be it again: read all of it."""

    def on_stale(self, words: str) -> None:
        """Nothing that it said may be used from now on."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where devices are found and how they are reached; a test has its own."""

    sysfs: Sysfs = field(default_factory=lambda: Sysfs(Path("/sys"), Path("/dev"), Path("/proc")))
    kernel: Kernel = LINUX
    hands: MakeHands = Worker
    taken: MutableSet[str] = field(default_factory=set)
    """Ports that links of this process hold; give all links the same Machine."""


class UsbLink:
    """One section's link.  Run `run` as a task; `close` is owed."""

    def __init__(
        self,
        section: str,
        wish: Wanted,
        known: Callable[[UsbDevice], bool],
        listener: Listener,
        *,
        machine: Machine | None = None,
        log: Log = no_log,
    ) -> None:
        """`known` says which devices the driver has a table for."""
        self._section = section
        self._wish = wish
        self._known = known
        self._listener = listener
        self._machine = machine or Machine()
        self._log = log
        self._state = recovery.State()
        self._todo: deque[m.Effect] = deque()
        self._wake = asyncio.Event()
        self._scanner: Hands = self._machine.hands(f"look for {section}")
        self._transport: Transport | None = None
        self._device: UsbDevice | None = None
        self._identity: Identity | None = None
        self._answered: set[int] = set()
        self._looks: tuple[int, int] = (0, 0)  # number on the bus, looks in vain for its hidraw node
        self._hanging: Transport | None = None  # closed, but something of it hangs in the kernel
        self._told = ""
        self._closed_at: float | None = None

    @property
    def device(self) -> UsbDevice | None:
        """The device as it was last seen."""
        return self._device

    @property
    def running(self) -> bool:
        """Whether it is open; that alone does not mean that it answers."""
        return self._state.phase is recovery.Phase.RUNNING

    @property
    def obstacle(self) -> str:
        """Why it can't be asked just now; "" if it can, or if nothing is known."""
        if self.running:
            return ""
        if self._state.gone_from is not None and not self._state.said:
            return f"the UPS has vanished from port {self._state.gone_from.port}"
        return self._state.said

    async def run(self) -> None:
        """Find the device, keep it, and get it back, until cancelled.

        What the listener raises ends it.
        """
        self._state = recovery.begin(self._now())
        while True:
            while self._todo:
                await self._do(self._todo.popleft())
            self._wake.clear()
            due_at = self._state.due_at
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due_at):
                    await self._wake.wait()
            if due_at is not None and self._now() >= due_at:
                self._event(m.Due())

    def hint(self) -> None:
        """Something was plugged in: look soon."""
        self._event(m.Due(hint=True))

    async def get_feature(
        self, report_id: int, length: int, sensible: Callable[[bytes], bool] = lambda report: True
    ) -> bytes:
        """A feature report; one that is not `sensible` is no answer.

        A device in trouble is asked after a pause of up to 1 s.  Raises TransportError.
        """
        transport = await self._turn()
        try:
            report = await transport.get_feature(report_id, length)
            if not sensible(report):
                what = f"report {report_id} is {report[:_SHOWN_BYTES].hex(' ')}"
                raise TransportError(Fault.GARBAGE, f"[{self._section}] the answer makes no sense: {what}")
        except TransportError as error:
            self._event(m.Failed(error.fault, error.words, report_id in self._answered))
            raise
        self._answered.add(report_id)
        self._event(m.Answered())
        return report

    async def set_feature(self, report: bytes) -> None:
        """Send a feature report.  Raises TransportError; it is not sent again."""
        transport = await self._turn()
        try:
            await transport.set_feature(report)
        except TransportError as error:
            self._event(m.Failed(error.fault, error.words, known=False))
            raise
        self._event(m.Answered())

    async def string(self, index: int) -> str:
        """A string descriptor.  Raises TransportError; that one is missing says nothing of the device."""
        return await (await self._turn()).string(index)

    async def close(self) -> None:
        """Let go of the device; the task of `run` has ended before."""
        await self._close()
        if self._identity is not None:
            self._machine.taken.discard(self._identity.port)
        self._scanner.end()

    # -- events and effects --------------------------------------------------------------------------

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _event(self, event: m.Event) -> None:
        self._state, effects = recovery.step(self._state, event, self._now())
        for effect in effects:
            match effect:
                case m.Say(level, text):
                    self._log(level, f"[{self._section}] {text}")
                case m.Stale(words):
                    self._listener.on_stale(words)
                case m.Fresh():
                    self._listener.on_fresh()
                case _:
                    self._todo.append(effect)
        self._wake.set()

    async def _do(self, effect: m.Effect) -> None:
        match effect:
            case m.Look():
                await self._look()
            case m.Open():
                await self._open()
            case m.Reset():
                await self._reset()
            case m.Close():
                await self._close()

    async def _look(self) -> None:
        try:
            just_closed = self._closed_at is not None and self._now() - self._closed_at < MOVE_S
            choice = await self._scanner.do(lambda: self._choose(just_closed), LOOK_LIMIT_S)
        except (Late, Full):
            self._event(m.Unseen("the system does not say which USB devices there are; one of them hangs"))
            return
        if choice.device is None:
            self._event(m.Unseen(choice.words))
            return
        self._device = choice.device
        place = m.Place(choice.device.port, choice.device.number)
        self._event(m.Seen(place, _name(choice.device), choice.words))

    def _choose(self, just_closed: bool) -> Choice:
        """In the scanner's thread."""
        devices = [device for device in self._machine.sysfs.devices() if self._known(device)]
        own = self._identity.port if self._identity is not None else ""
        taken = self._machine.taken - {own}
        if self._identity is None:
            return choose(self._wish, devices, taken, self._section)
        if just_closed:
            self._identity = beware(self._identity, devices)
        return again(self._identity, devices, taken)

    async def _open(self) -> None:
        device = self._device
        assert device is not None, "Open comes after Seen"
        try:
            if self._hanging is not None and self._hanging.hanging:
                raise Full
            identity, found = await self._scanner.do(self._approach(device), LOOK_LIMIT_S)
            self._transport = self._reach(device, found)
            await self._transport.open()
        except (Late, Full):
            self._event(m.OpenFailed(Fault.BUSY, f"{device}: an earlier request still hangs in the kernel"))
        except TransportError as error:
            self._event(m.OpenFailed(error.fault, error.words))
        else:
            self._identity = self._remember(identity)
            self._looks = 0, 0
            self._event(m.Opened())
            if self.running:
                self._listener.on_opened(device, self._transport.descriptor)

    def _approach(self, device: UsbDevice) -> Callable[[], tuple[Identity, Way]]:
        """For the scanner's thread: who it is, and the way to it, made ready."""
        machine = self._machine
        number, looks = self._looks
        patient = number != device.number or looks < PATIENCE
        settled = self._identity is None or (number == device.number and looks >= UNSETTLED)

        def approach() -> tuple[Identity, Way]:
            holders = machine.sysfs.holders(device)
            found = way(device, holders, patient=patient, settled=settled)
            if found.step is Step.CONNECT:
                node = machine.sysfs.usb_node(device)
                try:
                    usbfs.connect(machine.kernel, node, found.interface)
                except OSError as error:
                    if error.errno == errno.EBUSY:
                        raise TransportError(Fault.BUSY, held(device, holders)) from None
                    raise failure(error, f"{device}, {node},", "binding the kernel's driver") from None
            return identify(device, machine.sysfs.devices()), found

        return approach

    def _reach(self, device: UsbDevice, found: Way) -> Transport:
        """The transport for that way; raises TransportError where there is none, or none yet."""
        if found.step is Step.HELD:
            raise TransportError(Fault.BUSY, found.words)
        if found.step is Step.LIBUSB:
            no_node = f"{device} has no hidraw node; is the kernel's module hid-generic there?"
            raise TransportError(Fault.UNSUPPORTED, found.words or no_node)
        if found.words and found.words != self._told:
            self._told = found.words
            self._log("info", f"[{self._section}] {found.words}")
        if found.step is not Step.HIDRAW:
            number, looks = self._looks
            self._looks = device.number, looks + 1 if number == device.number else 1
            raise TransportError(Fault.GONE, f"{device} has no hidraw node yet")
        machine, node = self._machine, found.node
        return Hidraw(
            device,
            machine.sysfs.node(node),
            machine.sysfs.usb_node(device),
            self._input,
            self._gone,
            kernel=machine.kernel,
            confirm=lambda: machine.sysfs.has_node(device, node),
            described=lambda: machine.sysfs.report_descriptor(device, node),
            hands=machine.hands,
        )

    def _remember(self, found: Identity) -> Identity:
        """Who the device is from now on.  What was known of it stays, but for its port."""
        before = self._identity
        if before is not None:
            self._machine.taken.discard(before.port)
            found = replace(before, port=found.port, twins=before.twins or found.twins)
        self._machine.taken.add(found.port)
        return found

    async def _reset(self) -> None:
        words = ""
        try:
            if self._transport is not None:
                await self._transport.reset()
        except TransportError as error:
            words = error.words
        self._event(m.ResetDone(words))

    async def _close(self) -> None:
        transport, self._transport = self._transport, None
        self._closed_at = self._now()
        if transport is not None:
            self._hanging = transport
            await transport.close()

    async def _turn(self) -> Transport:
        """The transport, once the device may be asked again."""
        if self.running:
            pause_s = self._state.ask_at - self._now()
            if pause_s > 0:
                await asyncio.sleep(pause_s)
        if not self.running or self._transport is None:
            why = self.obstacle or "the UPS is not open yet"
            raise TransportError(Fault.GONE, f"[{self._section}] {why}")
        return self._transport

    def _input(self, report: bytes) -> None:
        self._event(m.Answered(asked=False))
        self._listener.on_input(report)

    def _gone(self, error: TransportError) -> None:
        self._event(m.Failed(error.fault, error.words))


def _name(device: UsbDevice) -> str:
    """Short, for messages that name the port themselves."""
    return (
        " ".join(part for part in (device.manufacturer.strip(), device.product.strip()) if part) or device.ids
    )

# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual UPSes on a bus: what is plugged in where, who holds it, and who waits for an answer.

Pure: the bench that carries the answers sets `Bus.now` before each call, and takes care of locks.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final, Protocol

from ridethrough.sim.usb.device import Fault, VirtualUps
from ridethrough.sim.usb.sysfs import Place
from ridethrough.sim.usb.usbfs import OpenFile

USBHID: Final = "usbhid"
USBFS: Final = "usbfs"


class World(Protocol):
    """What the bench does to the machine's view of the devices."""

    def appear(self, port: Port) -> None:
        """Show the device in /sys and /dev."""

    def vanish(self, port: Port) -> None:
        """Take the device out of /sys and /dev."""

    def bind(self, port: Port) -> None:
        """Show the HID device and its hidraw node."""

    def unbind(self, port: Port) -> None:
        """Take the HID device and its hidraw node away."""


@dataclass(slots=True)
class Waiter:
    """A program waiting in the kernel.  `attempt(late)` answers it if it can; if it is late, in any case."""

    attempt: Callable[[bool], bool]
    deadline: float


class Port:
    """A device's place on the bus, and the kernel's view of who drives it."""

    def __init__(self, device: VirtualUps, place: Place) -> None:
        self.device = device
        self.place = place
        self.hidraw = 0
        self.holder: OpenFile | str | None = None
        """What drives the interface: usbhid, a program through usbfs, or nobody."""

    @property
    def plugged(self) -> bool:
        """Whether the host can see it."""
        return self.device.fault is not Fault.UNPLUGGED

    @property
    def bound(self) -> bool:
        """Whether the kernel's usbhid drives it."""
        return self.holder == USBHID


class Bus:
    """All ports, in the order they were given; and the numbers that the kernel hands out."""

    def __init__(self, world: World) -> None:
        self.ports: dict[str, Port] = {}
        self.now = 0.0
        """Seconds of a monotonic clock, as the bench last read it."""
        self._world = world
        self._next_number = 2
        self._next_hidraw = 0
        self._waiters: list[Waiter] = []
        self._cures: dict[str, float] = {}

    def plug(self, busport: str, device: VirtualUps) -> Port:
        """Plug a device in (again); usbhid takes it at once."""
        port = Port(device, Place(busport, self._next_number))
        self._next_number += 1
        self.ports[busport] = port
        self._world.appear(port)
        self.connect(port)
        return port

    def unplug(self, port: Port) -> None:
        """Pull the plug."""
        if not port.plugged:
            return
        self._cures.pop(port.place.busport, None)
        self.disconnect(port)
        port.holder = None
        port.device.fault = Fault.UNPLUGGED
        self._world.vanish(port)

    def replug(self, port: Port) -> Port:
        """Plug it in again, under a new number."""
        self.unplug(port)
        # Programs that still hold the old node go on seeing the old device, which is gone for ever.
        return self.plug(port.place.busport, port.device.twin())

    def connect(self, port: Port) -> int:
        """Let usbhid take the interface; an errno where somebody has it."""
        if not port.plugged:
            return errno.ENODEV
        if port.holder is not None:
            return errno.EBUSY
        port.holder, port.hidraw = USBHID, self._next_hidraw
        self._next_hidraw += 1
        port.device.forget_inputs()
        self._world.bind(port)
        return 0

    def disconnect(self, port: Port) -> int:
        """Take the interface away from usbhid; an errno where it hasn't got it."""
        if not port.bound:
            return errno.ENODATA
        port.holder = None
        self._world.unbind(port)
        return 0

    def claim(self, port: Port, file: OpenFile) -> int:
        """Let a program have the interface; an errno where another driver or program has it."""
        if not port.plugged:
            return errno.ENODEV
        if port.holder not in (None, file):
            return errno.EBUSY
        if port.holder is None:
            port.device.forget_inputs()
        port.holder = file
        return 0

    def release(self, port: Port, file: OpenFile) -> int:
        """Give the interface back; nobody drives it then."""
        if port.holder is not file:
            return errno.EINVAL
        port.holder = None
        return 0

    def driver(self, port: Port) -> str | None:
        """The name of what drives the interface, as the kernel tells it."""
        if port.holder is None:
            return None
        return USBHID if port.bound else USBFS

    def break_down(self, port: Port, fault: Fault, for_s: float = inf) -> None:
        """Switch a fault on for some seconds, or for ever (then a reset cures it)."""
        if not port.plugged:
            return
        port.device.fault = fault
        self._cures.pop(port.place.busport, None)
        if for_s != inf:
            self._cures[port.place.busport] = self.now + for_s

    def reset(self, port: Port) -> int:
        """Reset the device: cures what has no end of its own."""
        if not port.plugged:
            return errno.ENODEV
        if port.place.busport not in self._cures:
            port.device.fault = Fault.NONE
        return 0

    def wait(self, attempt: Callable[[bool], bool], patience_s: float = inf) -> None:
        """Let a program wait, unless it can be answered at once."""
        if not attempt(False):
            self._waiters.append(Waiter(attempt, self.now + patience_s))

    def stir(self) -> None:
        """Answer all whose time has come; call it after every change, and at `next_deadline`."""
        for busport, at in list(self._cures.items()):
            if at <= self.now:
                del self._cures[busport]
                self.ports[busport].device.fault = Fault.NONE
        self._waiters = [
            waiter for waiter in self._waiters if not waiter.attempt(waiter.deadline <= self.now)
        ]

    def next_deadline(self) -> float:
        """When `stir` must be called again at the latest."""
        return min((*self._cures.values(), *(waiter.deadline for waiter in self._waiters)), default=inf)

# SPDX-License-Identifier: GPL-2.0-or-later
"""A program's memory and its ioctls, in place of umockdev's IoctlClient; and a bus without a machine."""

from __future__ import annotations

import errno
from typing import Any

from ridethrough.sim.usb.bus import Bus, Port
from ridethrough.sim.usb.device import VirtualUps
from ridethrough.sim.usb.memory import Client
from ridethrough.sim.usb.profiles import PROFILES


class FakeData:
    """umockdev's IoctlData: some bytes of the program at an address."""

    def __init__(self, memory: Memory, address: int, data: bytearray) -> None:
        self.memory, self.address, self.data = memory, address, data

    def retrieve(self) -> bytes:
        """What is in it."""
        return bytes(self.data)

    def update(self, offset: int, data: list[int]) -> None:
        """Change it."""
        assert offset + len(data) <= len(self.data), "umockdev would abort here"
        self.data[offset : offset + len(data)] = bytes(data)

    def resolve(self, offset: int, length: int) -> FakeData | None:
        """Follow a pointer."""
        address = int.from_bytes(self.data[offset : offset + 8], "little")
        if not address:
            return None
        block = self.memory.blocks[address]
        assert length <= len(block), "a read of memory that is not the program's"
        return FakeData(self.memory, address, block)

    def set_ptr(self, offset: int, other: FakeData) -> None:
        """Point to other bytes."""
        self.data[offset : offset + 8] = other.address.to_bytes(8, "little")


class Memory:
    """The program: `put` bytes somewhere, then `call`."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self.blocks: dict[int, bytearray] = {}
        self.result: tuple[int, int] | None = None
        self._argument: FakeData | None = None
        self._request = 0
        self.client = Client(self)

    def put(self, data: bytes) -> int:
        """Store bytes and return their address."""
        address = 0x1000 * (1 + len(self.blocks))
        self.blocks[address] = bytearray(data)
        return address

    def call(self, request: int, argument: int = 0) -> int | str | None:
        """An ioctl: its result, or the name of its errno, or None while it waits."""
        self.result = None
        self._request = request
        self._argument = FakeData(self, 0, bytearray(argument.to_bytes(8, "little")))
        self.node.ioctl(self.client, *self.client.begin())
        return self.outcome()

    def outcome(self) -> int | str | None:
        """What the ioctl has come to by now."""
        if self.result is None:
            return None
        result, error = self.result
        return errno.errorcode[error] if error else result

    # What umockdev's IoctlClient has.

    def get_arg(self) -> FakeData | None:
        """The argument."""
        return self._argument

    def get_request(self) -> int:
        """The request."""
        return self._request

    def complete(self, result: int, error: int) -> None:
        """The answer, which comes once."""
        assert self.result is None
        self.result = (result, error)


class Machine:
    """What the bus does to the machine, written down."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def appear(self, port: Port) -> None:
        """Write it down."""
        self.done.append(f"appear {port.place.node}")

    def vanish(self, port: Port) -> None:
        """Write it down."""
        self.done.append(f"vanish {port.place.node}")

    def bind(self, port: Port) -> None:
        """Write it down."""
        self.done.append(f"bind hidraw{port.hidraw}")

    def unbind(self, port: Port) -> None:
        """Write it down."""
        self.done.append(f"unbind hidraw{port.hidraw}")


def plugged(profile: str = "eaton-ellipse") -> tuple[Bus, Port, Machine]:
    """A bus with one device on port 1-2."""
    machine = Machine()
    bus = Bus(machine)
    bus.now = 100.0
    return bus, bus.plug("1-2", VirtualUps(PROFILES[profile])), machine

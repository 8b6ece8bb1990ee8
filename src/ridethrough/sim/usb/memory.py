# SPDX-License-Identifier: GPL-2.0-or-later
"""A program under umockdev that waits in an ioctl: its memory, and the answer it gets.

`Client` wraps umockdev's IoctlClient, whose bindings are untyped.
"""

from __future__ import annotations

from typing import Any

from ridethrough.sim.usb.ioctls import POINTER_BYTES


class Block:
    """A piece of the program's memory; changes reach it with the answer that it belongs to."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def read(self) -> bytes:
        """What is in it."""
        return bytes(self.data.retrieve())

    def write(self, offset: int, data: bytes) -> None:
        """Change it; what goes beyond its end is a mistake of ours."""
        if data:
            self.data.update(offset, list(data))

    def follow(self, offset: int, length: int) -> Block | None:
        """The memory that the pointer at `offset` leads to; None for a null pointer or no bytes."""
        found = self.data.resolve(offset, length) if length else None
        return None if found is None else Block(found)


class Client:
    """One opened device node of a program."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._argument: Block | None = None
        self.gone = False

    def begin(self) -> tuple[int, bytes]:
        """Take up the ioctl that has just come; returns its number and its argument as it was passed."""
        self._argument = Block(self._raw.get_arg())
        return int(self._raw.get_request()) & 0xFFFFFFFF, self._argument.read()

    def block(self, length: int) -> Block | None:
        """The memory that the argument points to."""
        assert self._argument is not None
        return self._argument.follow(0, length)

    def point_to(self, block: Block) -> None:
        """Write the address of `block` where the argument points to, and `block` itself with it."""
        target = self.block(POINTER_BYTES)
        if target is not None:
            target.data.set_ptr(0, block.data)

    def succeed(self, result: int = 0) -> None:
        """Let the program go on."""
        self._answer(result, 0)

    def fail(self, error: int) -> None:
        """Let the program go on with an errno; 0 is a success."""
        self._answer(-1 if error else 0, error)

    def _answer(self, result: int, error: int) -> None:
        if self._argument is not None:
            self._argument = None
            self._raw.complete(result, error)

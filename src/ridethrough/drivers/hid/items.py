# SPDX-License-Identifier: GPL-2.0-or-later
"""The items of a HID report descriptor (HID 1.11, section 6.2.2), before they mean anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_PROBLEMS = 32


class Complain:
    """Collects a bounded number of problems."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, text: str) -> None:
        if len(self.texts) < MAX_PROBLEMS:
            self.texts.append(text)


@dataclass(frozen=True, slots=True)
class Item:
    """A short item: its prefix without the size bits, its data as an unsigned number, its data's size."""

    tag: int
    value: int
    size: int
    at: int

    @property
    def signed(self) -> int:
        """The data as two's complement."""
        if self.size == 0:
            return 0
        top = 1 << (8 * self.size - 1)
        return self.value - 2 * top if self.value & top else self.value


_SIZES = (0, 1, 2, 4)
_LONG = 0xFE


def items(data: bytes, complain: Complain) -> Iterator[Item]:
    """The short items; long ones are skipped (no UPS is known to mean anything by them)."""
    at = 0
    while at < len(data):
        prefix = data[at]
        if prefix == _LONG:
            if at + 1 >= len(data):
                complain(f"byte {at}: a long item is cut off")
                return
            at += 3 + data[at + 1]
            continue
        size = _SIZES[prefix & 3]
        body = data[at + 1 : at + 1 + size]
        if len(body) < size:
            complain(f"byte {at}: the last item is cut off")
            return
        yield Item(prefix & 0xFC, int.from_bytes(body, "little"), size, at)
        at += 1 + size

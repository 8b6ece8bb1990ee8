# SPDX-License-Identifier: GPL-2.0-or-later
"""The feature reports of a device, each asked for at most once in a walk."""

from __future__ import annotations

from collections.abc import Mapping

from ridethrough.drivers.hid import codec
from ridethrough.drivers.hid.asks import GetReport, Steps
from ridethrough.drivers.hid.descriptor import Field

PACKET = 64


class Reports:
    """What is known of each report, and which of them this walk has read or failed to read.

    `asks` is False where nothing may be asked (`interruptonly`).
    """

    def __init__(self, lengths: Mapping[int, int], *, asks: bool = True) -> None:
        self.known: dict[int, bytes] = {}
        self.fresh: set[int] = set()
        self.failed: set[int] = set()
        self.asks = asks
        self._lengths = lengths

    def length(self, report_id: int) -> int:
        """Bytes of a report with its id's byte; a full packet where no descriptor tells of it."""
        return self._lengths.get(report_id, PACKET)

    def begin(self) -> None:
        """A new walk: everything is to be read again."""
        self.fresh.clear()
        self.failed.clear()

    def asked(self, report_id: int) -> bool:
        """Whether this walk has asked for the report."""
        return report_id in self.fresh or report_id in self.failed

    def fetch(self, report_id: int) -> Steps[None]:
        """Have a report of this walk, or find that it can't be read."""
        if not self.asks or self.asked(report_id):
            return
        data = yield GetReport(report_id, self.length(report_id))
        if data is None or len(data) < 2:
            self.failed.add(report_id)
            return
        self.fresh.add(report_id)
        self.store(report_id, data)

    def store(self, report_id: int, data: bytes) -> None:
        """File a report; what a short one lacks stays as it was."""
        length = self._lengths.get(report_id, min(len(data), PACKET))
        old = self.known.get(report_id, b"").ljust(length, b"\0")
        body = data[1:length]
        self.known[report_id] = bytes([report_id]) + body + old[1 + len(body) :]

    def before_write(self, report_id: int) -> bytes:
        """The report into which a value is written: as it was last seen, zeros where it never was."""
        return self.known.get(report_id, bytes([report_id])).ljust(self.length(report_id), b"\0")

    def value(self, one: Field) -> Steps[float | None]:
        """The physical value of a field, from a report that this walk has read."""
        yield from self.fetch(one.report_id)
        if one.report_id in self.failed or one.report_id not in self.known:
            return None
        return self.physical(one)

    def physical(self, one: Field) -> float:
        """The physical value of a field of a known report."""
        return codec.physical(one, codec.logical(one, self.known[one.report_id]))

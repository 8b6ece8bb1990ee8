# SPDX-License-Identifier: GPL-2.0-or-later
"""What a conversion may look up while it runs: strings, whole reports, other fields.

A conversion can't wait.  Where something is not known yet it is broken off (`Wanting`), the device is asked,
and the conversion runs again from its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from ridethrough.drivers.hid.asks import GetReport, GetString, Steps, Wanting
from ridethrough.drivers.hid.descriptor import Descriptor, Kind
from ridethrough.drivers.hid.reports import Reports
from ridethrough.drivers.hid.usages import PathError, parse_path

MAX_ASKS = 8
MAX_STRING_INDEX = 255
STRING_TRIES = 3
Told = TypeVar("Told")


class Lookups:
    """The answers for one device."""

    def __init__(
        self, descriptor: Descriptor, kind: Kind, names: Mapping[str, int], reports: Reports
    ) -> None:
        self._descriptor = descriptor
        self._kind = kind
        self._names = names
        self._reports = reports
        self._strings: dict[int, str] = {}
        self._failures: dict[int, int] = {}

    def begin(self) -> None:
        """A new walk: strings that could not be read are tried again, some times."""
        for index, count in self._failures.items():
            if count < STRING_TRIES:
                self._strings.pop(index, None)

    def asking(self, work: Callable[[], Told | None]) -> Steps[Told | None]:
        """Run what may need more of the device, until it has all it needs; None if that has no end."""
        for _ in range(MAX_ASKS):
            try:
                return work()
            except Wanting as wanting:
                ask = wanting.ask
            if isinstance(ask, GetReport):
                yield from self._reports.fetch(ask.report_id)
            else:
                self._note(ask.index, (yield ask))
        return None

    def _note(self, index: int, data: bytes | None) -> None:
        if data is None:
            self._failures[index] = self._failures.get(index, 0) + 1
        else:
            self._failures.pop(index, None)
        text = (data or b"").partition(b"\0")[0].rstrip(b"\n")
        self._strings[index] = text.decode("utf-8", "surrogateescape")

    def string(self, index: int) -> str | None:
        """A string of the device, "" if it can't be read; None for what is no index."""
        if not 0 <= index <= MAX_STRING_INDEX:
            return None
        if index not in self._strings:
            raise Wanting(GetString(index))
        return self._strings[index]

    def report(self, report_id: int) -> bytes | None:
        """The newest bytes of a report, None if it was never read."""
        if self._reports.asks and not self._reports.asked(report_id):
            raise Wanting(GetReport(report_id, self._reports.length(report_id)))
        return self._reports.known.get(report_id)

    def item(self, path: str) -> float | None:
        """The physical value of the first field with that path, None if there is none or it can't be read."""
        try:
            one = self._descriptor.find(parse_path(path, self._names), self._kind)
        except PathError:
            return None
        if one is None or self.report(one.report_id) is None or one.report_id in self._reports.failed:
            return None
        return self._reports.physical(one)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What the engine of a USB HID UPS asks, put to the device over its link."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final, TypeVar

from ridethrough.drivers.base import Log
from ridethrough.drivers.hid.asks import Answer, Ask, GetReport, GetString, Pause, SetReport, Steps
from ridethrough.drivers.transport.base import TransportError
from ridethrough.drivers.transport.link import UsbLink

T = TypeVar("T")

LEAST_REPORT: Final = 8


class Asker:
    """Runs the engine's generators over one link, one at a time."""

    def __init__(self, section: str, link: UsbLink, maxreport: bool, log: Log) -> None:
        """With `maxreport` no less than LEAST_REPORT bytes are asked for."""
        self._section = section
        self._link = link
        self._least = LEAST_REPORT if maxreport else 0
        self._log = log
        self._lock = asyncio.Lock()
        self._honest: set[int] = set()

    async def play(self, steps: Steps[T]) -> T:
        """Answer all that `steps` asks, and give its result.  A request that fails is answered by None."""
        async with self._lock:
            answer: Answer = None
            while True:
                try:
                    ask = steps.send(answer)
                except StopIteration as end:
                    result: T = end.value
                    return result
                answer = await self._answer(ask)

    async def _answer(self, ask: Ask) -> Answer:
        link = self._link
        try:
            match ask:
                case GetReport(report_id, length):
                    sensible = partial(self._sensible, report_id)
                    report = await link.get_feature(report_id, max(length, self._least), sensible)
                    if report[0] == report_id:
                        self._honest.add(report_id)
                    return report
                case SetReport(data):
                    await link.set_feature(data)
                    return b""
                case GetString(index):
                    return (await link.string(index)).encode("utf-8", "surrogateescape")
                case Pause(seconds):
                    await asyncio.sleep(seconds)
        except TransportError as error:
            self._log("debug", f"[{self._section}] {ask}: {error.words}")
        return None

    def _sensible(self, report_id: int, report: bytes) -> bool:
        """A report has a byte beside its id, and its id is right if it ever was: C believes any."""
        return len(report) > 1 and (report[0] == report_id or report_id not in self._honest)

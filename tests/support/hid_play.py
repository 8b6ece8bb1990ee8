# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual UPS at the other end of the HID engine: it answers asks, and notes what was written."""

from __future__ import annotations

from dataclasses import dataclass, field

from ridethrough.drivers.hid.asks import Answer, Ask, GetReport, GetString, Pause, Result, SetReport, Steps


@dataclass
class VirtualUps:
    """Reports by id, with their id's byte; strings by index.  `stalled` reports are not read nor written."""

    reports: dict[int, bytes] = field(default_factory=dict)
    strings: dict[int, str] = field(default_factory=dict)
    stalled: set[int] = field(default_factory=set)
    read: list[int] = field(default_factory=list)
    written: list[bytes] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def answer(self, ask: Ask) -> Answer:
        """What the device says."""
        match ask:
            case GetReport(report_id, _):
                self.read.append(report_id)
                return None if report_id in self.stalled else self.reports.get(report_id)
            case SetReport(data):
                if data[0] in self.stalled:
                    return None
                self.written.append(data)
                self.reports[data[0]] = data
                return b""
            case GetString(index):
                text = self.strings.get(index)
                return None if text is None else text.encode("utf-8", "surrogateescape")
            case Pause(seconds):
                self.pauses.append(seconds)
                return b""

    def run(self, steps: Steps[Result]) -> Result:
        """Run a generator of the engine to its end; returns what it returns."""
        answer: Answer = None
        for _ in range(10_000):
            try:
                ask = steps.send(answer)
            except StopIteration as end:
                result: Result = end.value
                return result
            answer = self.answer(ask)
        raise AssertionError("the engine asks without end")

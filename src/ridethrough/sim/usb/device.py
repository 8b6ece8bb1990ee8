# SPDX-License-Identifier: GPL-2.0-or-later
"""The model of a HID UPS: control requests in, answers out; input reports in a queue; faults by a switch.

It knows neither time nor the machine: a bench carries requests to it and its reports away, and turns
the faults off again.  Sources: USB 2.0 section 9.4, Device Class Definition for HID 1.11 section 7.2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ridethrough.drivers.hid import codec
from ridethrough.drivers.hid.descriptor import Field, Kind
from ridethrough.sim.usb import power, standard
from ridethrough.sim.usb.power import Power
from ridethrough.sim.usb.profile import Profile

MAX_QUEUED: Final = 64
"""Input reports kept for a host that does not read; then the oldest go."""
MAX_LOGGED: Final = 10_000
MAX_GARBAGE: Final = 64


class Refusal(Enum):
    """An answer that holds no data."""

    STALL = "stall"
    SILENCE = "silence"
    GONE = "gone"


STALL, SILENCE, GONE = Refusal.STALL, Refusal.SILENCE, Refusal.GONE


class Fault(Enum):
    """What is wrong with the device."""

    NONE = "none"
    STALL = "stall"
    SILENCE = "silence"
    GARBAGE = "garbage"
    UNPLUGGED = "unplug"


@dataclass(frozen=True, slots=True)
class Setup:
    """The eight bytes that begin a control transfer (USB 2.0, table 9-2)."""

    kind: int
    request: int
    value: int
    index: int
    length: int

    @classmethod
    def of(cls, data: bytes) -> Setup:
        """Read them."""
        if len(data) != 8:
            raise ValueError(f"a setup packet has 8 bytes, not {len(data)}")
        words = [int.from_bytes(data[at : at + 2], "little") for at in (2, 4, 6)]
        return cls(data[0], data[1], *words)


# (bmRequestType, bRequest): the requests that are answered with nothing but yes.
_ACCEPTED: Final = {
    (0x00, 0x09): "set configuration",
    (0x01, 0x0B): "set interface",
    (0x02, 0x01): "clear halt",
    (0x21, 0x0A): "set idle",
    (0x21, 0x0B): "set protocol",
}
_FIXED: Final = {
    (0x80, 0x00): b"\x01\x00",  # GET_STATUS: self powered
    (0x80, 0x08): b"\x01",  # GET_CONFIGURATION
    (0x81, 0x0A): b"\x00",  # GET_INTERFACE
    (0xA1, 0x02): b"\x00",  # GET_IDLE
}
_GET_DESCRIPTOR: Final = ((0x80, 0x06), (0x81, 0x06))
_GET_REPORT: Final = (0xA1, 0x01)
_SET_REPORT: Final = (0x21, 0x09)
_KINDS: Final = {1: Kind.INPUT, 2: Kind.OUTPUT, 3: Kind.FEATURE}


class VirtualUps:
    """One device.  The caller gives each setup packet to `control` and takes reports from `interrupt`."""

    def __init__(self, profile: Profile, random_bytes: Callable[[int], bytes] = bytes) -> None:
        """`random_bytes(n)` makes garbage of n bytes."""
        self.profile = profile
        self.fault = Fault.NONE
        self.log: deque[str] = deque(maxlen=MAX_LOGGED)
        """What the host asked and was told, a line each: `get feature 06 -> 06 64`."""
        self._random_bytes = random_bytes
        self._inputs: deque[bytes] = deque(maxlen=MAX_QUEUED)
        self._reports: dict[tuple[Kind, int], bytes] = {}
        for report_id, data in profile.features.items():
            self._reports[Kind.FEATURE, report_id] = data
            self._reports[Kind.INPUT, report_id] = data
        for report_id, data in profile.inputs.items():
            self._reports[Kind.INPUT, report_id] = data
        self._at_first = dict(self._reports)
        self._numbered = any(field.report_id for field in profile.parsed.fields)
        self._sent = {field.report_id for field in profile.parsed.fields if field.kind is Kind.INPUT}

    def control(self, setup: bytes, data: bytes = b"") -> bytes | Refusal:
        """Answer a control request; `data` is what the host sends with it.

        Returns the bytes for the host (none for one that only sets something), or why there are none.
        """
        asked = Setup.of(setup)
        answer = self._faulty(asked) if self.fault is not Fault.NONE else self._answer(asked, data)
        sent = f" {data.hex(' ')}" if data else ""
        told = answer.value if isinstance(answer, Refusal) else answer.hex(" ") or "ok"
        line = f"{_words(asked)}{sent} -> {told}"
        # The bench asks again and again while the device is silent; the host has asked once.
        if answer is not SILENCE or not self.log or self.log[-1] != line:
            self.log.append(line)
        return answer

    def interrupt(self) -> bytes | None:
        """The next input report, its id first where the device has ids; None if there is none to send."""
        if self.fault in (Fault.SILENCE, Fault.UNPLUGGED) or not self._inputs:
            return None
        report = self._inputs.popleft()
        return report if self._numbered else report[1:]

    def set_power(self, state: Power) -> None:
        """Move to a state of the power, and send the input reports that have changed."""
        wanted = power.STATES[state]
        named = {usage for values in power.STATES.values() for usage in values}
        self._change(lambda field: field.path[-1] in named, wanted)

    def set_usage(self, path: tuple[int, ...], value: int) -> None:
        """Set the logical value of a field by its path, and send what has changed."""
        self._change(lambda field: field.path == path, {path[-1]: value})

    def report(self, kind: Kind, report_id: int) -> bytes | None:
        """A report as it would be sent now, its id first."""
        return self._reports.get((kind, report_id))

    def send(self, report: bytes) -> None:
        """Queue an input report, whatever it holds; its id comes first."""
        self._inputs.append(report)

    def send_garbage(self) -> None:
        """Queue an input report of random length and content."""
        self.send(self._garbage(MAX_GARBAGE))

    def forget_inputs(self) -> None:
        """Drop what is queued: the host has only now begun to read."""
        self._inputs.clear()

    def twin(self) -> VirtualUps:
        """The same device after a loss of the bus: reports and log as they are, no fault, nothing queued."""
        other = VirtualUps(self.profile, self._random_bytes)
        other.log = self.log
        other._reports = dict(self._reports)
        return other

    def _change(self, chosen: Callable[[Field], bool], wanted: Mapping[int, int]) -> None:
        """Set every chosen field to the wanted value of its usage, or back to what it was at first."""
        before = dict(self._reports)
        for field in self.profile.parsed.fields:
            place = (field.kind, field.report_id)
            if place not in self._reports or not chosen(field):
                continue
            value = wanted.get(field.path[-1])
            if value is None:
                value = codec.logical(field, self._at_first[place])
            self._reports[place] = codec.put(field, self._reports[place], value)
        for report_id in sorted(self._sent):
            now = self._reports.get((Kind.INPUT, report_id))
            if now is not None and now != before[Kind.INPUT, report_id]:
                self.send(now)

    def _faulty(self, asked: Setup) -> bytes | Refusal:
        match self.fault:
            case Fault.STALL:
                return STALL
            case Fault.SILENCE:
                return SILENCE
            case Fault.GARBAGE:
                return self._garbage(asked.length) if asked.kind & 0x80 else b""
            case _:
                return GONE

    def _garbage(self, most: int) -> bytes:
        length = int.from_bytes(self._random_bytes(2), "little") % (min(most, MAX_GARBAGE) + 1)
        return self._random_bytes(length)

    def _answer(self, asked: Setup, data: bytes) -> bytes | Refusal:
        request = (asked.kind, asked.request)
        if request in _ACCEPTED:
            return b""
        found = _FIXED.get(request)
        if request in _GET_DESCRIPTOR:
            found = self._descriptor(asked.value >> 8, asked.value & 0xFF)
        elif request == _GET_REPORT:
            found = self._get_report(asked)
        elif request == _SET_REPORT:
            return self._set_report(asked, data)
        return STALL if found is None else found[: asked.length]

    def _descriptor(self, kind: int, index: int) -> bytes | None:
        match kind:
            case standard.DEVICE:
                return standard.device(self.profile)
            case standard.CONFIGURATION:
                return standard.configuration(self.profile)
            case standard.STRING:
                return standard.string(self.profile, index)
            case standard.HID:
                return standard.hid(self.profile)
            case standard.REPORT:
                return self.profile.report_descriptor
            case _:
                return None

    def _get_report(self, asked: Setup) -> bytes | None:
        kind = _KINDS.get(asked.value >> 8)
        report = self._reports.get((kind, asked.value & 0xFF)) if kind else None
        return report if report is None or self._numbered else report[1:]

    def _set_report(self, asked: Setup, data: bytes) -> bytes | Refusal:
        """Take a report; the id that counts is the request's, as some drivers write another into the data."""
        kind = _KINDS.get(asked.value >> 8)
        report_id = asked.value & 0xFF
        if kind is None or (kind, report_id) not in self._reports:
            return STALL
        body = data[1:] if self._numbered else data
        old = self._reports[kind, report_id]
        self._reports[kind, report_id] = old[:1] + (body + old[1 + len(body) :])[: len(old) - 1]
        return b""


def _words(asked: Setup) -> str:
    """A request in words."""
    request = (asked.kind, asked.request)
    kind, low = asked.value >> 8, asked.value & 0xFF
    if request in _GET_DESCRIPTOR:
        return f"get descriptor {kind:02x} {low}"
    if request in (_GET_REPORT, _SET_REPORT):
        named = _KINDS[kind].value.lower() if kind in _KINDS else f"kind {kind}"
        return f"{'get' if request == _GET_REPORT else 'set'} {named} {low:02x}"
    known = _ACCEPTED.get(request)
    return known or f"request {asked.kind:02x} {asked.request:02x} {asked.value:04x} {asked.index:04x}"

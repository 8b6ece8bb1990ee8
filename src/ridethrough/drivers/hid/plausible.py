# SPDX-License-Identifier: GPL-2.0-or-later
"""Readings that can hardly be true are held back until the device has said them twice.

Firmware bugs and a report caught half-way give one wild sample now and then: a runtime of 0 with a full
battery on line, a charge of 255 %, a voltage with its decimal point lost.  A second reading that says the
same is believed, so that nothing true is kept back for longer than one poll.
A low battery in the middle of a self-test is another such sample: the test itself pulls the voltage down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from ridethrough.ups.variables import parse_number

HELD = "experimental.readings.held"
"""The variable that shows what is held back, and why; it is absent where nothing is."""

TEST = "ups.test.result"
TESTING = "In progress"
MAX_TEST_S = 60.0
"""For how long a self-test explains a low battery; a test that never ends explains nothing."""
LEAST_CHARGE = 20.0
"""Below this, and below battery.charge.low, a low battery is believed also in a self-test."""

MAX_CHARGE = 100.0
FALL = 50.0
LEAP = 5.0


@dataclass(frozen=True, slots=True)
class Around:
    """What a reading is held against: the last one that was believed, and all others of now."""

    before: float | None
    now: Mapping[str, str]
    on_battery: bool

    def number(self, name: str) -> float | None:
        """Another variable as a number."""
        return parse_number(self.now.get(name, ""))


def _charge(value: float, around: Around) -> str | None:
    if not 0 <= value <= MAX_CHARGE:
        return "not within 0 and 100"
    if around.before is not None and around.before - value >= FALL:
        return f"fell from {around.before:g} at once"
    return None


def _runtime(value: float, around: Around) -> str | None:
    charge = around.number("battery.charge")
    if value < 0:
        return "below 0"
    if value == 0 and not around.on_battery and charge is not None and charge >= FALL:
        return f"0 on line, with a charge of {charge:g}"
    return None


def _voltage(nominal: str) -> Callable[[float, Around], str | None]:
    def judge(value: float, around: Around) -> str | None:
        for known, word in ((around.before, "before"), (around.number(nominal), "nominal")):
            if known is not None and known > 0 and value >= LEAP * known:
                return f"{known:g} {word}"
        return None

    return judge


JUDGES: Mapping[str, Callable[[float, Around], str | None]] = {
    "battery.charge": _charge,
    "battery.runtime": _runtime,
    "battery.voltage": _voltage("battery.voltage.nominal"),
    "input.voltage": _voltage("input.voltage.nominal"),
    "output.voltage": _voltage("output.voltage.nominal"),
}


@dataclass(slots=True)
class Doubts:
    """What was believed last, and what waits for a second reading."""

    believed: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    _twice: set[str] = field(default_factory=set)
    _low_since: float | None = None

    def low_battery(self, variables: Mapping[str, str], words: Set[str], now: float) -> bool:
        """Whether a low battery that the device reports is to be believed."""
        charge = parse_number(variables.get("battery.charge", ""))
        least = parse_number(variables.get("battery.charge.low", "")) or LEAST_CHARGE
        certain = variables.get(TEST) != TESTING or not words.isdisjoint({"shutdownimm", "timelimitexp"})
        if certain or charge is None or charge <= max(least, LEAST_CHARGE):
            self._low_since = None
        elif self._low_since is None or now - self._low_since <= MAX_TEST_S:
            self._low_since = now if self._low_since is None else self._low_since
            self.held["LB"] = f"LB (in a self-test, with a charge of {charge:g})"
            return False
        self.held.pop("LB", None)
        return True

    def no_low_battery(self) -> None:
        """The device reports no low battery."""
        self._low_since = None
        self.held.pop("LB", None)

    def judge(self, variables: Mapping[str, str], read: Set[str], *, on_battery: bool) -> tuple[str, ...]:
        """Judge the variables named in `read`, the others stay as they were; returns what is newly held."""
        told: list[str] = []
        for name, judge in JUDGES.items():
            text = variables.get(name)
            if text is None:
                self.believed.pop(name, None)
                self.held.pop(name, None)
                self._twice.discard(name)
            elif name in read:
                doubt = self._doubt(name, text, judge, variables, on_battery)
                if doubt is not None:
                    told.append(doubt)
        return tuple(told)

    def _doubt(
        self,
        name: str,
        text: str,
        judge: Callable[[float, Around], str | None],
        variables: Mapping[str, str],
        on_battery: bool,
    ) -> str | None:
        value = parse_number(text)
        around = Around(parse_number(self.believed.get(name, "")), variables, on_battery)
        reason = None if value is None else judge(value, around)
        if reason is None:
            self._twice.discard(name)
        elif name in self.held:
            self._twice.add(name)  # said twice: it is what the device means
        elif name not in self._twice:
            self.held[name] = f"{name}={text} ({reason})"
            return self.held[name]
        self.held.pop(name, None)
        self.believed[name] = text
        return None

    def shown(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables as they may be decided on; what is held back shows its last believed value."""
        found = dict(variables)
        for name in self.held:
            if name in self.believed:
                found[name] = self.believed[name]
            else:
                found.pop(name, None)
        if self.held:
            found[HELD] = "; ".join(self.held.values())
        return found

# SPDX-License-Identifier: GPL-2.0-or-later
"""A USB device with a fate, and the plainest shell around `recovery`, on a clock of their own."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from ridethrough.drivers.transport import recovery as r
from ridethrough.drivers.transport import recovery_messages as m
from ridethrough.drivers.transport.base import Fault

POLL_S = 1.0
KERNEL_S = 5.0
"""How long a request to a silent device hangs in the kernel."""


class Fate(StrEnum):
    """What a device suffers for a while."""

    UNPLUGGED = "unplugged"
    STALLS = "stalls"
    SILENCE = "silence"
    STUCK = "stuck"
    """Silent until it is reset."""
    HELD = "held"
    """Another program has it: it can't be opened."""


class Life:
    """Plays `spans` of (from, to, fate), and writes down what came of it."""

    def __init__(self, spans: Sequence[tuple[float, float, Fate]]) -> None:
        self.spans = list(spans)
        self.state = r.begin(0)
        self.now = 0.0
        self.open = False
        self.opened = 0
        self.resets: list[float] = []
        self.said: list[tuple[float, str]] = []
        self.stale_at: list[float] = []
        self.answers: list[float] = []
        self.asked: list[float] = []

    def play(self, until: float) -> None:
        """Let time run; every poll asks one request that the device knows."""
        next_poll = 0.0
        for _ in range(1_000_000):
            state = self.state
            waits = [state.due_at] if state.due_at is not None else []
            if state.phase is r.Phase.RUNNING:
                waits.append(max(next_poll, state.ask_at))
            leaves = [start for start, _, fate in self.spans if fate is Fate.UNPLUGGED and start > self.now]
            if self.open:
                waits += leaves
            self.now = max(self.now, min(waits))
            if self.now >= until:
                return
            if self.open and self._fate() is Fate.UNPLUGGED:
                self.open = False
                self._event(m.Failed(Fault.GONE))
            elif state.due_at is not None and self.now >= state.due_at:
                self._event(m.Due())
            elif state.phase is r.Phase.RUNNING and self.now >= max(next_poll, state.ask_at):
                next_poll = self.now + (POLL_S if self._ask() else 0)
        raise AssertionError("it goes round in circles")

    def first_answer_after(self, time: float) -> float:
        """When it was first answered."""
        return next(at for at in self.answers if at >= time)

    def asked_between(self, start: float, end: float) -> int:
        """How many requests there were."""
        return sum(start <= at < end for at in self.asked)

    def _fate(self) -> Fate | None:
        return next((fate for start, end, fate in self.spans if start <= self.now < end), None)

    def _ask(self) -> bool:
        fate = self._fate()
        self.asked.append(self.now)
        if fate is Fate.STALLS:
            self._event(m.Failed(Fault.STALL, "stall"))
            return False
        if fate in (Fate.SILENCE, Fate.STUCK):
            self.now += KERNEL_S
            self._event(m.Failed(Fault.TIMEOUT))
            return False
        self.answers.append(self.now)
        self._event(m.Answered())
        return True

    def _event(self, event: m.Event) -> None:
        self.state, effects = r.step(self.state, event, self.now)
        for effect in effects:
            self._do(effect)

    def _do(self, effect: m.Effect) -> None:
        there = self._fate() is not Fate.UNPLUGGED
        match effect:
            case m.Look():
                self._event(m.Seen(m.Place("1-2", 4), "UPS") if there else m.Unseen())
            case m.Open():
                assert not self.open
                if self._fate() is Fate.HELD:
                    self._event(m.OpenFailed(Fault.BUSY, "held by x (pid 3)"))
                    return
                self.open = True
                self.opened += 1
                self._event(m.Opened())
            case m.Close():
                self.open = False
            case m.Reset():
                self.resets.append(self.now)
                self.spans = [
                    (start, end, fate)
                    for start, end, fate in self.spans
                    if not (fate is Fate.STUCK and start <= self.now < end)
                ]
                self.now += 0.3
                self._event(m.ResetDone())
            case m.Say(_, text):
                self.said.append((self.now, text))
            case m.Stale():
                self.stale_at.append(self.now)

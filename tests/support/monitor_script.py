# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays a script of events into the monitor's pure core, on a clock that only the script moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ridethrough.monitor.core import MonitorState, initial, next_deadline, step
from ridethrough.monitor.messages import (
    AskLogins,
    Effect,
    Emit,
    Event,
    LogDecision,
    Logout,
    Polled,
    RunShutdown,
    SetFsd,
    Stop,
    Tick,
    WritePowerdownFlag,
)
from ridethrough.monitor.settings import Settings
from ridethrough.ups.status import Status

MAX_STEPS = 100_000


@dataclass
class Player:
    """A monitor under test: `play` events at times, then look at what it asked for, and when."""

    settings: Settings
    now: float = 0.0
    done: list[tuple[float, Effect]] = field(default_factory=list)
    state: MonitorState = field(init=False)

    def __post_init__(self) -> None:
        self.state = initial(self.settings, self.now)

    def at(self, moment: float, *events: Event) -> Player:
        """Let the time pass until `moment`, then tell the events."""
        for _ in range(MAX_STEPS):
            due = max(next_deadline(self.state), self.now)
            if due >= moment:
                break
            self._step(Tick(), due)
        else:
            raise AssertionError("the core asks for ticks without end")
        self.now = moment
        for event in events or (Tick(),):
            self._step(event, moment)
        return self

    def polls(self, ups: str, samples: Iterable[tuple[float, str]], **readings: str) -> Player:
        """Good polls at these times; `battery_charge="50"` becomes a reading battery.charge."""
        named = {name.replace("_", "."): value for name, value in readings.items()}
        for moment, status in samples:
            self.at(moment, Polled(ups, Status.parse(status), named))
        return self

    def notices(self) -> list[tuple[float, str, str]]:
        """(time, type, UPS) of all notices so far."""
        return [(at, str(e.notice.type), e.notice.ups) for at, e in self.done if isinstance(e, Emit)]

    def kinds(self) -> list[str]:
        """The types of all notices so far."""
        return [kind for _, kind, _ in self.notices()]

    def deeds(self) -> list[tuple[float, str]]:
        """(time, effect) of all that touches the world: FSD, flag, shutdown, logout, stop."""
        wanted = (SetFsd, WritePowerdownFlag, RunShutdown, Logout, Stop)
        return [(at, _name(effect)) for at, effect in self.done if isinstance(effect, wanted)]

    def log(self) -> str:
        """All decisions so far, a line each."""
        return "\n".join(f"{at:g} {effect}" for at, effect in self.done if isinstance(effect, LogDecision))

    def asked_logins(self) -> list[float]:
        """When the logins were asked for."""
        return [at for at, effect in self.done if isinstance(effect, AskLogins)]

    def shutdowns(self) -> list[float]:
        """When SHUTDOWNCMD was asked for."""
        return [at for at, effect in self.done if isinstance(effect, RunShutdown)]

    def _step(self, event: Event, now: float) -> None:
        self.now = now
        self.state, effects = step(self.state, event, now)
        self.done += [(now, effect) for effect in effects]


def _name(effect: Effect) -> str:
    ups = getattr(effect, "ups", "")
    return f"{type(effect).__name__} {ups}".strip()

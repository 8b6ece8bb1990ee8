# SPDX-License-Identifier: GPL-2.0-or-later
"""The timers that run: a value, and the few moves that it knows (upssched.conf(5))."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from ridethrough.schedule.rules import Cause

MAX_TIMERS = 1024
MAX_CAUSES = 64


class Phase(StrEnum):
    """What there is of the timers that an event is about."""

    IDLE = "idle"
    PENDING = "pending"


class Verb(StrEnum):
    """What can come to timers; all but the last are commands of AT lines."""

    START = "START-TIMER"
    START_SHARED = "START-TIMER-SHARED"
    CANCEL = "CANCEL-TIMER"
    CANCEL_MATCHED = "CANCEL-TIMER-MATCHED"
    TIME_UP = "time is up"


class Deed(StrEnum):
    """What is done then."""

    BEGIN = "a timer begins"
    JOIN = "the notice joins it"
    END = "all of the name end"
    LEAVE = "what this UPS had started ends"
    COMMAND = "the command runs"
    FIRE = "CMDSCRIPT runs with the name"


MOVES: Mapping[tuple[Phase, Verb], tuple[Deed, Phase]] = MappingProxyType(
    {
        (Phase.IDLE, Verb.START): (Deed.BEGIN, Phase.PENDING),
        (Phase.IDLE, Verb.START_SHARED): (Deed.BEGIN, Phase.PENDING),
        (Phase.IDLE, Verb.CANCEL): (Deed.COMMAND, Phase.IDLE),
        (Phase.IDLE, Verb.CANCEL_MATCHED): (Deed.COMMAND, Phase.IDLE),
        (Phase.PENDING, Verb.START): (Deed.BEGIN, Phase.PENDING),
        (Phase.PENDING, Verb.START_SHARED): (Deed.JOIN, Phase.PENDING),
        (Phase.PENDING, Verb.CANCEL): (Deed.END, Phase.IDLE),
        (Phase.PENDING, Verb.CANCEL_MATCHED): (Deed.LEAVE, Phase.IDLE),
        (Phase.PENDING, Verb.TIME_UP): (Deed.FIRE, Phase.IDLE),
    }
)
"""The life of the timers of one name, as upssched.conf(5) has it; `core` acts by it, the docs draw it.

A cancel that is matched is about what its own UPS had started, all else about every timer of the name.
"""


@dataclass(frozen=True, slots=True)
class Timer:
    """One running timer. `causes` are the notices that started it: several only with START-TIMER-SHARED."""

    number: int
    name: str
    seconds: float
    deadline: float
    causes: tuple[Cause, ...]

    def left(self, now: float) -> float:
        """Seconds until it runs out; 0 if it should have."""
        return max(0.0, self.deadline - now)

    @property
    def cause(self) -> Cause:
        """All causes as one: each type, UPS and text once, joined as NUT 2.8.5 joins them."""
        return Cause(
            ",".join(_unique(cause.type for cause in self.causes)),
            ",".join(_unique(cause.ups for cause in self.causes)),
            ".\t".join(_unique(cause.text for cause in self.causes)),
        )


@dataclass(frozen=True, slots=True)
class Timers:
    """All running timers in the order of their start; at most MAX_TIMERS."""

    running: tuple[Timer, ...] = ()
    next_number: int = 1

    @property
    def full(self) -> bool:
        """Whether no further timer can be started."""
        return len(self.running) >= MAX_TIMERS

    def named(self, name: str) -> tuple[Timer, ...]:
        """The running timers of a name."""
        return tuple(timer for timer in self.running if timer.name == name)

    def phase(self, name: str, ups: str = "") -> Phase:
        """Whether a timer of the name runs; with `ups`, whether that UPS has started one."""
        mine = (timer for timer in self.named(name) if not ups or any(ups == one.ups for one in timer.causes))
        return Phase.PENDING if any(True for _ in mine) else Phase.IDLE

    def start(self, name: str, seconds: float, cause: Cause, now: float) -> Timers:
        """With one more timer, independent of others of its name. The caller has asked `full` before."""
        assert not self.full, "ask Timers.full before"
        timer = Timer(self.next_number, name, seconds, now + seconds, (cause,))
        return Timers((*self.running, timer), self.next_number + 1)

    def share(self, name: str, cause: Cause) -> Timers:
        """With one more cause for the first timer of the name; its deadline stays. There must be one."""
        shared = self.named(name)[0]
        if cause in shared.causes or len(shared.causes) >= MAX_CAUSES:
            return self
        return self._swap(shared, replace(shared, causes=(*shared.causes, cause)))

    def cancel(self, name: str) -> Timers:
        """Without any timer of the name."""
        return replace(self, running=tuple(timer for timer in self.running if timer.name != name))

    def cancel_matched(self, name: str, ups: str) -> Timers:
        """Without what this UPS had started under the name.

        A shared timer goes on for the other UPSes that had asked for it.
        """
        timers = self
        for timer in self.named(name):
            causes = tuple(cause for cause in timer.causes if cause.ups != ups)
            if len(causes) < len(timer.causes):
                timers = timers._swap(timer, replace(timer, causes=causes) if causes else None)
        return timers

    def expire(self, now: float) -> tuple[Timers, tuple[Timer, ...]]:
        """Those that are left, and those that have run out: earliest first, then in the order of start."""
        due = [timer for timer in self.running if timer.deadline <= now]
        if not due:
            return self, ()
        left = tuple(timer for timer in self.running if timer.deadline > now)
        return replace(self, running=left), tuple(
            sorted(due, key=lambda timer: (timer.deadline, timer.number))
        )

    @property
    def next_deadline(self) -> float | None:
        """When the next timer runs out, or None."""
        return min((timer.deadline for timer in self.running), default=None)

    def _swap(self, old: Timer, new: Timer | None) -> Timers:
        swapped = (new if timer.number == old.number else timer for timer in self.running)
        return replace(self, running=tuple(timer for timer in swapped if timer is not None))


def _unique(words: Iterable[str]) -> list[str]:
    """Each word once, empty ones left out, in their order."""
    return list(dict.fromkeys(word for word in words if word))

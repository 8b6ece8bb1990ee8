# SPDX-License-Identifier: GPL-2.0-or-later
"""The world's clock: events in their order, and processes that can be stopped, continued and killed.

What a process has planned dies with it.  What falls due while it is frozen happens when it is thawed.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

BOUND_EVENTS: Final = 1_000_000

Action = Callable[[], None]


@dataclass(slots=True, eq=False)
class Process:
    """Something with a life of its own: a program, or a machine.  `life` counts its starts and ends."""

    name: str
    alive: bool = True
    frozen_until: float = 0.0
    life: int = 0

    def kill(self) -> None:
        """End it: nothing that it has planned happens."""
        self.alive = False
        self.life += 1

    def start(self) -> None:
        """Begin a new life."""
        self.alive = True
        self.life += 1


@dataclass(slots=True)
class Engine:
    """A queue of actions by time; equal times keep the order in which they were asked for."""

    now: float = 0.0
    events: int = 0
    _queue: list[tuple[float, int, Action, Process | None, int]] = field(default_factory=list)
    _order: int = 0

    def at(self, when: float, action: Action, owner: Process | None = None) -> None:
        """Do `action` at `when`, never in the past, if `owner` still lives this life then."""
        self._order += 1
        life = 0 if owner is None else owner.life
        heapq.heappush(self._queue, (max(when, self.now), self._order, action, owner, life))

    def next_at(self) -> float:
        """When something happens next; never is infinitely late."""
        return self._queue[0][0] if self._queue else math.inf

    def step(self) -> None:
        """Let the next thing happen.  Raises AssertionError if it never ends."""
        self.events += 1
        if self.events > BOUND_EVENTS:
            raise AssertionError(f"more than {BOUND_EVENTS} events: the world hums")
        when, _, action, owner, life = heapq.heappop(self._queue)
        self.now = when
        if owner is None:
            action()
        elif owner.alive and owner.life == life:
            if owner.frozen_until > when:
                self.at(owner.frozen_until, action, owner)
            else:
                action()

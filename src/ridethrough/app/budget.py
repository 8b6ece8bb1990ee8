# SPDX-License-Identifier: GPL-2.0-or-later
"""When a child process that ended is started again, and when it is given up (pure).

A child may be started `starts` times in `window_s`; between starts it waits 1, 2, 4 ... `wait_max_s` seconds.
Beyond that it is given up loudly: a crash loop must not eat the machine in the worst hour of the year.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Budget:
    """How often a child may be started."""

    starts: int = 5
    window_s: float = 300.0
    wait_max_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Child:
    """One child's history: when it was started within the window, and how often in a row it failed."""

    started_at: tuple[float, ...] = ()
    failures: int = 0
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class Restart:
    """Start it again at `at`."""

    at: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Leave it down; the text says why."""

    why: str


def started(child: Child, now: float) -> Child:
    """The child has been started."""
    return replace(child, started_at=(*child.started_at, now))


def ended(child: Child, budget: Budget, exit_status: int, now: float) -> tuple[Child, Restart | GiveUp]:
    """The child has ended: what is to be done. One that ran for a whole window begins anew."""
    recent = tuple(at for at in child.started_at if now - at < budget.window_s)
    if len(recent) >= budget.starts:
        why = f"it ended {len(recent)} times within {budget.window_s:g} s (last exit status {exit_status})"
        return Child(recent, child.failures, given_up=True), GiveUp(why)
    failures = child.failures + 1 if recent else 0
    wait_s = min(2.0 ** min(failures, 16), budget.wait_max_s)
    return Child(recent, failures), Restart(now + wait_s)

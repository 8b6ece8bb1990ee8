# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of a polled driver: opening, running, stale, backing off.

`step(state, event, now)` says what to do; the shell does it and brings the result back as the next event.
The two deadlines, `deadline(state)`, are all the shell has to wait for.

One failed poll is forgiven, since a single garbled answer is no fact: it is asked again soon.
The second in a row makes the readings stale and closes the device, which is opened again after a pause of
1, 2, 4 ... 30 seconds.  A driver that gets its device back by itself is left open instead, and asked again.
The pause starts over only after a poll that worked: a device that opens but never answers is not hammered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

STALE_AFTER_FAILURES: Final = 2
AWAY_AFTER_FAILURES: Final = 4
"""Of a driver that watches its device itself: it says so at once if the device is lost."""
RETRY_POLL_S: Final = 1.0
BACKOFF_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)


class Phase(StrEnum):
    """Where the driver is."""

    BACKING_OFF = "backing off"
    """The device is closed; it is opened at `due_at` (at once, in the beginning)."""
    OPENING = "opening"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a lost device is tried for (ups.conf(5), the `reconnect_` directives)."""

    max_tries: int = -1
    """Give up after so many openings in vain; 0: when it is lost; below 0: never."""
    report_every: int = 0
    """Say so again after so many openings; 0 or less: never."""


NO_LIMIT: Final = Limit()


@dataclass(frozen=True, slots=True)
class State:
    """The whole life so far.  `due_at` is when the next thing has to happen."""

    interval_s: float
    phase: Phase = Phase.BACKING_OFF
    due_at: float = 0.0
    fresh: bool = False
    poll_failures: int = 0
    attempts: int = 0
    """Openings since the last poll that worked."""
    reported: str = ""
    """The last reason that was reported; the same one is not reported twice in a row."""
    limit: Limit = NO_LIMIT
    known: bool = False
    """Whether a poll has ever worked: only what was there can be lost."""
    tries: int = 0
    """Openings since the device was lost."""


# -- events --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """`due_at` has come, or somebody wants a poll now (`poke`)."""

    poke: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """The device was opened."""


@dataclass(frozen=True, slots=True)
class OpenFailed:
    """The device could not be opened."""

    reason: str


@dataclass(frozen=True, slots=True)
class PollOk:
    """A poll has filled its draft."""


@dataclass(frozen=True, slots=True)
class PollFailed:
    """A poll failed.  One that `hung` is not given a second try.

    `away`: the driver itself is getting the device back; if it `hung` as well, the log has had the reason.
    """

    reason: str
    hung: bool = False
    away: bool = False


Event: TypeAlias = Due | Opened | OpenFailed | PollOk | PollFailed


# -- effects -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open:
    """Open the device; bring `Opened` or `OpenFailed`."""


@dataclass(frozen=True, slots=True)
class Poll:
    """Poll once; bring `PollOk` or `PollFailed`."""


@dataclass(frozen=True, slots=True)
class CommitFresh:
    """Commit the draft of the poll; its readings are fresh."""


@dataclass(frozen=True, slots=True)
class MarkStale:
    """The readings may not be used from now on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Close:
    """Close the device."""


@dataclass(frozen=True, slots=True)
class Report:
    """Tell people.  `level` is info, warning or error."""

    level: str
    text: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The device was lost, and tried for as often as it may be: begin from scratch."""


Effect: TypeAlias = Open | Poll | CommitFresh | MarkStale | Close | Report | GiveUp


def begin(interval_s: float, now: float, limit: Limit = NO_LIMIT) -> State:
    """A driver that has not been opened, and is to be opened at once."""
    return State(interval_s=interval_s, due_at=now, limit=limit)


def backoff_s(attempts: int) -> float:
    """The pause after so many openings in vain."""
    return BACKOFF_S[min(max(attempts, 1), len(BACKOFF_S)) - 1]


def step(state: State, event: Event, now: float) -> tuple[State, tuple[Effect, ...]]:
    """The next state, and what to do in that order.  An event that does not fit the phase changes nothing."""
    match event:
        case Due():
            return _due(state, event, now)
        case Opened() if state.phase is Phase.OPENING:
            return replace(state, phase=Phase.RUNNING, due_at=now, poll_failures=0), ()
        case OpenFailed(reason) if state.phase is Phase.OPENING:
            return _back_off(state, reason, now, ())
        case PollOk() if state.phase is Phase.RUNNING:
            return _poll_ok(state, now)
        case PollFailed() if state.phase is Phase.RUNNING:
            return _poll_failed(state, event, now)
    return state, ()


def _due(state: State, event: Due, now: float) -> tuple[State, tuple[Effect, ...]]:
    early = now < state.due_at
    if state.phase is Phase.RUNNING and (event.poke or not early):
        return state, (Poll(),)
    # A poke never cuts a pause short: whatever makes the noise, the device is left in peace.
    if state.phase is Phase.BACKING_OFF and not early:
        state = replace(state, attempts=state.attempts + 1, tries=state.tries + state.known)
        return replace(state, phase=Phase.OPENING), (Open(),)
    return state, ()


def _poll_ok(state: State, now: float) -> tuple[State, tuple[Effect, ...]]:
    effects: tuple[Effect, ...] = (CommitFresh(),)
    if not state.fresh and state.reported:
        effects += (Report("info", "the device answers again"),)
    due_at = state.due_at + state.interval_s
    if not now < due_at <= now + state.interval_s:
        # A first poll, one out of turn or a late one: the rhythm starts anew, nothing is caught up with.
        due_at = now + state.interval_s
    state = replace(state, fresh=True, known=True, poll_failures=0, attempts=0, tries=0, reported="")
    return replace(state, due_at=due_at), effects


def _poll_failed(state: State, event: PollFailed, now: float) -> tuple[State, tuple[Effect, ...]]:
    failures = state.poll_failures + 1
    if failures < (AWAY_AFTER_FAILURES if event.away else STALE_AFTER_FAILURES) and not event.hung:
        due_at = now + min(RETRY_POLL_S, state.interval_s)
        return replace(state, poll_failures=failures, due_at=due_at), ()
    stale: tuple[Effect, ...] = (MarkStale(event.reason),) if state.fresh else ()
    if event.away:
        state = replace(state, fresh=False, tries=state.tries + state.known)
        waiting, effects = _back_off(state, event.reason, now, stale, "debug" if event.hung else "error")
        return replace(waiting, phase=Phase.RUNNING, due_at=now + state.interval_s), effects
    state = replace(state, fresh=False, poll_failures=failures, attempts=max(state.attempts, 1))
    return _back_off(state, event.reason, now, (*stale, Close()))


def _back_off(
    state: State, reason: str, now: float, first: tuple[Effect, ...], level: str = "error"
) -> tuple[State, tuple[Effect, ...]]:
    effects = first
    if reason != state.reported:
        effects += (Report(level, reason),)
    elif state.tries and state.limit.report_every > 0 and state.tries % state.limit.report_every == 0:
        effects += (Report("warning", f"still not connected after {state.tries} attempts: {reason}"),)
    if state.known and 0 <= state.limit.max_tries <= state.tries:
        effects += (GiveUp(),)
    due_at = now + backoff_s(state.attempts)
    return replace(state, phase=Phase.BACKING_OFF, due_at=due_at, reported=reason), effects

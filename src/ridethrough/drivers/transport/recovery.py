# SPDX-License-Identifier: GPL-2.0-or-later
"""Getting a device back: unplugged, enumerated anew, refusing everything, silent.

`step(state, event, now)` says what to do; the shell does it and brings the result back as the next event.
`state.due_at` is when `Due` is to come; `state.ask_at` is before when the device is not to be asked anything.

    searching --Seen--> opening --Opened--> running --Failed(GONE)--> searching
                           |                   |
                       OpenFailed     nothing but failures for 10 s
                           |                   |
                           +---> pausing <--- resetting --> searching, once it has settled

A single request that is refused means nothing: devices refuse reports that they don't have.  What counts is
that nothing is answered any more.  One answer ends the trouble.  Pauses grow and are bounded: a device that
comes back is found within a second, one that can't be opened is tried every 15 s at least, and one that stays
mute is reset every 5 minutes at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from ridethrough.drivers.transport.base import Fault
from ridethrough.drivers.transport.recovery_messages import (
    Answered,
    Close,
    Due,
    Effect,
    Event,
    Failed,
    Fresh,
    Look,
    Open,
    Opened,
    OpenFailed,
    Place,
    Reset,
    ResetDone,
    Say,
    Seen,
    Stale,
    Unseen,
)

LOOK_PAUSES_S: Final = ((10.0, 0.25), (60.0, 0.5))
"""(until it has been away for so long, look every so often)."""
LOOK_AT_LEAST_S: Final = 1.0
OPEN_PAUSES_S: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
DENIED_GRACE_S: Final = 1.0
"""Nodes belong to root for a moment after plugging, until udev has given them to their group."""
ASK_PAUSES_S: Final = (0.0, 0.1, 0.25, 0.5, 1.0)
TROUBLE_S: Final = 2.0
TROUBLE_FAILURES: Final = 3
RESET_AFTER_S: Final = 10.0
RESET_PAUSES_S: Final = (30.0, 60.0, 120.0, 300.0)
SETTLE_S: Final = 1.0
CALM_S: Final = 600.0
"""So long without a reset, and the pauses between resets start over."""
OFTEN: Final = 5
OFTEN_S: Final = 600.0


class Phase(StrEnum):
    """Where the device is."""

    SEARCHING = "searching"
    """It is looked for at `due_at`."""
    OPENING = "opening"
    RUNNING = "running"
    RESETTING = "resetting"
    PAUSING = "pausing"
    """It can't be used now; it is looked for again at `due_at`."""


@dataclass(frozen=True, slots=True)
class State:
    """The whole story so far.  Make one with `begin`."""

    phase: Phase = Phase.SEARCHING
    due_at: float | None = 0.0
    ask_at: float = 0.0
    place: Place | None = None
    name: str = "the UPS"
    stale: bool = True
    """Whether the readings may not be used."""
    searching_since: float = 0.0
    gone_at: float | None = None
    """When it vanished; None when it has not."""
    gone_from: Place | None = None
    open_failures: int = 0
    open_failing_since: float | None = None
    failures: int = 0
    """Requests in vain since the last answer."""
    failing_since: float | None = None
    fault: Fault | None = None
    troubled: bool = False
    """Whether people were told of the failures."""
    resets: int = 0
    reset_at: float | None = None
    resets_now: int = 0
    """Resets since the last answer."""
    drops: tuple[float, ...] = ()
    drops_told_at: float | None = None
    said: str = ""
    """The last obstacle that was told; it is not told again until something has changed."""


Step: TypeAlias = tuple[State, tuple[Effect, ...]]


def begin(now: float) -> State:
    """Nothing is known yet; the first look is due at once."""
    return State(due_at=now, searching_since=now)


def step(state: State, event: Event, now: float) -> Step:
    """The next state and what to do, in that order; an event that does not fit the phase changes nothing."""
    phase = state.phase
    match event:
        case Due() if phase in (Phase.SEARCHING, Phase.PAUSING):
            return _due(state, event, now)
        case Seen() if phase is Phase.SEARCHING:
            return _seen(state, event)
        case Unseen(words) if phase is Phase.SEARCHING:
            return _unseen(state, words, now)
        case Opened() if phase is Phase.OPENING:
            return replace(state, phase=Phase.RUNNING, due_at=None, ask_at=now), ()
        case OpenFailed() if phase is Phase.OPENING:
            return _open_failed(state, event, now)
        case Answered(asked) if phase is Phase.RUNNING and (asked or not state.failures):
            return _answered(state, now)
        case Failed(Fault.GONE) if phase in (Phase.OPENING, Phase.RUNNING):
            return _gone(state, now)
        case Failed(Fault.GONE) if phase is Phase.RESETTING:
            return _reset_done(state, "", now)  # that is what a reset does
        case Failed() if phase is Phase.RUNNING:
            return _failed(state, event, now)
        case ResetDone(words) if phase is Phase.RESETTING:
            return _reset_done(state, words, now)
    return state, ()


# -- looking and opening ---------------------------------------------------------------------------


def _due(state: State, event: Due, now: float) -> Step:
    if (
        state.due_at is not None
        and now < state.due_at
        and not (event.hint and state.phase is Phase.SEARCHING)
    ):
        return state, ()
    # Should the answer get lost, the next look is due in any case.
    return replace(state, phase=Phase.SEARCHING, due_at=now + _look_pause_s(state, now)), (Look(),)


def _look_pause_s(state: State, now: float) -> float:
    away_s = now - state.searching_since
    return next((pause for until, pause in LOOK_PAUSES_S if away_s < until), LOOK_AT_LEAST_S)


def _seen(state: State, event: Seen) -> Step:
    effects: tuple[Effect, ...] = ()
    if event.words:
        state, effects = _obstacle(state, "warning", event.words)
    state = replace(state, phase=Phase.OPENING, due_at=None, place=event.place, name=event.name)
    return state, (*effects, Open())


def _unseen(state: State, words: str, now: float) -> Step:
    if not words and state.gone_at is None and state.place is None:
        words = "no UPS is plugged in by USB"
    effects: tuple[Effect, ...] = ()
    if state.place is not None and state.gone_at is None:
        # It went while it was not open, after a reset for instance.
        state, effects = _vanished(state, now)
    state = replace(state, due_at=now + _look_pause_s(state, now))
    told: Step = _obstacle(state, "warning", words) if words else (state, ())
    return told[0], (*effects, *told[1])


def _open_failed(state: State, event: OpenFailed, now: float) -> Step:
    since = now if state.open_failing_since is None else state.open_failing_since
    pause_s = OPEN_PAUSES_S[min(state.open_failures, len(OPEN_PAUSES_S) - 1)]
    state = replace(
        state,
        phase=Phase.PAUSING,
        due_at=now + pause_s,
        open_failures=state.open_failures + 1,
        open_failing_since=since,
    )
    told: Step = (state, ())
    if event.fault is not Fault.GONE and (event.fault is not Fault.DENIED or now - since >= DENIED_GRACE_S):
        told = _obstacle(state, "error", event.words)
    return told[0], (Close(), *told[1])


def _obstacle(state: State, level: str, words: str) -> Step:
    if words == state.said:
        return state, ()
    return replace(state, said=words), (Say(level, words),)


# -- answers ---------------------------------------------------------------------------------------


def _answered(state: State, now: float) -> Step:
    words = _recovered_words(state, now)
    effects: tuple[Effect, ...] = (Fresh(),) if state.stale else ()
    if words:
        effects = (Say("info", f"{state.name}: {words}"), *effects)
    if state.reset_at is not None and now - state.reset_at >= CALM_S:
        state = replace(state, resets=0, reset_at=None)
    if not effects and not state.failures and not state.open_failures and not state.said:
        return state, ()
    state = replace(
        state,
        ask_at=now,
        stale=False,
        gone_at=None,
        gone_from=None,
        open_failures=0,
        open_failing_since=None,
        failures=0,
        failing_since=None,
        fault=None,
        troubled=False,
        resets_now=0,
        said="",
    )
    return state, effects


def _recovered_words(state: State, now: float) -> str:
    resets = f", after {_times(state.resets_now, 'reset')} through USB" if state.resets_now else ""
    if state.gone_at is not None and state.gone_from is not None and state.place is not None:
        moved = state.place.port != state.gone_from.port
        where = f" on port {state.place.port}" if moved else ""
        vanished = f"vanished from port {state.gone_from.port}"
        return f"{vanished} and came back{where} {now - state.gone_at:.1f} s later{resets}"
    if state.failing_since is not None and (state.troubled or state.resets_now):
        kind = _trouble(state.fault)[1]
        return f"answers again after {now - state.failing_since:.1f} s of {kind}{resets}"
    if state.said:
        return "answers"
    return ""


def _times(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# -- failures --------------------------------------------------------------------------------------

_TROUBLE: Final[dict[Fault, tuple[str, str]]] = {
    Fault.STALL: ("refuses every request", "refusals"),
    Fault.TIMEOUT: ("has said nothing", "silence"),
    Fault.BUSY: ("has said nothing", "silence"),
    Fault.LINK: ("has answered with transmission errors only; check the cable and the hub", "errors"),
    Fault.GARBAGE: ("has answered with nonsense only", "nonsense"),
}
_OTHER_TROUBLE: Final = ("can't be asked", "failures")


def _trouble(fault: Fault | None) -> tuple[str, str]:
    return _TROUBLE.get(fault, _OTHER_TROUBLE) if fault is not None else _OTHER_TROUBLE


def _failed(state: State, event: Failed, now: float) -> Step:
    untried = event.fault is Fault.STALL and not event.known
    if untried and not state.stale:
        return state, ()
    since = now if state.failing_since is None else state.failing_since
    failures = state.failures + 1
    ask_at = now if untried else now + ASK_PAUSES_S[min(failures, len(ASK_PAUSES_S)) - 1]
    state = replace(state, failures=failures, failing_since=since, fault=event.fault, ask_at=ask_at)
    failing_s = now - since
    effects: tuple[Effect, ...] = ()
    if failures >= TROUBLE_FAILURES and failing_s >= TROUBLE_S and not state.troubled:
        words = _trouble(event.fault)[0]
        detail = f" ({event.words})" if event.words else ""
        state = replace(state, troubled=True)
        effects = (Say("warning", f"{state.name} {words} for {failing_s:.1f} s{detail}"),)
    if failures < TROUBLE_FAILURES or failing_s < RESET_AFTER_S:
        return state, effects
    if not state.stale:
        state = replace(state, stale=True)
        effects += (Stale(f"{state.name} has given no answer for {failing_s:.1f} s"),)
    if state.reset_at is not None and now - state.reset_at < _reset_pause_s(state):
        return state, effects
    count = state.resets + 1
    state = replace(
        state,
        phase=Phase.RESETTING,
        due_at=None,
        resets=count,
        reset_at=now,
        resets_now=state.resets_now + 1,
    )
    return state, (*effects, Say("warning", f"{state.name} is reset through USB"), Reset())


def _reset_pause_s(state: State) -> float:
    return RESET_PAUSES_S[min(max(state.resets, 1), len(RESET_PAUSES_S)) - 1]


def _reset_done(state: State, words: str, now: float) -> Step:
    told: Step = (state, ())
    if words:
        told = _obstacle(state, "error", f"{state.name} could not be reset: {words}")
    state = replace(told[0], phase=Phase.PAUSING, due_at=now + SETTLE_S, searching_since=now)
    return state, (Close(), *told[1])


def _gone(state: State, now: float) -> Step:
    drops = (*(at for at in state.drops if now - at < OFTEN_S), now)[-OFTEN:]
    state, effects = _vanished(replace(state, drops=drops), now)
    state = replace(state, phase=Phase.SEARCHING, due_at=now, failures=0, failing_since=None, troubled=False)
    told_lately = state.drops_told_at is not None and now - state.drops_told_at < OFTEN_S
    if len(drops) >= OFTEN and not told_lately:
        state = replace(state, drops_told_at=now)
        often = f"{state.name} has left the bus {OFTEN} times in {now - drops[0]:.0f} s"
        effects += (Say("warning", f"{often}; try another cable, another port, and no hub"),)
    return state, (Close(), *effects)


def _vanished(state: State, now: float) -> Step:
    """Told each time; the time counts from the first, until it answers again."""
    where = f" from port {state.place.port}" if state.place else ""
    words = f"{state.name} has vanished{where}"
    effects: tuple[Effect, ...] = (Say("warning", words),)
    if not state.stale:
        effects = (Stale(words), *effects)
    state = replace(state, stale=True, searching_since=now)
    if state.gone_at is None:
        state = replace(state, gone_at=now, gone_from=state.place)
    return state, effects

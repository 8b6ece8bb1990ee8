# SPDX-License-Identifier: GPL-2.0-or-later
"""Playing a definition: pure, with the TIMER as a deadline in the state.

`play` runs the steps up to the next TIMER or to the end, onto a draft.
An alarm is told as C drivers tell it: in `ups.alarm`, and as the first token of `ups.status`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ridethrough.drivers.dummy import table
from ridethrough.drivers.dummy.definition import Alarm, Assign, Definition, SetStatus, Step, Timer
from ridethrough.ups.state import Draft
from ridethrough.ups.status import Status

_ALARM = "ALARM"


@dataclass(frozen=True, slots=True)
class Play:
    """How far a definition has been played."""

    at: int = 0
    resume_at: float | None = None
    """When the TIMER ends; None when nothing is waited for."""
    alarms: tuple[str, ...] = ()
    alarm_token: bool = False
    """Whether `ups.status` itself said ALARM."""
    passes: int = 0
    """How often the end was reached."""


def play(definition: Definition, state: Play, draft: Draft, now: float) -> Play:
    """Go on playing at `now`.  At its end the definition begins anew, one pass further."""
    if state.resume_at is not None and now < state.resume_at:
        return state
    if state.at == 0:
        state = replace(state, alarms=())
    resume_at, at = None, state.at
    while at < len(definition.steps) and resume_at is None:
        step = definition.steps[at]
        at += 1
        if isinstance(step, Timer):
            resume_at = now + step.seconds
        else:
            state = _apply(step, state, draft)
    _tell_alarms(definition, state, draft)
    if at >= len(definition.steps):
        # After a last TIMER nothing is left to do but to begin anew when it ends.
        return replace(state, at=0, resume_at=resume_at, passes=state.passes + 1)
    return replace(state, at=at, resume_at=resume_at)


def _apply(step: Step, state: Play, draft: Draft) -> Play:
    match step:
        case Assign(name, ""):
            draft.delete(name)
        case Assign(name, value):
            draft.put(table.variable(name, value))
        case SetStatus(tokens):
            draft.put(table.variable("ups.status", " ".join(tokens)))
            return replace(state, alarm_token=_ALARM in tokens)
        case Alarm(""):
            return replace(state, alarms=())
        case Alarm(text):
            return replace(state, alarms=(*state.alarms, text))
    return state


def _tell_alarms(definition: Definition, state: Play, draft: Draft) -> None:
    """`ups.alarm` and the ALARM token.  A file without ALARM lines keeps the `ups.alarm` it may set."""
    if definition.raises_alarms:
        if state.alarms:
            draft.put(table.variable("ups.alarm", " ".join(state.alarms)))
        else:
            draft.delete("ups.alarm")
    if state.alarms or state.alarm_token or _ALARM in draft.status:
        status = draft.status.without(_ALARM)
        if state.alarms or state.alarm_token:
            status = status.with_token(_ALARM, first=True)
        draft.put(table.variable("ups.status", str(status)))


def with_status(state: Play, text: str) -> tuple[Play, str]:
    """The state and the status after somebody has set `ups.status` to `text`."""
    status = Status.parse(text)
    state = replace(state, alarm_token=_ALARM in status)
    if state.alarms or state.alarm_token:
        status = status.without(_ALARM).with_token(_ALARM, first=True)
    return state, str(status)

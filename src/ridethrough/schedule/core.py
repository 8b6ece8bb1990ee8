# SPDX-License-Identifier: GPL-2.0-or-later
"""upssched without clock, socket and process: `step(state, event, now) -> (state, effects)`.

The texts of the log lines begin as NUT 2.8.0's do, since people grep for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ridethrough.config.models import AtRule, UpsschedConf
from ridethrough.schedule import rules as at
from ridethrough.schedule.rules import NO_CAUSE, Cause
from ridethrough.schedule.timers import MAX_TIMERS, MOVES, Deed, Timer, Timers, Verb
from ridethrough.ups.notices import Notice


@dataclass(frozen=True, slots=True)
class State:
    """The AT lines in force, and the timers that run."""

    rules: tuple[AtRule, ...] = ()
    timers: Timers = field(default_factory=Timers)


@dataclass(frozen=True, slots=True)
class Noticed:
    """A notice has come; every AT line for it is carried out in the order of the file."""

    notice: Notice | Cause


@dataclass(frozen=True, slots=True)
class StartTimer:
    """One START-TIMER (or -SHARED), from an AT line of another process or from a person."""

    name: str
    seconds: float
    cause: Cause = NO_CAUSE
    shared: bool = False


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """One CANCEL-TIMER (or -MATCHED); `command` runs if no such timer is pending."""

    name: str
    command: str = ""
    cause: Cause = NO_CAUSE
    matched: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: timers that are due run out now."""


@dataclass(frozen=True, slots=True)
class Reload:
    """Other AT lines are in force from now on; the timers that run go on, whatever their names."""

    rules: tuple[AtRule, ...]


Event = Noticed | StartTimer | CancelTimer | Tick | Reload


@dataclass(frozen=True, slots=True)
class RunScript:
    """Run CMDSCRIPT with `command` as its one argument, and the cause in its environment."""

    command: str
    cause: Cause


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the log, tagged `upssched`; `warning` if a person should look at it."""

    text: str
    warning: bool = False


Effect = RunScript | Log
Effects = tuple[Effect, ...]


def initial(conf: UpsschedConf) -> State:
    """Nothing runs yet."""
    return State(conf.rules)


def step(state: State, event: Event, now: float) -> tuple[State, Effects]:
    """One event. The caller carries the effects out in their order, and sends `Tick` at `next_deadline`.

    Only `Tick` lets a timer run out: a cancel that comes late, but before the script was begun, still counts.
    """
    match event:
        case Noticed(notice):
            return _noticed(state, Cause.of(notice), now)
        case StartTimer():
            return _start(state, event, now)
        case CancelTimer():
            return _cancel(state, event)
        case Tick():
            return _expire(state, now)
        case Reload(rules):
            return _reload(state, rules)


def next_deadline(state: State) -> float | None:
    """When the next `Tick` is due; None while no timer runs."""
    return state.timers.next_deadline


def timers(state: State) -> tuple[Timer, ...]:
    """The running timers, the next to run out first."""
    return tuple(sorted(state.timers.running, key=lambda timer: (timer.deadline, timer.number)))


def event_of(action: at.Action, cause: Cause) -> StartTimer | CancelTimer | None:
    """The event that an action is for whoever keeps the timers; None if it has nothing to do with timers."""
    match action:
        case at.Start(name, seconds, shared):
            return StartTimer(name, seconds, cause, shared)
        case at.Cancel(name, command, matched):
            return CancelTimer(name, command, cause, matched)
        case _:
            return None


def preface(rule: AtRule, action: at.Action) -> Effects:
    """What is said, and run at once, before an AT line's event goes to the timers."""
    match action:
        case at.Refused(text):
            return (Log(f"upssched.conf:{rule.line}: {text}", warning=True),)
        case at.Start(note=note) if note:
            return (Log(f"upssched.conf:{rule.line}: {note}", warning=True),)
        case at.Execute(command):
            return (Log(f"Executing command: {command}"),)
        case _:
            return ()


def _noticed(state: State, cause: Cause, now: float) -> tuple[State, Effects]:
    effects: list[Effect] = []
    for rule in at.matching(state.rules, cause):
        action = at.action(rule)
        effects += preface(rule, action)
        if isinstance(action, at.Execute):
            effects.append(RunScript(action.command, cause))
        event = event_of(action, cause)
        if event is not None:
            state, more = step(state, event, now)
            effects += more
    return state, tuple(effects)


def _start(state: State, event: StartTimer, now: float) -> tuple[State, Effects]:
    verb = Verb.START_SHARED if event.shared else Verb.START
    deed, _ = MOVES[state.timers.phase(event.name), verb]
    if deed is Deed.JOIN:
        shared = state.timers.share(event.name, event.cause)
        left = shared.named(event.name)[0].left(now)
        text = f"Append data to shared timer: {event.name} (will elapse in {left:.0f} seconds)"
        return replace(state, timers=shared), (Log(text),)
    if state.timers.full:
        text = f"timer {event.name} is not started: {MAX_TIMERS} timers run already; see upsschedctl list"
        return state, (Log(text, warning=True),)
    started = state.timers.start(event.name, event.seconds, event.cause, now)
    return replace(state, timers=started), (Log(f"New timer: {event.name} ({event.seconds:g} seconds)"),)


def _cancel(state: State, event: CancelTimer) -> tuple[State, Effects]:
    before, ups = state.timers, event.cause.ups
    # A person has no UPS: then a matched cancel is about all timers of the name, as in C.
    matched = event.matched and bool(ups)
    verb = Verb.CANCEL_MATCHED if matched else Verb.CANCEL
    deed, _ = MOVES[before.phase(event.name, ups if matched else ""), verb]
    if deed is Deed.COMMAND:
        if not event.command:
            return state, ()
        text = f"Cancel {event.name}, event: {event.command}"
        return state, (Log(text), RunScript(event.command, event.cause))
    after = before.cancel_matched(event.name, ups) if deed is Deed.LEAVE else before.cancel(event.name)
    gone = len(before.named(event.name)) - len(after.named(event.name))
    text = f"Cancelling timer: {event.name}"
    if event.cause.text:
        text += f": {event.cause.text}"
    if not gone:
        text = f"Timer {event.name} goes on without {ups}"
    return replace(state, timers=after), (Log(text),) * max(1, gone)


def _expire(state: State, now: float) -> tuple[State, Effects]:
    left, fired = state.timers.expire(now)
    effects: list[Effect] = []
    for timer in fired:
        # NUT writes a blank behind the name.
        effects += [Log(f"Event: {timer.name} "), RunScript(timer.name, timer.cause)]
    return replace(state, timers=left), tuple(effects)


def _reload(state: State, rules: tuple[AtRule, ...]) -> tuple[State, Effects]:
    known = at.script_names(rules)
    orphans = dict.fromkeys(timer.name for timer in state.timers.running if timer.name not in known)
    said = [
        Log(
            f"timer {name} goes on, though no AT line names it any more; end it: upsschedctl cancel {name}",
            warning=True,
        )
        for name in orphans
    ]
    return replace(state, rules=rules), tuple(said)


def explain(conf: UpsschedConf, notice: Notice | Cause) -> list[str]:
    """What each AT line would do at this notice, one line of text each (`upssched test`)."""
    cause = Cause.of(notice)
    script = conf.cmdscript or "CMDSCRIPT (not set)"
    found = at.matching(conf.rules, cause)
    lines = [
        f"upssched.conf:{rule.line}: {_written(rule)}: {_meaning(at.action(rule), script)}" for rule in found
    ]
    if lines:
        return lines
    for_type = [rule for rule in conf.rules if rule.notify_type.upper() == cause.type.upper()]
    about = f"{cause.type} of UPS {cause.ups!r}" if cause.ups else cause.type
    lines = [f"no AT line of upssched.conf is for {about}: nothing is done"]
    if for_type:
        names = ", ".join(dict.fromkeys(rule.ups for rule in for_type))
        lines.append(
            f"AT lines for {cause.type} name: {names}; the name must be as in MONITOR, with @host, or *"
        )
    elif conf.rules:
        types = ", ".join(dict.fromkeys(rule.notify_type for rule in conf.rules))
        lines.append(f"there are AT lines for: {types}")
    return lines


def _written(rule: AtRule) -> str:
    return " ".join(("AT", rule.notify_type, rule.ups, rule.command, *rule.args))


def _meaning(action: at.Action, script: str) -> str:
    match action:
        case at.Start(name, seconds, shared):
            joins = ", or joins it if it runs already" if shared else ""
            return f"starts timer {name}{joins}; after {seconds:g} seconds runs {script} {name}"
        case at.Cancel(name, command, matched):
            whose = " as far as this UPS had started it" if matched else ""
            instead = f"; if it is not running, runs {script} {command}" if command else ""
            return f"cancels timer {name}{whose}{instead}"
        case at.Execute(command):
            return f"runs {script} {command} at once"
        case at.Refused(text):
            return f"does nothing: {text}"

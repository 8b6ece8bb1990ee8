# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's decisions: `step(state, event, now) -> (state, effects)`, and nothing else.

The caller owes: every effect is carried out in the order given; a `Tick` at `next_deadline` at the
latest; `now` never runs backwards.  A gap much longer than `Settings.heartbeat_s` between two steps
means that the machine slept, and no silence is counted for that time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ridethrough.monitor import life as lives
from ridethrough.monitor import maintenance, refusals, shutdown
from ridethrough.monitor.critical import FINE, Cause, Verdict, judge
from ridethrough.monitor.life import Comm, Life, Told
from ridethrough.monitor.messages import (
    Effect,
    Emit,
    Event,
    FailKind,
    FsdAcknowledged,
    FsdFailed,
    Level,
    LogDecision,
    LoggedIn,
    LoggedOut,
    LoginCount,
    LoginRefused,
    MaintenanceOff,
    MaintenanceOn,
    Polled,
    PollFailed,
    PollNow,
    Reloaded,
    SleepFinished,
    SleepStarting,
    Tick,
    UserFsd,
)
from ridethrough.monitor.power import power
from ridethrough.monitor.settings import Settings, Supply
from ridethrough.monitor.shutdown import Fsd, Sequence
from ridethrough.ups.notices import NotifyType
from ridethrough.ups.status import Status


@dataclass(frozen=True, slots=True)
class Watched:
    """One UPS as the monitor sees it: its life, our login to it, and the verdict on it."""

    life: Life
    logged_in: bool = False
    refused: LoginRefused | None = None
    refused_told_at: float = 0.0
    failure: FailKind | None = None
    failures: int = 0
    anew_at: float | None = None
    """When we were logged in anew in an outage: the server may be new, and the others not back yet."""
    verdict: Verdict = FINE


@dataclass(frozen=True, slots=True)
class MonitorState:
    """Everything the monitor remembers.  `seen_at` is the time of the last step.

    `sleeping`: the machine has said that it is about to sleep, and not yet that it woke.
    """

    settings: Settings
    watched: Mapping[str, Watched]
    sequence: Sequence = field(default_factory=Sequence)
    ordered: bool = False
    hold: maintenance.Hold = maintenance.NOTHING
    sleeping: bool = False
    seen_at: float = 0.0
    commanded_at: float | None = None
    """When a monitor before this one, of the same boot, asked for SHUTDOWNCMD."""

    def with_watched(self, ups: str, watched: Watched) -> MonitorState:
        """The state with one UPS replaced."""
        return replace(self, watched=MappingProxyType({**self.watched, ups: watched}))


Stepped = tuple[MonitorState, list[Effect]]

WAITING_POLL_S = 1.0
"""The interval while OBLBDURATION, OFFDURATION or a primary is waited for: the end must not find old news."""


def initial(settings: Settings, now: float, commanded_at: float | None = None) -> MonitorState:
    """A monitor that knows nothing yet, but for a SHUTDOWNCMD that was asked for in a life before."""
    watched = {supply.ups: Watched(lives.born(supply.ups, now)) for supply in settings.supplies}
    return MonitorState(settings, MappingProxyType(watched), seen_at=now, commanded_at=commanded_at)


def step(state: MonitorState, event: Event, now: float) -> tuple[MonitorState, tuple[Effect, ...]]:
    """Take in one event, decide, and let the time do its part."""
    state, effects = _wake(state, now)
    state, more = _take_in(state, event, now)
    effects += more
    for stage in (_remind, _judge_all, _decide, _advance):
        state, more = stage(state, now)
        effects += more
    return replace(state, seen_at=now), tuple(effects)


def next_deadline(state: MonitorState) -> float:
    """When the core wants a `Tick`, if nothing happens before."""
    moments = [state.seen_at + state.settings.heartbeat_s]
    moments += [seen.verdict.again_at for seen in state.watched.values() if seen.verdict.again_at is not None]
    others = (shutdown.deadline(state.sequence), maintenance.deadline(state.hold))
    return min([*moments, *(at for at in others if at is not None)])


def poll_interval_s(state: MonitorState, ups: str) -> float:
    """How long the link of a UPS waits before its next poll."""
    seen = state.watched.get(ups)
    settings = state.settings
    if seen is None:
        return settings.pollfreq_s
    interval = settings.pollfreqalert_s if seen.life.alert else settings.pollfreq_s
    if seen.verdict.again_at is not None and seen.life.comm is Comm.OK:
        interval = min(interval, WAITING_POLL_S)
    return min(interval, lives.CONFIRM_S + 0.1) if seen.life.withheld else interval


def _wake(state: MonitorState, now: float) -> Stepped:
    gap = now - state.seen_at
    if gap <= 2 * state.settings.heartbeat_s + 10.0 or not state.watched:
        return state, []
    text = f"nothing ran for {gap:.0f} s: the machine slept, or was stopped; all readings are taken as old"
    if state.sleeping:
        notice = state.settings.notice(NotifyType.SUSPEND_FINISHED)
    else:
        notice = state.settings.notice(NotifyType.SUSPEND_TIMEJUMP_UNEXPECTED, extra=f"{gap:.0f} seconds")
    state, effects = _woken(state, now)
    return state, [LogDecision(text), Emit(notice), *effects]


def _woken(state: MonitorState, now: float) -> Stepped:
    """What was heard before a sleep says nothing any more; every UPS is asked at once."""
    slept = {ups: replace(seen, life=lives.woken(seen.life, now)) for ups, seen in state.watched.items()}
    return replace(state, watched=MappingProxyType(slept), sleeping=False), [PollNow()]


def _sleep(state: MonitorState, event: SleepStarting | SleepFinished, now: float) -> Stepped:
    """The machine's own word on its sleep.  The jump of the clock may have told of the waking before it."""
    if isinstance(event, SleepStarting) is state.sleeping:
        return state, []
    if isinstance(event, SleepStarting):
        return replace(state, sleeping=True), [Emit(state.settings.notice(NotifyType.SUSPEND_STARTING))]
    state, effects = _woken(state, now)
    return state, [Emit(state.settings.notice(NotifyType.SUSPEND_FINISHED)), *effects]


def _take_in(state: MonitorState, event: Event, now: float) -> Stepped:
    match event:
        case Polled() | PollFailed() | LoggedIn() | LoggedOut() | LoginRefused() | LoginCount():
            seen = state.watched.get(event.ups)
            supply = state.settings.supply(event.ups)
            if seen is None or supply is None:
                return state, []  # Not watched any more since a reload.
            return _of_ups(state, supply, seen, event, now)
        case FsdAcknowledged(ups=ups) | FsdFailed(ups=ups):
            return _fsd_answered(state, event, ups, now)
        case UserFsd(script):
            if state.sequence.begun or state.ordered:
                return state, []
            if script and state.hold.maintenance is not None:
                hold, effects = maintenance.asked(state.hold, script, now)
                return replace(state, hold=hold), effects
            ordered, said = shutdown.ordered(state.commanded_at, script, now)
            return replace(state, ordered=ordered), said
        case Reloaded(settings):
            return _reload(state, settings, now)
        case MaintenanceOn() | MaintenanceOff():
            hold, effects = maintenance.switched(state.hold, event, now, begun=state.sequence.begun)
            return replace(state, hold=hold), effects
        case SleepStarting() | SleepFinished():
            return _sleep(state, event, now)
        case Tick():
            return state, []


def _of_ups(
    state: MonitorState,
    supply: Supply,
    seen: Watched,
    event: Polled | PollFailed | LoggedIn | LoggedOut | LoginRefused | LoginCount,
    now: float,
) -> Stepped:
    match event:
        case Polled(ups, status) if lives.awaits(status):
            return _waited(state, supply, seen, status, now)
        case Polled(ups, status, readings) if status:
            life, told, doubt = lives.heard(seen.life, status, readings, state.settings, now)
            effects = _told(state.settings, ups, told)
            if doubt:
                text = f"UPS {ups} {doubt}: not believed before it says so again"
                effects.insert(0, LogDecision(text, _readings(str(status), readings)))
            if seen.failure is not None:
                text = f"UPS {ups} can be read again, after {seen.failures} polls that failed"
                effects.insert(0, LogDecision(text, level=Level.INFO))
            if seen.life.heard_at is None and life.alert:
                seen = replace(seen, anew_at=now)  # Started in an outage, maybe together with the server.
            seen = replace(seen, life=life, failure=None, failures=0)
            sequence, more = shutdown.heard(state.sequence, ups, fsd="FSD" in status)
            return replace(state.with_watched(ups, seen), sequence=sequence), effects + more
        case Polled(ups):
            return _of_ups(state, supply, seen, PollFailed(ups, FailKind.EMPTY), now)
        case PollFailed(ups):
            return _failed(state, supply, seen, event, now)
        case LoggedIn(ups):
            role = "primary" if supply.primary else "secondary"
            news = LogDecision(f"logged in to UPS {ups} as {role}", level=Level.INFO)
            anew = state.sequence.begun or (seen.life.heard_at is not None and seen.life.alert)
            seen = replace(seen, logged_in=True, refused=None, anew_at=now if anew else None)
            return state.with_watched(ups, seen), [news]
        case LoggedOut(ups):
            return state.with_watched(ups, replace(seen, logged_in=False)), []
        case LoginRefused(ups):
            known = seen.refused == event
            told_at = seen.refused_told_at if known else now
            seen = replace(seen, logged_in=event.counted, refused=event, refused_told_at=told_at)
            return state.with_watched(ups, seen), [] if known else [refusals.told(supply, event)]
        case LoginCount(ups, count):
            others = max(count - 1, 0) if seen.logged_in else max(count, 0)
            if not others and shutdown.too_new(seen.anew_at, state.settings, now):
                return state, []
            sequence, effects = shutdown.counted(state.sequence, ups, others, state.settings, now)
            return replace(state, sequence=sequence), effects


def _waited(state: MonitorState, supply: Supply, seen: Watched, status: Status, now: float) -> Stepped:
    """The server is there, its driver is not yet: no news of the UPS, and silence once it lasts."""
    ups = supply.ups
    life, told = lives.waited(seen.life, status)
    seen = replace(seen, life=life)
    sequence, more = shutdown.heard(state.sequence, ups, fsd="FSD" in status)
    state = replace(state.with_watched(ups, seen), sequence=sequence)
    effects = _told(state.settings, ups, told) + more
    if lives.overdue(life, state.settings, now):
        why = "ups.status is WAIT: its driver has not told the server everything yet"
        state, more = _failed(state, supply, seen, PollFailed(ups, FailKind.WAITING, why), now)
        effects += more
    return state, effects


def _failed(state: MonitorState, supply: Supply, seen: Watched, event: PollFailed, now: float) -> Stepped:
    settings, effects = state.settings, list[Effect]()
    limit = settings.pollfail_log_throttle_max
    news = seen.failure is not event.kind
    if news or (limit > 0 and seen.failures % limit == 0):
        text = f"UPS {event.ups} can't be read: {event.detail or event.kind.value}"
        if event.kind is FailKind.UNKNOWN_UPS:
            text += f"; {refusals.unknown_ups(supply)}"
        effects.append(LogDecision(text, _readings(str(seen.life.status), {}, "last ")))
    life, told = lives.failed(seen.life, settings, now)
    effects += _told(settings, event.ups, told)
    failures = 1 if news else seen.failures + 1
    return state.with_watched(
        event.ups, replace(seen, life=life, failure=event.kind, failures=failures)
    ), effects


def _fsd_answered(state: MonitorState, event: FsdAcknowledged | FsdFailed, ups: str, now: float) -> Stepped:
    effects = list[Effect]()
    seen = state.watched.get(ups)
    if isinstance(event, FsdFailed):
        effects.append(LogDecision(f"FSD could not be set on UPS {ups}: {event.why}", level=Level.ERROR))
    elif seen is not None:
        life, told = lives.fsd_set(seen.life)
        state = state.with_watched(ups, replace(seen, life=life))
        effects += [
            LogDecision(f"FSD {'would be' if event.dry else 'is'} set on UPS {ups}", level=Level.NOTICE)
        ]
        effects += _told(state.settings, ups, told)
    answer = Fsd.FAILED if isinstance(event, FsdFailed) else Fsd.ASSUMED if event.dry else Fsd.SET
    sequence, more = shutdown.fsd_answer(state.sequence, ups, answer, state.settings, now)
    return replace(state, sequence=sequence), effects + more


def _reload(state: MonitorState, settings: Settings, now: float) -> Stepped:
    """Known UPSes keep their lives; a shutdown that has begun keeps the settings it began with."""
    if state.sequence.begun:
        return state, [LogDecision("a shutdown is under way: the new configuration is not used")]
    watched = {
        supply.ups: _kept(state.watched[supply.ups], now)
        if supply.ups in state.watched
        else Watched(lives.born(supply.ups, now))
        for supply in settings.supplies
    }
    return replace(state, settings=settings, watched=MappingProxyType(watched)), [PollNow()]


def _kept(seen: Watched, now: float) -> Watched:
    """What an old POLLFREQ leaves unheard is no silence by a shorter new one: it is asked for at once.

    A failure that lasts is logged again, as C does after a reload.
    """
    life = replace(seen.life, heard_at=now) if seen.life.comm is Comm.OK else seen.life
    return replace(seen, life=life, failure=None, failures=0)


def _remind(state: MonitorState, now: float) -> Stepped:
    """A refused login is told again every NOCOMMWARNTIME: the host is not protected meanwhile."""
    effects = list[Effect]()
    for supply in state.settings.supplies:
        seen = state.watched[supply.ups]
        if seen.refused is not None and now - seen.refused_told_at >= state.settings.nocommwarntime_s:
            state = state.with_watched(supply.ups, replace(seen, refused_told_at=now))
            effects.append(refusals.told(supply, seen.refused))
    return state, effects


def _judge_all(state: MonitorState, now: float) -> Stepped:
    """Ask the rules about each UPS, and write down every change of mind."""
    effects = list[Effect]()
    for supply in state.settings.supplies:
        seen = state.watched[supply.ups]
        verdict = judge(seen.life, supply, state.settings, now)
        before = seen.verdict
        if verdict == before:
            continue
        if (verdict.critical, verdict.cause) != (before.critical, before.cause):
            effects.append(_change(supply.ups, seen.life, before, verdict))
        state = state.with_watched(supply.ups, replace(seen, verdict=verdict))
    return state, effects


def _change(ups: str, life: Life, before: Verdict, verdict: Verdict) -> LogDecision:
    if verdict.critical:
        text, level = f"UPS {ups} is critical: {verdict.reason}", Level.CRITICAL
    elif verdict.cause is not Cause.NONE:
        text, level = f"UPS {ups} is not critical yet: {verdict.reason}", Level.WARNING
    else:
        text, level = f"UPS {ups} is no longer {'critical' if before.critical else 'in danger'}", Level.NOTICE
    prefix = "" if life.comm is Comm.OK else "last "
    return LogDecision(text, _readings(str(life.status), life.readings, prefix), level)


def _decide(state: MonitorState, now: float) -> Stepped:
    """Too little power, or an order: begin the shutdown, unless a maintenance holds it back."""
    if state.sequence.begun:
        return state, []
    if shutdown.is_held(state.commanded_at, now):  # By a monitor that was killed: the order is given once.
        hold, effects = maintenance.passing(state.hold, frozenset(), "", (), now)
        return replace(state, hold=hold), effects
    judged = [(supply, state.watched[supply.ups].verdict) for supply in state.settings.supplies]
    good = power(judged, state.settings.minsupplies)
    lost = [
        (supply.ups, verdict) for supply, verdict in judged if verdict.critical and supply.power_value > 0
    ]
    text = ""
    if lost and not good.enough:  # With nothing lost it is the configuration that asks for too much.
        reasons = "; ".join(f"{ups}: {verdict.reason}" for ups, verdict in lost)
        text = f"too little power: good supplies {good.value}, MINSUPPLIES {good.minimum}; {reasons}"
    causes = frozenset((ups, verdict.cause) for ups, verdict in lost)
    hold, effects = maintenance.passing(state.hold, causes, text, _troubles(state), now)
    state = state if hold is state.hold else replace(state, hold=hold)
    if state.ordered:
        text = "a forced shutdown was ordered (upsmon -c fsd)"
    elif not text or maintenance.holds(hold, causes):
        return state, effects
    role = "primary" if state.settings.primaries else "secondary"
    effects.append(LogDecision(f"the shutdown begins, as a {role}: {text}", level=Level.CRITICAL))
    hold, ended = maintenance.broken(hold)
    sequence, more = shutdown.begin(state.sequence, state.settings, now)
    return replace(state, sequence=sequence, ordered=False, hold=hold), effects + ended + more


def _troubles(state: MonitorState) -> Iterator[str]:
    """What may lead to a shutdown when a maintenance ends, a UPS each."""
    for ups, seen in state.watched.items():
        if seen.verdict.cause is not Cause.NONE:
            yield f"{ups}: {seen.verdict.reason}"
        elif seen.life.on_battery:
            yield f"{ups}: on battery"


def _advance(state: MonitorState, now: float) -> Stepped:
    sequence, effects = shutdown.tick(state.sequence, state.settings, now)
    return state if sequence is state.sequence else replace(state, sequence=sequence), effects


def _told(settings: Settings, ups: str, told: list[Told]) -> list[Effect]:
    return [Emit(settings.notice(each.type, ups, each.extra)) for each in told]


def _readings(status: str, readings: Mapping[str, str], prefix: str = "") -> Mapping[str, str]:
    """What a decision was made on, in the order in which it is read aloud."""
    named = {
        f"{prefix}ups.status": status or "none",
        **{prefix + name: value for name, value in readings.items()},
    }
    return MappingProxyType(named)

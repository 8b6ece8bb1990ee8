# SPDX-License-Identifier: GPL-2.0-or-later
"""The way down as a table of phases.  Once begun it is not taken back (nor is it in C upsmon).

    primary:    FSD on each UPS, wait until the secondaries have left or HOSTSYNC, then as a secondary
    secondary:  notice SHUTDOWN, FINALDELAY, POWERDOWNFLAG (a primary's), SHUTDOWNCMD, SHUTDOWNEXIT

Two differences from C: a UPS whose logins can't be counted is waited for until HOSTSYNC (C takes it
for empty), and FSD is tried again on a server that comes back, or has forgotten it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from ridethrough.monitor.messages import (
    AskLogins,
    Effect,
    Emit,
    Level,
    LogDecision,
    Logout,
    RunShutdown,
    SetFsd,
    Stop,
    WritePowerdownFlag,
)
from ridethrough.monitor.settings import Settings
from ridethrough.ups.notices import NotifyType

FSD_LIMIT_S = 5.0
"""How long the servers may take to acknowledge FSD before HOSTSYNC begins without them."""
COUNT_EVERY_S = 0.25
"""How often the logins are counted during HOSTSYNC."""
ASK_AGAIN_S = 120.0
"""How long a SHUTDOWNCMD may take to stop this host before a monitor that is started anew asks again."""

HELD = (
    "a forced shutdown was ordered, but SHUTDOWNCMD was run before this start:"
    f" it is run again {ASK_AGAIN_S:g} s after that, if this host is still up"
)

DROPPED = (
    "a script ordered a forced shutdown; SHUTDOWNCMD was run before this start: it is not run again for that"
)


class Phase(StrEnum):
    """How far the shutdown is."""

    RUNNING = "running"
    FSD_SET = "fsd-set"
    HOSTSYNC = "hostsync"
    FINALDELAY = "finaldelay"
    COMMANDED = "commanded"
    DONE = "done"


class Move(StrEnum):
    """What leads from one phase to the next."""

    BEGIN_AS_PRIMARY = "begin as primary"
    BEGIN_AS_SECONDARY = "begin as secondary"
    FSD_ANSWERED = "every server answered"
    ALONE = "all secondaries have left"
    TIME_OUT = "time is up"


MOVES: Mapping[tuple[Phase, Move], Phase] = MappingProxyType(
    {
        (Phase.RUNNING, Move.BEGIN_AS_PRIMARY): Phase.FSD_SET,
        (Phase.RUNNING, Move.BEGIN_AS_SECONDARY): Phase.FINALDELAY,
        (Phase.FSD_SET, Move.FSD_ANSWERED): Phase.HOSTSYNC,
        (Phase.FSD_SET, Move.TIME_OUT): Phase.HOSTSYNC,
        (Phase.HOSTSYNC, Move.ALONE): Phase.FINALDELAY,
        (Phase.HOSTSYNC, Move.TIME_OUT): Phase.FINALDELAY,
        (Phase.FINALDELAY, Move.TIME_OUT): Phase.COMMANDED,
        (Phase.COMMANDED, Move.TIME_OUT): Phase.DONE,
    }
)
"""All legal moves; a missing key is no move."""


class Fsd(StrEnum):
    """What became of an FSD request."""

    ASKED = "asked"
    SET = "set"
    ASSUMED = "assumed"  # of a dry run: no server was asked, so none is expected to say it
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Sequence:
    """How far the shutdown is.  `until` ends the phase, `count_at` is the next count of logins."""

    phase: Phase = Phase.RUNNING
    until: float | None = None
    fsd: Mapping[str, Fsd] = field(default_factory=lambda: MappingProxyType({}))
    logins: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    count_at: float | None = None
    told_hostsync: bool = False

    @property
    def begun(self) -> bool:
        """Whether the host is on its way down."""
        return self.phase is not Phase.RUNNING


Stepped = tuple[Sequence, list[Effect]]


def is_held(commanded_at: float | None, now: float) -> bool:
    """Whether a SHUTDOWNCMD asked for at that time (of this boot) may still be stopping this host."""
    return commanded_at is not None and commanded_at <= now < commanded_at + ASK_AGAIN_S


def ordered(commanded_at: float | None, script: str, now: float) -> tuple[bool, list[Effect]]:
    """Whether an order is kept, and what is said of it while SHUTDOWNCMD is held.

    A script speaks of an outage that may be over by then; a person means what is ordered.
    """
    if not is_held(commanded_at, now):
        return True, []
    return not script, [LogDecision(DROPPED if script else HELD)]


def too_new(since: float | None, settings: Settings, now: float) -> bool:
    """Whether "nobody is there" means nothing: a server met anew in an outage; the others need two polls."""
    return since is not None and now < since + max(10.0, 2 * settings.pollfreqalert_s + 2.0)


def begin(sequence: Sequence, settings: Settings, now: float) -> Stepped:
    """Start the shutdown; nothing happens if it has begun already."""
    primary = bool(settings.primaries)
    return _go(sequence, Move.BEGIN_AS_PRIMARY if primary else Move.BEGIN_AS_SECONDARY, settings, now)


def fsd_answer(sequence: Sequence, ups: str, answer: Fsd, settings: Settings, now: float) -> Stepped:
    """A server has set FSD, or could not."""
    if ups not in sequence.fsd:
        return sequence, []
    sequence = replace(sequence, fsd=MappingProxyType({**sequence.fsd, ups: answer}))
    if Fsd.ASKED in sequence.fsd.values():
        return sequence, []
    return _go(sequence, Move.FSD_ANSWERED, settings, now)


def heard(sequence: Sequence, ups: str, *, fsd: bool) -> Stepped:
    """A server answers a poll, and says FSD or not: ask again where it could not set it, or was started anew.

    A server that starts knows of no FSD, and its secondaries would stay up until the power is cut.
    """
    known = sequence.fsd.get(ups)
    missing = known is Fsd.FAILED or (known is Fsd.SET and not fsd)
    if sequence.phase not in (Phase.HOSTSYNC, Phase.FINALDELAY) or not missing:
        return sequence, []
    return replace(sequence, fsd=MappingProxyType({**sequence.fsd, ups: Fsd.ASKED})), [SetFsd(ups)]


def counted(
    sequence: Sequence, ups: str, others: int, settings: Settings, now: float
) -> tuple[Sequence, list[Effect]]:
    """How many other hosts are still logged in to a UPS."""
    if sequence.phase is not Phase.HOSTSYNC or ups not in sequence.fsd:
        return sequence, []
    sequence = replace(sequence, logins=MappingProxyType({**sequence.logins, ups: others}))
    if all(sequence.logins.get(name) == 0 for name in sequence.fsd):
        return _go(sequence, Move.ALONE, settings, now)
    if others == 0 or sequence.told_hostsync:
        return sequence, []
    text = f"waiting up to {settings.hostsync_s:g} s (HOSTSYNC) for {others} host(s) that {ups} feeds"
    effects: list[Effect] = [
        LogDecision(text, level=Level.NOTICE),
        Emit(settings.notice(NotifyType.SHUTDOWN_HOSTSYNC)),
    ]
    return replace(sequence, told_hostsync=True), effects


def tick(sequence: Sequence, settings: Settings, now: float) -> Stepped:
    """What the time alone brings; several phases may end at once."""
    effects: list[Effect] = []
    for _ in Phase:
        if sequence.until is None or now < sequence.until:
            break
        if sequence.phase is Phase.HOSTSYNC:
            effects.append(_expired(sequence))
        sequence, more = _go(sequence, Move.TIME_OUT, settings, now)
        effects += more
    if sequence.count_at is not None and now >= sequence.count_at:
        effects += [AskLogins(ups) for ups in sequence.fsd]
        sequence = replace(sequence, count_at=now + COUNT_EVERY_S)
    return sequence, effects


def deadline(sequence: Sequence) -> float | None:
    """When `tick` has something to do."""
    moments = [at for at in (sequence.until, sequence.count_at) if at is not None]
    return min(moments, default=None)


def _expired(sequence: Sequence) -> LogDecision:
    unknown = [ups for ups in sequence.fsd if ups not in sequence.logins]
    there = [f"{count} on {ups}" for ups, count in sequence.logins.items() if count]
    parts = [f"hosts still logged in: {', '.join(there)}"] if there else []
    parts += [f"logins unknown: {', '.join(unknown)}"] if unknown else []
    return LogDecision(f"HOSTSYNC is over ({'; '.join(parts)}); going on without them")


def _go(sequence: Sequence, move: Move, settings: Settings, now: float) -> Stepped:
    """Make a move of the table, and do what belongs to entering the new phase."""
    phase = MOVES.get((sequence.phase, move))
    if phase is None:
        return sequence, []
    sequence = replace(sequence, phase=phase, until=None, count_at=None)
    match phase:
        case Phase.FSD_SET:
            asked = MappingProxyType(dict.fromkeys(settings.primaries, Fsd.ASKED))
            return replace(sequence, fsd=asked, until=now + FSD_LIMIT_S), [SetFsd(ups) for ups in asked]
        case Phase.HOSTSYNC:
            # Who has not answered by now is asked again when it is heard of again.
            settled = {ups: Fsd.SET if fsd is Fsd.SET else Fsd.FAILED for ups, fsd in sequence.fsd.items()}
            sequence = replace(sequence, fsd=MappingProxyType(settled), logins=MappingProxyType({}))
            sequence = replace(sequence, until=now + settings.hostsync_s, count_at=now + COUNT_EVERY_S)
            return sequence, [AskLogins(ups) for ups in sequence.fsd]
        case Phase.FINALDELAY:
            # The first words are C's: log filters look for them.
            text = f"Executing automatic power-fail shutdown in {settings.finaldelay_s:g} s (FINALDELAY)"
            effects: list[Effect] = [
                LogDecision(text, level=Level.CRITICAL),
                Emit(settings.notice(NotifyType.SHUTDOWN)),
            ]
            return replace(sequence, until=now + settings.finaldelay_s), effects
        case Phase.COMMANDED:
            flag: list[Effect] = [WritePowerdownFlag()] if sequence.fsd else []
            stay = settings.shutdownexit_s
            return replace(sequence, until=None if stay is None else now + stay), [*flag, RunShutdown()]
        case _:
            return sequence, [*(Logout(supply.ups) for supply in settings.supplies), Stop()]

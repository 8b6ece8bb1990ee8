# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's core under random histories: at most one shutdown, none without a reason, one if it lasts.

The reason is looked for by `Evidence`, which knows the events only.
It may see danger where the monitor doubts it, but where it sees none the monitor must not begin.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from ridethrough.monitor.core import MonitorState, initial, next_deadline, step
from ridethrough.monitor.messages import (
    Effect,
    Emit,
    Event,
    FailKind,
    FsdAcknowledged,
    FsdFailed,
    LoggedIn,
    LoggedOut,
    LoginCount,
    LoginRefused,
    Polled,
    PollFailed,
    Reloaded,
    RunShutdown,
    SetFsd,
    Stop,
    Tick,
    UserFsd,
    WritePowerdownFlag,
)
from ridethrough.monitor.settings import Settings, Supply
from ridethrough.monitor.shutdown import FSD_LIMIT_S
from ridethrough.ups.notices import NotifyType
from ridethrough.ups.status import Status
from tests.support.fuzzing import try_inputs

NAMES = ("a@host", "b@host", "c@host")
TOKENS = ("OL", "OB", "LB", "CAL", "OFF", "BYPASS", "ALARM", "OVER", "FSD", "RB", "CHRG", "ol", "X", "")
CHARGES = ("", "3", "49.9", "50", "100", "nan", "x")
WAITS_S = (0.0, 0.0, 0.25, 1.0, 2.0, 2.5, 5.0, 5.0, 9.0, 14.75, 15.0, 31.0, 400.0, 50_000.0)
IN_DANGER = frozenset({"CAL", "BYPASS", "OFF", "ALARM", "OVER"})  # when silence follows
MAX_STEPS = 20_000
LOW = Status.parse("OB LB")


@dataclass(frozen=True, slots=True)
class Case:
    """How it begins, what happens after how many seconds, and whether a low battery ends it."""

    settings: Settings
    events: tuple[tuple[float, Event], ...]


def make(rng: random.Random) -> Case:
    """A short history of up to three UPSes."""
    conf = any_settings(rng)
    return Case(conf, tuple((rng.choice(WAITS_S), any_event(rng)) for _ in range(rng.randrange(14))))


def any_settings(rng: random.Random) -> Settings:
    """Some of the UPSes, with power values that MINSUPPLIES may or may not reach."""
    supplies = tuple(
        Supply(name, power_value=rng.choice((0, 1, 1, 2)), primary=rng.random() < 0.5)
        for name in rng.sample(NAMES, rng.randrange(1, 4))
    )
    return Settings(
        supplies=supplies,
        minsupplies=rng.choice((0, 1, 1, 2)),
        hostsync_s=rng.choice((0.0, 15.0, 20.0)),
        finaldelay_s=rng.choice((0.0, 5.0)),
        offduration_s=rng.choice((-1.0, 0.0, 30.0)),
        oblbduration_s=rng.choice((-1.0, 0.0, 10.0)),
        overduration_s=rng.choice((-1.0, 0.0, 10.0)),
        alarmcritical=rng.random() < 0.5,
        shutdownexit_s=rng.choice((None, 0.0, 10.0)),
    )


def any_event(rng: random.Random) -> Event:
    """One of all that the core may be told."""
    ups = rng.choice(NAMES)
    if rng.random() < 0.5:
        status = Status.parse(" ".join(rng.choices(TOKENS, k=rng.randrange(4))))
        return Polled(ups, status, {"battery.charge": rng.choice(CHARGES)})
    others: tuple[Event, ...] = (
        PollFailed(ups, rng.choice(tuple(FailKind)), "gone"),
        PollFailed(ups),
        LoggedIn(ups),
        LoggedOut(ups),
        LoginRefused(ups, "ACCESS-DENIED", rng.random() < 0.5),
        LoginCount(ups, rng.randrange(-1, 4)),
        FsdAcknowledged(ups),
        FsdFailed(ups, "gone"),
        Tick(),
        Reloaded(any_settings(rng)) if rng.random() < 0.3 else Tick(),
        UserFsd() if rng.random() < 0.1 else Tick(),
    )
    return rng.choice(others)


@dataclass
class Evidence:
    """What was said of one UPS, and since when."""

    tokens: frozenset[str] = frozenset()
    on_battery: bool = False
    heard_at: float | None = None
    off_since: float | None = None

    def hear(self, event: Event, now: float) -> None:
        """Take in what the events say of it."""
        if isinstance(event, Polled) and event.status:
            self.heard_at = now
            self.tokens = frozenset(token.upper() for token in event.status.tokens)
            if self.tokens & {"OL", "OB"}:
                self.on_battery = "OB" in self.tokens
            self.off_since = (
                (now if self.off_since is None else self.off_since) if "OFF" in self.tokens else None
            )

    def lost(self, conf: Settings, now: float) -> bool:
        """Whether there is any reason to count it as lost."""
        if self.heard_at is None:
            return False
        low = self.on_battery and "LB" in self.tokens and "CAL" not in self.tokens
        off = self.off_since is not None and 0 <= conf.offduration_s <= now - self.off_since
        silent = now - self.heard_at >= conf.deadtime_s and (self.on_battery or bool(self.tokens & IN_DANGER))
        return "FSD" in self.tokens or low or off or silent


@dataclass
class World:
    """A monitor, the evidence, and what it did."""

    conf: Settings
    now: float = 0.0
    ordered: bool = False
    begun_at: float | None = None
    evidence: dict[str, Evidence] = field(default_factory=lambda: {name: Evidence() for name in NAMES})
    done: list[tuple[float, Effect]] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        """It knows nothing yet."""
        self.state: MonitorState = initial(self.conf, self.now)

    def wait(self, moment: float, *, asleep: bool = False) -> None:
        """Let the time pass; a machine asleep gives no ticks."""
        while not asleep and (due := max(next_deadline(self.state), self.now)) < moment:
            self.tell(Tick(), due)
        self.now = moment

    def tell(self, event: Event, now: float) -> None:
        """One step, and the look at what it did."""
        self.now, self.steps = now, self.steps + 1
        assert self.steps < MAX_STEPS, "ticks without end"
        if isinstance(event, UserFsd):
            self.ordered = True
        if isinstance(event, Reloaded) and self.begun_at is None:
            self.conf = event.settings
        ups = getattr(event, "ups", None)
        if ups is not None:
            self.evidence[ups].hear(event, now)
        self.state, effects = step(self.state, event, now)
        self.done += [(now, effect) for effect in effects]
        if self.state.sequence.begun and self.begun_at is None:
            self.begun_at = now
            assert self.ordered or self.enough_is_lost(), "a shutdown without a reason"
        assert self.begun_at is None or self.state.sequence.begun, "a shutdown was taken back"
        assert next_deadline(self.state) > now or not isinstance(event, Tick), "no time passes"

    def enough_is_lost(self) -> bool:
        """Whether what may be lost leaves less than MINSUPPLIES."""
        good = sum(
            supply.power_value
            for supply in self.conf.supplies
            if not self.evidence[supply.ups].lost(self.conf, self.now)
        )
        return good < self.conf.minsupplies

    def times(self, kind: type) -> list[float]:
        """When effects of a kind were asked for."""
        return [at for at, effect in self.done if isinstance(effect, kind)]


def attempt(case: Case) -> None:
    """Play it, look at it, then let a low battery last."""
    world = World(case.settings)
    for wait_s, event in case.events:
        world.wait(world.now + wait_s, asleep=wait_s > 100)
        world.tell(event, world.now)
    since = world.now
    for _ in range(10):
        world.wait(world.now + world.conf.pollfreq_s)
        for supply in world.conf.supplies:
            world.tell(Polled(supply.ups, LOW), world.now)
    world.wait(world.now + 60)
    look(world)
    total = sum(supply.power_value for supply in world.conf.supplies)
    if world.ordered or (total and world.conf.minsupplies):
        bound = (
            3 * world.conf.pollfreq_s
            + 10
            + 20
            + FSD_LIMIT_S
            + world.conf.hostsync_s
            + world.conf.finaldelay_s
        )
        assert world.times(RunShutdown), "a low battery lasts, and nothing is done"
        assert world.times(RunShutdown)[0] <= since + bound


def look(world: World) -> None:
    """Once, in order, and as the settings say."""
    shutdowns = world.times(RunShutdown)
    assert len(shutdowns) <= 1
    assert len(world.times(WritePowerdownFlag)) == (len(shutdowns) if world.times(SetFsd) else 0)
    assert len(world.times(Stop)) <= len(shutdowns)
    told = [at for at, e in world.done if isinstance(e, Emit) and e.notice.type is NotifyType.SHUTDOWN]
    assert len(told) <= 1
    for at in shutdowns:
        assert at >= told[0] + world.conf.finaldelay_s
        kinds = [type(effect) for _, effect in world.done]
        if WritePowerdownFlag in kinds:
            assert kinds.index(WritePowerdownFlag) == kinds.index(RunShutdown) - 1
    for _, effect in world.done:
        assert not isinstance(effect, Emit) or len(effect.notice.text) < 500


def fuzz(rng: random.Random, deadline: float) -> int:
    """Run until the deadline."""
    return try_inputs(rng, deadline, make, attempt)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's core as a state machine: any event, in any order, at any time, and what must hold."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ridethrough.monitor.core import MonitorState, initial, next_deadline, step
from ridethrough.monitor.maintenance import LONGEST_S
from ridethrough.monitor.messages import (
    AskLogins,
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
    Logout,
    Maintenance,
    MaintenanceOff,
    MaintenanceOn,
    Polled,
    PollFailed,
    Reloaded,
    RunShutdown,
    SetFsd,
    SleepFinished,
    SleepStarting,
    Stop,
    Tick,
    UserFsd,
    WritePowerdownFlag,
)
from ridethrough.monitor.settings import Settings, Supply
from ridethrough.monitor.shutdown import ASK_AGAIN_S, Phase
from ridethrough.ups.notices import NotifyType
from ridethrough.ups.status import Status

NAMES = ("a@host", "b@host", "c@other")
TOKENS = ("OL", "OB", "LB", "CAL", "OFF", "BYPASS", "ALARM", "OVER", "FSD", "RB", "WAIT", "ol", "X")
DANGERS = frozenset({"OB", "LB", "CAL", "OFF", "BYPASS", "ALARM", "OVER", "FSD"})
MAX_TICKS = 3000

UPSES = st.sampled_from(NAMES)
STATUSES = st.one_of(
    st.sampled_from(["OL", "OL", "OB", "OB LB", "OB LB", "FSD OB LB", "OL CHRG", "WAIT", "FSD WAIT", ""]),
    st.lists(st.sampled_from(TOKENS), max_size=4).map(" ".join),
)
CHARGES = st.sampled_from(["", "3", "49.9", "100", "nan", "x"])
WAITS_S = st.sampled_from([0.0, 0.1, 0.25, 1.0, 2.0, 2.5, 4.9, 5.0, 14.9, 15.0, 31.0, 299.0, 400.0])
SECONDS = st.sampled_from([0.0, 2.0, 15.0, 40.0])


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    """An upsmon.conf: one to three UPSes, and times of all kinds."""
    names = draw(st.lists(UPSES, min_size=1, max_size=3, unique=True))
    supplies = tuple(
        Supply(name, power_value=draw(st.sampled_from([0, 1, 1, 2])), primary=draw(st.booleans()))
        for name in names
    )
    total = sum(supply.power_value for supply in supplies)
    return Settings(
        supplies=supplies,
        minsupplies=draw(st.sampled_from([1, 1, max(total, 1), total + 1, 0])),
        hostsync_s=draw(SECONDS),
        finaldelay_s=draw(SECONDS),
        deadtime_s=draw(st.sampled_from([5.0, 15.0, 25.0])),
        offduration_s=draw(st.sampled_from([-1.0, 0.0, 30.0])),
        oblbduration_s=draw(st.sampled_from([-1.0, 0.0, 10.0])),
        overduration_s=draw(st.sampled_from([-1.0, 0.0, 10.0])),
        alarmcritical=draw(st.booleans()),
        shutdownexit_s=draw(st.sampled_from([None, 0.0, 10.0])),
        strict_c=draw(st.booleans()),
    )


@dataclass
class Seen:
    """What was said of a UPS, as the test understands it: every token since the last plain statement."""

    dangers: set[str] = field(default_factory=set)
    last: frozenset[str] = frozenset()
    on_battery: bool = False


class MonitorMachine(RuleBasedStateMachine):
    """The core under every event that its shell can bring, with the promises as invariants."""

    state: MonitorState

    @initialize(conf=any_settings(), late=st.sampled_from([None, None, None, None, 0.0, -60.0, -400.0]))
    def boot(self, conf: Settings, late: float | None) -> None:
        """A monitor starts; maybe after one of the same boot that has asked for SHUTDOWNCMD already."""
        self.now = 1000.0
        self.held_until = 0.0 if late is None else self.now + late + ASK_AGAIN_S
        self.state = initial(conf, self.now, None if late is None else self.now + late)
        self.done: list[tuple[float, Effect]] = []
        self.ordered = False
        self.seen = {name: Seen() for name in NAMES}
        self.begun_with: Settings | None = None

    # -- what may happen ------------------------------------------------------------------------

    @rule(ups=UPSES, text=STATUSES, charge=CHARGES)
    def polled(self, ups: str, text: str, charge: str) -> None:
        """A UPS answers."""
        status = Status.parse(text)
        tokens = frozenset(token.upper() for token in status.tokens)
        if (
            tokens
            and not ("WAIT" in tokens and tokens <= {"WAIT", "FSD"})
            and self.state.settings.supply(ups)
        ):
            seen = self.seen[ups]
            seen.last = tokens
            if tokens & {"OL", "OB"}:
                seen.on_battery = "OB" in tokens
        elif "FSD" in tokens and self.state.settings.supply(ups):
            self.seen[ups].last |= {"FSD"}
        self.tell(Polled(ups, status, {"battery.charge": charge} if charge else {}))

    @rule(ups=UPSES, status=st.sampled_from(["OB LB", "OB", "OL", "FSD OB LB"]), times=st.integers(2, 5))
    def lasting(self, ups: str, status: str, times: int) -> None:
        """A UPS says the same for a while."""
        for _ in range(times):
            self.polled(ups, status, "12")
            self.wait(2.5)

    @rule(ups=UPSES, kind=st.sampled_from(tuple(FailKind)))
    def poll_failed(self, ups: str, kind: FailKind) -> None:
        """A UPS does not answer."""
        self.tell(PollFailed(ups, kind, "gone"))

    @rule(
        event=st.one_of(
            st.builds(LoggedIn, UPSES),
            st.builds(LoggedOut, UPSES),
            st.builds(LoginRefused, UPSES, st.just("ACCESS-DENIED"), st.booleans()),
            st.builds(LoginCount, UPSES, st.integers(-1, 4)),
            st.builds(FsdAcknowledged, UPSES, st.booleans()),
            st.builds(FsdFailed, UPSES, st.just("gone")),
            st.just(SleepStarting()),
            st.just(SleepFinished()),
            st.just(Tick()),
        )
    )
    def anything_else(self, event: Event) -> None:
        """What links, the machine and the clock tell."""
        self.tell(event)

    @rule(really=st.sampled_from([False, False, False, False, False, True]))
    def order(self, really: bool) -> None:
        """A person orders the shutdown, now and then: what comes after needs no other cause."""
        if not really:
            return
        self.ordered = True
        self.tell(UserFsd())

    @rule(conf=any_settings())
    def reload(self, conf: Settings) -> None:
        """upsmon.conf is read again: with a shutdown under way it changes nothing."""
        begun, before = self.state.sequence.begun, self.state
        self.tell(Reloaded(conf))
        if begun:
            assert self.state.settings is before.settings
        for name in NAMES:
            if not begun and not self.state.settings.supply(name):
                self.seen[name] = Seen()

    @rule(length_s=st.sampled_from([60.0, 600.0, LONGEST_S]), even_fsd=st.booleans())
    def maintenance(self, length_s: float, even_fsd: bool) -> None:
        """A person begins a maintenance."""
        wanted = Maintenance(self.now, self.now + length_s, "12:00", "somebody", even_fsd=even_fsd)
        self.tell(MaintenanceOn(wanted))

    @rule()
    def maintenance_off(self) -> None:
        """And ends it."""
        self.tell(MaintenanceOff("somebody"))

    @rule(seconds=WAITS_S)
    def wait(self, seconds: float) -> None:
        """The time passes, with a tick at each deadline."""
        until = self.now + seconds
        for _ in range(MAX_TICKS):
            due = max(next_deadline(self.state), self.now)
            if due >= until:
                break
            self.now = due
            self.tell(Tick())
        else:
            raise AssertionError("ticks without end")
        self.now = until

    @rule(seconds=st.sampled_from([21.0, 60.0, 5000.0]))
    def sleep(self, seconds: float) -> None:
        """The machine sleeps, or the process is stopped: nobody ticks."""
        self.now += seconds
        self.tell(Tick())

    @precondition(lambda self: self.state.sequence.begun)
    @rule()
    def to_the_end(self) -> None:
        """A shutdown that has begun comes to SHUTDOWNCMD by the time alone."""
        conf = self.state.settings
        self.wait(5.0 + conf.hostsync_s + conf.finaldelay_s + 0.1)
        assert len(self.times(RunShutdown)) == 1

    # -- what must hold ---------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """One step; it never raises, and asks for a tick later than now, unless it has more to do at once."""
        begun = self.state.sequence.begun
        self.state, effects = step(self.state, event, self.now)
        self.done += [(self.now, effect) for effect in effects]
        assert next_deadline(self.state) > self.now, f"{event} leaves a deadline that is over"
        assert self.state.sequence.begun or not begun, "a shutdown was taken back"
        if self.state.sequence.begun and not begun:
            self.begun_with = self.state.settings
            assert self.now >= self.held_until, "a second order while the first may be under way"
            assert self.ordered or self.may_be_lost(), "a shutdown without a cause"

    def may_be_lost(self) -> bool:
        """Promise 1: whether the UPSes that gave cause for concern leave less than MINSUPPLIES."""
        good = sum(
            supply.power_value
            for supply in self.state.settings.supplies
            if not (self.seen[supply.ups].last & DANGERS or self.seen[supply.ups].on_battery)
        )
        return good < self.state.settings.minsupplies

    def times(self, kind: type) -> list[float]:
        """When effects of a kind were asked for."""
        return [at for at, effect in self.done if isinstance(effect, kind)]

    @invariant()
    def orders_are_given_once(self) -> None:
        """Promise 3: SHUTDOWNCMD at most once, SHUTDOWN told once before, FINALDELAY between them."""
        orders = self.times(RunShutdown)
        assert len(orders) <= 1
        assert len(self.times(Stop)) <= len(orders)
        told = [at for at, e in self.done if isinstance(e, Emit) and e.notice.type is NotifyType.SHUTDOWN]
        assert len(told) <= 1
        for at in orders:
            assert self.begun_with is not None
            assert at >= told[0] + self.begun_with.finaldelay_s
        phases = (Phase.COMMANDED, Phase.DONE)
        assert bool(orders) is (self.state.sequence.phase in phases)

    @invariant()
    def the_flag_is_a_primarys_and_comes_first(self) -> None:
        """Promises 2 and 3: POWERDOWNFLAG right before SHUTDOWNCMD, on a primary and only there."""
        kinds = [
            type(effect) for _, effect in self.done if isinstance(effect, WritePowerdownFlag | RunShutdown)
        ]
        primary = bool(self.begun_with and self.begun_with.primaries)
        if RunShutdown in kinds:
            assert kinds == ([WritePowerdownFlag, RunShutdown] if primary else [RunShutdown])
        else:
            assert not kinds
        assert primary or not self.times(SetFsd)
        assert primary or not self.times(AskLogins)

    @invariant()
    def all_that_is_asked_of_a_link_is_of_one_that_is_there(self) -> None:
        """SetFsd, AskLogins and Logout name a UPS of the configuration that is in force."""
        for _, effect in self.done:
            if isinstance(effect, SetFsd | AskLogins | Logout):
                assert self.begun_with is not None
                assert self.begun_with.supply(effect.ups) is not None


MonitorMachine.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestMonitorMachine = MonitorMachine.TestCase

# SPDX-License-Identifier: GPL-2.0-or-later
"""A world in which outages happen by the thousand: pure cores, an imagined wire, a virtual clock.

`World(scenario).run()` gives the trace; the same scenario always gives the same trace.
What must hold in every trace stands in `sim.promises` and `sim.liveness`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

from ridethrough.battery import model
from ridethrough.monitor.settings import Settings, Supply
from ridethrough.sim.engine import Engine
from ridethrough.sim.host import Host
from ridethrough.sim.scenario import (
    Computer,
    Cut,
    Fault,
    Freeze,
    Glitch,
    Kill,
    Order,
    Part,
    Reload,
    Scenario,
    Unit,
    Way,
    When,
)
from ridethrough.sim.station import DRIVER_POLL_S, Station
from ridethrough.sim.truth import Truth

SHUTDOWN_DELAY_S: Final = 20.0
NOMINAL_W: Final = 300.0
DELAYS_S: Final = (0.001, 0.002, 0.005, 0.05, 0.4)


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the trace."""

    at: float
    kind: str
    host: str
    fields: dict[str, Any]

    def __str__(self) -> str:
        rest = " ".join(f"{name}={value}" for name, value in self.fields.items())
        return f"{self.at:9.2f} {self.host:<12} {self.kind} {rest}".rstrip()


@dataclass(frozen=True, slots=True)
class Harm:
    """A fault as it truly happened: what, and from when until when (infinity: it was never mended)."""

    fault: Fault
    begin: float
    end: float


class World:
    """The UPSes of a scenario, their servers, and the hosts that they feed."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.engine = Engine()
        self.rng = Random(scenario.seed)
        self.trace: list[Happened] = []
        self.harm: list[Harm] = []
        self.truths = {unit.name: _truth(unit) for unit in scenario.units}
        self._waiting: list[tuple[When, Fault]] = []
        self._cuts: list[tuple[str, float, float, Way]] = []
        self._turn_at = 0.0
        self._calm = False
        self._stations: dict[str, Station] = {}
        self.hosts = [self._host(computer) for computer in scenario.computers]
        self._by_name = {host.name: host for host in self.hosts}
        self._open_stations()

    @property
    def now(self) -> float:
        """The world's time."""
        return self.engine.now

    def host(self, name: str) -> Host:
        """The host of that name."""
        return self._by_name[name]

    def run(self) -> list[Happened]:
        """Play the whole scenario; gives the trace."""
        engine = self.engine
        for unit in self.scenario.units:
            for at, on in unit.mains:
                engine.at(at, partial(self._mains, unit.name, on))
        self._plan_faults()
        for host in self.hosts:
            host.begin()
        self.redraw()
        end_s = self.scenario.end_s
        while not (self._calm and self._over()):
            at = min(engine.next_at(), end_s)
            while self._turn_at <= at:
                self._turn(self._turn_at)
            if at >= end_s:
                engine.now = end_s
                break
            engine.step()
        return self.trace

    # -- what the hosts and stations need ---------------------------------------------------------

    def delay(self) -> float:
        """The wire is quick, with a tail."""
        return DELAYS_S[int(self.rng.random() * len(DELAYS_S))]

    def passes(self, host: str, station: Station, *, back: bool) -> bool:
        """Whether a packet of a host gets to a station's machine, or back from it."""
        there, here = self._by_name[station.host], self._by_name[host]
        if not there.powered or not here.powered:
            return False
        now, lost = self.engine.now, Way.BACK if back else Way.OUT
        return not any(
            name == host and begin <= now < end and way in (Way.BOTH, lost)
            for name, begin, end, way in self._cuts
        )

    def reading_fault(self, ups: str) -> Glitch | str:
        """What is wrong with the driver's reading now."""
        now, scenario = self.engine.now, self.scenario
        for stale in scenario.stale:
            if stale.ups == ups and stale.begin <= now < stale.end:
                return "stale"
        for glitch in scenario.glitches:
            if glitch.ups == ups and glitch.at <= now < glitch.at + DRIVER_POLL_S:
                return glitch
        return ""

    def redraw(self) -> None:
        """What the hosts draw has changed: each takes an equal part from each UPS that feeds it."""
        for truth in self.truths.values():
            truth.advance(self.engine.now)
            truth.draw_w = 0.0
        for host in self.hosts:
            alive = [self.truths[feed.ups] for feed in host.computer.feeds if feed.power_value]
            alive = [truth for truth in alive if truth.output]
            for truth in alive:
                truth.draw_w += host.draw_w / len(alive)
        self._plan_turn()

    def tell(self, kind: str, host: str, **fields: Any) -> None:
        """Write into the trace, and begin the faults that have waited for it."""
        self.trace.append(Happened(self.engine.now, kind, host, fields))
        if kind == "off":
            self._killpower(host)
        if self._waiting:
            for waiting in [each for each in self._waiting if _meets(each[0], kind, host, fields)]:
                self._waiting.remove(waiting)
                when, fault = waiting
                self._plan(fault, self.engine.now + when.at)

    # -- the physical side ------------------------------------------------------------------------

    def _mains(self, ups: str, on: bool) -> None:
        truth = self.truths[ups]
        truth.advance(self.engine.now)
        truth.set_mains(on)
        self.tell("mains", "", ups=ups, on=on)
        self._plan_turn()

    def _plan_turn(self) -> None:
        """Whatever changes the machines or the UPSes ends here."""
        self._calm = not any(host.powered for host in self.hosts)
        self._turn_at = min(truth.next_turn() for truth in self.truths.values())

    def _turn(self, at: float) -> None:
        """Something physical changes by itself."""
        self.engine.now = max(at, self.engine.now)
        cut = False
        for truth in self.truths.values():
            fed = truth.output
            truth.advance(at)
            if fed and not truth.output:
                cut = True
                self.tell("cut", "", ups=truth.name, why=truth.cuts[-1][1])
        if cut:
            for host in self.hosts:
                feeds = [feed for feed in host.computer.feeds if self.truths[feed.ups].output]
                if sum(feed.power_value for feed in feeds) < max(1, host.computer.minsupplies):
                    host.crash()
        self.redraw()

    def _killpower(self, name: str) -> None:
        """A primary is off: its hook tells its UPSes to switch their outputs off, if the flag stands."""
        host = self._by_name[name]
        if host.flag and host.station is not None:
            for ups in host.drivers:
                self.truths[ups].shutdown_return(SHUTDOWN_DELAY_S)

    def _over(self) -> bool:
        """Whether nothing that is of interest can happen any more."""
        return not any(host.powered for host in self.hosts) and all(
            truth.off_at is None for truth in self.truths.values()
        )

    # -- how it is put together -------------------------------------------------------------------

    def _host(self, computer: Computer) -> Host:
        scenario = self.scenario
        owners = {unit.name: unit.host for unit in scenario.units}
        supplies = []
        for feed in computer.feeds:
            primary = owners[feed.ups] == computer.name
            login = feed.power_value > 0 or primary or computer.strict_c
            supplies.append(Supply(f"{feed.ups}@{owners[feed.ups]}", feed.power_value, primary, login))
        settings = Settings(
            supplies=tuple(supplies),
            minsupplies=computer.minsupplies,
            pollfreq_s=computer.pollfreq_s,
            pollfreqalert_s=computer.pollfreq_s,
            hostsync_s=scenario.hostsync_s,
            finaldelay_s=scenario.finaldelay_s,
            deadtime_s=scenario.deadtime_s,
            shutdownexit_s=computer.shutdownexit_s,
            strict_c=computer.strict_c,
        )
        return Host(computer, settings, self, {})

    def _open_stations(self) -> None:
        for host in self.hosts:
            own = [unit.name for unit in self.scenario.units if unit.host == host.name]
            if own:
                host.drivers = {ups: host.driver_process() for ups in own}
                drivers = {ups: (self.truths[ups], process) for ups, process in host.drivers.items()}
                host.station = Station(host.name, self, host.parts[Part.SERVER], drivers)
                self._stations.update((f"{ups}@{host.name}", host.station) for ups in own)
        for host in self.hosts:
            host.stations = self._stations

    # -- faults ---------------------------------------------------------------------------------

    def _plan_faults(self) -> None:
        for fault in self.scenario.faults:
            when = When(fault.begin, fault.after) if isinstance(fault, Cut) else fault.when
            if when.after:
                self._waiting.append((when, fault))
            else:
                self._plan(fault, when.at)

    def _plan(self, fault: Fault, at: float) -> None:
        self.engine.at(at, partial(self._harm, fault))

    def _harm(self, fault: Fault) -> None:
        now = self.engine.now
        host = self._by_name[fault.host]
        deed: Callable[[], None]
        match fault:
            case Cut(name, begin, end, way):
                until = now + (end - begin)
                deed = partial(self._cuts.append, (name, now, until, way))
            case Kill(_, part, _, back_s):
                until = float("inf") if back_s is None else now + back_s
                deed = partial(host.kill, part, back_s)
            case Freeze(_, part, _, for_s, announced):
                until = now + for_s
                deed = partial(host.freeze, part, for_s, announced)
            case Reload():
                until, deed = now, partial(host.reload, fault)
            case Order():
                until, deed = now, host.order
        self.harm.append(Harm(fault, now, until))
        self.tell(
            "fault", fault.host, what=type(fault).__name__, part=getattr(fault, "part", ""), until=until
        )
        deed()


def _truth(unit: Unit) -> Truth:
    spec = model.BatterySpec(
        capacity_wh=unit.capacity_wh, nominal_load_w=NOMINAL_W, low_percent=unit.low_percent
    )
    return Truth(spec, model.at_percent(spec, unit.charge_percent), unit.name)


def _meets(when: When, kind: str, host: str, fields: dict[str, Any]) -> bool:
    wanted, _, type_ = when.after.partition(":")
    return kind == wanted and when.host in ("", host) and (not type_ or fields.get("type") == type_)

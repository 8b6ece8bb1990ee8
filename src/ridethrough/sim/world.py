# SPDX-License-Identifier: GPL-2.0-or-later
"""A world in which outages happen by the thousand: pure cores, an imagined wire, a virtual clock.

`World(scenario).run()` gives the trace; the same scenario always gives the same trace.
What must hold in every trace stands in `sim.promises`.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final

from ridethrough.battery import model
from ridethrough.config.models import UpsdUsers
from ridethrough.config.users import parse_users
from ridethrough.monitor.settings import Settings, Supply
from ridethrough.server.core import ServerCore
from ridethrough.server.effects import Drop, Effect, FsdSet, LoginsChanged
from ridethrough.server.effects import Settings as ServerSettings
from ridethrough.server.session import Session
from ridethrough.sim.host import Host, Machine
from ridethrough.sim.scenario import UPS, Glitch, Scenario
from ridethrough.sim.truth import Truth
from ridethrough.ups.state import EMPTY, DeviceView, Freshness, Snapshot
from ridethrough.ups.status import Status
from ridethrough.ups.units import Monotonic
from ridethrough.wire.words import decode, encode

USERS: Final = (
    b"[primary]\npassword = secret\nupsmon primary\n[secondary]\npassword = secret\nupsmon secondary\n"
)
DRIVER_POLL_S: Final = 2.0
SERVER_TICK_S: Final = 5.0
SHUTDOWN_DELAY_S: Final = 20.0
BOUND_EVENTS: Final = 2_000_000


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


class World:
    """One UPS, its server on the primary, and the hosts that it feeds."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.now = 0.0
        self.trace: list[Happened] = []
        self._rng = Random(scenario.seed)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        spec = model.BatterySpec(capacity_wh=scenario.capacity_wh, nominal_load_w=300.0)
        self.truth = Truth(spec, model.at_percent(spec, scenario.charge_percent))
        users: UpsdUsers = parse_users(USERS)[0]
        ids = itertools.count(1)
        settings = ServerSettings(new_id=lambda: f"id-{next(ids)}")
        self.server = ServerCore(users, settings, [(UPS, "simulated")])
        self._snapshot: Snapshot = EMPTY
        self._sessions: dict[int, str] = {}
        self.hosts = [self._host(index) for index in range(1 + len(scenario.secondaries_stop_s))]
        self.truly_low_at: list[float] = []

    def run(self) -> list[Happened]:
        """Play the whole scenario; gives the trace."""
        for at, on in self.scenario.mains:
            self.at(at, partial(self._mains, on))
        self.at(0.0, self._driver_poll)
        self.at(SERVER_TICK_S, self._server_tick)
        for host in self.hosts:
            host.begin()
        for _ in range(BOUND_EVENTS):
            if not self._queue or self._queue[0][0] > self.scenario.end_s:
                return self.trace
            self.now, _, action = heapq.heappop(self._queue)
            self._physics()
            action()
        raise AssertionError(f"seed {self.scenario.seed}: more than {BOUND_EVENTS} events: the world hums")

    # -- what the hosts need (host.Surroundings) --------------------------------------------------

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do `action` at `when`, never in the past."""
        heapq.heappush(self._queue, (max(when, self.now), next(self._order), action))

    def delay(self) -> float:
        """The wire is quick, with a tail."""
        return self._rng.choice((0.001, 0.002, 0.005, 0.05, 0.4))

    def cut(self, host: str) -> bool:
        """Whether the wire of a host is cut now; the primary's is in its own machine."""
        return any(cut.host == host and cut.begin <= self.now < cut.end for cut in self.scenario.cuts)

    def open(self, host: str) -> Session:
        """A session with the server."""
        session = self.server.open_session(host, self.now)
        self._sessions[session.number] = host
        return session

    def ask(self, session: Session, line: str) -> list[str]:
        """Send a request, get the reply's lines; none when the primary, and so the server, is off."""
        if self.hosts[0].machine in (Machine.OFF, Machine.CRASHED) or session.closed:
            return []
        reaction = self.server.receive(session, encode(line + "\n"), self.now)
        self._effects(reaction.effects)
        return decode(reaction.reply).splitlines()

    def close(self, session: Session) -> None:
        """The connection is closed."""
        self._effects(self.server.close_session(session, self.now))

    def tell(self, kind: str, host: str, **fields: Any) -> None:
        """Write into the trace."""
        self.trace.append(Happened(self.now, kind, host, fields))
        if kind == "off" and host == self.hosts[0].name:
            self._killpower()

    # -- inside ---------------------------------------------------------------------------------

    def _host(self, index: int) -> Host:
        scenario = self.scenario
        primary = index == 0
        supply = Supply(f"{UPS}@server", 1, primary=primary)
        settings = Settings(
            supplies=(supply,),
            hostsync_s=scenario.hostsync_s,
            finaldelay_s=scenario.finaldelay_s,
            deadtime_s=scenario.deadtime_s,
            strict_c=scenario.strict_c,
        )
        stop_s = scenario.primary_stop_s if primary else scenario.secondaries_stop_s[index - 1]
        name = "primary" if primary else f"secondary{index}"
        return Host(name, settings, self, UPS, stop_s=stop_s, draw_w=scenario.host_draw_w)

    def _mains(self, on: bool) -> None:
        self.truth.mains = on
        self.tell("mains", "", on=on)

    def _physics(self) -> None:
        fed = self.truth.output
        self.truth.draw_w = sum(h.draw_w for h in self.hosts if h.machine in (Machine.UP, Machine.STOPPING))
        self.truth.advance(self.now)
        if self.truth.output and not self.truth.mains and self.truth.low():
            self.truly_low_at.append(self.now)
        if fed and not self.truth.output:
            why = self.truth.cuts[-1][1]
            self.tell("cut", "", why=why)
            for host in self.hosts:
                host.crash()

    def _killpower(self) -> None:
        """The primary is off: its hook tells the UPS to switch the output off, if the flag was written."""
        if any(line.kind == "flag" for line in self.trace):
            self.truth.shutdown_return(SHUTDOWN_DELAY_S)

    def _driver_poll(self) -> None:
        """The driver reads the UPS: honestly, not at all, or wrongly, as the scenario has it."""
        self.at(self.now + DRIVER_POLL_S, self._driver_poll)
        if any(begin <= self.now < end for begin, end in self.scenario.stale):
            view = DeviceView(UPS, "simulated", self._snapshot, Freshness.STALE, Monotonic(self.now))
        else:
            draft = self.truth.reading(self._snapshot)
            glitch = self._glitch()
            if glitch is not None:
                draft.set_status(Status.parse(glitch.status))
                draft.set("battery.charge", glitch.charge)
                self.tell("glitch", "", status=glitch.status, charge=glitch.charge)
            self._snapshot, _ = draft.commit()
            view = DeviceView(UPS, "simulated", self._snapshot, Freshness.FRESH, Monotonic(self.now))
        self.server.update(view)

    def _glitch(self) -> Glitch | None:
        for glitch in self.scenario.glitches:
            if glitch.at <= self.now < glitch.at + DRIVER_POLL_S:
                return glitch
        return None

    def _server_tick(self) -> None:
        self._effects(self.server.tick(self.now))
        self.at(self.now + SERVER_TICK_S, self._server_tick)

    def _effects(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case FsdSet(ups):
                    self.tell("fsd", "", ups=ups)
                case LoginsChanged(_, hosts):
                    self.tell("logins", "", hosts=hosts)
                case Drop(session, reason):
                    self.tell("dropped", self._sessions.get(session.number, ""), reason=reason)
                case _:
                    pass

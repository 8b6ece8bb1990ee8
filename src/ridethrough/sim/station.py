# SPDX-License-Identifier: GPL-2.0-or-later
"""The server of a host and the drivers of its UPSes: the real `ServerCore`, fed by imagined drivers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Protocol

from ridethrough.config.models import UpsdUsers
from ridethrough.config.users import parse_users
from ridethrough.server.core import ServerCore
from ridethrough.server.effects import Drop, Effect, FsdSet, LoginsChanged, Settings
from ridethrough.server.session import Session
from ridethrough.sim.engine import Engine, Process
from ridethrough.sim.scenario import Glitch
from ridethrough.sim.truth import Truth
from ridethrough.ups.state import EMPTY, DeviceView, Freshness, Snapshot
from ridethrough.ups.status import Status
from ridethrough.ups.units import Monotonic

USERS: Final[UpsdUsers] = parse_users(
    b"[primary]\npassword = secret\nupsmon primary\n[secondary]\npassword = secret\nupsmon secondary\n"
)[0]
DRIVER_POLL_S: Final = 2.0
SERVER_TICK_S: Final = 5.0
MAXAGE_S: Final = 15.0
DESC: Final = "simulated"


class Surroundings(Protocol):
    """What a station needs of the world."""

    engine: Engine
    rng: Random

    def tell(self, kind: str, host: str, **fields: Any) -> None:
        """Write into the trace."""

    def reading_fault(self, ups: str) -> Glitch | str:
        """What is wrong with the driver's reading now: a glitch, "stale", or "" for nothing."""


@dataclass(slots=True)
class Driver:
    """The driver of one UPS."""

    truth: Truth
    process: Process
    snapshot: Snapshot = EMPTY
    heard_at: float = 0.0
    freshness: Freshness = Freshness.WAITING


class Station:
    """One server process and its drivers; `start_server` and `start_driver` begin a new life of each."""

    def __init__(
        self, host: str, world: Surroundings, server: Process, drivers: dict[str, tuple[Truth, Process]]
    ) -> None:
        self.host = host
        self.world = world
        self.process = server
        self.drivers = {ups: Driver(truth, process) for ups, (truth, process) in drivers.items()}
        self.core = self._fresh()
        self._peers: dict[int, str] = {}

    def start_server(self) -> None:
        """A server that knows nobody; its drivers tell it their state with their next poll."""
        self.core = self._fresh()
        self._peers.clear()
        for driver in self.drivers.values():
            driver.freshness = Freshness.WAITING
        self._later(SERVER_TICK_S, self._server_tick, self.process)

    def start_driver(self, ups: str, delay_s: float = 0.5) -> None:
        """A driver that reads its UPS from now on."""
        driver = self.drivers[ups]
        driver.snapshot = EMPTY
        self._later(delay_s, lambda: self._driver_poll(driver), driver.process)

    def driver_died(self, ups: str) -> None:
        """Its socket is closed: the server knows at once."""
        driver = self.drivers[ups]
        self._later(0.01, lambda: self._served(driver, Freshness.DISCONNECTED), self.process)

    # -- sessions, for the links -----------------------------------------------------------------

    def open(self, peer: str) -> Session:
        """A connection is accepted."""
        session = self.core.open_session(peer, self.world.engine.now)
        self._peers[session.number] = peer
        return session

    def ask(self, session: Session, request: bytes) -> bytes:
        """Requests in, their replies out."""
        now = self.world.engine.now
        if session.closed:
            return b""
        known = self.core.known(session, request, now)
        if known is not None:
            return known
        reaction = self.core.receive(session, request, now)
        self._effects(reaction.effects)
        return reaction.reply

    def close(self, session: Session) -> None:
        """The connection is gone, and the server has noticed."""
        self._effects(self.core.close_session(session, self.world.engine.now))

    # -- inside ---------------------------------------------------------------------------------

    def _fresh(self) -> ServerCore:
        ids = itertools.count(1)
        settings = Settings(new_id=lambda: f"id-{next(ids)}")
        return ServerCore(USERS, settings, [(ups, DESC) for ups in self.drivers])

    def _later(self, delay_s: float, action: Callable[[], None], owner: Process) -> None:
        engine = self.world.engine
        engine.at(engine.now + delay_s, action, owner)

    def _driver_poll(self, driver: Driver) -> None:
        """Read the UPS: honestly, not at all, or wrongly, as the scenario has it."""
        self._later(DRIVER_POLL_S, lambda: self._driver_poll(driver), driver.process)
        truth, now = driver.truth, self.world.engine.now
        fault = self.world.reading_fault(truth.name)
        freshness = Freshness.STALE
        if fault != "stale":
            truth.advance(now)
            draft = truth.reading(driver.snapshot)
            if isinstance(fault, Glitch):
                draft.set_status(Status.parse(fault.status))
                draft.set("battery.charge", fault.charge)
                self.world.tell("glitch", "", ups=truth.name, status=fault.status, charge=fault.charge)
            driver.snapshot, _ = draft.commit()
            freshness = Freshness.FRESH
        if self.process.alive and self.process.frozen_until <= now:
            self._served(driver, freshness)
        elif self.process.alive:
            self._later(0.0, lambda: self._served(driver, freshness), self.process)

    def _served(self, driver: Driver, freshness: Freshness) -> None:
        now = self.world.engine.now
        driver.heard_at, driver.freshness = now, freshness
        ups = driver.truth.name
        device = self.core.device(ups)
        known = None if device is None else device.view
        if known is not None and known.snapshot is driver.snapshot and known.freshness is freshness:
            return
        self.core.update(DeviceView(ups, DESC, driver.snapshot, freshness, Monotonic(now)))

    def _server_tick(self) -> None:
        now = self.world.engine.now
        self._later(SERVER_TICK_S, self._server_tick, self.process)
        for driver in self.drivers.values():
            if driver.freshness is Freshness.FRESH and now - driver.heard_at > MAXAGE_S:
                self._served(driver, Freshness.STALE)
        self._effects(self.core.tick(now))

    def _effects(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case FsdSet(ups):
                    self.world.tell("fsd", self.host, ups=ups)
                case LoginsChanged(ups, hosts):
                    self.world.tell("logins", self.host, ups=ups, hosts=hosts)
                case Drop(session, reason):
                    self.world.tell("dropped", self._peers.get(session.number, ""), reason=reason)
                case _:
                    pass

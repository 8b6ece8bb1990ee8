# SPDX-License-Identifier: GPL-2.0-or-later
"""One host of the world: a machine that can go down, sleep and crash, and the processes on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final, Protocol

from ridethrough.monitor import core, messages, shutdown
from ridethrough.monitor.settings import Settings
from ridethrough.sim.engine import Engine, Process
from ridethrough.sim.scenario import Computer, Part, Reload
from ridethrough.sim.station import Station
from ridethrough.sim.upsmon import Upsmon, timer_rules
from ridethrough.ups.status import Status

LOGOUT_AFTER_S: Final = 0.5
RESTART_S: Final = 5.0
"""What a service manager waits before it starts a failed service again."""
ASLEEP_W: Final = 3.0
BOOT_S: Final = 1.0
"""The monitor starts a moment after the drivers, as `serve` does it."""


class Machine(StrEnum):
    """What the machine is doing."""

    UP = "up"
    STOPPING = "stopping"
    OFF = "off"
    CRASHED = "crashed"


class Surroundings(Protocol):
    """What a host needs of the world."""

    engine: Engine

    def delay(self) -> float:
        """How long the wire takes, one way."""

    def passes(self, host: str, station: Station, *, back: bool) -> bool:
        """Whether a packet of a host gets to a station's machine, or back, now."""

    def redraw(self) -> None:
        """What a host draws has changed."""

    def tell(self, kind: str, host: str, **fields: Any) -> None:
        """Write into the trace."""


class Host:
    """A computer with its processes.  The world calls `begin` once, and may then do it any harm."""

    def __init__(
        self, computer: Computer, settings: Settings, world: Surroundings, stations: Mapping[str, Station]
    ) -> None:
        """`stations` by the UPS as the MONITOR line names it."""
        self.computer, self.settings, self.world = computer, settings, world
        self.engine = world.engine
        self.name = computer.name
        self.stations = stations
        self.station: Station | None = None
        self.machine = Machine.UP
        self.asleep_until = 0.0
        self.flag = False
        self.commanded_at: float | None = None
        """When SHUTDOWNCMD was asked for: the stamp that outlives the monitor, but not the boot."""
        self.upsmon: Upsmon | None = None
        core_process = Process(f"{self.name} serve")
        self.parts: dict[Part, Process] = {
            part: core_process if computer.serve else Process(f"{self.name} {part}")
            for part in (Part.MONITOR, Part.SERVER, Part.SCHEDULE)
        }
        self.parts[Part.HELPER] = Process(f"{self.name} helper")
        self.drivers: dict[str, Process] = {}
        self.told: dict[str, list[tuple[float, Status]]] = {}
        """What this host was told of each UPS, and when; for the promises' oracle."""

    @property
    def primary(self) -> bool:
        """Whether this host may set FSD and cut the power."""
        return bool(self.settings.primaries)

    @property
    def powered(self) -> bool:
        """Whether anything runs on it at all."""
        return self.machine in (Machine.UP, Machine.STOPPING)

    @property
    def draw_w(self) -> float:
        """What it takes from its UPSes."""
        if not self.powered:
            return 0.0
        return ASLEEP_W if self.asleep_until > self.engine.now else self.computer.draw_w

    def driver_process(self) -> Process:
        """The process of one more driver on this host."""
        return self.parts[Part.SERVER] if self.computer.serve else Process(f"{self.name} driver")

    def begin(self) -> None:
        """The host has booted: server, drivers and monitor start."""
        if self.station is not None:
            self.station.start_server()
            for ups in self.drivers:
                self.station.start_driver(ups, 0.0)
        self.engine.at(self.engine.now + BOOT_S, self._start_monitor, self.parts[Part.MONITOR])

    # -- harm ------------------------------------------------------------------------------------

    def kill(self, part: Part, back_s: float | None) -> None:
        """kill -9, and a start `back_s` later unless it is None."""
        if not self.powered:
            return
        if part is Part.MACHINE:
            self.crash()
            return
        self._end(part)
        if back_s is not None:
            self.engine.at(self.engine.now + back_s, lambda: self._back(part))

    def freeze(self, part: Part, for_s: float, announced: bool = False) -> None:
        """Nothing of this part runs for a while."""
        until = self.engine.now + for_s
        monitor = self.upsmon
        if announced and monitor is not None and monitor.process.frozen_until <= self.engine.now:
            monitor.feed(messages.SleepStarting())
            self.engine.at(until, lambda: monitor.feed(messages.SleepFinished()), monitor.process)
        if part is Part.MACHINE:
            self.asleep_until = max(self.asleep_until, until)
            self.world.redraw()
            self.engine.at(until, self.world.redraw)
            parts = [*self.parts.values(), *self.drivers.values()]
        elif part is Part.DRIVER:
            parts = list(self.drivers.values())
        else:
            parts = [self.parts[part]]
        for process in parts:
            process.frozen_until = max(process.frozen_until, until)

    def reload(self, reload: Reload) -> None:
        """upsmon.conf has changed, and the monitor is told to read it."""
        changes: dict[str, Any] = dict(reload.changes)
        self.settings = replace(self.settings, **changes)
        monitor = self.upsmon
        if monitor is not None and not monitor.ended:
            settings = self.settings
            self.engine.at(self.engine.now, lambda: monitor.reload(settings), monitor.process)

    def order(self) -> None:
        """A person orders the shutdown."""
        monitor = self.upsmon
        if monitor is not None and not monitor.ended:
            self.engine.at(self.engine.now, lambda: monitor.feed(messages.UserFsd()), monitor.process)

    def crash(self) -> None:
        """The power is gone."""
        if self.powered:
            self.tell("crashed", was=self.machine.value)
            self._stop_all(Machine.CRASHED)

    # -- what the monitor asks (upsmon.Body) -----------------------------------------------------

    def tell(self, kind: str, **fields: Any) -> None:
        """Write into the trace; what was told of a UPS is kept apart."""
        if kind == "told":
            self.told.setdefault(fields["ups"], []).append((self.engine.now, fields["status"]))
        else:
            self.world.tell(kind, self.name, **fields)

    def delay(self) -> float:
        """See `Surroundings`."""
        return self.world.delay()

    def reaches(self, station: Station, *, back: bool) -> bool:
        """Packets on the machine itself always arrive."""
        if station.host == self.name:
            return True
        return self.world.passes(self.name, station, back=back)

    def write_flag(self) -> None:
        """The helper writes POWERDOWNFLAG, if it lives."""
        if self.parts[Part.HELPER].alive:
            self.flag = True
            self.tell("flag")

    def shut_down(self) -> bool:
        """The helper starts SHUTDOWNCMD, if it lives."""
        if not self.parts[Part.HELPER].alive:
            self.tell("refused")
            return False
        self.tell("shutdown")
        if self.commanded_at is None:
            self.engine.at(self.engine.now + self.computer.command_s, self._services_stop)
        self.commanded_at = self.engine.now
        return True

    def monitor_ends(self, status: int) -> None:
        """A service manager starts it again (`Restart=always`); `serve` goes on without its monitor."""
        if status != 0 or not self.computer.serve:
            part = Part.MONITOR
            self._end(part)
            self.engine.at(self.engine.now + RESTART_S, lambda: self._back(part))

    # -- lives of processes ----------------------------------------------------------------------

    def _start_monitor(self) -> None:
        """upsmon starts: a POWERDOWNFLAG of an earlier shutdown is cleared."""
        if not self.parts[Part.HELPER].alive:
            self.parts[Part.HELPER].start()
        held = self.commanded_at
        if self.flag and not shutdown.is_held(held, self.engine.now):
            self.flag = False
            self.tell("unflag")
        conf = None if self.computer.timer_s is None else timer_rules(self.computer.timer_s)
        timers = None if conf is None else (self.parts[Part.SCHEDULE], conf)
        state = core.initial(self.settings, self.engine.now, commanded_at=held)
        self.upsmon = Upsmon(self, self.parts[Part.MONITOR], self.stations, state, timers)
        self.upsmon.begin()

    def _processes(self, part: Part) -> list[Process]:
        return list(self.drivers.values()) if part is Part.DRIVER else [self.parts[part]]

    def _end(self, part: Part) -> None:
        """End a part, and all that shares its process."""
        monitor = self.upsmon
        for process in self._processes(part):
            if not process.alive:
                continue
            process.kill()
            if monitor is not None and process is monitor.process and not monitor.ended:
                monitor.dead()
        if part is Part.DRIVER and self.station is not None and not self.computer.serve:
            for ups in self.drivers:
                self.station.driver_died(ups)

    def _back(self, part: Part) -> None:
        """What was ended starts again, if the machine still runs its services."""
        if self.machine is not Machine.UP:
            return
        if self.asleep_until > self.engine.now:
            self.engine.at(self.asleep_until, lambda: self._back(part))
            return
        if part is Part.HELPER:
            # Only root can start it: the whole service begins anew, as it ends without its helper.
            part = Part.MONITOR
            self._end(part)
        processes = [process for process in self._processes(part) if not process.alive]
        for process in processes:
            process.start()
        if self.parts[Part.MONITOR] in processes:
            self._start_monitor()
        if self.station is None:
            return
        if self.parts[Part.SERVER] in processes:
            self.station.start_server()
        for ups, process in self.drivers.items():
            if process in processes:
                self.station.start_driver(ups)

    def _services_stop(self) -> None:
        """The machine stops: its upsmon leaves early, as every service does; then it is off."""
        if self.machine is not Machine.UP:
            return
        if self.asleep_until > self.engine.now:
            self.engine.at(self.asleep_until, self._services_stop)
            return
        self.machine = Machine.STOPPING
        now = self.engine.now
        self.engine.at(now + min(LOGOUT_AFTER_S, self.computer.stop_s), self._leave)
        self.engine.at(now + self.computer.stop_s, self._off)

    def _leave(self) -> None:
        if self.powered and self.upsmon is not None:
            if self.upsmon.process.alive and not self.upsmon.ended:
                self.upsmon.leave()
            self.tell("left")

    def _off(self) -> None:
        if self.machine is Machine.STOPPING:
            self.tell("off")
            self._stop_all(Machine.OFF)

    def _stop_all(self, machine: Machine) -> None:
        self.machine = machine
        if self.upsmon is not None:
            self.upsmon.ended = True
        for process in [*self.parts.values(), *self.drivers.values()]:
            if process.alive:
                process.kill()
        self.world.redraw()

# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens in a world, as data: UPSes, computers, outages and faults.  `sim.draw` makes one of a seed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

UPS: Final = "ups"
PRIMARY: Final = "primary"


class Part(StrEnum):
    """What can be killed or frozen on a computer.  In `serve` all but the helper are one process."""

    MONITOR = "monitor"
    SERVER = "server"
    DRIVER = "driver"
    HELPER = "helper"
    SCHEDULE = "schedule"
    MACHINE = "machine"


class Way(StrEnum):
    """Which way of a wire is lost, as the host sees it."""

    BOTH = "both"
    OUT = "out"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class When:
    """A time: `at` seconds after the beginning, or after the first trace line of kind `after` (of `host`)."""

    at: float = 0.0
    after: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """The wire of a host is cut from `begin` to `end`.  With `after`, both count from that trace line."""

    host: str
    begin: float
    end: float
    way: Way = Way.BOTH
    after: str = ""


@dataclass(frozen=True, slots=True)
class Kill:
    """kill -9 of a part of a host; it is started again `back_s` later, or never."""

    host: str
    part: Part
    when: When
    back_s: float | None = 5.0


@dataclass(frozen=True, slots=True)
class Freeze:
    """A part does nothing for a while (SIGSTOP); for `MACHINE` the whole host sleeps (suspend).

    `announced`: the monitor is told before and after that the machine sleeps.
    """

    host: str
    part: Part
    when: When
    for_s: float
    announced: bool = False


@dataclass(frozen=True, slots=True)
class Reload:
    """upsmon.conf of a host is read again, with these fields of `monitor.settings.Settings` changed."""

    host: str
    when: When
    changes: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A person orders the shutdown of a host: `upsmon -c fsd`."""

    host: str
    when: When


Fault = Cut | Kill | Freeze | Reload | Order


@dataclass(frozen=True, slots=True)
class Glitch:
    """One poll of the driver at `at` reads nonsense."""

    at: float
    status: str
    charge: str
    ups: str = UPS


@dataclass(frozen=True, slots=True)
class Stale:
    """The driver of a UPS says DATASTALE from `begin` to `end`."""

    begin: float
    end: float
    ups: str = UPS


@dataclass(frozen=True, slots=True)
class Unit:
    """A UPS: at which host its driver and server run, its battery, and its mains as (when, on) in order."""

    name: str = UPS
    host: str = PRIMARY
    mains: tuple[tuple[float, bool], ...] = ()
    capacity_wh: float = 60.0
    charge_percent: float = 100.0
    low_percent: float = 20.0


@dataclass(frozen=True, slots=True)
class Feed:
    """A MONITOR line.  Who has the role of primary is said by `Unit.host`; power value 0 only watches."""

    ups: str = UPS
    power_value: int = 1


@dataclass(frozen=True, slots=True)
class Computer:
    """A host.  `command_s`: from SHUTDOWNCMD to the stopping of services; `stop_s`: from there to off.

    `serve`: server, drivers, monitor and schedule are one process.
    `timer_s`: upssched orders the shutdown when the host has been on battery for so long.
    `strict_c`: it judges by C upsmon's rules.
    """

    name: str
    feeds: tuple[Feed, ...] = (Feed(),)
    minsupplies: int = 1
    command_s: float = 0.5
    stop_s: float = 20.0
    draw_w: float = 60.0
    serve: bool = False
    strict_c: bool = False
    timer_s: float | None = None
    shutdownexit_s: float | None = 0.0
    pollfreq_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """All times in seconds from the world's beginning."""

    seed: int = 0
    units: tuple[Unit, ...] = (Unit(),)
    computers: tuple[Computer, ...] = (Computer(PRIMARY),)
    hostsync_s: float = 15.0
    finaldelay_s: float = 5.0
    deadtime_s: float = 15.0
    faults: tuple[Fault, ...] = ()
    stale: tuple[Stale, ...] = ()
    glitches: tuple[Glitch, ...] = ()
    end_s: float = 3600.0


def simple(
    mains: tuple[tuple[float, bool], ...] = (),
    *,
    seed: int = 0,
    capacity_wh: float = 60.0,
    secondaries_stop_s: tuple[float, ...] = (10.0, 15.0),
    primary: Computer | None = None,
    strict_c: bool = False,
    hostsync_s: float = 15.0,
    faults: tuple[Fault, ...] = (),
    stale: tuple[Stale, ...] = (),
    glitches: tuple[Glitch, ...] = (),
    end_s: float = 3600.0,
) -> Scenario:
    """One UPS, its primary, and secondaries: what most tests written by hand need."""
    secondaries = (
        Computer(f"secondary{index}", stop_s=stop_s, strict_c=strict_c)
        for index, stop_s in enumerate(secondaries_stop_s, 1)
    )
    return Scenario(
        seed=seed,
        units=(Unit(mains=mains, capacity_wh=capacity_wh),),
        computers=(primary or Computer(PRIMARY, strict_c=strict_c), *secondaries),
        hostsync_s=hostsync_s,
        faults=faults,
        stale=stale,
        glitches=glitches,
        end_s=end_s,
    )

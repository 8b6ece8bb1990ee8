# SPDX-License-Identifier: GPL-2.0-or-later
"""A scenario drawn from a seed: outages short and long, several UPSes, and faults of all kinds."""

from __future__ import annotations

from random import Random
from typing import Final

from ridethrough.sim.scenario import (
    PRIMARY,
    UPS,
    Computer,
    Cut,
    Fault,
    Feed,
    Freeze,
    Glitch,
    Kill,
    Order,
    Part,
    Reload,
    Scenario,
    Stale,
    Unit,
    Way,
    When,
)

GLITCHES: Final = (
    ("OL OB", "100"),
    ("OB LB", "100"),
    ("OL LB", "0"),
    ("OL CAL LB", "12"),
    ("OL", "0"),
)
"""Nonsense that real devices have said for one poll: see `docs/promises.md`."""

SECOND: Final = "primary2"
MOMENTS: Final = (
    "fsd",
    "begins",
    "flag",
    "shutdown",
    "notice:ONBATT",
    "notice:LOWBATT",
    "notice:SHUTDOWN",
    "notice:SHUTDOWN_HOSTSYNC",
)
"""Trace lines that a fault may wait for: the ones in the middle of a shutdown are hard to meet by chance."""
PARTS: Final = (Part.MONITOR, Part.MONITOR, Part.SERVER, Part.DRIVER, Part.HELPER, Part.SCHEDULE)


def draw(seed: int) -> Scenario:
    """The scenario of a seed."""
    rng = Random(seed)
    units = _units(rng)
    computers = _computers(rng, units)
    names = [computer.name for computer in computers]
    begin, end = _span(units)
    hostsync_s = rng.choice((5.0, 15.0, 15.0, 40.0))
    faults = [_fault(rng, names, begin, end) for _ in range(rng.choice((0, 1, 1, 2, 3, 5)))]
    return Scenario(
        seed=seed,
        units=units,
        computers=computers,
        hostsync_s=hostsync_s,
        finaldelay_s=rng.choice((5.0, 5.0, 0.0, 12.0)),
        deadtime_s=rng.choice((15.0, 15.0, 15.0, 25.0)),
        faults=tuple(faults),
        stale=tuple(_stale(rng, units, begin, end) for _ in range(rng.choice((0, 0, 1, 2)))),
        glitches=tuple(_glitch(rng, units, begin, end) for _ in range(rng.choice((0, 0, 1, 3)))),
        end_s=end + 400.0,
    )


def _mains(rng: Random) -> tuple[tuple[float, bool], ...]:
    at = rng.uniform(5, 25)
    mains: list[tuple[float, bool]] = []
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        mains.append((at, False))
        at += rng.choice((0.5, 3.0, 20.0, 60.0, 150.0)) * rng.uniform(0.5, 1.5)
        mains.append((at, True))
        at += rng.choice((0.5, 5.0, 60.0)) * rng.uniform(0.5, 2.0)
    if rng.random() < 0.15:
        for _ in range(rng.randint(3, 12)):  # flapping
            mains += [(at, False), (at + rng.uniform(0.1, 6.0), True)]
            at = mains[-1][0] + rng.uniform(0.1, 6.0)
    if rng.random() < 0.8:
        mains.append((at, False))  # this one does not end
    return tuple(mains)


def _units(rng: Random) -> tuple[Unit, ...]:
    names = [(UPS, PRIMARY)]
    shape = rng.random()
    if shape < 0.15:
        names.append(("ups2", PRIMARY))
    elif shape < 0.35:
        names.append(("ups2", SECOND))
    mains = _mains(rng)
    same = rng.random() < 0.7
    return tuple(
        Unit(
            name,
            host,
            mains if same or index == 0 else _mains(rng),
            capacity_wh=rng.uniform(8, 50),
            charge_percent=rng.choice((100.0, 75.0, 60.0, 35.0)),
            low_percent=rng.choice((20.0, 30.0, 50.0)),
        )
        for index, (name, host) in enumerate(names)
    )


def _computers(rng: Random, units: tuple[Unit, ...]) -> tuple[Computer, ...]:
    owners = list(dict.fromkeys(unit.host for unit in units))
    names = [*owners, *(f"secondary{index + 1}" for index in range(rng.choice((0, 1, 1, 2, 2, 3))))]
    return tuple(_computer(rng, name, name in owners, units) for name in names)


def _computer(rng: Random, name: str, owner: bool, units: tuple[Unit, ...]) -> Computer:
    own = [unit.name for unit in units if unit.host == name]
    others = [unit.name for unit in units if unit.host != name]
    fed = list(own)
    if not owner or rng.random() < 0.5:
        fed += [ups for ups in others if not fed or rng.random() < 0.7]
    feeds = tuple(Feed(ups, 1 if index == 0 else rng.choice((1, 1, 0))) for index, ups in enumerate(fed))
    total = sum(feed.power_value for feed in feeds)
    return Computer(
        name,
        feeds,
        minsupplies=rng.choice((1, total)),
        command_s=rng.choice((0.2, 0.5, 3.0, 30.0)),
        stop_s=rng.uniform(3, 25),
        draw_w=rng.uniform(40, 90),
        serve=rng.random() < 0.5,
        strict_c=not owner and rng.random() < 0.2,
        timer_s=rng.choice((10.0, 40.0)) if rng.random() < 0.1 else None,
        shutdownexit_s=rng.choice((0.0, 0.0, 20.0, None)),
        pollfreq_s=rng.choice((5.0, 5.0, 5.0, 2.0)),
    )


def _span(units: tuple[Unit, ...]) -> tuple[float, float]:
    """From just before the first outage to just after the last change of the mains."""
    moments = [at for unit in units for at, _ in unit.mains] or [30.0]
    return max(2.0, min(moments) - 15.0), max(moments) + 60.0


def _when(rng: Random, names: list[str], begin: float, end: float) -> When:
    if rng.random() < 0.5:
        return When(rng.uniform(begin, end + 120.0))
    delay_s = rng.choice((0.0, 0.3, 1.0, 4.0, 10.0)) * rng.uniform(0.5, 1.5)
    host = rng.choice(names) if rng.random() < 0.5 else ""
    return When(delay_s, rng.choice(MOMENTS), host)


def _fault(rng: Random, names: list[str], begin: float, end: float) -> Fault:
    when = _when(rng, names, begin, end)
    host = rng.choice(names)
    kind = rng.random()
    for_s = rng.choice((0.5, 4.0, 14.0, 25.0, 60.0)) * rng.uniform(0.5, 1.5)
    if kind < 0.30:
        others = names[1:] or names
        return Cut(rng.choice(others), when.at, when.at + for_s, rng.choice(tuple(Way)), when.after)
    if kind < 0.65:
        back_s = None if rng.random() < 0.1 else rng.choice((0.2, 2.0, 5.0, 20.0))
        return Kill(host, rng.choice(PARTS), when, back_s)
    if kind < 0.75:
        return Freeze(host, rng.choice((Part.MONITOR, Part.SERVER, Part.DRIVER)), when, for_s)
    if kind < 0.85:
        return Freeze(host, Part.MACHINE, when, for_s * 2.0, announced=rng.random() < 0.5)
    if kind < 0.97:
        return Reload(host, when, tuple(rng.sample(_changes(rng), rng.randint(1, 2))))
    return Order(host, when)


def _changes(rng: Random) -> list[tuple[str, float]]:
    return [
        ("hostsync_s", rng.choice((2.0, 8.0, 30.0))),
        ("finaldelay_s", rng.choice((0.0, 10.0))),
        ("deadtime_s", rng.choice((15.0, 30.0))),
        ("pollfreq_s", rng.choice((2.0, 5.0))),
        ("minsupplies", 1),
    ]


def _stale(rng: Random, units: tuple[Unit, ...], begin: float, end: float) -> Stale:
    since = rng.uniform(begin, end + 60.0)
    return Stale(since, since + rng.choice((1.0, 5.0, 12.0, 40.0)), rng.choice(units).name)


def _glitch(rng: Random, units: tuple[Unit, ...], begin: float, end: float) -> Glitch:
    status, charge = rng.choice(GLITCHES)
    return Glitch(rng.uniform(begin, end), status, charge, rng.choice(units).name)

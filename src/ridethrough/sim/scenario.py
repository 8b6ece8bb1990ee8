# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens in a world: drawn from a seed, or written by hand in a test."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

UPS: Final = "ups"


@dataclass(frozen=True, slots=True)
class Cut:
    """The wire of a host is cut from `begin` to `end`."""

    host: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Glitch:
    """One poll of the driver at `at` reads nonsense."""

    at: float
    status: str
    charge: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """All times in seconds from the world's beginning; `mains` is (when, on) in order."""

    seed: int = 0
    mains: tuple[tuple[float, bool], ...] = ()
    capacity_wh: float = 60.0
    charge_percent: float = 100.0
    secondaries_stop_s: tuple[float, ...] = (10.0, 15.0)
    primary_stop_s: float = 20.0
    host_draw_w: float = 60.0
    hostsync_s: float = 15.0
    finaldelay_s: float = 5.0
    deadtime_s: float = 15.0
    cuts: tuple[Cut, ...] = ()
    stale: tuple[tuple[float, float], ...] = ()
    glitches: tuple[Glitch, ...] = ()
    strict_c: bool = False
    end_s: float = 3600.0


GLITCHES: Final = (
    ("OL OB", "100"),
    ("OB LB", "100"),
    ("OL LB", "0"),
    ("OL CAL LB", "12"),
    ("OL", "0"),
)
"""Nonsense that real devices have said for one poll: see `docs/promises.md`."""


def draw(seed: int) -> Scenario:
    """A scenario with outages, short ones and long, and faults of wire, driver and device."""
    rng = Random(seed)
    mains: list[tuple[float, bool]] = []
    at = rng.uniform(20, 120)
    for _ in range(rng.randint(0, 3)):
        mains.append((at, False))
        at += rng.choice((0.5, 3.0, 20.0, 120.0, 600.0)) * rng.uniform(0.5, 1.5)
        mains.append((at, True))
        at += rng.uniform(0.5, 200.0)
    if rng.random() < 0.6:
        mains.append((at, False))  # this one does not end
    secondaries = tuple(rng.uniform(2, 30) for _ in range(rng.randint(0, 4)))
    names = ["primary", *(f"secondary{index + 1}" for index in range(len(secondaries)))]
    cuts = []
    for name in names[1:]:
        for _ in range(rng.randint(0, 2)):
            begin = rng.uniform(0, 1000)
            cuts.append(Cut(name, begin, begin + rng.choice((0.5, 4.0, 14.0, 60.0))))
    stale = []
    for _ in range(rng.randint(0, 2)):
        begin = rng.uniform(0, 1000)
        stale.append((begin, begin + rng.choice((1.0, 5.0, 12.0, 40.0))))
    glitches = []
    for _ in range(rng.randint(0, 3)):
        status, charge = rng.choice(GLITCHES)
        glitches.append(Glitch(rng.uniform(1, 1000), status, charge))
    return Scenario(
        seed=seed,
        mains=tuple(mains),
        capacity_wh=rng.uniform(15, 120),
        charge_percent=rng.choice((100.0, 100.0, 60.0, 30.0)),
        secondaries_stop_s=secondaries,
        primary_stop_s=rng.uniform(5, 40),
        hostsync_s=rng.choice((5.0, 15.0, 60.0)),
        cuts=tuple(cuts),
        stale=tuple(stale),
        glitches=tuple(glitches),
        end_s=at + 2400.0,
    )

# SPDX-License-Identifier: GPL-2.0-or-later
"""Outages played through the pure cores, and the promises held against their traces."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ridethrough.sim import promises
from ridethrough.sim.scenario import Cut, Glitch, Scenario, draw
from ridethrough.sim.world import Happened, World

LONG = ((30.0, False),)


def play(scenario: Scenario) -> World:
    world = World(scenario)
    world.run()
    return world


def times(world: World, kind: str, host: str | None = None) -> list[float]:
    return [line.at for line in world.trace if line.kind == kind and host in (None, line.host)]


def notices(world: World, host: str) -> list[str]:
    return [line.fields["type"] for line in world.trace if line.kind == "notice" and line.host == host]


def test_a_long_outage_brings_everybody_down_in_order() -> None:
    """The secondaries leave first, the primary follows, and only then the load is cut."""
    world = play(Scenario(mains=LONG))
    assert notices(world, "primary") == ["ONBATT", "LOWBATT", "FSD", "SHUTDOWN_HOSTSYNC", "SHUTDOWN"]
    left = [*times(world, "left", "secondary1"), *times(world, "left", "secondary2")]
    (primary_at,) = times(world, "shutdown", "primary")
    (cut,) = (line for line in world.trace if line.kind == "cut")
    assert len(left) == 2
    assert max(left) < primary_at < cut.at
    assert cut.fields == {"why": "command"}
    assert not times(world, "crashed")
    assert promises.kept(world) == []


def test_a_short_outage_harms_nobody() -> None:
    """ONBATT, ONLINE, and nothing else."""
    world = play(Scenario(mains=((30.0, False), (90.0, True)), end_s=400))
    assert notices(world, "primary") == ["ONBATT", "ONLINE"]
    assert not times(world, "shutdown")


def test_a_secondary_that_hangs_holds_the_primary_for_hostsync_and_no_longer() -> None:
    """Its wire is cut, so it never says goodbye: HOSTSYNC bounds the wait."""
    world = play(Scenario(mains=LONG, cuts=(Cut("secondary1", 938, 3600),), hostsync_s=40))
    (fsd_at,) = times(world, "fsd")
    (primary_at,) = times(world, "shutdown", "primary")
    assert 40 <= primary_at - fsd_at - world.scenario.finaldelay_s <= 45
    assert promises.kept(world) == []


def test_mains_that_returns_in_mid_shutdown_does_not_strand_the_load() -> None:
    """The flag is written, so the UPS cycles its output, and the hosts can start again."""
    world = play(Scenario(mains=((30.0, False), (950.0, True)), end_s=1500))
    (cut,) = times(world, "cut")
    assert cut > 950
    assert world.truth.output
    assert promises.kept(world) == []


@pytest.mark.parametrize("status", ["OB LB", "OL OB", "OL LB"])
def test_one_poll_of_nonsense_shuts_nobody_down(status: str) -> None:
    """A single implausible sample is not a fact."""
    world = play(Scenario(glitches=(Glitch(100, status, "100"),), end_s=400))
    assert any(line.kind == "glitch" for line in world.trace)
    assert not times(world, "shutdown")


def test_the_oracle_sees_a_monitor_that_believes_at_once() -> None:
    """Promise 1 can fail: C's rule shuts down on one false sample, and the check says so."""
    glitches = tuple(Glitch(at, "OB LB", "100") for at in (100, 102, 104, 106))
    world = play(Scenario(strict_c=True, glitches=glitches[:3], end_s=400))
    assert times(world, "shutdown", "primary")
    assert any(line.startswith("promise 1") for line in promises.first(world))


def doctored(world: World, drop: Sequence[str] = (), add: Sequence[Happened] = ()) -> World:
    world.trace[:] = [line for line in world.trace if line.kind not in drop] + list(add)
    world.trace.sort(key=lambda line: line.at)
    return world


def test_the_oracle_sees_a_cut_without_flag() -> None:
    """Promise 2 can fail: no flag, and a secondary that is still there."""
    broken = promises.second(doctored(play(Scenario(mains=LONG)), drop=("flag",)))
    assert [line.startswith("promise 2") and "POWERDOWNFLAG" in line for line in broken] == [True]
    early = Happened(50.0, "cut", "", {"why": "command"})
    broken = promises.second(doctored(play(Scenario(mains=LONG)), add=(early,)))
    assert any("logged in, before HOSTSYNC" in line for line in broken)


def test_the_oracle_sees_a_second_order() -> None:
    """Promise 3 can fail: twice stopped, stopped before the flag, a secondary with a flag."""
    world = play(Scenario(mains=LONG))
    again = [line for line in world.trace if line.kind == "shutdown"]
    stray = Happened(5.0, "flag", "secondary1", {})
    broken = promises.third(doctored(world, drop=("flag",), add=(*again, stray)))
    assert [line.split(":")[1].split()[0] for line in broken] == [
        "primary",
        "primary",
        "secondary1",
        "secondary1",
        "secondary2",
    ]


def test_the_same_seed_gives_the_same_trace() -> None:
    """A failure is reproduced from its seed."""
    assert [str(line) for line in play(draw(5)).trace] == [str(line) for line in play(draw(5)).trace]


@pytest.mark.parametrize("block", range(4))
def test_promises_hold_whatever_the_seed_draws(block: int) -> None:
    """Promises 1, 2 and 3, over outages, cut wires, stale drivers and nonsense readings."""
    for seed in range(block * 10, block * 10 + 10):
        assert promises.kept(play(draw(seed))) == [], f"seed {seed}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("block", range(4))
def test_promises_hold_for_a_thousand_seeds(block: int) -> None:
    """The same, long."""
    for seed in range(1000 + block * 250, 1250 + block * 250):
        assert promises.kept(play(draw(seed))) == [], f"seed {seed}"


def test_everybody_is_down_before_the_battery_is_empty() -> None:
    """Promise 5, for batteries that are large enough for the way down."""
    for seed in range(10):
        drawn = draw(seed)
        scenario = Scenario(
            seed=seed, mains=LONG, capacity_wh=40 + seed * 8.0, secondaries_stop_s=drawn.secondaries_stop_s
        )
        world = play(scenario)
        assert not times(world, "crashed"), f"seed {seed}"
        assert all(host.machine.value == "off" for host in world.hosts), f"seed {seed}"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Outages played through the pure cores, and what everybody sees of them."""

from __future__ import annotations

import datetime
import itertools
import time

import pytest

from ridethrough.sim import promises
from ridethrough.sim.draw import draw
from ridethrough.sim.scenario import (
    PRIMARY,
    Computer,
    Cut,
    Feed,
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
    simple,
)
from ridethrough.sim.world import World
from tests.support.worlds import LONG, notices, play, times


def test_a_long_outage_brings_everybody_down_in_order() -> None:
    """The secondaries leave first, the primary follows, and only then the load is cut."""
    world = play(simple(LONG))
    assert notices(world, "primary") == ["ONBATT", "LOWBATT", "FSD", "SHUTDOWN_HOSTSYNC", "SHUTDOWN"]
    left = [*times(world, "left", "secondary1"), *times(world, "left", "secondary2")]
    (primary_at,) = times(world, "shutdown", "primary")
    (cut,) = (line for line in world.trace if line.kind == "cut")
    assert len(left) == 2
    assert max(left) < primary_at < cut.at
    assert cut.fields["why"] == "command"
    assert not times(world, "crashed")
    assert promises.kept(world) == []


def test_a_short_outage_harms_nobody() -> None:
    """ONBATT, ONLINE, and nothing else."""
    world = play(simple(((30.0, False), (90.0, True)), end_s=400))
    assert notices(world, "primary") == ["ONBATT", "ONLINE"]
    assert not times(world, "shutdown")


def test_a_secondary_that_hangs_holds_the_primary_for_hostsync_and_no_longer() -> None:
    """Its wire is cut, so it never says goodbye: HOSTSYNC bounds the wait."""
    world = play(simple(LONG, faults=(Cut("secondary1", 938, 3600),), hostsync_s=40))
    (fsd_at,) = times(world, "fsd")
    (primary_at,) = times(world, "shutdown", "primary")
    assert 40 <= primary_at - fsd_at - world.scenario.finaldelay_s <= 45
    assert promises.kept(world) == []


def test_mains_that_returns_in_mid_shutdown_does_not_strand_the_load() -> None:
    """The flag is written, so the UPS cycles its output, and the hosts can start again."""
    world = play(simple(((30.0, False), (950.0, True)), end_s=1500))
    (cut,) = times(world, "cut")
    assert cut > 950
    truth = world.truths["ups"]
    truth.advance(cut + 60)
    assert truth.output
    assert promises.kept(world) == []


@pytest.mark.parametrize("status", ["OB LB", "OL OB", "OL LB"])
def test_one_poll_of_nonsense_shuts_nobody_down(status: str) -> None:
    """A single implausible sample is not a fact."""
    world = play(simple(glitches=(Glitch(100, status, "100"),), end_s=400))
    assert times(world, "glitch")
    assert not times(world, "shutdown")


def test_two_kinds_of_nonsense_do_not_confirm_each_other() -> None:
    """LB said on line, or while calibrating, does not make the next `OB LB` at 100 % plausible."""
    for before in ("OL LB", "OL CAL LB"):
        glitches = (Glitch(100, before, "12"), Glitch(102, "OB LB", "100"))
        world = play(simple(primary=Computer(PRIMARY, pollfreq_s=2.0), glitches=glitches, end_s=200))
        assert len(times(world, "glitch")) == 2
        assert not times(world, "shutdown"), before


def two_units(minsupplies: int, *, both: bool = False) -> Scenario:
    """Two UPSes at two hosts, of which one loses its mains, or both; a third host is fed by both."""
    return Scenario(
        units=(
            Unit("a", "one", LONG, capacity_wh=20),
            Unit("b", "two", LONG if both else (), capacity_wh=20),
        ),
        computers=(
            Computer("one", (Feed("a"), Feed("b", 0))),
            Computer("two", (Feed("b"),)),
            Computer("three", (Feed("a"), Feed("b")), minsupplies=minsupplies),
        ),
        end_s=1500,
    )


@pytest.mark.parametrize(("minsupplies", "ordered"), [(1, 0), (2, 1)])
def test_a_host_with_two_supplies_obeys_minsupplies(minsupplies: int, ordered: int) -> None:
    """With one UPS of two lost it stays up if one is enough, and goes down in order if both are needed."""
    world = play(two_units(minsupplies))
    assert len(times(world, "shutdown", "one")) == 1
    assert len(times(world, "shutdown", "three")) == ordered
    assert not times(world, "shutdown", "two")
    assert not times(world, "crashed")
    assert promises.kept(world) == []


def test_a_host_with_two_supplies_goes_down_when_both_are_lost() -> None:
    """Each primary sees to its own UPS, and the host that both feed leaves both."""
    world = play(two_units(1, both=True))
    assert all(len(times(world, "shutdown", name)) == 1 for name in ("one", "two", "three"))
    assert not times(world, "crashed")
    assert promises.kept(world) == []


@pytest.mark.parametrize("serve", [False, True])
@pytest.mark.parametrize("part", [Part.SERVER, Part.MONITOR, Part.DRIVER, Part.HELPER])
def test_a_primary_killed_during_hostsync_leaves_nobody_behind(part: Part, serve: bool) -> None:
    """Whatever part of it is killed and comes back, the secondaries hear of FSD and are waited for."""
    kill = Kill(PRIMARY, part, When(0.3, "notice:SHUTDOWN_HOSTSYNC"), 0.2)
    primary = Computer(PRIMARY, serve=serve, stop_s=40.0)
    world = play(simple(LONG, primary=primary, faults=(kill,), hostsync_s=40))
    assert times(world, "fault")
    left = [*times(world, "left", "secondary1"), *times(world, "left", "secondary2")]
    assert len(left) == 2
    assert max(left) < times(world, "shutdown", PRIMARY)[-1]
    assert not times(world, "crashed")
    assert promises.kept(world) == []


def test_a_server_killed_behind_a_persons_order_is_told_fsd_again() -> None:
    """On line only FSD brings the secondaries down: forgotten, they would crash when the output is cut."""
    faults = (
        Order(PRIMARY, When(100.0)),
        Kill(PRIMARY, Part.SERVER, When(0.3, "notice:SHUTDOWN_HOSTSYNC"), 0.2),
    )
    world = play(simple(faults=faults, hostsync_s=40, end_s=400))
    assert len(times(world, "fsd")) == 2
    assert {line.host for line in world.trace if line.kind == "off"} == {PRIMARY, "secondary1", "secondary2"}
    assert not times(world, "crashed")
    assert promises.kept(world) == []


@pytest.mark.parametrize("when", ["begins", "notice:SHUTDOWN_HOSTSYNC", "notice:SHUTDOWN"])
def test_a_reload_in_the_middle_of_a_shutdown_changes_nothing(when: str) -> None:
    """Other times, and a MINSUPPLIES that would be met: what has begun keeps the settings it began with."""
    changes = (("hostsync_s", 0.0), ("finaldelay_s", 100.0), ("minsupplies", 0))
    reload = Reload(PRIMARY, When(0.1, when, PRIMARY), changes)
    ordered = [times(play(simple(LONG, faults=faults)), "shutdown", PRIMARY) for faults in ((), (reload,))]
    assert ordered[0] == pytest.approx(ordered[1], abs=1.0)


def test_a_connection_that_is_half_open_is_waited_for_until_it_is_idle_or_hostsync_is_over() -> None:
    """Replies are lost, requests arrive: the server counts a host that thinks it is alone."""
    cut = Cut("secondary1", 900, 3600, Way.BACK)
    world = play(simple(LONG, faults=(cut,), hostsync_s=40))
    assert promises.kept(world) == []
    assert len(times(world, "shutdown", "secondary1")) == 1


def test_a_host_that_sleeps_on_battery_goes_down_when_it_wakes() -> None:
    """It sleeps over the low point; after the resume nothing old is believed, and the host still stops."""
    nap = Freeze("secondary1", Part.MACHINE, When(200.0), 760.0, announced=True)
    world = play(simple(LONG, faults=(nap,), hostsync_s=40))
    assert times(world, "shutdown", "secondary1")[0] > 960
    assert "SUSPEND_FINISHED" in notices(world, "secondary1")
    assert promises.kept(world) == []


def test_a_timer_of_the_user_brings_a_host_down_before_low_battery() -> None:
    """START-TIMER at ONBATT and `upsmon -c fsd` from its script: an order, not an invention."""
    primary = Computer(PRIMARY, timer_s=40.0)
    world = play(simple(LONG, primary=primary))
    (ordered_at,) = times(world, "ordered", PRIMARY)
    assert 70 <= ordered_at <= 80
    assert len(times(world, "shutdown")) == 3
    assert promises.kept(world) == []


def test_the_same_seed_gives_the_same_trace() -> None:
    """A failure is reproduced from its seed."""
    assert [str(line) for line in play(draw(5)).trace] == [str(line) for line in play(draw(5)).trace]


def test_jumps_of_the_machine_clock_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No core looks at a clock: with all clocks of Python jumping about the traces are the same."""
    seeds = (3, 8, 21)
    before = {seed: [str(line) for line in play(draw(seed)).trace] for seed in seeds}
    jumps = itertools.cycle((0.0, 4e9, -7200.0, 86400.0, 1.0))
    for name in ("time", "monotonic", "perf_counter", "process_time"):
        monkeypatch.setattr(time, name, lambda: next(jumps))
    for name in ("time_ns", "monotonic_ns", "perf_counter_ns"):
        monkeypatch.setattr(time, name, lambda: int(next(jumps)))
    monkeypatch.setattr(time, "clock_gettime", lambda _: next(jumps))
    monkeypatch.setattr(datetime, "datetime", None)
    after = {seed: [str(line) for line in play(draw(seed)).trace] for seed in seeds}
    monkeypatch.undo()
    assert after == before


def test_a_world_that_hums_is_no_endless_loop() -> None:
    """A defect that makes events without end fails the seed, and does not hang the run."""
    world = World(simple())

    def again() -> None:
        world.engine.at(world.engine.now, again)

    world.engine.events = 999_000
    world.engine.at(1.0, again)
    with pytest.raises(AssertionError, match="hums"):
        world.run()

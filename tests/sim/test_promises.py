# SPDX-License-Identifier: GPL-2.0-or-later
"""The oracle of the promises can fail: a deliberately broken monitor, or a doctored trace, is caught."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ridethrough.monitor import critical, life, shutdown
from ridethrough.sim import liveness, promises
from ridethrough.sim.host import Host
from ridethrough.sim.scenario import Computer, Cut, Freeze, Glitch, Kill, Part, When, simple
from ridethrough.sim.world import Happened, World
from tests.support.worlds import LONG, doctored, play, times

SLOW = Computer("primary", stop_s=90.0)
"""A primary that takes its time: the battery stays low until the last host must have had its order."""


def test_a_monitor_that_believes_at_once_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 1: a monitor that shuts down on one false sample is caught."""
    scenario = simple(
        primary=Computer("primary", pollfreq_s=2.0), glitches=(Glitch(100, "OB LB", "100"),), end_s=400
    )
    assert promises.first(play(scenario)) == []
    monkeypatch.setattr(life, "doubt", lambda *_: (frozenset(), ""))
    assert any("primary" in line for line in promises.first(play(scenario)))


def test_a_monitor_without_deadtime_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 1: silence that is taken for danger at once is caught."""
    calm = critical.by_silence

    def hasty(life, supply, settings, now):  # type: ignore[no-untyped-def]
        verdict = calm(life, supply, settings, now)
        return critical.Verdict(True, critical.Cause.SILENT, "hasty") if verdict.again_at else verdict

    monkeypatch.setattr(critical, "RULES", tuple(hasty if rule is calm else rule for rule in critical.RULES))
    world = play(simple(((30.0, False), (300.0, True)), faults=(Cut("secondary1", 100, 112),), end_s=400))
    assert any("secondary1" in line for line in promises.first(world))


def test_a_cut_without_flag_is_seen() -> None:
    """Promise 2: no flag, and a secondary that is still there."""
    broken = promises.second(doctored(play(simple(LONG)), drop=("flag",)))
    assert [line.startswith("promise 2") and "POWERDOWNFLAG" in line for line in broken] == [True]
    early = Happened(50.0, "cut", "", {"ups": "ups", "why": "command"})
    broken = promises.second(doctored(play(simple(LONG)), add=(early,)))
    assert any("logged in, before HOSTSYNC" in line for line in broken)


def test_a_primary_that_does_not_wait_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 2: one that goes on while its secondaries are there is caught."""
    hasty = {
        **shutdown.MOVES,
        (shutdown.Phase.FSD_SET, shutdown.Move.FSD_ANSWERED): shutdown.Phase.FINALDELAY,
    }
    monkeypatch.setattr(shutdown, "MOVES", hasty)
    broken = promises.second(play(simple(LONG)))
    assert any("not gone" in line for line in broken)


def test_a_second_order_is_seen() -> None:
    """Promise 3: twice stopped, stopped before the flag, a secondary with a flag, a flag that is gone."""
    world = play(simple(LONG))
    again = [line for line in world.trace if line.kind == "shutdown"]
    stray = Happened(5.0, "flag", "secondary1", {})
    broken = promises.third(doctored(world, drop=("flag",), add=(*again, stray)))
    assert sorted(line.split(":")[1].split()[0] for line in broken) == [
        "primary",
        "primary",
        "secondary1",
        "secondary1",
        "secondary2",
    ]
    world = play(simple(LONG))
    (ordered,) = times(world, "shutdown", "primary")
    gone = Happened(ordered + 1, "unflag", "primary", {})
    assert any("without its flag" in line for line in promises.third(doctored(world, add=(gone,))))


def test_a_monitor_that_forgets_the_order_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 3: without the stamp a monitor that is killed behind SHUTDOWNCMD gives the order twice."""
    primary = Computer("primary", command_s=60.0, shutdownexit_s=None)
    faults = (Kill("primary", Part.MONITOR, When(2.0, "shutdown", "primary"), 3.0),)
    scenario = simple(LONG, primary=primary, faults=faults)
    assert promises.kept(play(scenario)) == []
    monkeypatch.setattr(shutdown, "is_held", lambda commanded_at, now: False)
    broken = promises.third(play(scenario))
    assert any("stopped 2 times" in line for line in broken)


def test_a_monitor_that_never_decides_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5: hosts that stay up on a battery that runs empty are caught, each by its name."""
    world = play(simple(LONG, primary=SLOW))
    assert [liveness.deadline(world, host) is not None for host in world.hosts] == [True, True, True]
    assert liveness.fifth(world) == []
    deaf = tuple(rule for rule in critical.RULES if rule not in (critical.by_low, critical.by_silence))
    monkeypatch.setattr(critical, "RULES", deaf)
    broken = liveness.fifth(play(simple(LONG, primary=SLOW)))
    assert [line.split()[2] for line in broken] == ["primary", "secondary1", "secondary2"]


def test_a_monitor_that_waits_for_ever_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5: a HOSTSYNC that lasts longer than configured is caught where a secondary hangs."""
    scenario = simple(LONG, faults=(Freeze("secondary1", Part.MONITOR, When(930.0), 2000.0),), capacity_wh=60)
    assert promises.kept(play(scenario)) == []
    monkeypatch.setattr(World, "_host", patient)
    assert any("primary" in line for line in liveness.fifth(play(scenario)))


def patient(world: World, computer: Computer) -> Host:
    """A host whose monitor takes HOSTSYNC for ten times what it is."""
    host = HOST(world, computer)
    host.settings = replace(host.settings, hostsync_s=10 * host.settings.hostsync_s)
    return host


HOST = World._host


def test_a_battery_that_is_too_small_is_no_broken_promise() -> None:
    """Promise 5 is held against what fits only: with seconds left after the low point nobody is judged."""
    world = play(simple(LONG, capacity_wh=3.0))
    assert [liveness.deadline(world, host) for host in world.hosts] == [None, None, None]


def test_a_fault_that_is_never_healed_excuses_who_depends_on_it() -> None:
    """A monitor that nobody starts again can't stop its host; the others are judged all the same."""
    faults = (Kill("secondary1", Part.MONITOR, When(100.0), None),)
    world = play(simple(LONG, primary=SLOW, faults=faults))
    judged = {host.name: liveness.deadline(world, host) is not None for host in world.hosts}
    assert judged == {"primary": True, "secondary1": False, "secondary2": True}
    assert promises.kept(world) == []

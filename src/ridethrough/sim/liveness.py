# SPDX-License-Identifier: GPL-2.0-or-later
"""The fifth promise, held against a trace: if a low battery lasts, everybody goes down in time.

The oracle knows what was physically true, which faults there were, and the times of the configuration.
It computes when each host must have been ordered down, and never asks the monitor.
"""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import Final

from ridethrough.sim.host import Host
from ridethrough.sim.scenario import Cut, Kill, Part, Reload
from ridethrough.sim.world import World

DETECT_S: Final = 6.0
"""From low to believed, besides the monitor's interval: the driver's poll, the wire, a second look."""
MEND_S: Final = 25.0
"""From the end of a fault to readings again: the start of the program, timeouts of polls, a poll."""
FSD_S: Final = 6.0


def fifth(world: World) -> list[str]:
    """5: every host that had the time was ordered down before the battery was empty."""
    broken = []
    for host in world.hosts:
        due = deadline(world, host)
        if due is None:
            continue
        gone = [
            line.at
            for line in world.trace
            if line.host == host.name and line.kind in ("shutdown", "crashed") and line.at <= due
        ]
        if not gone:
            broken.append(
                f"promise 5: {host.name} has no stop order at {due:.0f} s, and its battery stays low"
            )
    return broken


def deadline(world: World, host: Host) -> float | None:
    """When the host must have been ordered down; None where nothing, or a fault that was never healed, lasts.

    The low battery must last until then, with all faults on the way healed long enough before.
    """
    harm = _harm(world, host)
    for begin, end in _in_need(world, host):
        start = begin
        for _ in range(len(harm) + 1):
            due = start + _budget_s(world, host, start)
            later = max((until for since, until in harm if since < due and until > start), default=start)
            if later == start or later >= end:
                break
            start = later
        if later == start and due < end and due < world.now:
            return due
    return None


def _in_need(world: World, host: Host) -> list[tuple[float, float]]:
    """When the UPSes that are not low, or not feeding, are too few for this host."""
    times = {
        supply.ups: world.truths[supply.ups.partition("@")[0]].low_times()
        for supply in host.settings.supplies
    }
    moments = sorted({moment for pairs in times.values() for pair in pairs for moment in pair})
    found: list[tuple[float, float]] = []
    for begin, end in pairwise(moments):
        low = {
            ups
            for ups, pairs in times.items()
            if any(since <= begin and end <= until for since, until in pairs)
        }
        good = sum(supply.power_value for supply in host.settings.supplies if supply.ups not in low)
        value = sum(supply.power_value for supply in host.settings.supplies if supply.ups in low)
        if value and good < _least_minsupplies(world, host):
            if found and found[-1][1] == begin:
                found[-1] = (found[-1][0], end)
            else:
                found.append((begin, end))
    return found


def _budget_s(world: World, host: Host, start: float) -> float:
    """What the way to SHUTDOWNCMD may take, with the waits of primary and secondary for each other."""
    hostsync_s = _most(world, "hostsync_s", world.scenario.hostsync_s)
    budget_s = DETECT_S + host.computer.pollfreq_s + FSD_S + hostsync_s
    budget_s += _most(world, "finaldelay_s", world.scenario.finaldelay_s)
    roles = {supply.primary for supply in host.settings.supplies}
    if roles == {True, False}:
        budget_s += hostsync_s  # First it waits for one primary, then for its own secondaries.
    if False in roles and _owner_gone(world, host, start + budget_s):
        budget_s += _most(world, "deadtime_s", world.scenario.deadtime_s)
    return budget_s


def _owner_gone(world: World, host: Host, at: float) -> bool:
    """Whether a primary was gone, so that only silence is heard of its UPS."""
    owners = _owners(host) - {host.name}
    return any(
        line.kind in ("off", "crashed") and line.host in owners and line.at <= at for line in world.trace
    )


def _owners(host: Host) -> set[str]:
    return {supply.ups.partition("@")[2] for supply in host.settings.supplies}


def _harm(world: World, host: Host) -> list[tuple[float, float]]:
    """When something was amiss that this host's way down depends on, each with the time to recover."""
    owners = _owners(host)
    found = []
    for harm in world.harm:
        fault = harm.fault
        whose = fault.host == host.name or fault.host in owners
        if isinstance(fault, Reload) or not whose:
            continue
        if isinstance(fault, Cut) and fault.host != host.name:
            continue  # The owner's own wire is in its own machine.
        end = harm.end + MEND_S
        if (
            isinstance(fault, Kill)
            and fault.part is Part.SCHEDULE
            and not world.host(fault.host).computer.serve
        ):
            continue
        found.append((harm.begin, end))
    names = {supply.ups.partition("@")[0] for supply in host.settings.supplies}
    found += [(each.begin, each.end + MEND_S) for each in world.scenario.stale if each.ups in names]
    found += [(each.at, each.at + 2 + MEND_S) for each in world.scenario.glitches if each.ups in names]
    return found + _lost_servers(world, host, owners)


def _lost_servers(world: World, host: Host, owners: set[str]) -> list[tuple[float, float]]:
    """A server that went away while its UPS was not low: a fault that nobody heals."""
    return [
        (line.at, inf)
        for line in world.trace
        if line.kind in ("shutdown", "crashed")
        and line.host in owners - {host.name}
        and not _low_then(world, host, line.at)
    ]


def _low_then(world: World, host: Host, at: float) -> bool:
    return any(begin <= at <= end for begin, end in _in_need(world, host))


def _least_minsupplies(world: World, host: Host) -> float:
    return min([host.computer.minsupplies, *_changed(world, "minsupplies", host.name)])


def _most(world: World, name: str, value: float) -> float:
    """The highest value of a setting that was ever in force anywhere: a secondary waits for its primary."""
    return max([value, *_changed(world, name)])


def _changed(world: World, name: str, host: str = "") -> list[float]:
    return [
        number
        for harm in world.harm
        if isinstance(harm.fault, Reload) and host in ("", harm.fault.host)
        for field, number in harm.fault.changes
        if field == name
    ]

# SPDX-License-Identifier: GPL-2.0-or-later
"""The safety promises of `docs/promises.md`, held against a trace.  (The fifth is in `sim.liveness`.)

Each function gives the sentences that a trace breaks; none means that the promise was kept.
They judge by what the hosts were told and by what was physically true, never by asking the monitor.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from ridethrough.sim.host import Host
from ridethrough.sim.liveness import fifth
from ridethrough.sim.scenario import Cut, Freeze, Kill, Reload
from ridethrough.sim.world import Happened, World
from ridethrough.ups.status import Status

SLACK_S: Final = 1.0
READING_S: Final = 15.0
"""How old a reading may be when it is told: the driver's poll, the wire, and a timeout."""
CONFIRM_S: Final = 2.0
GONE_S: Final = 60.0
"""So long after its output went off a UPS is lost, whatever it says; by then OFFDURATION is over."""
ASK_AGAIN_S: Final = 120.0
DANGERS: Final = frozenset({"OB", "OFF", "CAL", "BYPASS", "ALARM", "FSD"})


def first(world: World) -> list[str]:
    """1: no shutdown while the power value on good supplies is enough, but for FSD and confirmed readings."""
    broken = []
    for line in world.trace:
        if line.kind != "begins":
            continue
        host = world.host(line.host)
        good = [
            supply.power_value
            for supply in host.settings.supplies
            if not _lost(world, host, supply.ups, line.at)
        ]
        need = _lowest(world, host, "minsupplies", host.computer.minsupplies, line.at)
        if sum(good) >= need and not _ordered(world, host, line.at):
            broken.append(f"promise 1: {line} with a power value of {sum(good)} on good supplies")
    return broken


def second(world: World) -> list[str]:
    """2: a primary goes on, and the load goes off, when the secondaries left or HOSTSYNC had expired."""
    broken = []
    for cut in (line for line in world.trace if line.kind == "cut" and line.fields["why"] == "command"):
        ups = cut.fields["ups"]
        owner = next(unit.host for unit in world.scenario.units if unit.name == ups)
        if not _flag_stood(world, owner, cut.at):
            broken.append(f"promise 2: {cut} without POWERDOWNFLAG")
        # What counts is who was there when the primary went on; who comes later finds FSD, or a dead server.
        at = max(_told(world, owner, "SHUTDOWN", cut.at), default=cut.at)
        waited = _waited_s(world, at, owner)
        logged_in = _steady_logins(world, ups, at) - {owner} - _gone(world, at)
        if logged_in and waited < _lowest(world, world.host(owner), "hostsync_s", world.scenario.hostsync_s):
            broken.append(f"promise 2: {cut} with {sorted(logged_in)} logged in, before HOSTSYNC expired")
    for line in world.trace:
        if line.kind == "notice" and line.fields["type"] == "SHUTDOWN" and world.host(line.host).primary:
            broken += _left_behind(world, line)
    return broken


def third(world: World) -> list[str]:
    """3: each host gets its stop order once, the flag before the primary's; and it stands at the end."""
    broken = []
    for host in world.hosts:
        orders = [line.at for line in world.trace if line.kind == "shutdown" and line.host == host.name]
        early = [later for before, later in pairwise(orders) if later - before < ASK_AGAIN_S]
        if early:
            broken.append(f"promise 3: {host.name} was stopped {len(early) + 1} times")
        flags = [line.at for line in world.trace if line.kind == "flag" and line.host == host.name]
        if orders and host.primary and not any(at <= orders[0] for at in flags):
            broken.append(f"promise 3: {host.name} was stopped before the flag was written")
        if flags and not host.primary:
            broken.append(f"promise 3: {host.name} is a secondary and wrote a flag")
        off = [line.at for line in world.trace if line.kind == "off" and line.host == host.name]
        slept = orders and off and _slept_between(world, host, orders[0], off[0])
        if off and flags and not slept and not _flag_stood(world, host.name, off[0]):
            broken.append(f"promise 3: {host.name} went off without its flag: nothing would start it again")
    return broken


def kept(world: World) -> list[str]:
    """All promises that the world can check so far."""
    return [*first(world), *second(world), *third(world), *fifth(world)]


def _slept_between(world: World, host: Host, begin: float, end: float) -> bool:
    """Whether a host was put to sleep on its way down: the time that its order is given may be over then."""
    return any(
        isinstance(harm.fault, Freeze)
        and harm.fault.host == host.name
        and begin <= harm.end
        and harm.begin <= end
        for harm in world.harm
    )


# -- the first --------------------------------------------------------------------------------------


def _ordered(world: World, host: Host, at: float) -> bool:
    """Whether a person, or a timer that the user wrote and that had a reason, had ordered it."""
    return any(line.kind == "ordered" and line.host == host.name and line.at <= at for line in world.trace)


def _lost(world: World, host: Host, ups: str, at: float) -> bool:
    """Whether this host had reason to count a UPS as lost at a time, from what it was told."""
    told = [(when, status) for when, status in host.told.get(ups, ()) if when <= at]
    if not told:
        return False
    last_at, last = told[-1]
    if any(at - GONE_S <= cut_at <= at for cut_at, _ in world.truths[ups.partition("@")[0]].cuts):
        return True
    slept_s = _slept_s(world, host, ups, at)
    recent = [(when, status) for when, status in told if when >= last_at - READING_S - slept_s]
    if any("FSD" in status for _, status in recent):
        return True
    if _confirmed_low(told) or (
        _low_said(recent) and _truly_low(world, ups, at - READING_S - slept_s - 5.0, at)
    ):
        return True
    if host.computer.strict_c and (_low_said(recent) or (at > last_at and DANGERS & set(last.tokens))):
        return True
    off_s = at - _since(told, "OFF") if "OFF" in last else 0.0
    deadtime_s = _lowest(world, host, "deadtime_s", world.scenario.deadtime_s)
    silent = any(
        after - before >= deadtime_s - SLACK_S and DANGERS & set(status.tokens)
        for (before, status), (after, _) in pairwise([*told, (at, last)])
        if after >= at - READING_S
    )
    return silent or off_s >= 30.0 - SLACK_S


def _low_said(told: list[tuple[float, Status]]) -> bool:
    return any("OB" in status and "LB" in status for _, status in told)


def _confirmed_low(told: list[tuple[float, Status]]) -> bool:
    """Whether the last readings said on battery and low, again and again for CONFIRM_S."""
    first_at = last_at = told[-1][0]
    for when, status in reversed(told):
        if not ("OB" in status and "LB" in status):
            break
        first_at = when
    else:
        first_at = told[0][0]
    return _low_said(told[-1:]) and last_at - first_at >= CONFIRM_S


def _since(told: list[tuple[float, Status]], token: str) -> float:
    since = told[-1][0]
    for when, status in reversed(told):
        if token not in status:
            break
        since = when
    return since


def _truly_low(world: World, ups: str, begin: float, end: float) -> bool:
    """Whether the UPS was on battery and low, physically, at some time between."""
    truth = world.truths[ups.partition("@")[0]]
    return any(low_from <= end and low_to >= begin for low_from, low_to in truth.low_times())


def _slept_s(world: World, host: Host, ups: str, at: float) -> float:
    """How long the way from the UPS to this host stood still before `at`: a reading may be so much older."""
    names = {host.name, ups.partition("@")[2]}
    return sum(
        min(harm.end, at) - harm.begin
        for harm in world.harm
        if isinstance(harm.fault, Freeze)
        and harm.fault.host in names
        and at - 60.0 < harm.end
        and harm.begin < at
    )


# -- the second -------------------------------------------------------------------------------------


def _told(world: World, host: str, type_: str, until: float) -> list[float]:
    """When notices of a type were told by a host."""
    return [
        line.at
        for line in world.trace
        if line.kind == "notice" and line.host == host and line.fields["type"] == type_ and line.at <= until
    ]


def _waited_s(world: World, at: float, owner: str) -> float:
    """How long before `at` the owner of a UPS began to go down; FSD fails where its server is dead."""
    begun = [
        line.at for line in world.trace if line.kind == "begins" and line.host == owner and line.at <= at
    ]
    return at - begun[0] + SLACK_S if begun else -1.0


def _left_behind(world: World, line: Happened) -> list[str]:
    """Hosts that had logged in, had not left, and whose HOSTSYNC was not over when their primary went on."""
    owner = world.host(line.host)
    begun = [each.at for each in world.trace if each.kind == "begins" and each.host == line.host]
    begun_at = max(at for at in begun if at <= line.at)
    hostsync_s = _lowest(world, owner, "hostsync_s", world.scenario.hostsync_s)
    if line.at - begun_at >= hostsync_s - SLACK_S:
        return []
    left = [
        host.name
        for host in world.hosts
        if host is not owner
        and _feeds_on(host, owner)
        and _was_there(world, host, owner.name, begun_at, line.at)
    ]
    if not left:
        return []
    waited = f"{line.at - begun_at:.0f} s of {hostsync_s:g} (HOSTSYNC)"
    return [f"promise 2: {line} with {left} not gone, after {waited}"]


def _feeds_on(host: Host, owner: Host) -> bool:
    return any(feed.power_value and feed.ups in owner.drivers for feed in host.computer.feeds)


def _was_there(world: World, host: Host, owner: str, begin: float, end: float) -> bool:
    """Whether a host was in contact with the owner's server, and has not gone down until `end`."""
    if host.name in _gone(world, end):
        return False
    harmed = any(
        (harm.fault.host == host.name or (harm.fault.host == owner and isinstance(harm.fault, Freeze)))
        and harm.begin <= end
        and harm.end >= begin - 40.0
        for harm in world.harm
        if isinstance(harm.fault, Cut | Kill | Freeze)
    )
    told = [
        when for ups in host.told for when, _ in host.told[ups] if ups.endswith(f"@{owner}") and when <= begin
    ]
    return not harmed and bool(told) and begin - told[-1] < READING_S


def _gone(world: World, at: float) -> set[str]:
    """The hosts that have been ordered down, or are down."""
    kinds = {"shutdown", "left", "off", "crashed"}
    return {line.host for line in world.trace if line.kind in kinds and line.at <= at}


def _flag_stood(world: World, host: str, at: float) -> bool:
    flags = [
        line
        for line in world.trace
        if line.kind in ("flag", "unflag") and line.host == host and line.at <= at
    ]
    return bool(flags) and flags[-1].kind == "flag"


def _steady_logins(world: World, ups: str, at: float) -> set[str]:
    """Who was logged in all through the last moment before `at`: a count on its way may be so old."""
    logins = [
        line for line in world.trace if line.kind == "logins" and line.at <= at and line.fields["ups"] == ups
    ]
    earlier = [line for line in logins if line.at < at - SLACK_S]
    states = [set(line.fields["hosts"]) for line in [*earlier[-1:], *logins[len(earlier) :]]]
    return set.intersection(*states) if states else set()


def _lowest(world: World, host: Host, name: str, value: float, at: float = float("inf")) -> float:
    """The lowest value of a setting that was ever in force before `at`."""
    changed = [
        number
        for harm in world.harm
        if isinstance(harm.fault, Reload) and harm.fault.host == host.name and harm.begin < at
        for field, number in harm.fault.changes
        if field == name
    ]
    return min([value, *changed])

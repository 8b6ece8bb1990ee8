# SPDX-License-Identifier: GPL-2.0-or-later
"""The promises of `docs/promises.md`, held against a trace.

Each function gives the sentences that a trace breaks; none means that the promise was kept.
They judge by what the hosts were told and by what was physically true, never by asking the monitor.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from ridethrough.sim.world import Happened, World
from ridethrough.ups.status import Status

SLACK_S: Final = 1.0


def first(world: World) -> list[str]:
    """1: no shutdown while the power value on good supplies is enough, but for FSD and confirmed readings."""
    broken = []
    for line in world.trace:
        if line.kind == "shutdown" and not _justified(world, line):
            broken.append(f"promise 1: {line} without FSD, a confirmed low battery or DEADTIME's silence")
    return broken


def second(world: World) -> list[str]:
    """2: the load goes off only with the flag, and when the secondaries left or HOSTSYNC had expired."""
    broken = []
    fsd_at = next((line.at for line in world.trace if line.kind == "fsd"), None)
    for cut in (line for line in world.trace if line.kind == "cut" and line.fields["why"] == "command"):
        before = [line for line in world.trace if line.at <= cut.at]
        if not any(line.kind == "flag" for line in before):
            broken.append(f"promise 2: {cut} without POWERDOWNFLAG")
        logged_in = _last_logins(before) - {"primary"}
        synced = fsd_at is not None and cut.at - fsd_at >= world.scenario.hostsync_s - SLACK_S
        if logged_in and not synced:
            broken.append(f"promise 2: {cut} with {sorted(logged_in)} logged in, before HOSTSYNC expired")
    return broken


def third(world: World) -> list[str]:
    """3: each host gets its stop order once, and the flag is written before the primary's."""
    broken = []
    for host in world.hosts:
        orders = [line for line in world.trace if line.kind == "shutdown" and line.host == host.name]
        if len(orders) > 1:
            broken.append(f"promise 3: {host.name} was stopped {len(orders)} times")
        flags = [line.at for line in world.trace if line.kind == "flag" and line.host == host.name]
        if orders and host.primary and not any(at <= orders[0].at for at in flags):
            broken.append(f"promise 3: {host.name} was stopped before the flag was written")
        if flags and not host.primary:
            broken.append(f"promise 3: {host.name} is a secondary and wrote a flag")
    return broken


def kept(world: World) -> list[str]:
    """All safety promises that the world can check so far."""
    return [*first(world), *second(world), *third(world)]


def _justified(world: World, order: Happened) -> bool:
    host = next(host for host in world.hosts if host.name == order.host)
    heard = [(at, status) for at, status in host.last_told if at <= order.at]
    if not heard:
        return False
    begun = order.at - world.scenario.finaldelay_s - world.scenario.hostsync_s - 10.0
    # The primary is the only one that sets FSD here, so its own FSD justifies nothing it does.
    if not host.primary and any("FSD" in status for at, status in heard if at >= begun):
        return True
    if _truly_low(world, begun, order.at):
        return True
    silent_s = _longest_silence(heard, begun - world.scenario.deadtime_s, order.at)
    worst = any(
        "OB" in status or "OFF" in status or "CAL" in status for at, status in heard if at >= begun - 60
    )
    return worst and silent_s >= world.scenario.deadtime_s - SLACK_S


def _truly_low(world: World, begin: float, end: float) -> bool:
    """Whether the UPS was on battery and low, physically, at some time between: the world keeps a record."""
    return any(begin - SLACK_S <= at <= end for at in world.truly_low_at)


def _longest_silence(heard: list[tuple[float, Status]], begin: float, end: float) -> float:
    moments = [at for at, _ in heard if at >= begin]
    earlier = [at for at, _ in heard if at < begin]
    points = [*(earlier[-1:] or [begin]), *moments, end]
    return max(later - before for before, later in pairwise(points))


def _last_logins(lines: list[Happened]) -> set[str]:
    logins = [line for line in lines if line.kind == "logins"]
    return set(logins[-1].fields["hosts"]) if logins else set()

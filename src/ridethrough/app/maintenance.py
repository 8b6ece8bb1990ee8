# SPDX-License-Identifier: GPL-2.0-or-later
"""What may be asked over the control socket about the maintenance mode."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ridethrough.app.house import House
from ridethrough.app.report import maintenance as fields
from ridethrough.control.server import OBSERVER, OPERATOR, Handler, Peer, RequestError
from ridethrough.monitor.maintenance import LONGEST_S, MaintenanceError, of
from ridethrough.monitor.messages import MaintenanceOff, MaintenanceOn
from ridethrough.monitor.shell import Monitor

PASSWD: Final = Path("/etc/passwd")
MAX_NAME: Final = 32

Fields = Mapping[str, Any]


def handlers(house: House) -> dict[str, tuple[str, Handler]]:
    """Verb -> (role that it takes, what answers it)."""

    async def on(args: Fields, peer: Peer) -> Fields:
        seconds, reason = args.get("seconds"), args.get("reason", "")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise RequestError("maintenance.on needs its length in seconds: there is none without an end")
        if not isinstance(reason, str):
            raise RequestError("the reason of a maintenance is a text")
        monitor, now = _monitor(house), asyncio.get_running_loop().time()
        lasts_s = min(max(seconds, 0.0), LONGEST_S) / house.blueprint.speed
        until_text = wall_text(time.time(), lasts_s)
        try:
            wanted = of(
                float(seconds),
                now,
                until_text,
                who(peer, args.get("for")),
                reason,
                even_fsd=args.get("even_fsd") is True,
            )
        except MaintenanceError as error:
            raise RequestError(str(error)) from None
        if not monitor.maintain(MaintenanceOn(wanted)):
            raise RequestError("the shutdown has begun already: no maintenance holds it back")
        return fields(monitor.hold)

    async def off(args: Fields, peer: Peer) -> Fields:
        monitor = _monitor(house)
        held = monitor.hold
        if held.maintenance is None:
            raise RequestError("no maintenance is on")
        if not monitor.maintain(MaintenanceOff(who(peer, args.get("for")))):
            raise RequestError("the shutdown has begun already")
        return {**fields(monitor.hold), "begun": held.why if monitor.shutting_down else ""}

    async def status(args: Fields, peer: Peer) -> Fields:
        return fields(_monitor(house).hold)

    return {
        "maintenance.on": (OPERATOR, on),
        "maintenance.off": (OPERATOR, off),
        "maintenance.status": (OBSERVER, status),
    }


def _monitor(house: House) -> Monitor:
    if house.monitor is None:
        raise RequestError("nothing is monitored here: there is no MONITOR line, or serve is still starting")
    return house.monitor


def who(peer: Peer, behind: object, passwd: Path = PASSWD) -> str:
    """The name of who asks, as the kernel knows him; `behind` is who he says to act for (sudo), or nothing.

    /etc/passwd is read and no name service asked: that could wait for a network which is down.
    """
    name = f"uid {peer.uid}"
    try:
        lines = passwd.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        user = line.split(":")
        if len(user) > 2 and user[2] == str(peer.uid):
            name = user[0]
            break
    said = behind if isinstance(behind, str) and behind.isprintable() else ""
    return f"{name} (for {said[:MAX_NAME]})" if said and said != name else name


def wall_text(now: float, lasts_s: float) -> str:
    """The end as people read it: HH:MM, with the day if that is another one.  Both are wall time."""
    end = time.localtime(now + lasts_s)
    today = end[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M" if today else "%a %H:%M", end)

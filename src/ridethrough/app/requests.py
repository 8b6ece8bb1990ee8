# SPDX-License-Identifier: GPL-2.0-or-later
"""What may be asked of a running `serve` over the control socket: a table of verbs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ridethrough.app import maintenance, report
from ridethrough.app.house import House
from ridethrough.control.server import OBSERVER, OPERATOR, Handler, Peer, RequestError
from ridethrough.drivers.base import Controllable
from ridethrough.drivers.runner import Runner
from ridethrough.schedule.shell import MAX_TYPE, ScheduleError

Fields = Mapping[str, Any]


def handlers(house: House) -> dict[str, tuple[str, Handler]]:
    """Verb -> (role that it takes, what answers it)."""

    async def status(args: Fields, peer: Peer) -> Fields:
        return report.status(house)

    async def sim(args: Fields, peer: Peer) -> Fields:
        return {"text": _move(house, args)}

    async def fsd(args: Fields, peer: Peer) -> Fields:
        script = str(args.get("script") or "")[:MAX_TYPE]
        by = f"the script of {script!a}, " if script else ""
        house.bus.log("warning", f"a forced shutdown was ordered by {by}uid {peer.uid} (pid {peer.pid})")
        why_not = house.order_shutdown(script)
        if why_not:
            raise RequestError(why_not)
        return {}

    return {
        "status": (OBSERVER, status),
        "sim": (OPERATOR, sim),
        "fsd": (OPERATOR, fsd),
        **maintenance.handlers(house),
        "timers.list": (OBSERVER, _timers(house, "timers.list")),
        "timers.start": (OPERATOR, _timers(house, "timers.start")),
        "timers.cancel": (OPERATOR, _timers(house, "timers.cancel")),
        "timers.notice": (OPERATOR, _timers(house, "timers.notice")),
    }


def _timers(house: House, verb: str) -> Callable[[Fields, Peer], Awaitable[Fields]]:
    async def answer(args: Fields, peer: Peer) -> Fields:
        if house.scheduler is None:
            raise RequestError("upssched.conf is not used here: there are no timers")
        if verb == "timers.notice":
            about = f"{args.get('type')!a} of UPS {args.get('ups')!a}"[:200]
            house.bus.log("warning", f"a test of {about} was ordered by uid {peer.uid} (pid {peer.pid})")
        try:
            fields = house.scheduler.control(verb, args)
        except ScheduleError as error:
            raise RequestError(str(error)) from None
        # Whoever tries a script must learn that none is run.
        return {**fields, "armed": house.blueprint.armed}

    return answer


def _move(house: House, args: Fields) -> str:
    """`sim mains off`: find the simulated UPS and move it."""
    sources = house.serving.sources if house.serving else {}
    movable = {name: source for name, source in sources.items() if isinstance(source, Runner)}
    wanted = str(args.get("ups") or "").lower()
    if wanted:
        chosen = movable.get(wanted)
        if chosen is None:
            raise RequestError(
                f"no UPS '{wanted}' runs in this process; known: {', '.join(movable) or 'none'}"
            )
    else:
        simulated = [source for source in movable.values() if isinstance(source.driver, Controllable)]
        if len(simulated) != 1:
            raise RequestError(f"{len(simulated)} simulated UPSes run here; name one with --ups")
        chosen = simulated[0]
    try:
        text = chosen.control(str(args.get("what")), [str(args.get("value"))])
    except ValueError as error:
        raise RequestError(str(error)) from None
    if args.get("what") == "mains":
        house.bus.tell("mains", ups=chosen.name, on=args.get("value") == "on")
    return text

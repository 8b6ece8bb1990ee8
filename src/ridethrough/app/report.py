# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ridethrough status` is told of a running house."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from ridethrough.app.house import House
from ridethrough.config.echo import shown_command
from ridethrough.monitor.maintenance import Hold


def status(house: House) -> Mapping[str, Any]:
    """The house as fields of a reply on the control socket; `app.protected` judges them."""
    blueprint = house.blueprint
    conf = blueprint.config.upsmon
    return {
        "pid": os.getpid(),
        "started": house.started,
        "now": asyncio.get_running_loop().time(),
        "config": str(blueprint.config.directory),
        "armed": blueprint.armed,
        "simulated": blueprint.simulated,
        "helper": not house.helper_gone,
        "helper_why": house.helper_gone,
        "shutdowncmd": shown_command(conf.shutdowncmd) if conf and conf.shutdowncmd else "",
        "shutting_down": house.monitor is not None and house.monitor.shutting_down,
        "ports": [list(bound) for bound in house.serving.listener.bound] if house.serving else [],
        "devices": devices(house),
        "monitors": monitors(house),
        "maintenance": maintenance(house.monitor.hold) if house.monitor is not None else {"on": False},
    }


def maintenance(hold: Hold) -> dict[str, Any]:
    """The maintenance that is on, if one is; `would` is the shutdown that it holds back, or empty."""
    found = hold.maintenance
    if found is None:
        return {"on": False}
    return {
        "on": True,
        "left_s": round(max(0.0, found.until - asyncio.get_running_loop().time()), 3),
        "until": found.until_text,
        "who": found.who,
        "reason": found.reason,
        "even_fsd": found.even_fsd,
        "would": hold.why,
    }


def devices(house: House) -> list[dict[str, Any]]:
    """The UPSes served here; for a host that only monitors, those it monitors."""
    if house.serving is not None and house.serving.sources:
        views = [source.view for source in house.serving.sources.values()]
        return [
            {
                "ups": view.name,
                "freshness": view.freshness.value,
                "status": str(view.snapshot.status),
                "why": house.why(view.name),
            }
            for view in views
        ]
    watched = house.monitor.summary() if house.monitor else ()
    return [
        {
            "ups": each.ups,
            "freshness": "fresh" if each.fresh else "not read",
            "status": each.status,
            "why": each.failure,
        }
        for each in watched
    ]


def monitors(house: House) -> list[dict[str, Any]]:
    """Every MONITOR line: whether it is logged in, and if not, why."""
    return [
        {
            "system": each.ups,
            "role": "primary" if each.primary else "secondary",
            "power_value": each.power_value,
            "logged_in": each.logged_in and not each.refused,
            "why": f"{each.refused}; {each.advice}" if each.refused else each.failure,
            "critical": each.critical,
            "reason": each.reason,
        }
        for each in (house.monitor.summary() if house.monitor else ())
    ]

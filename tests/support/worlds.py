# SPDX-License-Identifier: GPL-2.0-or-later
"""Worlds for tests: play one, and look into its trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ridethrough.sim.scenario import Scenario
from ridethrough.sim.world import Happened, World

LONG: Final = ((30.0, False),)
"""The mains fails and stays away."""


def play(scenario: Scenario) -> World:
    """The world at its end."""
    world = World(scenario)
    world.run()
    return world


def times(world: World, kind: str, host: str | None = None) -> list[float]:
    """When lines of a kind (of a host) were written."""
    return [line.at for line in world.trace if line.kind == kind and host in (None, line.host)]


def notices(world: World, host: str) -> list[str]:
    """The types of the notices of a host."""
    return [line.fields["type"] for line in world.trace if line.kind == "notice" and line.host == host]


def doctored(world: World, drop: Sequence[str] = (), add: Sequence[Happened] = ()) -> World:
    """The world with another trace."""
    world.trace[:] = [line for line in world.trace if line.kind not in drop] + list(add)
    world.trace.sort(key=lambda line: line.at)
    return world

# SPDX-License-Identifier: GPL-2.0-or-later
"""`serve` as a simulation: a real house around a simulated UPS, and what is played in it."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from pathlib import Path
from typing import Final

from ridethrough.app.arming import Arms, dry_helper, helper_config
from ridethrough.app.blueprint import HOST, LOOPBACK, Blueprint, on_port
from ridethrough.app.bus import Bus
from ridethrough.app.house import House
from ridethrough.app.places import simulation_directory
from ridethrough.app.run import run
from ridethrough.config.load import Configuration
from ridethrough.config.models import NUT_PORT
from ridethrough.sim import demo
from ridethrough.sim.outage import Outage, Secondary, play


class Game:
    """One simulation. Without a configuration the built-in one is played, with a secondary host."""

    def __init__(
        self,
        config: Configuration | None,
        state_dir: Path,
        speed: float,
        outage_s: float | None,
        port: int | None,
    ) -> None:
        """`outage_s` is in seconds of the person who waits; the UPS lives `speed` times as long."""
        self.built_in = config is None
        self.speed = speed
        self.state_dir = state_dir
        self._outage_s = outage_s
        self._password = secrets.token_hex(8)
        wanted = free_port() if port is None else port
        if config is None:
            self.config = demo.configuration(Path("built-in"), wanted, self._password)
        else:
            self.config = on_port(demo.simulated(config), wanted)
        sections = self.config.ups.sections if self.config.ups else ()
        self._ups = sections[0].name if sections else demo.UPS
        self._outage = Outage(self._ups, (outage_s or 0.0) * speed)

    async def run(self, bus: Bus) -> int:
        """Play it; gives the exit status."""

        def on_output(ups: str, on: bool) -> None:
            bus.tell("output", ups=ups, on=on)
            self._outage.output(ups, on)

        blueprint = Blueprint(
            self.config,
            self.state_dir,
            simulated=True,
            speed=self.speed,
            host=PRIMARY if self.built_in else HOST,
            on_output=on_output,
        )
        arms = Arms(helper_config(self.config, {}), armed=False)
        return await run(blueprint, bus, arms, companion=self._play)

    async def _play(self, house: House, stop: asyncio.Event) -> int:
        self._introduce(house)
        secondary = self._secondary(house) if self.built_in else None
        if secondary is not None:
            secondary.start()
        try:
            if self._outage_s is None:
                await stop.wait()
                return 0
            return await play(house, self._outage, stop, secondary)
        finally:
            if secondary is not None:
                await secondary.close()

    def _introduce(self, house: House) -> None:
        """Where it can be read, and how it is moved."""
        assert house.serving is not None
        host, port = house.serving.listener.bound[0]
        at = "" if port == NUT_PORT else f":{port}"
        usual = self.state_dir == simulation_directory(os.environ)
        place = "" if usual else f" --state-dir {self.state_dir}"
        say = house.bus.log
        say("info", f"a simulation, {self.speed:g} s a second: nothing will be run")
        say("info", f"it serves on {host}:{port}; read it with: upsc {self._ups}@localhost{at}")
        say("info", f"move it with: ridethrough sim mains off{place}")

    def _secondary(self, house: House) -> Secondary:
        conf = demo.upsmon("secondary", self._password, 0)
        actions = dry_helper(
            helper_config(Configuration(Path("built-in"), upsmon=conf), {}), house.bus, SECONDARY
        )
        return Secondary(house, conf, actions, SECONDARY)


PRIMARY: Final = "primary"
SECONDARY: Final = "secondary"


def free_port() -> int:
    """NUT's own port if nobody has it, else any that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, NUT_PORT))
        except OSError:
            return 0
    return NUT_PORT

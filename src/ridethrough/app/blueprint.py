# SPDX-License-Identifier: GPL-2.0-or-later
"""What `serve` is to build, decided before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ridethrough.config.load import Configuration
from ridethrough.config.models import Listen, UpsdConf

HOST: Final = "this host"
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What is to be built. `speed` only stretches the idle limit of real clients in a simulation."""

    config: Configuration
    state_dir: Path
    armed: bool = False
    simulated: bool = False
    speed: float = 1.0
    host: str = HOST
    on_output: Callable[[str, bool], None] | None = None
    """Told when a simulated UPS switches its output: (ups, on)."""

    @property
    def serves(self) -> bool:
        """Whether drivers and server run here (nut.conf's MODE; without nut.conf they do)."""
        nut = self.config.nut
        return nut is None or nut.mode.serves


def on_port(config: Configuration, port: int) -> Configuration:
    """The configuration with one LISTEN on loopback, and the local MONITOR lines led there."""
    upsd = replace(config.upsd or UpsdConf(), listen=(Listen(LOOPBACK, port),))
    monitors = config.upsmon
    if monitors is not None:
        lines = tuple(replace(line, port=port) if line.is_local else line for line in monitors.monitors)
        monitors = replace(monitors, monitors=lines)
    return replace(config, upsd=upsd, upsmon=monitors)

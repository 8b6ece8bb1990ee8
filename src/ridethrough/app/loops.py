# SPDX-License-Identifier: GPL-2.0-or-later
"""Which event loop a server that stands alone runs on: our own, or uvloop's where the user asked for it.

uvloop is for `upsd` alone: its timers wait on a clock that stands still in suspend, which a monitor must
not.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from pathlib import Path

from ridethrough.app.clock import BoottimeLoop, boottime
from ridethrough.config.load import load
from ridethrough.config.ridethrough import FILE

Say = Callable[[str, str], None]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def server_loop(directory: Path, say: Say, name: str = "uvloop") -> LoopFactory:
    """What makes the loop: as `uvloop = true` of ridethrough.toml says, and uvloop is there."""
    found = load(directory, (FILE,))
    for problem in found.problems:
        say(problem.severity.value, str(problem).replace(f" {problem.severity}: ", " ", 1))
    if not found.own.uvloop:
        return BoottimeLoop
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        say(
            "warning",
            f"{FILE} asks for uvloop, which can't be had ({error}): install ridethrough[uvloop];"
            " Python's own event loop is used",
        )
        return BoottimeLoop
    loop: LoopFactory = type("UvBoottimeLoop", (module.Loop,), {"time": lambda _: boottime()})
    return loop

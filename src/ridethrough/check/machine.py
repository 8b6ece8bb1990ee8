# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether this machine has the drivers that ups.conf names, and a place for POWERDOWNFLAG."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ridethrough.config.load import Configuration
from ridethrough.config.problems import Problem, Problems
from ridethrough.drivers.registry import KINDS

DRIVER_DIRECTORIES: Final = (
    Path("/lib/nut"),
    Path("/usr/lib/nut"),
    Path("/usr/libexec/nut"),
    Path("/usr/local/ups/bin"),
)


def look(config: Configuration, directories: Sequence[Path] = DRIVER_DIRECTORIES) -> list[Problem]:
    """The faults that only this machine shows."""
    return [*_drivers(config, directories), *_flag(config)]


def _drivers(config: Configuration, directories: Sequence[Path]) -> list[Problem]:
    """A driver that is neither ours nor installed is most often misspelt."""
    problems = Problems("ups.conf")
    ups = config.ups
    if ups is None:
        return []
    places = (Path(ups.driverpath), *directories) if ups.driverpath else tuple(directories)
    installed = {name for place in places for name in _programs(place)}
    for section in ups.sections:
        if not section.driver or section.driver in KINDS or section.driver in installed:
            continue
        near = difflib.get_close_matches(section.driver, {*KINDS, *installed}, 1)
        hint = f"did you mean {near[0]}?" if near else "install it, or correct the name"
        where = " or ".join(str(place) for place in places[:2])
        problems.warn(section.line, f"[{section.name}] driver {section.driver} is not in {where}", hint)
    return problems.listed()


def _programs(place: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(place) if os.access(entry.path, os.X_OK)]
    except OSError:
        return []


def _flag(config: Configuration) -> list[Problem]:
    """A flag that can't be written is found out only at the shutdown, when the UPS then stays on."""
    problems = Problems("upsmon.conf")
    flag = config.upsmon.powerdownflag if config.upsmon is not None else ""
    directory = Path(flag).parent if flag.startswith("/") else None
    if directory is not None and not directory.is_dir():
        problems.error(0, f"POWERDOWNFLAG: {directory} is not there", "create it, or name another place")
    return problems.listed()

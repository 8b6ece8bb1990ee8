# SPDX-License-Identifier: GPL-2.0-or-later
"""A configuration held against itself and against this machine, in one list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ridethrough.check import machine, programs
from ridethrough.config.load import Configuration, load


def load_and_look(directory: Path) -> Configuration:
    """The configuration of a directory; its `problems` also hold what only this machine shows."""
    config = load(directory)
    return replace(config, problems=(*config.problems, *programs.look(config), *machine.look(config)))

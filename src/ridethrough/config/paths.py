# SPDX-License-Identifier: GPL-2.0-or-later
"""Where NUT's files lie: its environment variables, else Debian's places (upsd(8), upsmon(8))."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ridethrough.config import environment

DEFAULT_CONFPATH = Path(environment.CONFPATH)
DEFAULT_STATEPATH = Path(environment.STATEPATH)


def confpath(env: Mapping[str, str]) -> Path:
    """The directory of the configuration files: NUT_CONFPATH."""
    return Path(environment.confpath(env))


def statepath(env: Mapping[str, str]) -> Path:
    """The directory of the driver sockets: NUT_STATEPATH."""
    return Path(environment.statepath(env))


def pidpath(env: Mapping[str, str]) -> Path:
    """The directory of the pid files of processes that keep root: NUT_PIDPATH."""
    return Path(environment.pidpath(env))


def altpidpath(env: Mapping[str, str]) -> Path:
    """The directory of the pid files of drivers and upsd: NUT_ALTPIDPATH, else the state directory."""
    return Path(environment.altpidpath(env))

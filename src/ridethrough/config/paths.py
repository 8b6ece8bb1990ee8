# SPDX-License-Identifier: GPL-2.0-or-later
"""Where NUT's files lie: its environment variables, else Debian's places (upsd(8), upsmon(8))."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

DEFAULT_CONFPATH = Path("/etc/nut")
DEFAULT_STATEPATH = Path("/run/nut")


def _from(env: Mapping[str, str], name: str, default: Path) -> Path:
    value = env.get(name, "")
    return Path(value) if value else default


def confpath(env: Mapping[str, str]) -> Path:
    """The directory of the configuration files: NUT_CONFPATH."""
    return _from(env, "NUT_CONFPATH", DEFAULT_CONFPATH)


def statepath(env: Mapping[str, str]) -> Path:
    """The directory of the driver sockets: NUT_STATEPATH."""
    return _from(env, "NUT_STATEPATH", DEFAULT_STATEPATH)


def pidpath(env: Mapping[str, str]) -> Path:
    """The directory of the pid files of processes that keep root: NUT_PIDPATH."""
    return _from(env, "NUT_PIDPATH", DEFAULT_STATEPATH)


def altpidpath(env: Mapping[str, str]) -> Path:
    """The directory of the pid files of drivers and upsd: NUT_ALTPIDPATH, else the state directory."""
    return _from(env, "NUT_ALTPIDPATH", statepath(env))

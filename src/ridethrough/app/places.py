# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a running `serve` keeps its sockets, and where its commands look for them."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ridethrough.config.paths import statepath

SOCKET_NAME: Final = "ridethrough.sock"


class PlaceError(Exception):
    """A directory can't be used; the text names it and says what to do."""


def simulation_directory(env: Mapping[str, str]) -> Path:
    """Where a simulation keeps its state: below XDG_RUNTIME_DIR, else a directory of this user's in /tmp."""
    runtime = env.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/") and os.path.isdir(runtime):
        return Path(runtime) / "ridethrough-sim"
    return Path(tempfile.gettempdir()) / f"ridethrough-sim-{os.geteuid()}"


def private_directory(path: Path) -> Path:
    """Make a directory that only this user may enter, or check that it is one. Raises PlaceError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = path.lstat()
    except OSError as error:
        raise PlaceError(f"can't make {path}: {error.strerror}; name another with --state-dir") from None
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
        raise PlaceError(f"{path} is not a directory of this user; name another with --state-dir")
    return path


def control_socket(state_dir: Path | None, env: Mapping[str, str]) -> Path:
    """The control socket to talk to: of `state_dir`, else NUT's place, else that of a simulation."""
    if state_dir is not None:
        return state_dir / SOCKET_NAME
    usual = statepath(env) / SOCKET_NAME
    simulated = simulation_directory(env) / SOCKET_NAME
    return simulated if not usual.exists() and simulated.exists() else usual

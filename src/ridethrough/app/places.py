# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a running `serve` keeps its sockets, and where its commands look for them."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from ridethrough.config.models import UpsConf, UpsdConf
from ridethrough.config.paths import statepath

SOCKET_NAME: Final = "ridethrough.sock"


class PlaceError(Exception):
    """A directory can't be used; the text names it and says what to do."""


def own_name() -> str:
    """The user that this process is, for messages."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid {os.geteuid()}"


def locked(path: Path) -> Path | None:
    """The first directory on the way to what is in `path` that this user may not enter, or None."""
    way = [*reversed(path.absolute().parents), path.absolute()]
    return next((each for each in way if os.path.isdir(each) and not os.access(each, os.X_OK)), None)


def config_directory(path: Path) -> Path:
    """Give the directory back if files can be looked for in it. Raises PlaceError otherwise."""
    barred = locked(path)
    if barred is not None:
        raise PlaceError(
            f"user {own_name()} may not enter {barred}; run this as root, or let that user in: "
            f"chmod o+x {barred}"
        )
    if not path.is_dir():
        what = "is not a directory" if os.path.lexists(path) else "is not there"
        raise PlaceError(f"{path} {what}; name NUT's configuration directory, such as /etc/nut")
    return path


def refuse_unreadable(directory: Path, names: Iterable[str]) -> None:
    """Raises PlaceError naming every file that is there and may not be read by this user."""
    barred = [path for path in (directory / name for name in names) if _unreadable(path)]
    if not barred:
        return
    me, groups = own_name(), {_group(path) for path in barred}
    group = groups.pop() if len(groups) == 1 else None
    join = f"join the group that may read them: adduser {me} {group}" if group else f"let {me} read them"
    raise PlaceError(
        f"user {me} may not read {', '.join(path.name for path in barred)} in {directory}; "
        f"run it as root: sudo ridethrough ..., or {join}"
    )


def _unreadable(path: Path) -> bool:
    return path.is_file() and not os.access(path, os.R_OK)


def _group(path: Path) -> str | None:
    """The group that may read a file, if that is not root's."""
    info = path.stat()
    if info.st_gid == 0 or not info.st_mode & stat.S_IRGRP:
        return None
    try:
        return grp.getgrgid(info.st_gid).gr_name
    except KeyError:
        return None


def state_directory(ups: UpsConf | None, upsd: UpsdConf | None, env: Mapping[str, str]) -> Path:
    """Where the driver sockets lie: NUT_STATEPATH, then ups.conf, then upsd.conf, then Debian's place."""
    said = (ups.statepath if ups else "") or (upsd.statepath if upsd else "")
    return Path(said) if said and not env.get("NUT_STATEPATH") else statepath(env)


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

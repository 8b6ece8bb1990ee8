# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading the small files that drivers are made of, without ever waiting for one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ridethrough.drivers.base import DriverError


def find(port: str, confpath: Path) -> Path:
    """Where the file lies: `./` and `../` from here, other relative names in the configuration directory."""
    if port.startswith("."):
        return Path.cwd() / port
    return confpath / port


def read(path: Path, max_bytes: int, who: str) -> bytes:
    """The first `max_bytes` of a plain file.  DriverError in words for everything else: a pipe could hang."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DriverError(
            f"[{who}] cannot open {path}: {error.strerror}; check 'port' in ups.conf and the permissions"
        ) from None
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise DriverError(f"[{who}] {path} is no plain file; 'port' must name one")
        try:
            return file.read(max_bytes)
        except OSError as error:
            raise DriverError(f"[{who}] cannot read {path}: {error.strerror}") from None

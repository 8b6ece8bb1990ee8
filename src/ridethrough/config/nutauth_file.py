# SPDX-License-Identifier: GPL-2.0-or-later
"""Read nutauth.conf and the files that it includes from the disk."""

from __future__ import annotations

import socket
from pathlib import Path

from ridethrough.config.nutauth import NutAuth, parse_nutauth
from ridethrough.config.problems import Problem
from ridethrough.config.reading import read_file


def load_nutauth(path: Path) -> tuple[NutAuth | None, list[Problem]]:
    """What the file says; None if it cannot be read, with no problem if it does not exist."""
    data, problems = _read(str(path))
    if data is None:
        return None, problems
    auth, found = parse_nutauth(data, str(path), _read, _service)
    return auth, problems + found


def _read(name: str) -> tuple[bytes | None, list[Problem]]:
    try:
        return read_file(Path(name), passwords=True, name=name)
    except ValueError:  # a NUL byte in the name: no such file can exist
        return None, []


def _service(name: str) -> int | None:
    try:
        return socket.getservbyname(name, "tcp")
    except (OSError, UnicodeError, ValueError):
        return None

# SPDX-License-Identifier: GPL-2.0-or-later
"""Read one configuration file, or say why it cannot be read and what to run then."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ridethrough.config.engine import MAX_FILE_BYTES
from ridethrough.config.problems import Problem, Severity


def read_file(path: Path, *, passwords: bool, name: str | None = None) -> tuple[bytes | None, list[Problem]]:
    """The file's bytes (one more than is read at most); None and no problem if it does not exist.

    `passwords`: warn if everybody may read it. `name`: what the file is called in the problems.
    """
    name = path.name if name is None else name
    try:
        with _open(path) as file:
            info = os.fstat(file.fileno())
            if stat.S_ISFIFO(info.st_mode):
                raise OSError(errno.EINVAL, "it is a pipe")
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None, []
    except OSError as error:
        return None, [_unreadable(path, name, error)]
    if passwords and info.st_mode & stat.S_IROTH:
        message = "everybody on this host can read the passwords in it"
        return data, [Problem(Severity.WARNING, name, 0, message, f"run: chmod o-r {path}")]
    return data, []


def _open(path: Path) -> BinaryIO:
    """Open to read; O_NONBLOCK, so that a pipe under a file's name cannot hold us up."""
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def _unreadable(path: Path, name: str, error: OSError) -> Problem:
    me = _name(lambda: pwd.getpwuid(os.geteuid()).pw_name, os.geteuid())
    if error.errno not in (errno.EACCES, errno.EPERM):
        return Problem(
            Severity.ERROR,
            name,
            0,
            f"{path} cannot be read: {error.strerror}",
            "make it a readable file",
        )
    group = _name(lambda: grp.getgrgid(os.getegid()).gr_name, os.getegid())
    try:
        info = path.stat()
    except OSError:
        return Problem(
            Severity.ERROR,
            name,
            0,
            f"user {me} may not enter {path.parent}",
            f"run: chgrp {group} {path.parent} && chmod 750 {path.parent}",
        )
    owner = _name(lambda: pwd.getpwuid(info.st_uid).pw_name, info.st_uid)
    held = _name(lambda: grp.getgrgid(info.st_gid).gr_name, info.st_gid)
    return Problem(
        Severity.ERROR,
        name,
        0,
        f"user {me} may not read {path} ({owner}:{held}, mode {stat.S_IMODE(info.st_mode):o})",
        f"run: adduser {me} {held} && chmod 640 {path}, or: chgrp {group} {path}",
    )


def _name(look_up: Callable[[], str], number: int) -> str:
    """The name behind a number, or the number where the host has no name for it."""
    try:
        return look_up()
    except KeyError:
        return str(number)

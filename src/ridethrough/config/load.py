# SPDX-License-Identifier: GPL-2.0-or-later
"""Read a configuration directory: the thin shell around the pure parsers."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ridethrough.config.cross import cross_check
from ridethrough.config.engine import MAX_FILE_BYTES
from ridethrough.config.models import (
    Mode,
    NutConf,
    UpsConf,
    UpsdConf,
    UpsdUsers,
    UpsmonConf,
    UpsschedConf,
)
from ridethrough.config.nut import parse_nut
from ridethrough.config.problems import Problem, Severity
from ridethrough.config.ups import parse_ups
from ridethrough.config.upsd import parse_upsd
from ridethrough.config.upsmon import parse_upsmon
from ridethrough.config.upssched import parse_upssched
from ridethrough.config.users import parse_users

Parser = Callable[[bytes, str], tuple[Any, list[Problem]]]

FILES: Mapping[str, tuple[str, Parser]] = {
    "nut.conf": ("nut", parse_nut),
    "ups.conf": ("ups", parse_ups),
    "upsd.conf": ("upsd", parse_upsd),
    "upsd.users": ("users", parse_users),
    "upsmon.conf": ("upsmon", parse_upsmon),
    "upssched.conf": ("upssched", parse_upssched),
}
ALL = tuple(FILES)
_WITH_PASSWORDS = frozenset({"upsd.users", "upsmon.conf"})
_OF_THE_SERVER = frozenset({"ups.conf", "upsd.conf", "upsd.users"})


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a directory says. A file that was not wanted, is missing or cannot be read is None."""

    directory: Path
    nut: NutConf | None = None
    ups: UpsConf | None = None
    upsd: UpsdConf | None = None
    users: UpsdUsers | None = None
    upsmon: UpsmonConf | None = None
    upssched: UpsschedConf | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that make something not be in force."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)


def load(directory: Path, wanted: Collection[str] = ALL) -> Configuration:
    """Read the wanted files (`upsd.conf` ...) and hold them against each other; never stops at a fault.

    A missing file is a problem only where it is needed: not the server's with MODE=netclient,
    and not upssched.conf unless NOTIFYCMD names upssched.
    The caller owes a look at `problems`. Raises `ValueError` for a name that is not one of `ALL`.
    """
    strangers = set(wanted) - set(ALL)
    if strangers:
        raise ValueError(f"no such configuration file: {', '.join(sorted(strangers))}")
    models: dict[str, Any] = {}
    problems: list[Problem] = []
    missing: list[str] = []
    for name in (name for name in ALL if name in wanted):
        field, parse = FILES[name]
        data, found = _read(directory / name)
        problems += found
        if data is not None:
            models[field], found = parse(data, name)
            problems += found
        elif not found:
            missing.append(name)
    problems += [_absent(directory / name) for name in missing if _needed(name, models)]
    problems += cross_check(**models)
    return Configuration(directory, **models, problems=tuple(problems))


def _needed(name: str, models: Mapping[str, Any]) -> bool:
    nut: NutConf | None = models.get("nut")
    upsmon: UpsmonConf | None = models.get("upsmon")
    if name in _OF_THE_SERVER:
        return nut is None or nut.mode is not Mode.NETCLIENT
    if name == "upssched.conf":
        return upsmon is not None and "upssched" in upsmon.notifycmd
    return True


def _absent(path: Path) -> Problem:
    hint = f"create it; it belongs to {path.parent}"
    # A NUT built from its sources runs without nut.conf, started by hand.
    severity = Severity.WARNING if path.name == "nut.conf" else Severity.ERROR
    return Problem(severity, path.name, 0, f"the file is missing in {path.parent}", hint)


def _read(path: Path) -> tuple[bytes | None, list[Problem]]:
    """The file's bytes (one more than is read at most); None and no problem if it does not exist."""
    try:
        with _open(path) as file:
            info = os.fstat(file.fileno())
            if stat.S_ISFIFO(info.st_mode):
                raise OSError(errno.EINVAL, "it is a pipe")
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None, []
    except OSError as error:
        return None, [_unreadable(path, error)]
    if path.name in _WITH_PASSWORDS and info.st_mode & stat.S_IROTH:
        message = "everybody on this host can read the passwords in it"
        return data, [Problem(Severity.WARNING, path.name, 0, message, f"run: chmod o-r {path}")]
    return data, []


def _open(path: Path) -> BinaryIO:
    """Open to read; O_NONBLOCK, so that a pipe under a file's name cannot hold us up."""
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def _unreadable(path: Path, error: OSError) -> Problem:
    me = _name(lambda: pwd.getpwuid(os.geteuid()).pw_name, os.geteuid())
    if error.errno not in (errno.EACCES, errno.EPERM):
        return Problem(
            Severity.ERROR,
            path.name,
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
            path.name,
            0,
            f"user {me} may not enter {path.parent}",
            f"run: chgrp {group} {path.parent} && chmod 750 {path.parent}",
        )
    owner = _name(lambda: pwd.getpwuid(info.st_uid).pw_name, info.st_uid)
    held = _name(lambda: grp.getgrgid(info.st_gid).gr_name, info.st_gid)
    return Problem(
        Severity.ERROR,
        path.name,
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

# SPDX-License-Identifier: GPL-2.0-or-later
"""Read a configuration directory: the thin shell around the pure parsers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ridethrough.config.cross import cross_check
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
from ridethrough.config.reading import read_file
from ridethrough.config.ridethrough import FILE as OWN_FILE
from ridethrough.config.ridethrough import RidethroughConf, parse_ridethrough
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
"""NUT's own files."""
EVERYTHING = (*ALL, OWN_FILE)
_WITH_PASSWORDS = frozenset({"upsd.users", "upsmon.conf"})
_OF_THE_SERVER = frozenset({"ups.conf", "upsd.conf", "upsd.users"})


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a directory says. A file that was not wanted, is missing or cannot be read is None.

    `own` is ridethrough.toml, which nobody needs to have: without it, all that it says is the default.
    """

    directory: Path
    nut: NutConf | None = None
    ups: UpsConf | None = None
    upsd: UpsdConf | None = None
    users: UpsdUsers | None = None
    upsmon: UpsmonConf | None = None
    upssched: UpsschedConf | None = None
    own: RidethroughConf = field(default_factory=RidethroughConf)
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that make something not be in force."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)


def load(directory: Path, wanted: Collection[str] = EVERYTHING) -> Configuration:
    """Read the wanted files (`upsd.conf` ...) and hold them against each other; never stops at a fault.

    A missing file is a problem only where it is needed: not the server's with MODE=netclient,
    not upssched.conf unless NOTIFYCMD names upssched, and never ridethrough.toml.
    The caller owes a look at `problems`. Raises `ValueError` for a name that is not one of `EVERYTHING`.
    """
    strangers = set(wanted) - set(EVERYTHING)
    if strangers:
        raise ValueError(f"no such configuration file: {', '.join(sorted(strangers))}")
    models: dict[str, Any] = {}
    problems: list[Problem] = []
    missing: list[str] = []
    for name in (name for name in ALL if name in wanted):
        field, parse = FILES[name]
        data, found = read_file(directory / name, passwords=name in _WITH_PASSWORDS)
        problems += found
        if data is not None:
            models[field], found = parse(data, name)
            problems += found
        elif not found:
            missing.append(name)
    problems += [_absent(directory / name) for name in missing if _needed(name, models)]
    problems += cross_check(**models)
    own = RidethroughConf()
    if OWN_FILE in wanted:
        data, found = read_file(directory / OWN_FILE, passwords=False)
        problems += found
        if data is not None:
            own, found = parse_ridethrough(data)
            problems += found
    return Configuration(directory, **models, own=own, problems=tuple(problems))


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

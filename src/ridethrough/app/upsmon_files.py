# SPDX-License-Identifier: GPL-2.0-or-later
"""What `upsmon` reads: upsmon.conf (or the file of -f), ridethrough.toml, and POWERDOWNFLAG for -K."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ridethrough.app.commands import Say
from ridethrough.config.load import load
from ridethrough.config.model_upsmon import UpsmonConf
from ridethrough.config.paths import confpath, pidpath
from ridethrough.config.problems import Problem, Severity
from ridethrough.config.reading import read_file
from ridethrough.config.ridethrough import FILE as OWN_FILE
from ridethrough.config.ridethrough import RidethroughConf
from ridethrough.config.upsmon import parse_upsmon

FILE: Final = "upsmon.conf"
PID_NAME: Final = "upsmon.pid"
MAGIC: Final = b"upsmon-shutdown-file"


class UpsmonError(Exception):
    """upsmon can't start, or can't reload; the text is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Files:
    """What the two files say."""

    conf: UpsmonConf
    own: RidethroughConf


def pid_path(env: Mapping[str, str]) -> Path:
    """Where the pid file lies."""
    return pidpath(env) / PID_NAME


def conf_path(env: Mapping[str, str], file: str = "") -> Path:
    """upsmon.conf: the file that -f names, else that of NUT_CONFPATH."""
    return Path(file) if file else confpath(env) / FILE


def load_config(env: Mapping[str, str], say: Say, file: str = "") -> Files:
    """Read both files and say every fault.  Raises UpsmonError if there is no upsmon.conf to read.

    ridethrough.toml is that of NUT_CONFPATH, whatever `file` says.
    """
    path = conf_path(env, file)
    data, problems = read_file(path, passwords=True)
    if data is None:
        raise UpsmonError(_unreadable(path, problems))
    conf, found = parse_upsmon(data, path.name)
    own = load(confpath(env), (OWN_FILE,))
    for problem in (*problems, *found, *own.problems):
        say(problem.severity.value, str(problem))
    return Files(conf, own.own)


def read_config(env: Mapping[str, str], say: Say, file: str = "") -> Files:
    """The same, and raise UpsmonError where the monitor could not do its work with it."""
    path, files = conf_path(env, file), load_config(env, say, file)
    conf = files.conf
    if not conf.monitors:
        raise UpsmonError(
            f"{path} has no valid MONITOR line; write: MONITOR ups@host 1 USER PASSWORD primary"
        )
    if conf.power < conf.minsupplies:
        raise UpsmonError(
            f"{path}: insufficient power configured: the power values sum up to {conf.power}, "
            f"MINSUPPLIES is {conf.minsupplies}; raise a power value or lower MINSUPPLIES"
        )
    if not conf.shutdowncmd and conf.minsupplies > 0:
        say("warning", f"{path} has no SHUTDOWNCMD: this host will not be shut down; write one")
    return files


def powerdownflag_is_set(conf: UpsmonConf) -> tuple[bool, str]:
    """`upsmon -K`: whether POWERDOWNFLAG is there with NUT's word in it, and that in words."""
    if not conf.powerdownflag:
        return False, "no POWERDOWNFLAG is configured in upsmon.conf"
    try:
        with open(conf.powerdownflag, "rb") as file:
            head = file.read(len(MAGIC))
    except FileNotFoundError:
        return False, f"POWERDOWNFLAG {conf.powerdownflag} is not set"
    except OSError as error:
        return False, f"POWERDOWNFLAG {conf.powerdownflag} can't be read: {error.strerror}"
    if head != MAGIC:
        return (
            False,
            f"POWERDOWNFLAG {conf.powerdownflag} is not from upsmon: it lacks the words {MAGIC.decode()}",
        )
    return True, f"POWERDOWNFLAG {conf.powerdownflag} is set"


def _unreadable(path: Path, problems: list[Problem]) -> str:
    reasons = [problem for problem in problems if problem.severity is Severity.ERROR]
    if reasons:
        hint = f"; {reasons[0].hint}" if reasons[0].hint else ""
        return f"can't read {path}: {reasons[0].message}{hint}"
    return f"can't read {path}: the file is missing"

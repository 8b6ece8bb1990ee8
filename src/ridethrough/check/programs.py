# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether SHUTDOWNCMD, NOTIFYCMD and CMDSCRIPT can be run on this machine, and CMDSCRIPT knows its names.

What this user may not look at is not judged.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ridethrough.check import cmdscript
from ridethrough.config.load import Configuration
from ridethrough.config.models import AtRule, UpsmonConf, UpsschedConf
from ridethrough.config.problems import Problem, Problems
from ridethrough.privsep.helper import PATH
from ridethrough.schedule.rules import script_names

MAX_SCRIPT_BYTES: Final = 256 * 1024
DEFAULT_USER: Final = "nut"
UPSSCHED: Final = "upssched"
_WORD: Final = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
_OF_THE_SHELL: Final = frozenset(
    "exec eval if for while until case test true false cd set umask trap command type . : [ {".split()
)


def look(config: Configuration) -> list[Problem]:
    """The faults that only this machine shows, in the order of the files."""
    monitor, sched = Problems("upsmon.conf"), Problems("upssched.conf")
    upsmon, upssched = config.upsmon, config.upssched
    user = upsmon.run_as_user if upsmon is not None else ""
    runner = _runner(user or DEFAULT_USER)
    scripts: list[Problem] = []
    if upsmon is not None:
        place = _Place(monitor, config.directory / "upsmon.conf")
        if user and runner is None:
            monitor.error(
                place.line("RUN_AS_USER"), f"there is no user {user!a}", "create it, or name another"
            )
        _commands(upsmon, place, runner)
    if upssched is not None and upssched.rules and (upsmon is None or UPSSCHED in upsmon.notifycmd):
        scripts = _cmdscript(upssched, _Place(sched, config.directory / "upssched.conf"), runner)
    return [*monitor.listed(), *sched.listed(), *scripts]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the problems of one file go, and how its lines are found again."""

    problems: Problems
    path: Path

    def line(self, directive: str) -> int:
        """The last line with a directive; 0 if it is not found."""
        number = 0
        for at, text in enumerate(_read(self.path).decode("utf-8", "surrogateescape").splitlines(), 1):
            if text.split()[:1] == [directive]:
                number = at
        return number


@dataclass(frozen=True, slots=True)
class _Runner:
    """The user that scripts run as."""

    name: str
    uid: int
    groups: frozenset[int]

    def may(self, info: os.stat_result) -> bool:
        """Whether the mode lets the user run a file, or enter a directory (ACLs are not looked at)."""
        if self.uid == 0:
            return stat.S_ISDIR(info.st_mode) or bool(info.st_mode & 0o111)
        if info.st_uid == self.uid:
            return bool(info.st_mode & 0o100)
        return bool(info.st_mode & (0o010 if info.st_gid in self.groups else 0o001))


def _runner(name: str) -> _Runner | None:
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):
        return None
    return _Runner(name, entry.pw_uid, frozenset(os.getgrouplist(name, entry.pw_gid)))


def _commands(upsmon: UpsmonConf, place: _Place, runner: _Runner | None) -> None:
    _program("SHUTDOWNCMD", upsmon.shutdowncmd, place, _runner("root"))
    word = _first_word(upsmon.notifycmd)
    if os.path.basename(word) == UPSSCHED and _missing(shutil.which(word, path=PATH) or word):
        place.problems.warn(
            place.line("NOTIFYCMD"),
            f"{word} is not there: ridethrough serve does without it, upsmon alone can't run it",
            f"run: ridethrough link {os.path.dirname(word) or '/sbin'}",
        )
        return
    _program("NOTIFYCMD", upsmon.notifycmd, place, runner)


def _program(directive: str, command: str, place: _Place, runner: _Runner | None) -> str:
    """Judge the program of a command; gives its path if it is there and can be run."""
    word = _first_word(command)
    if not word:
        return ""
    path = word if "/" in word else shutil.which(word, path=PATH)
    if path is None or not os.path.isabs(path):
        what = f"{word} is in none of {PATH}" if path is None else f"{word} is not an absolute path"
        place.problems.error(place.line(directive), f"{directive} {what}", "write its path, from / on")
        return ""
    try:
        info = os.stat(path)
    except PermissionError:
        return ""
    except OSError as error:
        place.problems.error(
            place.line(directive), f"{directive} {path}: {error.strerror}", "create it, or correct the path"
        )
        return ""
    if not stat.S_ISREG(info.st_mode) or not info.st_mode & 0o111:
        what = "is not executable" if stat.S_ISREG(info.st_mode) else "is not a file"
        place.problems.error(place.line(directive), f"{directive} {path} {what}", f"run: chmod 755 {path}")
        return ""
    if runner is not None and not _may_reach(path, runner):
        place.problems.warn(
            place.line(directive),
            f"user {runner.name}, who runs {directive}, may not run {path}",
            f"run: chmod o+x {path}, and the same for the directories above it",
        )
    return path


def _may_reach(path: str, runner: _Runner) -> bool:
    try:
        return all(runner.may(each.stat()) for each in (Path(path), *Path(path).resolve().parents))
    except OSError:
        return True


def _first_word(command: str) -> str:
    """The program that a command begins with; "" where only a shell would know."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    while words and (_ASSIGNMENT.match(words[0]) or words[0] == "exec"):
        words.pop(0)
    if not words or words[0] in _OF_THE_SHELL or not _WORD.fullmatch(words[0].rstrip(";")):
        return ""
    return words[0].rstrip(";")


# -- CMDSCRIPT --------------------------------------------------------------------------------------


def _cmdscript(upssched: UpsschedConf, place: _Place, runner: _Runner | None) -> list[Problem]:
    """Judge CMDSCRIPT and what stands in it; gives the problems that have a line of the script."""
    path = _program("CMDSCRIPT", upssched.cmdscript, place, runner)
    data = _read(Path(path)) if path else b""
    if not data or b"\0" in data:
        return []
    text = data.decode("utf-8", "surrogateescape")
    shown = os.path.basename(path) if Path(path).parent == place.path.parent.absolute() else path
    script = Problems(shown)
    first_line = text.split("\n", 1)[0]
    program = cmdscript.interpreter(first_line)
    if program.endswith("\r"):
        script.error(1, "its lines end with CR LF, so it can't be run", f"run: sed -i 's/\\r$//' {path}")
    elif program and _missing(program):
        script.error(1, f"{program} is not there, so the script can't be run", "correct the #! line")
    for name in cmdscript.unknown_names(text, script_names(upssched.rules)):
        place.problems.warn(
            _line_of(name, upssched.rules),
            f"{shown} does not mention {name}, so nothing may happen when it is called with it",
            f"write in it a case for {name}, or correct the name",
        )
    if cmdscript.is_shell(first_line):
        for line, called in cmdscript.called_programs(text):
            if _missing(called):
                script.warn(line, f"{called} is not there", "install it, or correct the path")
    return script.listed()


def _line_of(name: str, rules: Iterable[AtRule]) -> int:
    return next((rule.line for rule in rules if name in script_names([rule])), 0)


def _read(path: Path) -> bytes:
    """The beginning of a file; nothing if this user can't read it."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            return file.read(MAX_SCRIPT_BYTES) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except OSError:
        return b""


def _missing(path: str) -> bool:
    """Whether a file is surely not there (one that this user can't look at may be)."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False

# SPDX-License-Identifier: GPL-2.0-or-later
"""What the text of a CMDSCRIPT shows without being run (pure).

Only what is certain enough to be told: a script that hands all names on to another program is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

_COMMENT: Final = re.compile(r"^\s*#")
# `start*|stop)` at the beginning of a line: the patterns of a shell's `case`.
_PATTERNS: Final = re.compile(r"^\s*\(?\s*([^\s()#;&<>$`]+(?:\s*\|\s*[^\s()#;&<>$`]+)*)\s*\)")
_CALL: Final = re.compile(r"\s*(?:exec\s+)?(/[\w@%+=:,./-]+)(?=\s|;|&|$)")
_SHELLS: Final = ("sh", "bash", "dash", "ash", "ksh", "zsh")


def interpreter(first_line: str) -> str:
    """The program of a `#!` line as the kernel reads it (a CR at its end counts), or ""."""
    if not first_line.startswith("#!"):
        return ""
    words = first_line[2:].strip(" \t\n").split(" ")
    return words[0].split("\t")[0]


def is_shell(first_line: str) -> bool:
    """Whether a shell runs the script."""
    words = first_line.removeprefix("#!").split()
    return any(word.rpartition("/")[2] in _SHELLS for word in words[:2])


def unknown_names(text: str, names: Iterable[str]) -> list[str]:
    """The names that the script does not mention though it mentions others.

    If it mentions none it hands its argument on, and whoever gets it may know them all.
    """
    lines = [line for line in text.splitlines() if not _COMMENT.match(line)]
    code = "\n".join(lines)
    patterns = [pattern for line in lines for pattern in _case_patterns(line)]
    wanted = list(names)
    unknown = [name for name in wanted if not _mentioned(name, code, patterns)]
    return unknown if len(unknown) < len(wanted) else []


def called_programs(text: str) -> list[tuple[int, str]]:
    """Line and absolute path of each program that a shell script calls at the beginning of a line.

    Left out: what the script itself looks for first (`[ -x /path ]`), and scripts with a here-document.
    """
    if "<<" in text:
        return []
    found: list[tuple[int, str]] = []
    goes_on = False
    for number, line in enumerate(text.splitlines(), 1):
        call = None if goes_on or _COMMENT.match(line) else _CALL.match(line)
        goes_on = line.endswith("\\")
        if call is not None and not _looked_for(call[1], text):
            found.append((number, call[1]))
    return found


def _case_patterns(line: str) -> list[str]:
    match = _PATTERNS.match(line)
    patterns = [pattern.strip().strip("\"'") for pattern in match[1].split("|")] if match else []
    return [pattern for pattern in patterns if pattern.strip("*")]


def _mentioned(name: str, code: str, patterns: Iterable[str]) -> bool:
    word = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
    return bool(re.search(word, code)) or any(fnmatchcase(name, pattern) for pattern in patterns)


def _looked_for(path: str, text: str) -> bool:
    return bool(re.search(rf"-[xefs]\s+[\"']?{re.escape(path)}\b", text))

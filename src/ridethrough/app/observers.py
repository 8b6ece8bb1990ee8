# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough.toml`: what NUT has no word for. So far: the observers that `serve` runs beside its core.

[[observer]]
name = "journal"
command = ["ridethrough", "events", "--follow"]
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, Final

from ridethrough.app.supervise import ChildSpec

NAME: Final = "ridethrough.toml"
MAX_OBSERVERS: Final = 16
MAX_CHARACTERS: Final = 65536
MAX_FAULTS: Final = 20
MAX_NAME: Final = 64
_KEYS: Final = ("name", "command")


def read(directory: Path) -> tuple[tuple[ChildSpec, ...], tuple[str, ...]]:
    """The observers of a configuration directory, and every fault in words. No file is no observer."""
    path = directory / NAME
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except FileNotFoundError:
        return (), ()
    except (OSError, UnicodeDecodeError) as error:
        return (), (f"{path}: can't be read: {error}",)
    return parse(text, str(path))


def parse(text: str, file: str = NAME) -> tuple[tuple[ChildSpec, ...], tuple[str, ...]]:
    """As `read`, of a text. Whatever stands in it, nothing is raised, and there are few and short faults."""
    if len(text) > MAX_CHARACTERS:
        return (), (f"{file}: longer than {MAX_CHARACTERS} characters; nothing of it is used",)
    try:
        content = tomllib.loads(text)
    except RecursionError:
        return (), (f"{file}: brackets are nested too deeply",)
    except ValueError as error:  # A number of thousands of digits is one too, and no TOMLDecodeError.
        return (), (f"{file}: {_shown(str(error), 200)}",)
    specs, problems = _specs(content, file)
    more = len(problems) - MAX_FAULTS
    if more > 0:
        problems[MAX_FAULTS:] = [f"{file}: and {more} more faults; correct those above first"]
    return tuple(specs), tuple(problems)


def _specs(content: dict[str, Any], file: str) -> tuple[list[ChildSpec], list[str]]:
    problems = [_unknown(file, key, ("observer",)) for key in content if key != "observer"]
    tables = content.get("observer", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        return [], [*problems, f"{file}: write each observer as a table: [[observer]]"]
    specs: dict[str, ChildSpec] = {}
    for number, table in enumerate(tables, 1):
        where = f"{file}: observer {number}"
        problems += [_unknown(where, key, _KEYS) for key in table if key not in _KEYS]
        fault = _fault(table, specs)
        if fault:
            problems.append(f"{where}: {fault}")
        else:
            specs[table["name"]] = ChildSpec(table["name"], tuple(table["command"]))
    return list(specs.values()), problems


def _fault(table: dict[str, Any], known: dict[str, ChildSpec]) -> str:
    name, command = table.get("name"), table.get("command")
    if not isinstance(name, str) or not name.isidentifier() or len(name) > MAX_NAME:
        return 'give it a name of letters, digits and _, such as name = "journal"'
    if name in known:
        return f"the name {name} is taken already"
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        return 'its command is a list of words, such as command = ["ridethrough", "events", "--follow"]'
    if any("\0" in word for word in command):
        return "a word of its command holds a NUL, which no program can be given"
    if len(known) >= MAX_OBSERVERS:
        return f"at most {MAX_OBSERVERS} observers run"
    return ""


def _unknown(where: str, key: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(key[:MAX_NAME], known, 1)
    return f"{where}: unknown key '{_shown(key, 40)}'" + (f"; did you mean '{near[0]}'?" if near else "")


def _shown(text: str, limit: int) -> str:
    """A piece of the file, or what was said of it, as one short printable line."""
    return "".join(char if char.isprintable() else "?" for char in text[:limit])

# SPDX-License-Identifier: GPL-2.0-or-later
"""ridethrough.toml: the one file for what NUT has no word for.  It is optional, and so is all that is in it.

    strict_c = true             # the monitor decides as C upsmon does
    uvloop = true               # the event loop of `upsd` alone

    [[observer]]                # a program that `serve` runs beside its core
    name = "journal"
    command = ["ridethrough", "events", "--follow"]

A table says how each key is read; what is wrong is named with its line, and the rest of the file counts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from ridethrough.config.echo import did_you_mean, shown
from ridethrough.config.problems import Problem, Problems

FILE: Final = "ridethrough.toml"
MAX_BYTES: Final = 65536
MAX_PROBLEMS: Final = 20
MAX_OBSERVERS: Final = 16
MAX_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Observer:
    """A program that runs beside the core of `serve` and reads its control socket."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RidethroughConf:
    """What the file says.

    `strict_c`: the monitor's critical decision is C upsmon's: it believes each reading at once, and takes
    silence after any state but a plain OL for death at the first poll that fails.
    `uvloop`: `upsd`, when it runs alone, uses the event loop of that library if it is installed.
    """

    strict_c: bool = False
    uvloop: bool = False
    observers: tuple[Observer, ...] = ()


class _Fault(Exception):
    """A value that can't be used; the text says what to write."""


def parse_ridethrough(data: bytes, file: str = FILE) -> tuple[RidethroughConf, list[Problem]]:
    """Read the file.  Never raises; what is wrong is in the list, and what is right counts all the same."""
    problems = Problems(file, limit=MAX_PROBLEMS)
    content, lines = _toml(data, problems)
    values: dict[str, Any] = {}
    for key, value in content.items():
        reader = _KEYS.get(key)
        if reader is None:
            _unknown(key, lines.key(key), problems)
            continue
        field, read = reader
        try:
            values[field] = read(value, lines, problems)
        except _Fault as fault:
            problems.error(lines.key(key), f"{key}: {fault}")
    return RidethroughConf(**values), problems.listed()


# -- the text -----------------------------------------------------------------------------------------


def _toml(data: bytes, problems: Problems) -> tuple[Mapping[str, Any], _Lines]:
    if len(data) > MAX_BYTES:
        problems.error(0, f"the file is longer than {MAX_BYTES} bytes; nothing of it is used")
        return {}, _Lines("")
    try:
        text = data.decode()
        return tomllib.loads(text), _Lines(text)
    except UnicodeDecodeError as error:
        problems.error(data.count(b"\n", 0, error.start) + 1, "not UTF-8; nothing of the file is used")
    except RecursionError:
        problems.error(0, "brackets are nested too deeply; nothing of the file is used")
    except ValueError as error:  # A number of thousands of digits is one too, and no TOMLDecodeError.
        problems.error(*_syntax(str(error)))
    return {}, _Lines("")


def _syntax(said: str) -> tuple[int, str, str]:
    """The parser's own words, with the line where this house has it."""
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", said)
    words = (said[: found.start()] if found else said)[:160]
    line = int(found[1]) if found and found[1] else 0
    return line, f"not TOML: {words}; nothing of the file is used", 'write: key = true, or key = "text"'


class _Lines:
    """Where the keys stand: the parser keeps no lines, so the text is looked through for plain spellings."""

    def __init__(self, text: str) -> None:
        self._keys: dict[tuple[str, int, str], int] = {}
        self._tables: dict[tuple[str, int], int] = {}
        counts: dict[str, int] = {}
        table, number = "", 0
        for at, line in enumerate(text.splitlines(), 1):
            if head := re.match(r"\s*\[\[?\s*([\w.\"'-]+)\s*\]", line):
                table = head[1].strip("\"'")
                number = counts[table] = counts.get(table, 0) + 1
                self._tables.setdefault((table, number), at)
            elif key := re.match(r"\s*([\w-]+|\"[^\"]*\"|'[^']*')\s*[.=]", line):
                self._keys.setdefault((table, number, key[1].strip("\"'")), at)

    def key(self, name: str) -> int:
        """The line of a key or table at the top; 0 if it is spelled in a way that is not looked for."""
        return self._keys.get(("", 0, name)) or self._tables.get((name, 1), 0)

    def within(self, table: str, number: int, name: str = "") -> int:
        """The line of a key in the table of that name and number, else the line of the table."""
        return self._keys.get((table, number, name)) or self._tables.get((table, number), 0)


# -- the values ---------------------------------------------------------------------------------------


def _yes_or_no(value: Any, lines: _Lines, problems: Problems) -> bool:
    if not isinstance(value, bool):
        raise _Fault("neither true nor false; it stays false")
    return value


def _observers(value: Any, lines: _Lines, problems: Problems) -> tuple[Observer, ...]:
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise _Fault("write each observer as a table: [[observer]]")
    found: dict[str, Observer] = {}
    for number, table in enumerate(value, 1):
        for key in table:
            if key not in _OBSERVER_KEYS:
                _unknown(key, lines.within("observer", number, key), problems, _OBSERVER_KEYS)
        fault = _observer_fault(table, found)
        if fault:
            problems.error(lines.within("observer", number), f"observer {number}: {fault}")
        else:
            found[table["name"]] = Observer(table["name"], tuple(table["command"]))
    return tuple(found.values())


def _observer_fault(table: Mapping[str, Any], known: Mapping[str, Observer]) -> str:
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


_Read = Callable[[Any, _Lines, Problems], Any]

_KEYS: Final[Mapping[str, tuple[str, _Read]]] = MappingProxyType(
    {
        "strict_c": ("strict_c", _yes_or_no),
        "uvloop": ("uvloop", _yes_or_no),
        "observer": ("observers", _observers),
    }
)
"""Key of the file -> field of the model, and what reads it."""
_OBSERVER_KEYS: Final = ("name", "command")


def _unknown(key: str, line: int, problems: Problems, known: tuple[str, ...] = tuple(_KEYS)) -> None:
    """An unknown key is left out, with what was probably meant.

    A key of the top that has slipped below a [[table]] is the likeliest mistake in a TOML file.
    """
    hint = did_you_mean(key, known)
    if key in _KEYS and key not in known:
        hint = f"write {key} above the first [table] of the file: it is not part of one"
    problems.warn(line, f"unknown key {shown(key, '')}".rstrip() + "; it is ignored", hint)

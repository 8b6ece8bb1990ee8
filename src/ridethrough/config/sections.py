# SPDX-License-Identifier: GPL-2.0-or-later
"""The `[section]` files: ups.conf and upsd.users share this shape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ridethrough.config.echo import shown
from ridethrough.config.engine import Entry
from ridethrough.config.problems import Problems


@dataclass(frozen=True, slots=True)
class Pair:
    """One line below a header: `key` (a flag), `key = value ...` or `key value ...` (`assigned` False)."""

    key: str
    values: tuple[str, ...]
    assigned: bool
    line: int


@dataclass(slots=True)
class Section:
    """One header and the lines below it. `name` None: the lines above the first header."""

    name: str | None
    line: int
    pairs: list[Pair] = field(default_factory=list)


def read_sections(lines: Iterable[Entry], problems: Problems, *, guarded: bool) -> list[Section]:
    """Sections in their order; the first one has no name and holds the lines above all headers.

    Below a header that cannot be read the lines are left out: C NUT would give them to the section before,
    and nobody's setting or right may land in another's section.
    """
    found = [Section(None, 0)]
    here: Section | None = found[0]
    for entry in lines:
        first = entry.words[0]
        if first.startswith("["):
            name = _header(entry, problems, guarded)
            here = None if name is None else Section(name, entry.line)
            if here is not None:
                found.append(here)
        elif here is not None:
            pair = _pair(entry, problems)
            if pair is not None:
                here.pairs.append(pair)
    return found


def _header(entry: Entry, problems: Problems, guarded: bool) -> str | None:
    word = entry.words[0]
    name = word[1:-1]
    if not word.endswith("]") or len(word) < 2:
        problems.error(
            entry.line,
            "this section header cannot be read; the lines below it are left out",
            "write [name] on a line of its own, without blanks in the name",
        )
        return None
    if not name.strip():
        problems.error(entry.line, "the section has no name; the lines below it are left out", "write [name]")
        return None
    if len(entry.words) > 1:
        place = "this header" if guarded else shown(word, "this header")
        problems.warn(entry.line, f"words behind {place} are ignored", "begin a new line for them")
    return name


def _pair(entry: Entry, problems: Problems) -> Pair | None:
    key, rest = entry.words[0], entry.words[1:]
    if key == "=" or not key:
        problems.error(entry.line, "the name before the = is missing", "write: name = value")
        return None
    if rest[:1] != ("=",):
        return Pair(key, rest, False, entry.line)
    if len(rest) == 1:
        problems.error(entry.line, "the value behind the = is missing", "write: name = value")
        return None
    return Pair(key, rest[1:], True, entry.line)

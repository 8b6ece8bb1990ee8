# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripts that move a simulated UPS, and the verbs of `ridethrough sim` (they are the same).

    # seconds since the driver began
    load 300
    at 5 mains off
    at 25 mains on

Verbs: `mains on|off`, `load WATTS`, `charge PERCENT`.  A line without `at` counts at second 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ridethrough.drivers.simulated_core import Charge, Event, Load, Mains, number_of
from ridethrough.wire.words import FILE_LIMITS, WordStream

MAX_BYTES: Final = 65536
MAX_PROBLEMS: Final = 20
MAX_WATTS: Final = 1e6
MAX_AT_S: Final = 1e7


@dataclass(frozen=True, slots=True)
class Cue:
    """One line: what happens, and how many seconds after the beginning."""

    at_s: float
    event: Event


def event_of(verb: str, args: Sequence[str]) -> Event:
    """The event of one verb.  Raises ValueError in words."""
    make = _VERBS.get(verb)
    if make is None:
        raise ValueError(f"a simulated UPS has no '{_shown(verb)}'; write one of: {', '.join(_VERBS)}")
    if len(args) != 1:
        raise ValueError(f"'{verb}' takes one word after it, such as '{_EXAMPLES[verb]}'")
    return make(args[0])


def parse(data: bytes, file: str) -> tuple[tuple[Cue, ...], tuple[str, ...]]:
    """The cues of a script in order of time, and its problems (a bounded number), each with `file:line`."""
    cues: list[Cue] = []
    problems: list[str] = []
    stream = WordStream(FILE_LIMITS)
    for line in stream.feed(data[:MAX_BYTES]) + stream.finish():
        if line.error is not None:
            problems.append(f"{file}:{line.number}: {line.error}")
            continue
        try:
            cues.append(_cue(line.words))
        except ValueError as error:
            problems.append(f"{file}:{line.number}: {error}")
    more = len(problems) - MAX_PROBLEMS
    if more > 0:
        problems[MAX_PROBLEMS:] = [f"{file}: {more} more lines are wrong"]
    if len(data) > MAX_BYTES:
        problems.append(f"{file}: the script is longer than {MAX_BYTES} bytes; the rest is not read")
    # Sorting is stable: lines of one time stay in their order.
    return tuple(sorted(cues, key=lambda cue: cue.at_s)), tuple(problems)


def _cue(words: tuple[str, ...]) -> Cue:
    if words[0] != "at":
        return Cue(0.0, event_of(words[0], words[1:]))
    at_s = number_of(words[1]) if len(words) > 2 else None
    if at_s is None or not 0 <= at_s <= MAX_AT_S:
        raise ValueError("'at' needs seconds and then what happens, such as 'at 5 mains off'")
    return Cue(at_s, event_of(words[2], words[3:]))


def _mains(word: str) -> Event:
    if word not in ("on", "off"):
        raise ValueError(f"'mains' is 'on' or 'off', not '{_shown(word)}'")
    return Mains(word == "on")


def _load(word: str) -> Event:
    watts = number_of(word)
    if watts is None or not 0 <= watts <= MAX_WATTS:
        raise ValueError(f"'load' needs watts from 0 to {MAX_WATTS:.0f}, not '{_shown(word)}'")
    return Load(watts)


def _charge(word: str) -> Event:
    percent = number_of(word)
    if percent is None or not 0 <= percent <= 100:
        raise ValueError(f"'charge' needs a percentage from 0 to 100, not '{_shown(word)}'")
    return Charge(percent)


def _shown(word: str) -> str:
    """A word of the script fit for a terminal: short and printable."""
    return "".join(char if char.isprintable() else "?" for char in word[:40])


_VERBS: Final[dict[str, Callable[[str], Event]]] = {"mains": _mains, "load": _load, "charge": _charge}
_EXAMPLES: Final = {"mains": "mains off", "load": "load 300", "charge": "charge 50"}

# SPDX-License-Identifier: GPL-2.0-or-later
"""What two hosts did in the same story, held against each other: notices, commands, order, times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.guides.replay import Call, Seen
from tests.guides.replay_stories import POLL_S

# C's timers count whole seconds of the wall clock, and each host polls at its own moment; then there is the
# machine.
LATE_S: Final = 1 + POLL_S + 2.5
# A server finds a driver that is back in its own time.
RETURN_S: Final = 30.0
APART_S: Final = POLL_S + 2.0
"""What lies so far apart at C's must come in the same order at ours."""
AGAIN: Final = (" is unavailable", ": login refused")


def differences(c: Seen, other: Seen) -> list[str]:
    """What a user would notice, each in one line; none if they did the same."""
    found = _more_or_less("log", _once(c.told), _once(other.told))
    common = set(c.told) & set(other.told)
    orders = [[text for text in _once(seen.told) if text in common] for seen in (c, other)]
    if orders[0] != orders[1] and not any(line.partition(": ")[2] in common for line in found):
        found.append(f"log: in another order: {orders[1]}, not {orders[0]}")
    for what, theirs, ours in (
        ("NOTIFYCMD", c.handed, other.handed),
        ("CMDSCRIPT", c.ran, other.ran),
        ("SHUTDOWNCMD", c.down, other.down),
    ):
        found += _more_or_less(what, list(map(_label, _first(theirs))), list(map(_label, _first(ours))))
    if c.flag != other.flag:
        found.append(f"POWERDOWNFLAG: {'left out' if c.flag else 'written'}")
    return found + _times(c, other)


def _once(texts: Sequence[str]) -> list[str]:
    """NOCOMM is told every NOCOMMWARNTIME: how often depends on when the driver is found again."""
    return [text for n, text in enumerate(texts) if not (text.endswith(AGAIN) and text in texts[:n])]


def _first(calls: Sequence[Call]) -> list[Call]:
    """The same for calls."""
    first = next((call for call in calls if call.type == "NOCOMM"), None)
    return [call for call in calls if call.type != "NOCOMM" or call is first]


def _label(call: Call) -> str:
    return " ".join(filter(None, (call.words, f"({call.type} {call.ups})" if call.type else "")))


def _more_or_less(what: str, theirs: Sequence[str], ours: Sequence[str]) -> list[str]:
    found = []
    for text in dict.fromkeys((*theirs, *ours)):
        many = ours.count(text) - theirs.count(text)
        if many:
            found.append(f"{what}: {abs(many)} {'more' if many > 0 else 'less'}: {text}")
    return found


def _pairs(theirs: Sequence[Call], ours: Sequence[Call]) -> list[tuple[Call, Call]]:
    """The n-th call with the same words there and here."""
    found: list[tuple[Call, Call]] = []
    for words in dict.fromkeys(call.words for call in theirs):
        same = [[call for call in _first(calls) if call.words == words] for calls in (theirs, ours)]
        found += zip(*same, strict=False)
    return found


def _times(c: Seen, other: Seen) -> list[str]:
    pairs = _pairs(c.handed, other.handed) + _pairs(c.ran, other.ran) + _pairs(c.down, other.down)
    found = []
    for theirs, ours in pairs:
        late_s = ours.at - theirs.at
        if abs(late_s) > (RETURN_S if "COMMOK" in (theirs.type, ours.type) else LATE_S):
            found.append(f"time: {late_s:+.1f} s: {_label(ours)}")
        found += [
            f"order: {_label(ours)} after {_label(after)}"
            for before, after in pairs
            if before.at - theirs.at > APART_S and after.at < ours.at
        ]
    return found

# SPDX-License-Identifier: GPL-2.0-or-later
"""Events inside one process: what happened, told to everybody who asked, in order.

An event is a flat dictionary with `event` (its kind), `t` (monotonic seconds) and fields of JSON types.
A listener that fails is taken off and said; it can't hurt the stage that told it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Event = Mapping[str, Any]
Listener = Callable[[Event], None]

KINDS: Final = frozenset(
    {
        "log",  # level, text
        "device",  # ups, status, freshness, added, removed, charge, runtime, load
        "output",  # ups, on: the load's supply was switched
        "mains",  # ups, on: a simulated mains was switched
        "notice",  # host, type, ups, text
        "decision",  # host, text, readings
        "login",  # ups, hosts, count
        "fsd",  # ups
        "would",  # host, text: dry-run
        "ran",  # host, what, command, status
        "stage",  # name, state
    }
)


class Bus:
    """Tells every listener of every event, at once and in order."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of everything from now on. It must not block."""
        self._listeners.append(listener)

    def tell(self, kind: str, **fields: object) -> None:
        """Something happened. `kind` is one of `KINDS`."""
        assert kind in KINDS, kind
        event: Event = {"event": kind, "t": round(self._clock(), 3), **fields}
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception as error:
                # Whatever an observer does wrong, the stages go on.
                self._listeners.remove(listener)
                self.tell("log", level="error", text=f"a listener failed and was taken off: {error!r}")

    def log(self, level: str, text: str) -> None:
        """A line for people."""
        self.tell("log", level=level, text=text)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Events and the lines that people read."""

from __future__ import annotations

from typing import Any

import pytest

from ridethrough.app.bus import KINDS, Bus
from ridethrough.app.timeline import _TELLERS, Timeline, clock_text, duration_text


def lines(*events: dict[str, Any], verbose: bool = False) -> list[str | None]:
    timeline = Timeline(100.0, verbose)
    return [timeline.line({"t": 100.0, **event}) for event in events]


def device(**fields: Any) -> dict[str, Any]:
    return {"event": "device", "ups": "sim", "status": "OL", "freshness": "fresh", **fields}


def test_every_kind_of_event_has_a_teller() -> None:
    """Nothing that happens is without words."""
    assert set(_TELLERS) == KINDS


def test_one_line_for_each_event() -> None:
    """The words of the transcript in the README."""
    told = lines(
        device(added=["OL"], charge=100.0, runtime=2400.0),
        {"event": "mains", "ups": "sim", "on": False, "t": 165.5},
        {
            "event": "notice",
            "host": "primary",
            "type": "ONBATT",
            "ups": "sim@localhost",
            "text": "on battery",
        },
        {"event": "decision", "host": "primary", "text": "shut down", "readings": "battery.charge 19"},
        {"event": "decision", "host": "primary", "text": "wait"},
        {"event": "login", "ups": "sim", "hosts": ["local"], "count": 1},
        {"event": "login", "ups": "sim", "hosts": [], "count": 0},
        {"event": "fsd", "ups": "sim"},
        {"event": "would", "host": "primary", "text": "would run SHUTDOWNCMD: poweroff"},
        {"event": "ran", "host": "primary", "what": "NOTIFYCMD", "command": "x", "status": 0},
        {"event": "output", "ups": "sim", "on": False, "t": 3_800.0},
        {"event": "log", "level": "info", "text": "hello"},
        {"event": "log", "level": "error", "text": "bad"},
        verbose=True,
    )
    assert told == [
        "    0:00  sim        OL, battery 100 %, runtime 40 min",
        "    1:05  sim        mains lost",
        "    0:00  primary    ONBATT: on battery",
        "    0:00  primary    shut down [battery.charge 19]",
        "    0:00  primary    wait",
        "    0:00  sim        logged in: local (1)",
        "    0:00  sim        logged in: nobody (0)",
        "    0:00  sim        FSD is set: every host on this UPS is told to go down",
        "    0:00  primary    dry-run, would run SHUTDOWNCMD: poweroff",
        "    0:00  primary    NOTIFYCMD: x (exit status 0)",
        " 1:01:40  sim        the UPS cuts the load",
        "    0:00             hello",
        "    0:00  error      bad",
    ]


def test_what_says_nothing_new_is_left_out() -> None:
    """A percent less each second is no news; twenty percent, a new token or stale data are."""
    told = lines(
        device(charge=100.0, added=["OB"]),
        device(charge=99.0),
        device(charge=80.0),
        device(charge=79.0, freshness="stale", fresh_changed=True),
        {"event": "stage", "name": "server", "state": "listening"},
        {"event": "log", "level": "debug", "text": "detail"},
        {"event": "login", "ups": "sim", "hosts": ["local"], "count": 1},
        {"event": "fsd", "ups": "sim"},
        {"event": "from a newer version"},
    )
    assert [line and line.split(None, 2)[2] for line in told] == [
        "OL, battery 100 %",
        None,
        "OL, battery 80 %",
        "stale: no reading that may be trusted",
        None,
        None,
        None,
        None,
        None,
    ]
    shown = lines({"event": "stage", "name": "server", "state": "up"}, verbose=True)
    assert shown == ["    0:00  server     up"]


@pytest.mark.parametrize(
    ("seconds", "clock", "words"),
    [
        (0, "0:00", "0 s"),
        (119, "1:59", "119 s"),
        (3599, "59:59", "60 min"),
        (9000, "2:30:00", "2 h 30 min"),
    ],
)
def test_times_in_the_words_of_a_person(seconds: float, clock: str, words: str) -> None:
    """No seconds in six digits."""
    assert clock_text(seconds) == clock
    assert duration_text(seconds) == words


def test_a_failing_listener_hurts_nobody() -> None:
    """An observer that raises is taken off; the others hear of it, and go on hearing."""
    heard: list[str] = []

    def broken(event: object) -> None:
        raise RuntimeError("boom")

    bus = Bus(lambda: 1.5)
    bus.listen(broken)
    bus.listen(lambda event: heard.append(f"{event['t']} {event['event']} {event.get('text')}"))
    bus.tell("fsd", ups="sim")
    bus.log("info", "after")
    assert heard == [
        "1.5 log a listener failed and was taken off: RuntimeError('boom')",
        "1.5 fsd None",
        "1.5 log after",
    ]

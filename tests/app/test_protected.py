# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough status`: every no has its one command."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ridethrough.app.protected import LocalFacts, answers, protected, render

FACTS = LocalFacts("/etc/nut", 0, "/lib/systemd/system-shutdown/nutshutdown", 3.0, "down in time", True)
RUNNING: dict[str, Any] = {
    "pid": 7,
    "armed": True,
    "helper": True,
    "shutdowncmd": "/sbin/shutdown -h +0",
    "devices": [{"ups": "eaton", "freshness": "fresh", "status": "OL"}],
    "monitors": [{"system": "eaton@localhost", "power_value": 1, "logged_in": True, "role": "primary"}],
}


def test_all_is_well() -> None:
    """Exit status 0 is given only for this."""
    rows = answers(RUNNING, FACTS)
    assert protected(rows)
    assert render(rows).endswith("\nprotected")
    assert "->" not in render(rows)


NOS: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({"armed": False}, {}, "dry-run", "ridethrough serve --config /etc/nut --armed"),
    ({"simulated": True}, {}, "simulation", "ridethrough serve --config /etc/nut --armed"),
    ({"helper": False}, {}, "helper", "ridethrough serve --config /etc/nut --armed"),
    ({"shutdowncmd": ""}, {}, "no SHUTDOWNCMD", "ridethrough check"),
    ({"devices": []}, {}, "no UPS", "ridethrough check"),
    (
        {"devices": [{"ups": "e", "freshness": "stale", "why": "no reply"}]},
        {},
        "no reply",
        "ridethrough events",
    ),
    ({"devices": None}, {}, "no UPS", "ridethrough check"),
    ({"monitors": []}, {}, "no MONITOR", "ridethrough check --config /etc/nut"),
    (
        {"monitors": [{"system": "e@h", "power_value": 0}]},
        {},
        "no MONITOR",
        "ridethrough check --config /etc/nut",
    ),
    (
        {"monitors": [{"system": "e@h", "power_value": 1, "why": "ACCESS-DENIED: line 3"}]},
        {},
        "ACCESS-DENIED: line 3",
        "ridethrough check --config /etc/nut",
    ),
    ({}, {"config_errors": 2}, "2 errors", "ridethrough check --config /etc/nut"),
    ({}, {"hook": None}, "no shutdown hook", "ridethrough install-hook"),
    ({}, {"drill_age_days": None}, "there has been none", "ridethrough drill --config /etc/nut"),
    ({}, {"drill_ok": False}, "the last one failed", "ridethrough drill --config /etc/nut"),
    ({}, {"drill_age_days": 91.0}, "too old", "ridethrough drill --config /etc/nut"),
]


@pytest.mark.parametrize(("running", "facts", "detail", "command"), NOS)
def test_one_no_is_enough_and_names_one_command(
    running: dict[str, Any], facts: dict[str, Any], detail: str, command: str
) -> None:
    """Each missing piece alone makes the answer no."""
    rows = answers({**RUNNING, **running}, replace(FACTS, **facts))
    noes = [row for row in rows if not row.ok]
    assert len(noes) == 1
    assert detail in noes[0].detail
    assert noes[0].command == command
    assert f"-> {command}" in render(rows)
    assert "NOT protected: 1 of" in render(rows)


def test_silence_is_a_no() -> None:
    """Where serve does not answer, nothing is assumed of it."""
    rows = answers(None, FACTS, "no such socket")
    assert not protected(rows)
    assert [row.detail for row in rows if not row.ok] == ["no such socket"]
    assert not protected(())

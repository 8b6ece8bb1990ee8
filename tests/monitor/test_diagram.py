# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the life of a UPS as ridethrough.monitor.diagram draws it."""

from __future__ import annotations

from ridethrough.monitor.diagram import life_diagram
from ridethrough.monitor.life import EDGES, FEEDS


def test_the_life_of_a_ups_is_drawn_whole() -> None:
    """Every notice of the tables stands at an arrow; the first OL of all has none."""
    drawn = life_diagram()
    assert drawn.startswith("stateDiagram-v2\n")
    for token, (_, kind) in FEEDS.items():
        assert f": {token} - {kind}\n" in drawn
    assert "unknown --> line: OL\n" in drawn
    for token, edge in EDGES.items():
        assert f"no_{token} --> {token}: {edge.appears}\n" in drawn
        assert f"{token} --> no_{token}" + (f": {edge.goes}" if edge.goes else "") + "\n" in drawn
    assert drawn.count("        --\n") == len(EDGES)

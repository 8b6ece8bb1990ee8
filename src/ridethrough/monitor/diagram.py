# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's tables drawn as Mermaid text, so that the documentation can't drift from the code."""

from __future__ import annotations

from ridethrough.monitor.life import EDGES, FEEDS
from ridethrough.monitor.shutdown import MOVES, Phase


def shutdown_diagram() -> str:
    """The phases of a shutdown and the moves between them."""
    lines = ["stateDiagram-v2", f"    [*] --> {_name(Phase.RUNNING)}"]
    lines += [f"    {_name(old)} --> {_name(new)}: {move}" for (old, move), new in MOVES.items()]
    return "\n".join([*lines, f"    {_name(Phase.DONE)} --> [*]", ""])


def life_table() -> str:
    """Which notice each edge of a status token gives, as a Markdown table."""
    lines = ["| token | appears | goes |", "|---|---|---|"]
    lines += [f"| {token} | {kind} | |" for token, (_, kind) in FEEDS.items()]
    lines += [f"| {token} | {edge.appears} | {edge.goes or ''} |" for token, edge in EDGES.items()]
    lines += ["| RB | REPLBATT, again every RBWARNTIME | |", "| FSD | FSD | |"]
    return "\n".join([*lines, "| any other but HB, CHRG, DISCHRG | OTHER | NOTOTHER with the last |", ""])


def _name(phase: Phase) -> str:
    return phase.name.lower()

# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's tables drawn as Mermaid text, so that the documentation can't drift from the code."""

from __future__ import annotations

from ridethrough.monitor.life import EDGES, FEEDS, Feed
from ridethrough.monitor.shutdown import MOVES, Phase


def shutdown_diagram() -> str:
    """The phases of a shutdown and the moves between them."""
    lines = ["stateDiagram-v2", f"    [*] --> {_name(Phase.RUNNING)}"]
    lines += [f"    {_name(old)} --> {_name(new)}: {move}" for (old, move), new in MOVES.items()]
    return "\n".join([*lines, f"    {_name(Phase.DONE)} --> [*]", ""])


def life_diagram() -> str:
    """What a UPS that is heard can say of itself, side by side: its supply, and each token with a notice."""
    regions = [_supply()]
    for token, edge in EDGES.items():
        back = f": {edge.goes}" if edge.goes else ""
        without = f"no_{token}"
        regions.append(
            [f"[*] --> {without}", f"{without} --> {token}: {edge.appears}", f"{token} --> {without}{back}"]
        )
    inside = "\n        --\n".join("\n".join(f"        {line}" for line in region) for region in regions)
    return f"stateDiagram-v2\n    state UPS {{\n{inside}\n    }}\n"


def _supply() -> list[str]:
    """Where the power comes from; the first OL after a start is told to nobody."""
    lines = [f"[*] --> {Feed.UNKNOWN}"]
    for token, (feed, kind) in FEEDS.items():
        for before in Feed:
            silent = before is Feed.UNKNOWN and feed is Feed.LINE
            if before is not feed:
                lines.append(f"{before} --> {feed}: {token}" + ("" if silent else f" - {kind}"))
    return lines


def life_table() -> str:
    """Which notice each edge of a status token gives, as a Markdown table."""
    lines = ["| token | appears | goes |", "|---|---|---|"]
    lines += [f"| {token} | {kind} | |" for token, (_, kind) in FEEDS.items()]
    lines += [f"| {token} | {edge.appears} | {edge.goes or ''} |" for token, edge in EDGES.items()]
    lines += ["| RB | REPLBATT, again every RBWARNTIME | |", "| FSD | FSD | |"]
    return "\n".join([*lines, "| any other but HB, CHRG, DISCHRG | OTHER | NOTOTHER with the last |", ""])


def _name(phase: Phase) -> str:
    return phase.name.lower()

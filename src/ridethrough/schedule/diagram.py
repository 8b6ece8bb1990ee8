# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of the timers drawn as Mermaid text, so that the documentation can't drift from the code."""

from __future__ import annotations

from ridethrough.schedule.timers import MOVES, Phase


def timer_diagram() -> str:
    """What each command of an AT line does to the timers of one name, and what the time does."""
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.IDLE}"]
    for (old, verb), (deed, new) in MOVES.items():
        lines.append(f"    {old} --> {new}: {verb} - {deed}")
    return "\n".join([*lines, ""])

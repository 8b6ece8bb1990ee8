# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of the docs that are made from the code.

A generator is a function without arguments that returns Markdown.  To add one, write it (or import it
inside a small function here), and give it a name in GENERATORS.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from ridethrough.monitor import diagram
from ridethrough.schedule.diagram import timer_diagram
from tools import imports

ROOT = imports.ROOT


def rooms() -> str:
    """The table of rooms, from the import contract; what they hold, from their docstrings."""
    lines = ["| rooms | what they hold |", "|---|---|"]
    for layer in imports.layers():
        names = " &#124; ".join(f"`{room}`" for room in layer)
        lines.append(f"| {names} | {' · '.join(filter(None, map(first_sentence, layer)))} |")
    return "\n".join(lines)


def first_sentence(room: str) -> str:
    """Return the first line of a room's docstring; nothing if the room isn't built yet."""
    path = ROOT / "src" / "ridethrough" / room / "__init__.py"
    if not path.exists():
        return ""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return text.partition("\n")[0].strip().rstrip(".").replace("|", "&#124;")


def dev_commands() -> str:
    """The table of the commands of ./dev, from its own help."""
    text = (ROOT / "dev").read_text("utf-8")
    usage = text.partition("<<'EOF'\n")[2].partition("\nEOF\n")[0]
    found = re.findall(r"^  (\S.*?)  +(\S.*)$", usage, re.MULTILINE)
    return "\n".join(
        ["| command | what it does |", "|---|---|", *(f"| `./dev {a}` | {b} |" for a, b in found)]
    )


def monitor_shutdown() -> str:
    """The phases of a shutdown, drawn from the monitor's table of moves."""
    return f"```mermaid\n{diagram.shutdown_diagram()}```"


def monitor_life() -> str:
    """The life of one UPS, drawn from the tables of its notices."""
    return f"```mermaid\n{diagram.life_diagram()}```"


def upssched_timers() -> str:
    """The life of a timer, drawn from the schedule's table of moves."""
    return f"```mermaid\n{timer_diagram()}```"


GENERATORS: dict[str, Callable[[], str]] = {
    "dev-commands": dev_commands,
    "monitor-life": monitor_life,
    "monitor-notices": diagram.life_table,
    "monitor-shutdown": monitor_shutdown,
    "rooms": rooms,
    "upssched-timers": upssched_timers,
}

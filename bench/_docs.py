# SPDX-License-Identifier: GPL-2.0-or-later
"""What a benchmark has measured, put into docs/benchmarks.md (`./dev bench NAME --write`).

The part of a benchmark stands between `<!-- measured: NAME -->` and `<!-- /measured -->`, each on its line.
"""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
CLOSING = "<!-- /measured -->"


def replaced(text: str, name: str, part: str) -> str:
    """The page with this part made anew.  Raises ValueError if the page has no place for it."""
    opening = f"<!-- measured: {name} -->"
    before, found, rest = text.partition(f"{opening}\n")
    _, closed, after = rest.partition(CLOSING)
    if not found or not closed:
        raise ValueError(
            f"{PAGE.name} has no lines '{opening}' and '{CLOSING}'; add them where it is to stand"
        )
    return f"{before}{opening}\n{part.strip()}\n{CLOSING}{after}"


def write(name: str, part: str) -> None:
    """Put the part into the page."""
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), name, part), encoding="utf-8")

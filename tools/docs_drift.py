# SPDX-License-Identifier: GPL-2.0-or-later
"""Keep the generated parts of the docs current: `check` finds drift, `./dev docs` mends it.

A generated part stands between `<!-- generated: NAME -->` and `<!-- /generated -->`, each alone on its line.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tools.generated import GENERATORS, ROOT

PLACES = ("*.md", "docs/**/*.md", "examples/**/*.md")
OPENING = re.compile(r"^<!-- generated: (\S+) -->$")
CLOSING = "<!-- /generated -->"


class DocsError(Exception):
    """A generated part is marked wrongly; the message names the line."""


def rewrite(text: str, name: str, generators: Mapping[str, Callable[[], str]]) -> str:
    """Return `text` with every generated part made anew.  Raises DocsError naming `name:line`."""
    result: list[str] = []
    opened = 0
    for number, line in enumerate(text.splitlines(), 1):
        found = OPENING.match(line)
        if found and opened:
            raise DocsError(f"{name}:{opened}: this generated part is not closed; add '{CLOSING}'")
        if found and found[1] not in generators:
            known = ", ".join(sorted(generators))
            raise DocsError(f"{name}:{number}: nothing generates '{found[1]}'; there is: {known}")
        if line == CLOSING and not opened:
            raise DocsError(f"{name}:{number}: this ends a generated part that was never opened")
        if found:
            opened = number
            result += [line, *generators[found[1]]().splitlines()]
        elif line == CLOSING:
            opened = 0
            result.append(line)
        elif not opened:
            result.append(line)
    if opened:
        raise DocsError(f"{name}:{opened}: this generated part is not closed; add '{CLOSING}'")
    return "\n".join(result) + "\n" if result else ""


def documents(root: Path) -> Iterable[Path]:
    """Return the files that may hold generated parts."""
    return sorted({path for place in PLACES for path in root.glob(place)})


def is_marked(text: str) -> bool:
    """Say whether there is anything about generated parts in `text`."""
    return CLOSING in text or "<!-- generated:" in text


def check(root: Path = ROOT, generators: Mapping[str, Callable[[], str]] = GENERATORS) -> list[str]:
    """Return one line for each file whose generated parts are not current."""
    problems = []
    for path in documents(root):
        text = path.read_text("utf-8")
        name = str(path.relative_to(root))
        try:
            if is_marked(text) and rewrite(text, name, generators) != text:
                problems.append(f"{name}: a generated part is out of date; './dev docs' rewrites it")
        except DocsError as error:
            problems.append(str(error))
    return problems


def write(root: Path = ROOT, generators: Mapping[str, Callable[[], str]] = GENERATORS) -> list[str]:
    """Rewrite what is not current; return the names of the files changed.  Raises DocsError."""
    changed = []
    for path in documents(root):
        text = path.read_text("utf-8")
        name = str(path.relative_to(root))
        if is_marked(text) and (new := rewrite(text, name, generators)) != text:
            path.write_text(new, "utf-8")
            changed.append(name)
    return changed


def main() -> int:
    """Check, or with --write mend, the docs."""
    parser = argparse.ArgumentParser(prog="./dev docs")
    parser.add_argument("--write", action="store_true", help="rewrite what is out of date")
    try:
        if parser.parse_args().write:
            for name in write():
                print(f"rewrote {name}")
            return 0
    except DocsError as error:
        print(f"./dev docs: {error}", file=sys.stderr)
        return 1
    problems = check()
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

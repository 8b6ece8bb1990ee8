# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev check`: every check that needs no running program, one line each, all failures shown."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence

from tools import docs_drift, imports, sizes, tree

ROOT = imports.ROOT
CODE = ("src", "tests", "tools", "bench")

Result = tuple[bool, str]  # whether it passed, and what there is to say


def program(*command: str) -> Result:
    """Run a development tool from the root of the tree."""
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return result.returncode == 0, (result.stdout + result.stderr).strip() if result.returncode else ""


def problems(found: Iterable[str]) -> Result:
    """Make a result of a list of problems."""
    text = "\n".join(found)
    return not text, text


def code() -> Sequence[str]:
    """Return the directories of code that exist."""
    return [name for name in CODE if any((ROOT / name).rglob("*.py"))]


CHECKS: dict[str, Callable[[], Result]] = {
    "format": lambda: program("ruff", "format", "--check", *code()),
    "lint": lambda: program("ruff", "check", *code()),
    "types": lambda: program("mypy"),
    "imports": imports.check,
    "sizes": lambda: problems(sizes.check(ROOT)),
    "docs": lambda: problems(docs_drift.check()),
    "licence": lambda: problems(tree.licence_problems(ROOT)),
    "paths": lambda: problems(tree.path_problems(ROOT)),
}


def run(checks: dict[str, Callable[[], Result]], say: Callable[[str], None]) -> bool:
    """Run all checks, also after one has failed; return whether all passed."""
    good = True
    for name, check in checks.items():
        passed, text = check()
        good = good and passed
        remark = f" ({text})" if passed and text else ""
        say(f"{name:8} {'ok' if passed else 'FAILED'}{remark}")
        if not passed:
            say("\n".join(f"    {line}" for line in text.splitlines()))
    return good


def main(names: Sequence[str]) -> int:
    """Run the checks named, or all."""
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"./dev check: no check '{unknown[0]}'; there is: {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    chosen = {name: check for name, check in CHECKS.items() if not names or name in names}
    return 0 if run(chosen, lambda text: print(text, flush=True)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

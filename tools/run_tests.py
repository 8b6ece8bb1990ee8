# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev test`: see to the Debian packages that tests need, then become pytest."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tools import system_install, system_look

ROOT = Path(__file__).resolve().parent.parent
UNMET_VARIABLE = "RIDETHROUGH_UNMET"  # read by tests/conftest.py


def from_root(argument: str, start: Path) -> str:
    """Return a pytest argument such that a path in it, meant from `start`, holds from the root as well."""
    path, separator, rest = argument.partition("::")
    if argument.startswith("-") or not (start / path).exists():
        return argument
    return f"{(start / path).resolve()}{separator}{rest}"


def main(argv: Sequence[str]) -> int:
    """Set up, then replace this process by pytest; returns only when interrupted."""
    parser = argparse.ArgumentParser(prog="./dev test", add_help=False, allow_abbrev=False)
    parser.add_argument(system_look.OVERRIDE, action="store_true", dest="override")
    parser.add_argument("--started-in", type=Path, default=Path.cwd())
    options, rest = parser.parse_known_args(argv)
    try:
        decision = system_install.ensure(
            override=options.override, say=lambda text: print(f"./dev test: {text}", flush=True)
        )
    except KeyboardInterrupt:
        return 130
    environment = {**os.environ, UNMET_VARIABLE: json.dumps(system_look.unmet_markers(decision.reason))}
    start = options.started_in
    arguments = rest if start == ROOT else [from_root(argument, start) for argument in rest]
    os.chdir(ROOT)
    os.execve(sys.executable, [sys.executable, "-m", "pytest", *arguments], environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough check`: every fault of a configuration directory, with file, line and what to write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ridethrough.app import places
from ridethrough.check.everything import load_and_look
from ridethrough.cli.arguments import Parser
from ridethrough.config.nutauth_file import load_nutauth
from ridethrough.config.paths import confpath
from ridethrough.config.problems import Severity


def main(argv: list[str]) -> int:
    """Print the problems; exit status 1 if one of them is an error."""
    parser = Parser("check", __doc__)
    parser.add_argument(
        "--config", type=Path, default=None, help="the directory (default: NUT_CONFPATH, /etc/nut)"
    )
    options = parser.parse_args(argv[1:])
    directory = options.config or confpath(os.environ)
    try:
        places.config_directory(directory)
    except places.PlaceError as error:
        print(f"ridethrough check: {error}", file=sys.stderr)
        return 1
    problems = (*load_and_look(directory).problems, *load_nutauth(directory / "nutauth.conf")[1])
    for problem in problems:
        print(problem)
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    print(f"{directory}: {_count(errors, 'error')}, {_count(len(problems) - errors, 'warning')}")
    return 1 if errors else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"

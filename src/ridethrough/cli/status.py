# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough status`: am I protected? Exit status 0 only if every answer is yes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ridethrough.app.drills import Drill, last_drill
from ridethrough.app.protected import LocalFacts, answers, protected, render
from ridethrough.check.everything import load_and_look
from ridethrough.cli import control_args
from ridethrough.cli.arguments import Parser
from ridethrough.cli.install_hook import installed
from ridethrough.config.paths import confpath
from ridethrough.config.problems import Severity
from ridethrough.control.client import ControlError

DAY_S = 86_400


def main(argv: list[str]) -> int:
    """Ask serve and look at this machine."""
    parser = Parser("status", __doc__)
    parser.add_argument("--config", type=Path, default=None, help="the directory (default: what serve says)")
    parser.add_argument("--json", action="store_true", help="the answers as JSON")
    control_args.add_arguments(parser)
    options = parser.parse_args(argv[1:])
    running: Mapping[str, Any] | None = None
    why_not = ""
    try:
        running = control_args.client(options).ask("status")
    except ControlError as error:
        why_not = str(error)
    # A simulation's own configuration is in no directory: what counts is the one that would be used for real.
    used = Path((running or {}).get("config") or "")
    directory = options.config or (used if used.is_absolute() else confpath(os.environ))
    rows = answers(running, local_facts(directory), why_not)
    if options.json:
        print(json.dumps([{"question": row.question, "ok": row.ok, "detail": row.detail} for row in rows]))
    else:
        print(render(rows))
    return 0 if protected(rows) else 1


def local_facts(directory: Path) -> LocalFacts:
    """What this machine shows: configuration, hook, last drill."""
    problems = load_and_look(directory).problems
    hook = installed()
    drill = last_drill(directory)
    return LocalFacts(
        config=str(directory),
        config_errors=sum(problem.severity is Severity.ERROR for problem in problems),
        hook=str(hook) if hook else None,
        drill_age_days=_age_days(drill),
        drill_verdict=drill.verdict if drill else "",
        drill_ok=drill.ok if drill else False,
    )


def _age_days(drill: Drill | None) -> float | None:
    return None if drill is None else max(0.0, time.time() - drill.at) / DAY_S

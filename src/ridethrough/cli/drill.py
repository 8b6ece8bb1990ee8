# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough drill`: play an outage through your configuration on a virtual clock, and record the verdict.

Nothing is run and no device is touched: it says what would have been run, and when.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ridethrough.app.bus import Event
from ridethrough.app.drills import Drill, fingerprint, record
from ridethrough.app.timeline import Timeline
from ridethrough.cli.arguments import Parser
from ridethrough.config.load import load
from ridethrough.config.paths import confpath
from ridethrough.sim.drill import rehearse


def main(argv: list[str]) -> int:
    """Exit status 0 if the drill passed."""
    parser = Parser("drill", __doc__)
    parser.add_argument("--config", type=Path, default=None, help="the directory (default: /etc/nut)")
    parser.add_argument("--quiet", action="store_true", help="only the verdict")
    options = parser.parse_args(argv[1:])
    directory = options.config or confpath(os.environ)
    if not directory.is_dir():
        print(f"drill: {directory} is not a directory; name one with --config", file=sys.stderr)
        return 1
    config = load(directory)
    for problem in config.errors:
        print(problem, file=sys.stderr)
    timeline = Timeline()

    def show(event: Event) -> None:
        line = timeline.line(event)
        if line is not None and not options.quiet:
            print(line)

    verdict = rehearse(config, show)
    for fault in verdict.faults:
        print(f"fault: {fault}")
    print(f"the drill has {'passed' if verdict.ok else 'FAILED'}: {verdict.text}")
    drill = Drill(time.time(), verdict.ok, verdict.text, fingerprint(directory))
    try:
        record(directory, drill)
    except OSError as error:
        print(f"drill: the verdict can't be recorded: {error.strerror}; run it as root", file=sys.stderr)
        return 1
    return 0 if verdict.ok else 1

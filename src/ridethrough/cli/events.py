# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough events`: what has happened since `serve` started, a line each."""

from __future__ import annotations

import json

from ridethrough.app.timeline import Timeline
from ridethrough.cli import control_args
from ridethrough.cli.arguments import Parser


def main(argv: list[str]) -> int:
    """Print the kept events; with --follow go on until interrupted."""
    parser = Parser("events", __doc__)
    parser.add_argument("--follow", action="store_true", help="go on with what happens from now on")
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line, as on the control socket"
    )
    control_args.add_arguments(parser)
    options = parser.parse_args(argv[1:])

    def ask() -> int:
        client = control_args.client(options)
        started = float(client.ask("status")["started"])
        timeline = Timeline(started, verbose=True)
        for event in client.events(follow=options.follow):
            line = json.dumps(event) if options.json else timeline.line(event)
            if line is not None:
                print(line, flush=True)
        return 0

    return control_args.said("events", ask)

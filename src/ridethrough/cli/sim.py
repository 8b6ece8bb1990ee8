# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough sim`: move a simulated UPS of a running `serve`: `mains off`, `mains on`, `load 300`."""

from __future__ import annotations

from ridethrough.cli import control_args
from ridethrough.cli.arguments import Parser


def main(argv: list[str]) -> int:
    """Ask serve; prints what the simulated UPS says."""
    parser = Parser("sim", __doc__)
    parser.add_argument("what", choices=("mains", "load"))
    parser.add_argument("value", help="on or off for mains; watts for load")
    parser.add_argument("--ups", default="", help="which simulated UPS, where there are several")
    control_args.add_arguments(parser)
    options = parser.parse_args(argv[1:])

    def ask() -> int:
        reply = control_args.client(options).ask(
            "sim", ups=options.ups, what=options.what, value=options.value
        )
        print(reply["text"])
        return 0

    return control_args.said("sim", ask)

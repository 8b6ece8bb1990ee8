# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough maintenance on 2h|off|status`: for a time this host is not shut down by itself; notices go on.

`off` lets a shutdown that is held back begin at once.
Exit status of `status`: 0 while a maintenance is on, 1 if none is, 2 if that can't be found out.
A forced shutdown (FSD) and an order of a person (upsmon -c fsd) are obeyed all the same.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

from ridethrough.cli import control_args
from ridethrough.cli.arguments import Parser
from ridethrough.control.client import ControlError, NotRunning
from ridethrough.monitor.maintenance import LONGEST_S, span

_LENGTH: Final = re.compile(r"(?:(\d{1,4}(?:\.\d{1,3})?)(h|min|m|s))(?:(\d{1,4})(min|m))?")
_SECONDS: Final = {"h": 3600.0, "min": 60.0, "m": 60.0, "s": 1.0}


def length(text: str) -> float:
    """`2h`, `90min`, `1h30m`: as seconds.  A number alone is refused: of minutes or of hours?"""
    match = _LENGTH.fullmatch(text.strip())
    if match is None or (match[3] and match[2] != "h"):
        raise argparse.ArgumentTypeError(f"'{text}' is no length of time; write 2h, 90min or 1h30m")
    seconds = float(match[1]) * _SECONDS[match[2]] + float(match[3] or 0) * 60
    if not 0 < seconds <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"'{text}': a maintenance has an end, within {span(LONGEST_S)}")
    return seconds


def main(argv: list[str]) -> int:
    """Ask serve, and print what is held back until when."""
    parser = Parser("maintenance", __doc__)
    parser.add_argument("what", choices=("on", "off", "status"))
    parser.add_argument("length", type=length, nargs="?", help="of on: 2h, 90min, 1h30m; at most 24h")
    parser.add_argument("--reason", default="", help="of on: shown in every notice about it")
    parser.add_argument(
        "--even-fsd",
        action="store_true",
        help="of on: hold the shutdown back even if a primary announces by FSD that it cuts the power",
    )
    control_args.add_arguments(parser)
    options = parser.parse_args(argv[1:])
    if options.what == "on" and options.length is None:
        parser.error("a maintenance has an end: write on 2h")
    if options.what != "on" and (options.length is not None or options.reason or options.even_fsd):
        parser.error(f"'{options.what}' takes no length, no --reason and no --even-fsd")
    try:
        return _ask(options)
    except ControlError as error:
        alone = "; an upsmon that stands alone has no maintenance" if isinstance(error, NotRunning) else ""
        print(f"ridethrough maintenance: {error}{alone}", file=sys.stderr)
        return 2 if options.what == "status" else 1


def _ask(options: argparse.Namespace) -> int:
    client = control_args.client(options)
    behind = {"for": os.environ.get("SUDO_USER", "")}
    if options.what == "on":
        fields = {"seconds": options.length, "reason": options.reason, "even_fsd": options.even_fsd}
        print(shown(client.ask("maintenance.on", **fields, **behind)))
        return 0
    if options.what == "off":
        begun = client.ask("maintenance.off", **behind).get("begun")
        print("maintenance is over: shutdowns are decided as usual again")
        if begun:
            print(f"THE SHUTDOWN BEGINS NOW: {begun}")
        return 0
    reply = client.ask("maintenance.status")
    print(shown(reply))
    return 0 if reply.get("on") else 1


def shown(reply: Mapping[str, Any]) -> str:
    """A reply as people read it."""
    if not reply.get("on"):
        return "no maintenance is on"
    left = span(float(reply.get("left_s") or 0))
    reason = f" ({reply['reason']})" if reply.get("reason") else ""
    held = "not even for FSD" if reply.get("even_fsd") else "but for FSD, and when a person orders it"
    lines = [
        f"maintenance until {reply.get('until')} (another {left}) by {reply.get('who')}{reason}",
        f"this host is not shut down, {held}; scripts of NOTIFYCMD and upssched run as usual",
    ]
    if reply.get("would"):
        lines.append(f"WOULD SHUT DOWN NOW: {reply['would']}")
    return "\n".join([*lines, "to end it: ridethrough maintenance off"])

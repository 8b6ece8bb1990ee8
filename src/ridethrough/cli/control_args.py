# SPDX-License-Identifier: GPL-2.0-or-later
"""What the commands that talk to a running `serve` share: its control socket, and how errors are said."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from ridethrough.app.places import control_socket
from ridethrough.control.client import ControlClient, ControlError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--state-dir` and `--timeout`."""
    parser.add_argument(
        "--state-dir",
        type=Path,
        default=None,
        help="the state directory of serve (default: NUT_STATEPATH, /run/nut)",
    )
    parser.add_argument(
        "--timeout", type=float, default=10.0, help="seconds to wait for an answer (default 10)"
    )


def client(options: argparse.Namespace) -> ControlClient:
    """The client for these options; nothing is connected yet."""
    return ControlClient(control_socket(options.state_dir, os.environ), options.timeout)


def said(command: str, ask: Callable[[], int]) -> int:
    """Run `ask`; an error of the control socket becomes one line and exit status 1."""
    try:
        return ask()
    except ControlError as error:
        print(f"ridethrough {command}: {error}", file=sys.stderr)
        return 1

# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough link DIR`: NUT's names for our commands, as symbolic links in a directory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ridethrough.cli.arguments import Parser
from ridethrough.cli.main import NUT_NAMES


def main(argv: list[str]) -> int:
    """Make the links; an existing file that is not our link is named and left alone."""
    parser = Parser("link", __doc__)
    parser.add_argument("directory", type=Path, help="where the names go, such as /usr/local/bin")
    parser.add_argument("--remove", action="store_true", help="take the links away again")
    options = parser.parse_args(argv[1:])
    program = own_program()
    if program is None:
        print(
            "ridethrough link: can't find the installed ridethrough program; install it first",
            file=sys.stderr,
        )
        return 1
    status = 0
    for name in NUT_NAMES:
        link = options.directory / name
        try:
            _unlink_ours(link, program)
            if not options.remove:
                link.symlink_to(program)
        except OSError as error:
            print(
                f"ridethrough link: {link}: {error.strerror or error}; it is left as it is", file=sys.stderr
            )
            status = 1
    return status


def own_program() -> Path | None:
    """The installed `ridethrough` program: beside this Python, or the one that runs now."""
    for path in (Path(sys.executable).with_name("ridethrough"), Path(sys.argv[0])):
        if path.name == "ridethrough" and os.access(path, os.X_OK):
            return path.absolute()
    return None


def _unlink_ours(link: Path, program: Path) -> None:
    if link.is_symlink() and Path(os.readlink(link)).name == program.name:
        link.unlink()

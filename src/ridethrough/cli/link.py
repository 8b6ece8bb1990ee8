# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough link DIR`: NUT's names for our commands in a directory.

The tools that people and scripts call are small stub programs, which start Python without what they don't
need (see `quick`); what runs for long is a symbolic link to the installed program.
"""

from __future__ import annotations

import compileall
import os
import sys
from pathlib import Path

from ridethrough.cli.arguments import Parser
from ridethrough.cli.main import NUT_NAMES

STUBS = frozenset({"upsc", "upscmd", "upsrw", "upslog", "upssched", "upsschedctl"})
MARKER = "# Written by `ridethrough link`, which also replaces and removes it."
# -I: nothing of the caller's environment and directory; -S: no site-packages.
STUB = """\
#!{python} -IS
{marker}
import sys
sys.path.append({package!a})
from ridethrough.cli.quick import start
start({name!a})
"""
MAX_INTERPRETER = 120  # Kernels before Linux 5.1 read 127 bytes of a #! line.
OTHERS_ENTER = 0o001


def main(argv: list[str]) -> int:
    """Make the names; an existing file that is not ours is named and left alone."""
    parser = Parser("link", __doc__)
    parser.add_argument("directory", type=Path, help="where the names go, such as /usr/local/bin")
    parser.add_argument("--remove", action="store_true", help="take the names away again")
    options = parser.parse_args(argv[1:])
    program = own_program()
    if program is None:
        print(
            "ridethrough link: can't find the installed ridethrough program; install it first",
            file=sys.stderr,
        )
        return 1
    python = interpreter()
    status = 0
    for name in NUT_NAMES:
        link = options.directory / name
        try:
            _unlink_ours(link, program)
            if options.remove:
                continue
            if python and name in STUBS:
                _write(link, stub(name, python, package_directory()))
            else:
                link.symlink_to(program)
        except OSError as error:
            print(
                f"ridethrough link: {link}: {error.strerror or error}; it is left as it is", file=sys.stderr
            )
            status = 1
    if not options.remove:
        _prepare(python or sys.executable)
    return status


def own_program() -> Path | None:
    """The installed `ridethrough` program: beside this Python, or the one that runs now."""
    for path in (Path(sys.executable).with_name("ridethrough"), Path(sys.argv[0])):
        if path.name == "ridethrough" and os.access(path, os.X_OK):
            return path.absolute()
    return None


def interpreter() -> str:
    """The Python for stubs: the one that this environment was made from; "" if no #! line can name it."""
    for path in (getattr(sys, "_base_executable", ""), sys.executable):
        if path and os.access(path, os.X_OK):
            plain = path.isascii() and path.isprintable() and " " not in path
            return path if plain and len(path) <= MAX_INTERPRETER else ""
    return ""


def package_directory() -> str:
    """The directory that the package lies in."""
    return str(Path(__file__).resolve().parents[2])


def stub(name: str, python: str, package: str) -> str:
    """The text of the small program that starts `name`."""
    return STUB.format(python=python, marker=MARKER, package=package, name=name)


def closed_directory(paths: tuple[str, ...]) -> str:
    """The first directory above these paths that other users can't enter, or ""."""
    for path in paths:
        for parent in reversed(Path(path).resolve().parents):
            if not parent.stat().st_mode & OTHERS_ENTER:
                return str(parent)
    return ""


def _prepare(python: str) -> None:
    """Have the byte code ready (a tool's user can seldom write it), and say who can't run the programs."""
    package = Path(package_directory(), "ridethrough")
    before = os.umask(0o022)  # It is for all users, whatever this one's habits are.
    compileall.compile_dir(package, quiet=2)
    os.umask(before)
    closed = closed_directory((python, str(package)))
    if closed:
        print(
            f"ridethrough link: other users can't run these programs, because {closed} is closed to them;"
            " install Ridethrough elsewhere if user nut is to run upssched",
            file=sys.stderr,
        )


def _write(path: Path, text: str) -> None:
    """Make a program of this text; raises FileExistsError if there is something already."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o755)
    with open(number, "w", encoding="utf-8") as file:
        os.fchmod(number, 0o755)
        file.write(text)


def _unlink_ours(link: Path, program: Path) -> None:
    if link.is_symlink():
        ours = Path(os.readlink(link)).name == program.name
    elif link.is_file():
        with link.open("rb") as file:
            ours = file.read(512).split(b"\n")[1:2] == [MARKER.encode()]
    else:
        ours = False
    if ours:
        link.unlink()

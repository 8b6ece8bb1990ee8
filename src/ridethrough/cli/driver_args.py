# SPDX-License-Identifier: GPL-2.0-or-later
"""The options of our drivers, which are those of NUT's (nutupsdrv(8))."""

from __future__ import annotations

import argparse
from typing import Final

from ridethrough.drivers.registry import KINDS

COMMANDS: Final = ("reload", "reload-or-error", "reload-or-exit", "exit", "dump")
"""The words of -c."""


def parser_of(driver: str) -> argparse.ArgumentParser:
    """What the driver's command line takes."""
    parser = argparse.ArgumentParser(prog=driver, description=KINDS[driver].about, allow_abbrev=False)
    add = parser.add_argument
    add("-a", dest="ups", metavar="NAME", help="run the section [NAME] of ups.conf")
    add("-s", dest="alone", metavar="NAME", help="run without ups.conf, with all settings given by -x")
    add("-x", dest="extra", metavar="VAR=VALUE", action="append", default=[], help="a setting; it wins")
    add("-F", dest="foreground", action="count", default=0, help="stay in the foreground; -FF: with pid file")
    add("-B", dest="background", action="store_true", help="go to the background in spite of -D")
    add("-D", dest="debug", action="count", default=0, help="log more, and stay in the foreground")
    add("-d", dest="dump", metavar="N", type=_count, help="print the variables after N polls, and exit")
    add("-q", dest="quiet", action="count", default=0, help="taken, and without effect")
    add("-i", dest="interval", metavar="SECONDS", type=_seconds, help="the poll interval")
    add("-u", dest="user", metavar="USER", help="give up root for USER (default: nut, where it exists)")
    add("-g", dest="group", metavar="GROUP", default="", help="the group of the socket (default: nut)")
    add("-r", dest="chroot", metavar="DIR", default="", help="chroot(2) to DIR (root only)")
    add("-k", dest="kill", action="store_true", help="switch the UPS off: the load loses power")
    add("-c", dest="command", metavar="COMMAND", help=f"tell the running driver: {', '.join(COMMANDS)}")
    add("-P", dest="pid", type=int, metavar="PID", help="signal this process instead of the pid file's")
    add("-V", dest="version", action="store_true", help="show the version")
    add("-L", dest="list", action="store_true", help="list the driver's settings")
    return parser


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("a number of polls from 1 to 1000")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86400:
        raise argparse.ArgumentTypeError("seconds above 0, at most a day")
    return seconds

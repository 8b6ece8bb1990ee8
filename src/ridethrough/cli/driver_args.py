# SPDX-License-Identifier: GPL-2.0-or-later
"""The options of our drivers, which are those of NUT's (nutupsdrv(8))."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final, NoReturn

from ridethrough.drivers.registry import KINDS

COMMANDS: Final = ("reload", "reload-or-error", "reload-or-exit", "exit", "dump")
"""The words of -c."""
# What the beginning of a word stands for, in the order in which NUT tries them; the whole word goes before.
_BEGINNINGS: Final = ("reload-or-error", "exit", "dump", "data-dump", "reload", "reload-or-exit", "stop")
BACKGROUND: Final = 0
FOREGROUND: Final = 1
FOREGROUND_WITH_PID_FILE: Final = 2


def parser_of(driver: str) -> argparse.ArgumentParser:
    """What the driver's command line takes.  `place` is one of the three above, or None if it is not said."""
    parser = _Parser(
        prog=driver,
        description=KINDS[driver].about,
        epilog="settings for ups.conf or -x, beside those of ups.conf(5):\n" + "\n".join(_settings(driver)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-a", dest="ups", metavar="NAME", help="run the section [NAME] of ups.conf")
    add("-s", dest="alone", metavar="NAME", help="run without ups.conf, with all settings given by -x")
    add("-x", dest="extra", metavar="VAR=VALUE", action="append", default=[], help="a setting; it wins")
    add("-F", dest="place", nargs=0, action=_Place, help="stay in the foreground; -FF: with pid file")
    add("-B", dest="place", nargs=0, action=_Place, help="go to the background; the last of -F and -B counts")
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


def command_of(text: str) -> str | None:
    """The word of -c that a text means: itself, or the first that begins so; None for none."""
    if text in _BEGINNINGS:
        return text
    return next((word for word in _BEGINNINGS if text and word.startswith(text)), None)


def listed(driver: str) -> list[str]:
    """The lines of -L."""
    kind = KINDS[driver]
    values = [f'VALUE {name} "{kind.settings.get(name, "")}"' for name in sorted(kind.info.options)]
    return values + [f'FLAG {name} "{kind.settings.get(name, "")}"' for name in sorted(kind.info.flags)]


def _settings(driver: str) -> list[str]:
    kind = KINDS[driver]
    names = [(f"{name}=VALUE", name) for name in sorted(kind.info.options)]
    names += [(name, name) for name in sorted(kind.info.flags)]
    width = max((len(shown) for shown, _ in names), default=0)
    return [f"  {shown:<{width}}  {kind.settings.get(name, '')}" for shown, name in names]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with NUT's status for a mistake."""
        self.exit(1, f"{self.prog}: {message}; see: {self.prog} -h\n")


class _Place(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        if option_string == "-B":
            namespace.place = BACKGROUND
        else:
            namespace.place = FOREGROUND_WITH_PID_FILE if namespace.place else FOREGROUND


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

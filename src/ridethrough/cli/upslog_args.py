# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of `upslog`: which UPSes go into which files, how and how often (NUT's upslog(8))."""

from __future__ import annotations

import getopt
import os
from dataclasses import dataclass
from enum import Enum

from ridethrough.cli import client_args
from ridethrough.cli.client_args import COMMON_OPTIONS, Given, Stop
from ridethrough.client.logformat import DEFAULT_FORMAT, UPSHOST_PREFIX, FormatError, Piece, parse
from ridethrough.config.environment import debug_level

OPTIONS = "s:l:i:d:Nf:u:p:FBm:"
INTERVAL_S = 30.0
MAX_INTERVAL_S = 30 * 86_400.0
STDOUT = "-"
MAX_UPSES = 1000
USAGE = """\
usage: upslog [OPTIONS] -s UPS[@HOST[:PORT]] -l FILE
       upslog [OPTIONS] -m UPS[@HOST[:PORT]],FILE [-m ...]
       upslog UPS FILE SECONDS [FORMAT]

  -s UPS     which UPS; '*' stands for all that the server has
  -l FILE    where its lines go; - is standard output (and stays in the foreground)
  -m UPS,FILE  one more UPS and its file; may be given several times
  -f FORMAT  what a line holds: %%, %t (TAB), %TIME @H:@M:@S%, %ETIME%, %HOST%, %UPSHOST%, %PID%, %VAR name%
  -N         begin each line with %UPSHOST%%t
  -i SECONDS  how often (default 30)
  -d COUNT   end after so many rounds (default 0: go on)
  -F         stay in the foreground
  -B         go to the background in spite of - and -D
  -p NAME    the name of the pid file (default upslog), or its path if it begins with /
  -u USER    give up root for USER (default: nut, where it exists)
  SIGUSR1 logs at once, SIGHUP opens the files anew
"""


class Place(Enum):
    """Where the program runs."""

    FOREGROUND = "foreground"
    BACKGROUND = "background"
    BY_TARGET = "in the foreground if something goes to standard output"


@dataclass(frozen=True, slots=True)
class Wish:
    """One UPS (`ups` as the user wrote it) and its file."""

    ups: str
    file: str


@dataclass(frozen=True, slots=True)
class Options:
    """What the user wants."""

    given: Given
    wishes: tuple[Wish, ...]
    format: tuple[Piece, ...]
    interval_s: float
    rounds: int
    place: Place
    pid_base: str
    user: str | None


def read(argv: list[str]) -> Options:
    """Read the command line.  Raises Stop for -h, -V and mistakes."""
    given = client_args.parse(argv, OPTIONS, USAGE)
    # Once more, as -m may be repeated.
    found, words = getopt.getopt(argv[1:], OPTIONS + COMMON_OPTIONS)
    option = dict(found)
    if len(words) in (1, 2):
        raise Stop(1, f"Error: UPS, file and seconds belong together\n{USAGE}")
    ups, file, seconds = option.get("-s"), option.get("-l"), option.get("-i")
    template = option.get("-f", DEFAULT_FORMAT)
    if words:
        ups, file, seconds = words[:3]
        # A blank behind each word, also the last: NUT's lines of this form end with it.
        template = "".join(f"{word} " for word in words[3:]) or template
    wishes = [_tuple(value) for name, value in found if name == "-m"] + _single(ups, file)
    if not wishes:
        raise Stop(
            1,
            "No UPS defined for monitoring - use -s <system> -l <logfile>, or use -m <ups,logfile>;"
            " -m '*,-' shows all UPSes of this host\n",
        )
    try:
        pieces = parse(UPSHOST_PREFIX + template if "-N" in option else template)
    except FormatError as error:
        raise Stop(1, f"Error: {error}\n") from None
    return Options(
        given=given,
        wishes=tuple(wishes),
        format=pieces,
        interval_s=_interval(seconds),
        rounds=_count(option.get("-d", "0")),
        place=_place([name for name, _ in found], debug_level(os.environ)),
        pid_base=option.get("-p", "upslog"),
        user=option.get("-u"),
    )


def _tuple(text: str) -> Wish:
    parts = text.split(",")
    if len(parts) != 2 or not all(parts):
        raise Stop(
            1,
            "Argument '-m upsspec,logfile' requires exactly 2 components in the tuple;"
            f" '{text}' has {len([part for part in parts if part])}\n",
        )
    return Wish(*parts)


def _single(ups: str | None, file: str | None) -> list[Wish]:
    if ups and file:
        return [Wish(ups, file)]
    if ups:
        raise Stop(1, "No filename defined for logging - use -l <file> with -s <system>\n")
    if file:
        raise Stop(1, "No UPS defined for monitoring - use -s <system> with -l <file>\n")
    return []


def _interval(text: str | None) -> float:
    if text is None:
        return INTERVAL_S
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_INTERVAL_S:
        raise Stop(1, f"Error: invalid interval: '{text}'; give seconds, such as 30\n")
    return seconds


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Stop(1, f"Error: invalid count: '{text}'; give a number of rounds, or 0 for no end\n")
    return int(text)


def _place(names: list[str], debug: int) -> Place:
    # The last of -F and -B counts, as in NUT; both weigh more than -D and NUT_DEBUG_LEVEL.
    for name in reversed(names):
        if name in ("-F", "-B"):
            return Place.FOREGROUND if name == "-F" else Place.BACKGROUND
    return Place.FOREGROUND if "-D" in names or debug else Place.BY_TARGET

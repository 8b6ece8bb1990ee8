# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of `upsdrvctl` (NUT's upsdrvctl(8))."""

from __future__ import annotations

import getopt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ridethrough import __version__
from ridethrough.cli.client_args import Stop
from ridethrough.config.environment import debug_level
from ridethrough.config.models import UpsConf
from ridethrough.drivers.control_plan import Passed, Place

OPTIONS: Final = "htu:r:DdFBVc:l"
COMMANDS: Final = ("start", "stop", "shutdown", "list", "status")
SIGNALS: Final = ("reload", "reload-or-error", "reload-or-exit", "exit", "dump", "data-dump")
# What the beginning of a word stands for, in the order in which NUT tries them; the whole word goes before.
_BEGINNINGS: Final = ("reload-or-error", "exit", "dump", "data-dump", "reload", "reload-or-exit")
BANNER: Final = f"Network UPS Tools upsdrvctl - UPS driver controller (Ridethrough {__version__})"
MAX_DEBUG: Final = 9
USAGE: Final = f"""\
usage: upsdrvctl [OPTIONS] (start | stop | shutdown | status) [UPS]
       upsdrvctl [OPTIONS] (list | -l) [UPS]
       upsdrvctl [OPTIONS] -c COMMAND [UPS]

  start      start the driver of each UPS of ups.conf, or of the one that is named
  stop       stop the drivers
  shutdown   switch the UPSes off: all 0s of sdorder, then the 1s ...; YOUR COMPUTERS LOSE POWER
  status     what is known of each driver, in columns:
             UPSNAME UPSDRV RUNNING PF_PID S_RESPONSIVE S_PID S_STATUS
             (PF_: by its pid file; S_: by its socket)
  list       the names of the UPSes
  -c COMMAND  tell running drivers: {", ".join(SIGNALS)}

  -t         testing mode: show what would be done
  -r DIR     drivers call chroot(2) with DIR
  -u USER    drivers give up root for USER
  -D         say more; -d passes it on to the drivers
  -F         drivers stay in the foreground, and upsdrvctl with them; -FF: with pid files
  -B         drivers go to the background in spite of -D -d
  -V, -h     show the version, show this help
  NUT_QUIET_INIT_BANNER=true leaves the first line out
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user wants.  `signal` is the word after -c, else "" ."""

    command: str
    ups: str | None
    passed: Passed
    signal: str = ""
    testing: bool = False
    debug: int = 0
    pass_debug: bool = False

    def on_top_of(self, conf: UpsConf) -> Options:
        """The same, with the least debug level that ups.conf asks for."""
        debug = max(self.debug, conf.debug_min)
        return replace(self, debug=debug, passed=replace(self.passed, debug=debug if self.pass_debug else 0))


def read(argv: list[str], env: Mapping[str, str]) -> Options:
    """Read the command line.  Raises Stop for -h, -V and mistakes."""
    try:
        found, words = getopt.getopt(argv[1:], OPTIONS)
    except getopt.GetoptError as error:
        raise Stop(1, f"upsdrvctl: {error}\n{USAGE}") from None
    names = [name for name, _ in found]
    values = dict(found)
    if "-h" in names:
        raise Stop(0, f"{BANNER}\n{USAGE}")
    if "-V" in names:
        raise Stop(0, f"{BANNER}\n")
    if names.count("-c") > 1 or ("-c" in names and "-l" in names[: names.index("-c")]):
        raise Stop(1, "Error: only one command per run can be sent with option -c. Try -h for help.\n")
    signal = values.get("-c", "")
    if signal not in SIGNALS:
        signal = next((word for word in _BEGINNINGS if signal and word.startswith(signal)), signal)
    if "-c" in names and signal not in SIGNALS:
        known = ", ".join(SIGNALS)
        raise Stop(
            1, f"Error: unknown argument to option -c. Try -h for help.\n'{signal}' is none of: {known}\n"
        )
    command = "signal" if signal else "list" if "-l" in names else ""
    if not command:
        if not words:
            raise Stop(1, f"upsdrvctl: what shall be done? Name a command\n{USAGE}")
        command = words.pop(0)
        if command not in COMMANDS:
            raise Stop(1, f"Error: unrecognized command [{command}]\n")
    if len(words) > 1:
        raise Stop(
            1,
            "Error: extra arguments left on command line\n"
            "(common options should be before a command and UPS name)\n",
        )
    debug = names.count("-D") or debug_level(env)
    return Options(
        command=command,
        ups=words[0] if words else None,
        passed=Passed(place=_place(names), chroot=values.get("-r", ""), user=values.get("-u", "")),
        signal=signal,
        testing="-t" in names,
        debug=min(debug, MAX_DEBUG),
        pass_debug="-d" in names,
    )


def _place(names: list[str]) -> Place:
    place = Place.BY_DEBUG
    for name in names:
        if name == "-B":
            place = Place.BACKGROUND
        elif name == "-F":
            place = Place.FOREGROUND_WITH_PID_FILE if place.foreground else Place.FOREGROUND
    return place

# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough COMMAND ...`, and every NUT name under which the same program is called.

A command's module is imported only when it is asked for, so that `upsc` starts quickly.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Final

from ridethrough import __version__

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "serve": ("serve", "run everything that is configured: drivers, server, monitor, schedule"),
    "status": ("status", "am I protected? exit status 0 only if every answer is yes"),
    "events": ("events", "what has happened since serve started; --follow to go on listening"),
    "check": ("check", "every fault in a configuration directory, with file and line"),
    "drill": (
        "drill",
        "play an outage through your configuration on a virtual clock, and record the verdict",
    ),
    "sim": ("sim", "move a simulated UPS: mains off|on, load WATTS"),
    "maintenance": ("maintenance", "hold automatic shutdowns back for a time: on 2h, off, status"),
    "install-hook": ("install_hook", "install the systemd hook that switches the UPS off after a shutdown"),
    "udev": ("udev", "print the udev rules that let group nut open the USB UPSes that we know"),
    "link": ("link", "put the NUT names of our commands into a directory"),
    "upsd": ("upsd", "the data server alone"),
    "upsmon": ("upsmon", "the monitor alone"),
    "upssched": ("upssched", "timers for notices, as NOTIFYCMD"),
    "upsschedctl": ("upsschedctl", "list, start and cancel those timers"),
    "upsc": ("upsc", "read a UPS"),
    "upscmd": ("upscmd", "send a UPS a command"),
    "upsrw": ("upsrw", "set a variable of a UPS"),
    "upslog": ("upslog", "log what a UPS says, every so many seconds"),
    "upsdrvctl": ("upsdrvctl", "start, stop, list and signal drivers; switch UPSes off"),
    "dummy-ups": ("driver", "the driver of .dev and .seq files alone"),
    "simulated-ups": ("driver", "the simulated UPS alone"),
    "usbhid-ups": ("driver", "the driver of USB HID UPSes alone"),
}
NUT_NAMES: Final = (
    "upsd",
    "upsmon",
    "upssched",
    "upsschedctl",
    "upsc",
    "upscmd",
    "upsrw",
    "upslog",
    "upsdrvctl",
    "dummy-ups",
    "simulated-ups",
    "usbhid-ups",
)
ALIASES: Final[Mapping[str, str]] = {"--help": "help", "-h": "help", "--version": "version", "-V": "version"}


def main(argv: list[str] | None = None) -> int:
    """Run the command that the program's own name or its first word asks for; gives the exit status.

    What the system refuses (a full disk behind our output, say) is one line, never a traceback.
    """
    arguments = list(sys.argv if argv is None else argv)
    if sys.stdout is None:  # closed by whoever started us: what is printed is not wanted
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    try:
        status = _run(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing is wrong, and Python must not say so at exit.
        _mute()
        return 0
    except OSError as error:
        _mute()
        what = f" {error.filename}" if error.filename else ""
        print(f"{os.path.basename(arguments[0])}:{what} {error.strerror or error}", file=sys.stderr)
        return 1


def _run(arguments: list[str]) -> int:
    name = os.path.basename(arguments[0])
    if name not in NUT_NAMES:
        if len(arguments) < 2:
            print(usage(), file=sys.stderr)
            return 2
        arguments = arguments[1:]
        name = ALIASES.get(arguments[0], arguments[0])
    if name == "help":
        print(usage())
        return 0
    if name == "version":
        print(f"Ridethrough {__version__}")
        return 0
    if name not in COMMANDS:
        print(
            f"ridethrough: unknown command '{name}'{_nearest(name)}; see: ridethrough help", file=sys.stderr
        )
        return 2
    module = importlib.import_module(f"ridethrough.cli.{COMMANDS[name][0]}")
    return int(module.main([name, *arguments[1:]]))


def _mute() -> None:
    """Lead what is still in Python's buffers to nowhere, so that its end is silent."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def usage() -> str:
    """The commands, a line each."""
    rows = "\n".join(f"  {name:<14} {text}" for name, (_, text) in COMMANDS.items())
    return f"usage: ridethrough COMMAND [ARGS]\n\n{rows}\n\nridethrough COMMAND --help tells more."


def _nearest(name: str) -> str:
    near = importlib.import_module("difflib").get_close_matches(name, COMMANDS, 1)
    return f"; did you mean '{near[0]}'?" if near else ""


if __name__ == "__main__":
    sys.exit(main())

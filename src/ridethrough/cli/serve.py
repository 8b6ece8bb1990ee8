# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough serve`: drivers, server, monitor and schedule in one.

Without --config it simulates: a UPS, a server, a primary and a secondary.
Without --armed nothing is ever run, no SHUTDOWNCMD, NOTIFYCMD or CMDSCRIPT: it says what it would have run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from ridethrough.app import observers, places, tagged
from ridethrough.app.arming import (
    Refusal,
    arm,
    helper_config,
    refuse_beside_another_nut,
    refuse_taken_port,
    refuse_unconfigured,
    refuse_unfit,
)
from ridethrough.app.blueprint import Blueprint, on_port
from ridethrough.app.bus import Bus, Event
from ridethrough.app.clock import BoottimeLoop
from ridethrough.app.printer import Printer
from ridethrough.app.run import run
from ridethrough.app.timeline import Timeline
from ridethrough.check.everything import load_and_look
from ridethrough.cli.arguments import Parser
from ridethrough.config.load import EVERYTHING, Configuration
from ridethrough.control.server import ControlError
from ridethrough.privsep.errors import HelperError
from ridethrough.server.sockets import ListenError
from ridethrough.sim.clock import ScaledLoop
from ridethrough.sim.game import Game

MAX_SPEED: Final = 10_000.0
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|m|h)?")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Options:
    """The command line, checked. `outage_s` is in seconds of the person who waits, not of the simulation."""

    config: Path | None
    simulate: bool
    armed: bool
    speed: float
    outage_s: float | None
    port: int | None
    state_dir: Path | None
    user: str
    verbose: bool


def duration(text: str) -> float:
    """`20s`, `5min`, `1.5h` or plain seconds, as seconds."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no duration; write 20s, 5min or 1h")
    return float(match[1]) * _UNITS[match[2] or ""]


def speed(text: str) -> float:
    """A factor above 0."""
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor <= MAX_SPEED:
        raise argparse.ArgumentTypeError(f"'{text}' is no speed; write a number above 0, up to {MAX_SPEED:g}")
    return factor


def port(text: str) -> int:
    """A TCP port, 0 for any that is free."""
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"'{text}' is no port; write 0 to 65535")
    return int(text)


def options_of(argv: Sequence[str]) -> Options:
    """Read the command line; ends the program (status 2) where it makes no sense."""
    parser = Parser("serve", __doc__)
    add = parser.add_argument
    add("--config", type=Path, metavar="DIR", help="NUT's configuration directory, such as /etc/nut")
    add("--simulate", action="store_true", help="put the simulated UPS in place of every driver")
    add("--armed", action="store_true", help="really run SHUTDOWNCMD and the scripts")
    add("--dry-run", action="store_true", help="only say what would be run (this is so without --armed)")
    add("--speed", type=speed, default=1.0, metavar="N", help="simulated seconds a second (default 1)")
    add(
        "--outage",
        type=duration,
        metavar="DURATION",
        help="play one outage of this length of your time, then end",
    )
    add("--port", type=port, metavar="N", help="serve on 127.0.0.1:N instead of upsd.conf's LISTEN; 0: any")
    add(
        "--state-dir",
        type=Path,
        metavar="DIR",
        help="sockets and pid files (default: NUT_STATEPATH, /run/nut)",
    )
    add("-u", "--user", default="", help="drop root to this user (default: nut, when it starts as root)")
    add("--verbose", action="store_true", help="also tell what the stages say to themselves")
    found = parser.parse_args(argv)
    simulate = found.simulate or found.config is None
    if found.armed and found.config is None:
        parser.error("--armed needs --config DIR: what is to be run stands in its upsmon.conf")
    if found.armed and found.simulate:
        parser.error("--armed with --simulate would shut this host down for an outage that is not real")
    if found.armed and found.dry_run:
        parser.error("--armed and --dry-run exclude each other")
    if not simulate and (found.speed != 1 or found.outage is not None):
        parser.error("--speed and --outage are for simulations: add --simulate")
    return Options(
        config=found.config.absolute() if found.config else None,
        simulate=simulate,
        armed=found.armed,
        speed=found.speed,
        outage_s=found.outage,
        port=found.port,
        state_dir=found.state_dir,
        user=found.user,
        verbose=found.verbose,
    )


def main(argv: list[str]) -> int:
    """Run `serve`; every reason not to start is one line on standard error and exit status 1."""
    options = options_of(argv[1:])
    try:
        return simulate(options) if options.simulate else serve(options)
    except ListenError as error:
        print(f"ridethrough serve: {error} (here also: --port N)", file=sys.stderr)
    except (Refusal, places.PlaceError, ControlError, HelperError) as error:
        print(f"ridethrough serve: {error}", file=sys.stderr)
    return 1


def serve(options: Options) -> int:
    """A configuration directory, with its own drivers."""
    assert options.config is not None
    config = read(options.config)
    state_dir = options.state_dir or places.state_directory(config.ups, config.upsd, os.environ)
    refuse_beside_another_nut(config, state_dir, os.environ)
    if options.port is not None:
        config = on_port(config, options.port)
    blueprint = Blueprint(config, state_dir, armed=options.armed)
    if blueprint.serves:
        refuse_taken_port(config)
    arms = arm(helper_config(config, os.environ), armed=options.armed, user=options.user, state_dir=state_dir)
    with printer() as made, asyncio.Runner(loop_factory=BoottimeLoop) as runner:
        loop = runner.get_loop()
        bus = Bus(loop.time)
        timeline = Timeline(loop.time(), options.verbose, lambda _: time.strftime("%H:%M:%S"))
        bus.listen(partial(show, timeline, made.say))
        if options.armed:
            bus.listen(tagged.listener(made.do))
        else:
            bus.log("warning", "dry-run: nothing will be run; --armed makes it real")
        return runner.run(run(blueprint, bus, arms, observers=observers.specs(config.own)))


def simulate(options: Options) -> int:
    """The built-in house, or a user's own with the simulated UPS in place of each driver. Nothing is run."""
    config = read(options.config) if options.config is not None else None
    state_dir = places.private_directory(options.state_dir or places.simulation_directory(os.environ))
    game = Game(config, state_dir, options.speed, options.outage_s, options.port)
    # A NUT that works here is not in the way of a game.
    only_here = dict.fromkeys(("NUT_STATEPATH", "NUT_PIDPATH", "NUT_ALTPIDPATH"), str(state_dir))
    refuse_beside_another_nut(game.config, state_dir, only_here)
    with printer() as made, asyncio.Runner(loop_factory=lambda: ScaledLoop(options.speed)) as runner:
        loop = runner.get_loop()
        bus = Bus(loop.time)
        bus.listen(partial(show, Timeline(loop.time(), options.verbose), made.say))
        return runner.run(game.run(bus))


def read(directory: Path) -> Configuration:
    """Load a directory and print what is wrong with it; raises Refusal, PlaceError where it is of no use."""
    places.refuse_unreadable(places.config_directory(directory), EVERYTHING)
    config = load_and_look(directory)
    refuse_unconfigured(config)
    for problem in config.problems:
        print(problem, file=sys.stderr)
    refuse_unfit(config)
    return config


@contextlib.contextmanager
def printer() -> Iterator[Printer]:
    """What prints lines without ever waiting for a reader; owed after root was dropped."""
    sys.stdout.flush()
    made = Printer(sys.stdout.fileno())
    try:
        yield made
    finally:
        made.close()


def show(timeline: Timeline, say: Callable[[str], None], event: Event) -> None:
    """Print what is worth a line."""
    line = timeline.line(event)
    if line is not None:
        say(line)

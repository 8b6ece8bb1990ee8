# SPDX-License-Identifier: GPL-2.0-or-later
"""`upsmon`: the monitor alone, with NUT's options (upsmon(8))."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import syslog
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from ridethrough import __version__
from ridethrough.app.background import DaemonError, in_background, send
from ridethrough.app.clock import BoottimeLoop
from ridethrough.app.obstacles import live_pid_file
from ridethrough.app.upsmon import COMMANDS, Options, prepared, run_upsmon
from ridethrough.app.upsmon_files import UpsmonError, load_config, pid_path, powerdownflag_is_set
from ridethrough.app.voice import Voice
from ridethrough.cli import running
from ridethrough.client.channel import CONNECT_TIMEOUT_S
from ridethrough.config.environment import debug_level, quiet_banner
from ridethrough.config.paths import confpath

BANNER = f"Network UPS Tools upsmon 2.8.0 - Ridethrough {__version__}"
NO_LIMIT_S = 86_400.0
"""What -W 0 means here: DEADTIME still bounds every connection."""
TIMEOUT_VARIABLE = "NUT_DEFAULT_CONNECT_TIMEOUT"


def main(argv: list[str]) -> int:
    """Run, signal the one that runs, or look at POWERDOWNFLAG; gives the exit status."""
    options = _parser().parse_args(argv[1:])
    env = dict(os.environ)
    voice = Voice("upsmon", env, syslog.LOG_DEBUG if options.debug or debug_level(env) else syslog.LOG_INFO)
    if options.version:
        print(BANNER)
        return 0
    if options.command is not None:
        return _send(_whole(options.command), options.pid, env)
    if options.check_flag:
        return _check_flag(env, voice, options.file)
    limit_s = _limit(env, voice) if options.connect_limit_s is None else options.connect_limit_s
    asked = voice.debug

    def debug_min(level: int) -> None:
        voice.debug = asked or level > 0

    def trace(event: str) -> None:
        voice.say("debug", event)

    run_options = Options(
        user=options.user,
        keep_root=options.keep_root,
        family=options.family,
        connect_limit_s=limit_s or NO_LIMIT_S,
        file=os.path.abspath(options.file) if options.file else "",
        debug_min=debug_min,
        trace=trace,
    )
    stays = options.debug > 0 if options.foreground is None else options.foreground
    if stays:
        return _run(env, run_options, voice, lambda: None)

    def detached(ready: Callable[[], None]) -> int:
        def go() -> None:
            voice.detach()
            ready()

        return _run(env, run_options, voice, go)

    return in_background(detached, keep_stderr=voice.keeps_stderr)


def _run(env: dict[str, str], options: Options, voice: Voice, ready: Callable[[], None]) -> int:
    if not quiet_banner(env):
        voice.say("info", f"{BANNER}, files in {confpath(env)}")
    try:
        with (
            prepared(env, options, voice.say) as start,
            voice.threaded(),
            asyncio.Runner(loop_factory=BoottimeLoop) as runner,
        ):
            return runner.run(run_upsmon(env, options, start, voice.say, ready))
    except UpsmonError as error:
        voice.say("error", str(error))
        return 1


def _whole(command: str) -> str:
    """The command that is meant; as C's, it may be cut short (`-c rel`)."""
    return next((word for word in COMMANDS if command and word.startswith(command)), command)


def _send(command: str, pid: int | None, env: dict[str, str]) -> int:
    try:
        if command == "fsd" and env.get("NOTIFYTYPE"):
            script_orders(env["NOTIFYTYPE"])
    except running.Refused as why:
        print(f"upsmon: {why}", file=sys.stderr)
        return 1
    try:
        send(command, pid_path(env), pid, COMMANDS)
    except DaemonError as error:
        print(f"upsmon: {error}", file=sys.stderr)
        return 1
    return 0


def script_orders(kind: str) -> None:
    """The script of a notice orders the shutdown: during a maintenance the service is told so, and refuses.

    Raises `running.Refused` then.  In every other case the signal is sent: in doubt the host goes down.
    """
    try:
        if not (running.ask("maintenance.status") or {}).get("on"):
            return
    except running.Refused:
        return
    running.ask("fsd", script=kind)


def _check_flag(env: dict[str, str], voice: Voice, file: str) -> int:
    """`-K`.  Late in a shutdown little works any more: only the file and the flag are looked at."""
    try:
        conf = load_config(env, lambda level, text: None, file).conf
    except UpsmonError as error:
        voice.say("error", str(error))
        return 1
    there, words = powerdownflag_is_set(conf)
    voice.say("info" if there else "error", words)
    running = live_pid_file(pid_path(env))
    if running is not None:
        voice.say("info", f"note: {running}; it is not expected to run when the flag is looked at")
    return 0 if there else 1


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < 1e6:
        raise ValueError
    return number


def _limit(env: dict[str, str], voice: Voice) -> float:
    """How long connecting may take where -W does not say it."""
    said = env.get(TIMEOUT_VARIABLE, "")
    try:
        return _seconds(said) if said else CONNECT_TIMEOUT_S
    except ValueError:
        voice.say("warning", f"{TIMEOUT_VARIABLE} '{said}' is ignored; give seconds, such as 10")
        return CONNECT_TIMEOUT_S


class _Parser(argparse.ArgumentParser):
    """A mistake is one line, and exit status 1.  (C prints its help, and exits with 0.)"""

    def error(self, message: str) -> NoReturn:
        """End the program."""
        self.exit(1, f"upsmon: {message}; see: upsmon -h\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="upsmon",
        description="the monitor: watches UPSes, tells people, and shuts this host down in time",
    )
    add = parser.add_argument
    add("-c", dest="command", metavar="COMMAND", help="signal the running upsmon: fsd, reload or stop")
    add("-P", dest="pid", type=int, metavar="PID", help="signal this process instead of the pid file's")
    add("-D", dest="debug", action="count", default=0, help="log more, and stay in the foreground")
    add("-F", dest="foreground", action="store_true", default=None, help="stay in the foreground")
    add("-B", dest="foreground", action="store_false", help="go to the background in spite of -D")
    add("-f", dest="file", metavar="FILE", default="", help="read FILE instead of upsmon.conf")
    add("-K", dest="check_flag", action="store_true", help="exit with 0 if POWERDOWNFLAG is set, else with 1")
    add("-p", dest="keep_root", action="store_true", help="keep all of it privileged (not recommended)")
    add("-u", dest="user", metavar="USER", default="", help="give up root for USER (RUN_AS_USER goes before)")
    add(
        "-W",
        dest="connect_limit_s",
        type=_seconds,
        metavar="SECONDS",
        default=None,
        help="how long connecting may take, at most a third of DEADTIME; 0: no limit but that "
        f"(default: {TIMEOUT_VARIABLE}, else {CONNECT_TIMEOUT_S:g})",
    )
    add("-V", dest="version", action="store_true", help="show the version")
    add("-4", dest="family", action="store_const", const=int(socket.AF_INET), help="IPv4 only")
    add("-6", dest="family", action="store_const", const=int(socket.AF_INET6), help="IPv6 only")
    parser.set_defaults(family=0)
    return parser


if __name__ == "__main__":
    sys.exit(main([Path(sys.argv[0]).name, *sys.argv[1:]]))

# SPDX-License-Identifier: GPL-2.0-or-later
"""`upsmon`: the monitor alone, with NUT's options (upsmon(8))."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import sys
import syslog
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ridethrough import __version__
from ridethrough.app.background import DaemonError, in_background, send
from ridethrough.app.clock import BoottimeLoop
from ridethrough.app.obstacles import live_pid_file
from ridethrough.app.printer import Printer
from ridethrough.app.upsmon import (
    COMMANDS,
    Options,
    UpsmonError,
    load_config,
    pid_path,
    powerdownflag_is_set,
    prepared,
    run_upsmon,
)
from ridethrough.cli.arguments import debug_level, quiet_banner
from ridethrough.client.channel import CONNECT_TIMEOUT_S
from ridethrough.config.paths import confpath

_PRIORITIES = {
    "debug": syslog.LOG_DEBUG,
    "info": syslog.LOG_INFO,
    "notice": syslog.LOG_NOTICE,
    "warning": syslog.LOG_WARNING,
    "error": syslog.LOG_ERR,
    "critical": syslog.LOG_CRIT,
}
BANNER = f"Network UPS Tools upsmon 2.8.0 - Ridethrough {__version__}"
TIMEOUT_VARIABLE = "NUT_DEFAULT_CONNECT_TIMEOUT"


class Voice:
    """Says lines on standard error; in the system's log once detached."""

    def __init__(self, least: int) -> None:
        """Begin on standard error; lines less urgent than `least` are left out."""
        self.least = least
        self.detached = False
        self._printer: Printer | None = None

    @contextlib.contextmanager
    def threaded(self) -> Iterator[None]:
        """From here on no line is waited for: a held terminal or a hung journal must not stop the monitor."""
        self._printer = Printer(sys.stderr.fileno())
        try:
            yield
        finally:
            printer, self._printer = self._printer, None
            printer.close()

    def say(self, level: str, text: str) -> None:
        """One line."""
        priority = _PRIORITIES.get(level, syslog.LOG_INFO)
        if priority > self.least:
            return
        line = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        if self.detached:
            self._do(partial(syslog.syslog, priority, line.replace("\0", "?")))
            return
        prefix = "" if level in ("info", "notice") else f"{level}: "
        text = f"upsmon: {prefix}{line}"
        if self._printer is not None:
            self._printer.say(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def _do(self, deed: Callable[[], None]) -> None:
        if self._printer is not None:
            self._printer.do(deed)
        else:
            deed()


def main(argv: list[str]) -> int:
    """Run, signal the one that runs, or look at POWERDOWNFLAG; gives the exit status."""
    options = _parser().parse_args(argv[1:])
    env = dict(os.environ)
    voice = Voice(syslog.LOG_DEBUG if options.debug or debug_level(env) else syslog.LOG_INFO)
    if options.version:
        print(BANNER)
        return 0
    if options.command is not None:
        return _send(options.command, options.pid, env)
    if options.check_flag:
        return _check_flag(env, voice)
    limit_s = options.connect_limit_s or _limit(env, voice)
    run_options = Options(options.user, options.keep_root, options.family, limit_s)
    if options.foreground or (options.debug and not options.background):
        return _run(env, run_options, voice, lambda: None)

    def detached(ready: Callable[[], None]) -> int:
        def go() -> None:
            voice.detached = True
            syslog.openlog("upsmon", syslog.LOG_PID, syslog.LOG_DAEMON)
            ready()

        return _run(env, run_options, voice, go)

    return in_background(detached)


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


def _send(command: str, pid: int | None, env: dict[str, str]) -> int:
    try:
        send(command, pid_path(env), pid, COMMANDS)
    except DaemonError as error:
        print(f"upsmon: {error}", file=sys.stderr)
        return 1
    return 0


def _check_flag(env: dict[str, str], voice: Voice) -> int:
    """`-K`.  Late in a shutdown little works any more: only the file and the flag are looked at."""
    try:
        conf = load_config(env, lambda level, text: None)
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
    if not 0 < number < 1e6:
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="upsmon",
        description="the monitor: watches UPSes, tells people, and shuts this host down in time",
    )
    add = parser.add_argument
    add("-c", dest="command", metavar="COMMAND", help="signal the running upsmon: fsd, reload or stop")
    add("-P", dest="pid", type=int, metavar="PID", help="signal this process instead of the pid file's")
    add("-D", dest="debug", action="count", default=0, help="log more, and stay in the foreground")
    add("-F", dest="foreground", action="store_true", help="stay in the foreground")
    add("-B", dest="background", action="store_true", help="go to the background in spite of -D")
    add("-K", dest="check_flag", action="store_true", help="exit with 0 if POWERDOWNFLAG is set, else with 1")
    add("-p", dest="keep_root", action="store_true", help="keep all of it privileged (not recommended)")
    add("-u", dest="user", metavar="USER", default="", help="give up root for USER (RUN_AS_USER goes before)")
    add(
        "-W",
        dest="connect_limit_s",
        type=_seconds,
        metavar="SECONDS",
        default=None,
        help=f"how long connecting may take (default: {TIMEOUT_VARIABLE}, else {CONNECT_TIMEOUT_S:g})",
    )
    add("-V", dest="version", action="store_true", help="show the version")
    add("-4", dest="family", action="store_const", const=int(socket.AF_INET), help="IPv4 only")
    add("-6", dest="family", action="store_const", const=int(socket.AF_INET6), help="IPv6 only")
    parser.set_defaults(family=0)
    return parser


if __name__ == "__main__":
    sys.exit(main([Path(sys.argv[0]).name, *sys.argv[1:]]))

# SPDX-License-Identifier: GPL-2.0-or-later
"""`upsd`: the data server alone, with NUT's options (upsd(8))."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import syslog
from collections.abc import Callable
from pathlib import Path

from ridethrough import __version__
from ridethrough.app.background import DaemonError, default_user, in_background, send
from ridethrough.app.clock import BoottimeLoop
from ridethrough.app.upsd import Options, UpsdError, pid_path, run_upsd
from ridethrough.cli.arguments import debug_level, quiet_banner
from ridethrough.config.paths import confpath
from ridethrough.server.sockets import Families

_PRIORITIES = {
    "debug": syslog.LOG_DEBUG,
    "info": syslog.LOG_INFO,
    "notice": syslog.LOG_NOTICE,
    "warning": syslog.LOG_WARNING,
    "error": syslog.LOG_ERR,
}
BANNER = f"Network UPS Tools upsd 2.8.0 - Ridethrough {__version__}"


class Voice:
    """Says lines on standard error, in the system's log once detached, down to the level `least`."""

    def __init__(self, least: int) -> None:
        """Begin on standard error."""
        self.least = least
        self.detached = False

    def say(self, level: str, text: str) -> None:
        """One line."""
        priority = _PRIORITIES.get(level, syslog.LOG_INFO)
        if priority > self.least:
            return
        if self.detached:
            syslog.syslog(priority, text)
        else:
            prefix = "" if level in ("info", "notice") else f"{level}: "
            sys.stderr.write(f"upsd: {prefix}{text}\n".encode("utf-8", "replace").decode("utf-8"))
            sys.stderr.flush()


def main(argv: list[str]) -> int:
    """Run, or signal the one that runs; gives the exit status."""
    options = _parser().parse_args(argv[1:])
    if options.version:
        print(BANNER)
        return 0
    if options.chroot:
        try:
            os.chroot(options.chroot)
            os.chdir("/")
        except OSError as error:
            print(f"upsd: can't chroot to {options.chroot}: {error.strerror}; it needs root", file=sys.stderr)
            return 1
    env = dict(os.environ)
    if options.command is not None:
        try:
            send(options.command, pid_path(env), options.pid)
        except DaemonError as error:
            print(f"upsd: {error}", file=sys.stderr)
            return 1
        return 0
    voice = Voice(_least_level(options, env))
    foreground = options.foreground > 0 or (options.debug > 0 and not options.background)
    run_options = Options(
        families=options.families,
        user=options.user if options.user is not None else default_user(),
        save_pid=not foreground or options.foreground >= 2,
    )
    if foreground:
        return _run(env, run_options, voice, lambda: None)

    def detached(ready: Callable[[], None]) -> int:
        def go() -> None:
            voice.detached = True
            syslog.openlog("upsd", syslog.LOG_PID, syslog.LOG_DAEMON)
            ready()

        return _run(env, run_options, voice, go)

    return in_background(detached)


def _run(env: dict[str, str], options: Options, voice: Voice, ready: Callable[[], None]) -> int:
    if not quiet_banner(env):
        voice.say("info", f"{BANNER}, files in {confpath(env)}")
    try:
        with asyncio.Runner(loop_factory=BoottimeLoop) as runner:
            runner.run(run_upsd(env, options, voice.say, ready))
    except UpsdError as error:
        voice.say("error", str(error))
        return 1
    return 0


def _least_level(options: argparse.Namespace, env: dict[str, str]) -> int:
    if options.debug or debug_level(env):
        return syslog.LOG_DEBUG
    return max(syslog.LOG_ERR, syslog.LOG_INFO - int(options.quiet))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="upsd", description="the data server: serves the UPSes of ups.conf on TCP"
    )
    add = parser.add_argument
    add("-c", dest="command", metavar="COMMAND", help="signal the running upsd: reload or stop")
    add("-P", dest="pid", type=int, metavar="PID", help="signal this process instead of the pid file's")
    add("-D", dest="debug", action="count", default=0, help="log more, and stay in the foreground")
    add(
        "-F",
        dest="foreground",
        action="count",
        default=0,
        help="stay in the foreground; -FF writes the pid file, too",
    )
    add("-B", dest="background", action="store_true", help="go to the background in spite of -D")
    add("-r", dest="chroot", metavar="DIR", help="change the root directory to DIR")
    add("-q", dest="quiet", action="count", default=0, help="log less; may be given twice")
    add("-u", dest="user", metavar="USER", help="give up root for USER (default: nut, where it exists)")
    add("-V", dest="version", action="store_true", help="show the version")
    add("-4", dest="families", action="store_const", const=Families.IPV4, help="IPv4 only")
    add("-6", dest="families", action="store_const", const=Families.IPV6, help="IPv6 only")
    parser.set_defaults(families=Families.BOTH)
    return parser


if __name__ == "__main__":
    sys.exit(main([Path(sys.argv[0]).name, *sys.argv[1:]]))

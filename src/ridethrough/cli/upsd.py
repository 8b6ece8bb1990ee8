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
from ridethrough.app.background import SIGNALS, DaemonError, default_user, in_background, send
from ridethrough.app.loops import server_loop
from ridethrough.app.upsd import Options, UpsdError, pid_path, run_upsd
from ridethrough.app.voice import Voice
from ridethrough.config.environment import debug_level, quiet_banner
from ridethrough.config.paths import confpath
from ridethrough.server.sockets import Families

BANNER = f"Network UPS Tools upsd 2.8.0 - Ridethrough {__version__}"


def main(argv: list[str]) -> int:
    """Run, or signal the one that runs; gives the exit status."""
    options = _parser().parse_args(argv[1:])
    if options.version:
        print(BANNER)
        return 0
    env = dict(os.environ)
    voice = Voice("upsd", env, _least_level(options, env))
    if options.chroot:
        voice.connect()
        try:
            os.chroot(options.chroot)
            os.chdir("/")
        except OSError as error:
            print(f"upsd: can't chroot to {options.chroot}: {error.strerror}; it needs root", file=sys.stderr)
            return 1
    if options.command is not None:
        try:
            send(_whole(options.command), pid_path(env), options.pid)
        except DaemonError as error:
            print(f"upsd: {error}", file=sys.stderr)
            return 1
        return 0
    foreground = options.foreground > 0 or (options.foreground < 0 and options.debug > 0)
    run_options = Options(
        families=options.families,
        user=options.user if options.user is not None else default_user(),
        save_pid=not foreground or options.foreground >= 2,
    )
    if foreground:
        return _run(env, run_options, voice, lambda: None)

    def detached(ready: Callable[[], None]) -> int:
        def go() -> None:
            voice.detach()
            ready()

        return _run(env, run_options, voice, go)

    return in_background(detached, keep_stderr=voice.keeps_stderr)


def _run(env: dict[str, str], options: Options, voice: Voice, ready: Callable[[], None]) -> int:
    asked = voice.least

    def debug_min(level: int) -> None:
        voice.least = max(asked, syslog.LOG_DEBUG) if level > 0 else asked

    with voice.threaded(begin=False):
        if not quiet_banner(env):
            voice.say("info", f"{BANNER}, files in {confpath(env)}")
        try:
            loop = server_loop(confpath(env), voice.say)
            with asyncio.Runner(loop_factory=loop) as runner:
                runner.run(run_upsd(env, options, voice.say, ready, voice.begin, debug_min))
        except UpsdError as error:
            voice.say("error", str(error))
            return 1
    return 0


def _whole(command: str) -> str:
    """The command that is meant; as C's, it may be cut short (`-c rel`)."""
    return next((word for word in SIGNALS if command and word.startswith(command)), command)


class _Foreground(argparse.Action):
    """-F and -B: the last one counts, and -F twice writes the pid file, too."""

    def __call__(
        self, parser: object, namespace: argparse.Namespace, values: object, option: object = None
    ) -> None:
        before: int = namespace.foreground
        namespace.foreground = (2 if before > 0 else 1) if option == "-F" else 0


class _Gone(argparse.Action):
    """-i and -p, which NUT has taken back."""

    def __call__(
        self, parser: object, namespace: argparse.Namespace, values: object, option: object = None
    ) -> None:
        text = f"{option} is no option any more: write LISTEN ADDRESS PORT in upsd.conf"
        print(f"upsd: {text}", file=sys.stderr)
        sys.exit(1)


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
    stay = "stay in the foreground; -FF writes the pid file, too"
    add("-F", dest="foreground", action=_Foreground, nargs=0, default=-1, help=stay)
    add(
        "-B",
        dest="foreground",
        action=_Foreground,
        nargs=0,
        default=-1,
        help="go to the background in spite of -D",
    )
    for gone in ("-i", "-p"):
        add(gone, action=_Gone, help=argparse.SUPPRESS)
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

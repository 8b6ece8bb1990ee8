# SPDX-License-Identifier: GPL-2.0-or-later
"""`dummy-ups`, `simulated-ups`, `usbhid-ups`: one of our drivers alone, with NUT's options (nutupsdrv(8)).

A C `upsd` finds it under the same socket path as NUT's driver of that name.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import grp
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ridethrough import __version__
from ridethrough.app.background import (
    DaemonError,
    become,
    default_user,
    in_background,
    pid_file,
)
from ridethrough.app.clock import BoottimeLoop
from ridethrough.app.service import Notifier
from ridethrough.app.voice import Voice
from ridethrough.cli import driver_running
from ridethrough.cli.driver_args import (
    BACKGROUND,
    FOREGROUND,
    FOREGROUND_WITH_PID_FILE,
    listed,
    parser_of,
)
from ridethrough.config.environment import debug_level, quiet_banner
from ridethrough.config.load import load
from ridethrough.config.models import UpsConf, UpsSection
from ridethrough.config.paths import altpidpath, confpath, statepath
from ridethrough.drivers import standalone
from ridethrough.drivers.base import Context, Log
from ridethrough.drivers.orders import OrderError, Orders
from ridethrough.drivers.registry import KINDS
from ridethrough.drivers.standalone import Hooks, Job, StartError
from ridethrough.drivers.unixpath import socket_path
from ridethrough.ups.commands import Outcome

T = TypeVar("T")


def main(argv: Sequence[str], name: str | None = None) -> int:
    """Run the driver `name`, which is the program's own name unless it is given; gives the exit status."""
    driver = name or os.path.basename(argv[0])
    if driver not in KINDS:
        print(f"ridethrough: no driver '{driver}'; there are: {', '.join(KINDS)}", file=sys.stderr)
        return 2
    options = parser_of(driver).parse_args(argv[1:])
    env = dict(os.environ)
    if options.version or (options.list and not quiet_banner(env)):
        print(banner(driver))
    if options.version or options.list:
        print("\n".join(listed(driver) if options.list else ()), end="\n" if options.list else "")
        return 0
    voice = Voice(driver, env)
    voice.debug = options.debug > 0
    try:
        if options.ups is not None and options.alone is not None:
            raise StartError("-a and -s exclude each other: the section of ups.conf, or none")
        if options.ups is None and options.alone is None:
            raise StartError(f"which UPS? write: {driver} -a NAME, with a section [NAME] in ups.conf")
        if options.command is not None:
            return _tell(driver, options, env, voice.say)
        return _start(driver, options, env, voice)
    except (StartError, DaemonError) as error:
        return _failed(error, voice)


def _failed(error: Exception, voice: Voice) -> int:
    if not getattr(error, "said", False):
        voice.say("error", str(error))
    return 1


def banner(driver: str) -> str:
    """The first line of output, as NUT's drivers write it."""
    info, about = KINDS[driver].info, KINDS[driver].about
    return f"Network UPS Tools - {about} {info.internal} (2.8.0 - Ridethrough {__version__})"


def _start(driver: str, options: argparse.Namespace, env: Mapping[str, str], voice: Voice) -> int:
    reread = partial(_section, driver, options, env, voice)
    conf, section = reread()
    job = Job(
        section,
        conf,
        Context(confpath=confpath(env), statepath=_state(conf, env), log=voice.say, env=env),
        _group(options.group or section.option("group") or conf.group),
    )
    voice.debug = _level(options, env, section, conf) > 0
    user = options.user or section.option("user") or conf.user or default_user()
    enter = partial(become, user, options.chroot or conf.chroot)
    if options.kill:
        return driver_running.kill_power(job, voice.say, lambda: _switch_off(job, enter))
    if not quiet_banner(env):
        print(banner(driver), flush=True)
    if options.dump is not None:
        enter()
        print("\n".join(_run(standalone.dump(job, options.dump))), flush=True)
        return 0
    path = altpidpath(env) / f"{driver}-{section.name}.pid"
    inside = driver_running.served(job.path.parent, section.name, doubt=options.alone is None)
    if inside:
        raise StartError(inside)
    driver_running.take_over(job, path, voice.say)
    # Connected now, as the system's log may be out of reach of a jail.
    voice.connect()
    enter()
    process = Process(job, reread, voice, partial(_level, options, env))
    place = options.place
    if place is None:
        place = FOREGROUND if options.debug > 0 else BACKGROUND
    if place != BACKGROUND:
        return process.serve(path if place == FOREGROUND_WITH_PID_FILE else None)

    def detached(ready: Callable[[], None]) -> int:
        def go() -> None:
            voice.detach()
            ready()

        try:
            return process.serve(path, go)
        except (StartError, DaemonError) as error:
            return _failed(error, voice)

    return in_background(detached, keep_stderr=voice.keeps_stderr)


def _state(conf: UpsConf, env: Mapping[str, str]) -> Path:
    return Path(env["NUT_STATEPATH"]) if env.get("NUT_STATEPATH") else Path(conf.statepath or statepath(env))


def _level(options: argparse.Namespace, env: Mapping[str, str], section: UpsSection, conf: UpsConf) -> int:
    """How much is said: by -D, else NUT_DEBUG_LEVEL, and at least as `debug_min` asks for."""
    return max(options.debug or debug_level(env), int(section.number("debug_min", conf.debug_min)))


def _section(
    driver: str, options: argparse.Namespace, env: Mapping[str, str], voice: Voice
) -> tuple[UpsConf, UpsSection]:
    """The section to run, with what `-x` and `-i` lay over it.  Raises StartError."""
    conf = UpsConf()
    if options.alone is not None:
        section = UpsSection(name=options.alone, driver=driver, port="")
    else:
        found = load(confpath(env), ("ups.conf",))
        for problem in found.problems:
            voice.say(problem.severity.value, str(problem))
        path = confpath(env) / "ups.conf"
        if found.ups is None:
            raise StartError(
                f"cannot read {path}; create it with a section [{options.ups}], or use -s and -x"
            )
        conf = found.ups
        known = conf.section(options.ups)
        if known is None:
            names = ", ".join(section.name for section in conf.sections) or "none"
            raise StartError(f"{path} has no section [{options.ups}]; it has: {names}")
        if known.driver != driver:
            raise StartError(
                f"{path}:{known.line}: [{known.name}] is for the driver '{known.driver}', not for {driver}"
            )
        section = known
    laid_over: dict[str, str | None] = dict(section.options)
    port = section.port
    for word in options.extra:
        key, equals, value = word.partition("=")
        if key == "port" and equals:
            port = value
        else:
            laid_over[key] = value if equals else None
    if options.interval is not None:
        laid_over["pollinterval"] = f"{options.interval:g}"
    if not port:
        raise StartError(f"[{section.name}] has no port; write 'port = ...' in ups.conf, or -x port=...")
    return conf, replace(section, port=port, options=laid_over)


@dataclass(frozen=True, slots=True)
class Process:
    """The process of one driver: its signals, its pid file, its settings."""

    job: Job
    reread: Callable[[], tuple[UpsConf, UpsSection]]
    voice: Voice
    level: Callable[[UpsSection, UpsConf], int]

    def serve(self, path: Path | None, ready: Callable[[], None] = lambda: None) -> int:
        """Serve until a signal or an order ends it; `path` is the pid file, if there shall be one."""
        with contextlib.nullcontext() if path is None else pid_file(path), self.voice.threaded():
            return _run(self._serve(ready))

    async def _serve(self, ready: Callable[[], None]) -> int:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, stop.set)
        notifier = Notifier(self.job.context.env)

        def attach(made: Orders) -> None:
            loop.add_signal_handler(signal.SIGHUP, lambda: made.order(made.reload()))
            loop.add_signal_handler(signal.SIGUSR1, lambda: made.order(made.reload("reload-or-exit")))
            loop.add_signal_handler(signal.SIGURG, self._print, made)
            if notifier.watchdog_s > 0:
                made.order(_pat(notifier))

        def started() -> None:
            notifier.ready(f"[{self.job.section.name}] listening on {self.job.path}")
            ready()

        try:
            return await standalone.serve(self.job, stop, Hooks(self._reread, self._debug, attach, started))
        finally:
            notifier.stopping()

    def _debug(self, section: UpsSection, conf: UpsConf, level: int) -> int:
        level = self.level(section, conf) if level < 0 else level
        self.voice.debug = level > 0
        return level

    def _reread(self) -> tuple[UpsConf, UpsSection]:
        try:
            return self.reread()
        except StartError as error:
            raise OrderError(str(error)) from None

    def _print(self, orders: Orders) -> None:
        """SIGURG: what is known, on standard output, if it still has one."""
        self.voice.out("\n".join(standalone.listing(orders.snapshot)))


async def _pat(notifier: Notifier) -> None:
    while True:
        notifier.alive()
        await asyncio.sleep(notifier.watchdog_s / 2)


def _switch_off(job: Job, enter: Callable[[], None]) -> Outcome:
    enter()
    return _run(standalone.power_off(job))


def _tell(driver: str, options: argparse.Namespace, env: Mapping[str, str], log: Log) -> int:
    name = options.ups or options.alone
    conf = load(confpath(env), ("ups.conf",)).ups or UpsConf()
    paths = socket_path(_state(conf, env), driver, name), altpidpath(env) / f"{driver}-{name}.pid"
    return driver_running.tell(driver, name, options.command, options.pid, paths, log)


def _run(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=BoottimeLoop) as runner:
        return runner.run(main)


def _group(name: str) -> int | None:
    """The group of the socket: the one that is named, else Debian's, which only root may give."""
    if not name:
        name = "nut" if os.geteuid() == 0 and default_user() else ""
    if not name:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise StartError(f"no group '{name}' on this machine; create it, or give another with -g") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv, "dummy-ups"))

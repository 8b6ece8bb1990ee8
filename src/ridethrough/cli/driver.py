# SPDX-License-Identifier: GPL-2.0-or-later
"""`dummy-ups`, `simulated-ups`: one of our drivers alone, with NUT's options (nutupsdrv(8)).

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
import syslog
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
    refuse_if_running,
    send,
)
from ridethrough.app.clock import BoottimeLoop
from ridethrough.cli import driver_process
from ridethrough.cli.arguments import quiet_banner
from ridethrough.cli.driver_args import COMMANDS, parser_of
from ridethrough.cli.driver_process import NotRunning
from ridethrough.config.load import load
from ridethrough.config.models import UpsConf, UpsSection
from ridethrough.config.paths import altpidpath, confpath, statepath
from ridethrough.drivers import ask, standalone
from ridethrough.drivers.ask import AskError, Look
from ridethrough.drivers.base import Context
from ridethrough.drivers.order_plan import kill_commands
from ridethrough.drivers.orders import ALLOW_KILLPOWER, OrderError, Orders
from ridethrough.drivers.registry import KINDS
from ridethrough.drivers.standalone import Hooks, Job, StartError
from ridethrough.drivers.unixpath import socket_path
from ridethrough.ups.commands import Outcome

T = TypeVar("T")

# What -c sends where no answer is waited for.
_SIGNALS = {
    "reload": signal.SIGHUP,
    "reload-or-exit": signal.SIGUSR1,
    "dump": signal.SIGURG,
    "data-dump": signal.SIGURG,
    "exit": signal.SIGTERM,
    "stop": signal.SIGTERM,
}
_ANSWERED = ("exit", "reload-or-error")
KILL_LIMIT_S = 60.0
"""How long the driver that runs may try its commands: each has 20 s at most."""
_PRIORITIES = {"debug": syslog.LOG_DEBUG, "info": syslog.LOG_INFO, "warning": syslog.LOG_WARNING}


@dataclass(slots=True)
class Voice:
    """Says lines on standard error, or in the system's log once detached."""

    name: str
    debug: bool = False
    detached: bool = False

    def say(self, level: str, text: str) -> None:
        """One line."""
        if level == "debug" and not self.debug:
            return
        if self.detached:
            syslog.syslog(_PRIORITIES.get(level, syslog.LOG_ERR), text)
        else:
            prefix = "" if level == "info" else f"{level}: "
            print(f"{self.name}: {prefix}{text}", file=sys.stderr, flush=True)


def main(argv: Sequence[str], name: str | None = None) -> int:
    """Run the driver `name`, which is the program's own name unless it is given; gives the exit status."""
    driver = name or os.path.basename(argv[0])
    if driver not in KINDS:
        print(f"ridethrough: no driver '{driver}'; there are: {', '.join(KINDS)}", file=sys.stderr)
        return 2
    options = parser_of(driver).parse_args(argv[1:])
    if options.version or options.list:
        print(banner(driver))
        if options.list:
            print("\n".join(_listed(driver)))
        return 0
    env = dict(os.environ)
    voice = Voice(driver, debug=options.debug > 0)
    try:
        if options.ups is None and options.alone is None:
            raise StartError(f"which UPS? write: {driver} -a NAME, with a section [NAME] in ups.conf")
        if options.command is not None:
            return _tell(driver, options, env, voice)
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
        return _kill_power(job, voice, enter)
    if not quiet_banner(env):
        print(banner(driver), flush=True)
    if options.dump is not None:
        enter()
        print("\n".join(_run(standalone.dump(job, options.dump))), flush=True)
        return 0
    path = altpidpath(env) / f"{driver}-{section.name}.pid"
    refuse_if_running(path)
    # Connected now, as the system's log may be out of reach of a jail.
    syslog.openlog(driver, syslog.LOG_PID | syslog.LOG_NDELAY, syslog.LOG_DAEMON)
    enter()
    process = Process(job, reread, voice, partial(_level, options, env))
    if options.foreground > 0 or (options.debug > 0 and not options.background):
        return process.serve(path if options.foreground > 1 else None)

    def detached(ready: Callable[[], None]) -> int:
        def go() -> None:
            voice.detached = True
            ready()

        try:
            return process.serve(path, go)
        except (StartError, DaemonError) as error:
            return _failed(error, voice)

    return in_background(detached)


def _state(conf: UpsConf, env: Mapping[str, str]) -> Path:
    return Path(env["NUT_STATEPATH"]) if env.get("NUT_STATEPATH") else Path(conf.statepath or statepath(env))


def _level(options: argparse.Namespace, env: Mapping[str, str], section: UpsSection, conf: UpsConf) -> int:
    """How much is said: by -D, else NUT_DEBUG_LEVEL, and at least as `debug_min` asks for."""
    text = env.get("NUT_DEBUG_LEVEL", "")
    asked = options.debug or (int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0)
    return max(asked, int(section.number("debug_min", conf.debug_min)))


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
        with contextlib.nullcontext() if path is None else pid_file(path):
            _run(self._serve(ready))
        return 0

    async def _serve(self, ready: Callable[[], None]) -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, stop.set)
        orders: list[Orders] = []

        def attach(made: Orders) -> None:
            orders.append(made)
            loop.add_signal_handler(signal.SIGHUP, made.reload)
            loop.add_signal_handler(signal.SIGUSR1, made.reload, "reload-or-exit")
            loop.add_signal_handler(signal.SIGURG, self._print, made)

        def set_debug(level: int) -> None:
            asked = self.level(orders[0].section, orders[0].conf) if level < 0 else level
            self.voice.debug = asked > 0

        await standalone.serve(self.job, stop, Hooks(self._reread, set_debug, attach, ready))

    def _reread(self) -> tuple[UpsConf, UpsSection]:
        try:
            return self.reread()
        except StartError as error:
            raise OrderError(str(error)) from None

    def _print(self, orders: Orders) -> None:
        """SIGURG: what is known, on standard output, if it still has one."""
        with contextlib.suppress(OSError):
            print("\n".join(standalone.listing(orders.snapshot)), flush=True)


def _kill_power(job: Job, voice: Voice, enter: Callable[[], None]) -> int:
    """`-k`: the driver that runs switches its UPS off; where none does, or it can't, this process does."""
    name, running = job.section.name, ask.look(job.path)
    if running.responsive:
        voice.say("info", f"[{name}] the driver that runs is asked to switch the UPS off")
        outcome = _ask_to_kill(job, running)
        voice.say("info", f"[{name}] shutdown: {outcome}")
        if outcome is Outcome.HANDLED:
            return 0
        pid = driver_process.socket_pid(job.path, job.section.driver)
        if outcome is Outcome.UNKNOWN or pid is None:
            voice.say("error", f"[{name}] shutdown not supported by {job.section.driver}")
            return 1
        with contextlib.suppress(NotRunning, OSError):
            driver_process.end(pid, job.section.driver)
    enter()
    return 0 if _run(standalone.power_off(job)) is Outcome.HANDLED else 1


def _ask_to_kill(job: Job, running: Look) -> Outcome:
    """Over the socket: by NUT's order, or for a driver from before it, by one of its own commands."""
    outcome = Outcome.UNKNOWN
    try:
        if ask.setvar(job.path, ALLOW_KILLPOWER, "1") is Outcome.HANDLED:
            return ask.command(job.path, "driver.killpower", KILL_LIMIT_S)
        for name in kill_commands(job.section, running.commands):
            outcome = ask.command(job.path, name)
            if outcome is Outcome.HANDLED:
                break
    except AskError:
        return Outcome.FAILED
    return outcome


def _tell(driver: str, options: argparse.Namespace, env: Mapping[str, str], voice: Voice) -> int:
    """`-c`: over the socket where an answer counts, else by a signal."""
    word = options.command
    if word not in _SIGNALS and word not in _ANSWERED:
        raise StartError(f"unknown command '{word}' for -c; it may be: {', '.join(COMMANDS)}")
    name = options.ups or options.alone
    conf = load(confpath(env), ("ups.conf",)).ups or UpsConf()
    path = socket_path(_state(conf, env), driver, name)
    if word in _ANSWERED and options.pid is None:
        try:
            outcome = ask.command(path, f"driver.{word}")
        except AskError as error:
            if word not in _SIGNALS:
                raise StartError(f"[{name}] {error}") from None
        else:
            voice.say("info", f"[{name}] {word}: {outcome}")
            if outcome is not Outcome.UNKNOWN or word not in _SIGNALS:
                return outcome.code
    pid = options.pid if options.pid is not None else driver_process.socket_pid(path, driver)
    send(word, altpidpath(env) / f"{driver}-{name}.pid", pid, _SIGNALS)
    return 0


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


def _listed(driver: str) -> list[str]:
    info = KINDS[driver].info
    values = [f'VALUE {option} ""' for option in sorted(info.options)]
    return values + [f'FLAG {flag} ""' for flag in sorted(info.flags)]


if __name__ == "__main__":
    sys.exit(main(sys.argv, "dummy-ups"))

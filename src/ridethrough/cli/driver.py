# SPDX-License-Identifier: GPL-2.0-or-later
"""`dummy-ups`, `simulated-ups`: one of our drivers alone, with NUT's options (nutupsdrv(8)).

A C `upsd` finds it under the same socket path as NUT's driver of that name.
"""

from __future__ import annotations

import argparse
import asyncio
import grp
import os
import signal
import sys
import syslog
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
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
from ridethrough.config.load import load
from ridethrough.config.models import UpsConf, UpsSection
from ridethrough.config.paths import altpidpath, confpath, statepath
from ridethrough.drivers import standalone
from ridethrough.drivers.base import Context
from ridethrough.drivers.registry import KINDS
from ridethrough.drivers.standalone import Job, StartError
from ridethrough.ups.commands import Outcome

T = TypeVar("T")

# NUT's words for -c, in those of our daemons.  Settings are read at the start only: a reload says so.
_SIGNALS = {
    "reload": "reload",
    "reload-or-error": "reload",
    "reload-or-exit": "reload",
    "exit": "stop",
    "stop": "stop",
}
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
    options = _parser(driver).parse_args(argv[1:])
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
            return _signal(driver, options, env)
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
    conf, section = _section(driver, options, env, voice)
    state = Path(env["NUT_STATEPATH"]) if env.get("NUT_STATEPATH") else Path(conf.statepath or statepath(env))
    job = Job(
        section,
        conf,
        Context(confpath=confpath(env), statepath=state, log=voice.say, env=env),
        _group(options.group or section.option("group") or conf.group),
    )
    if options.kill:
        return _kill_power(job, voice)
    user = options.user or section.option("user") or conf.user or default_user()
    if options.dump is not None:
        if not env.get("NUT_QUIET_INIT_BANNER"):
            print(banner(driver), flush=True)
        become(user)
        print("\n".join(_run(standalone.dump(job, options.dump))), flush=True)
        return 0
    path = altpidpath(env) / f"{driver}-{section.name}.pid"
    refuse_if_running(path)
    foreground = options.foreground > 0 or (options.debug > 0 and not options.background)
    if not env.get("NUT_QUIET_INIT_BANNER"):
        print(banner(driver), flush=True)
    become(user)
    if foreground:
        return _serve(job, path if options.foreground > 1 else None, voice, lambda: None)

    def detached(ready: Callable[[], None]) -> int:
        def go() -> None:
            voice.detached = True
            syslog.openlog(driver, syslog.LOG_PID, syslog.LOG_DAEMON)
            ready()

        try:
            return _serve(job, path, voice, go)
        except (StartError, DaemonError) as error:
            return _failed(error, voice)

    return in_background(detached)


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


def _serve(job: Job, path: Path | None, voice: Voice, ready: Callable[[], None]) -> int:
    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        text = (
            f"[{job.section.name}] settings are read at the start only: restart the driver to apply changes"
        )
        loop.add_signal_handler(signal.SIGHUP, voice.say, "info", text)
        await standalone.serve(job, stop, ready)

    if path is None:
        _run(serve())
    else:
        with pid_file(path):
            _run(serve())
    return 0


def _kill_power(job: Job, voice: Voice) -> int:
    """`-k`: have the running driver switch the load off."""
    if "shutdown.return" not in _commands_of(job.section.driver):
        voice.say("error", f"[{job.section.name}] shutdown not supported by {job.section.driver}")
        return 1
    outcome = _run(standalone.ask(job.path, "shutdown.return"))
    voice.say("info", f"[{job.section.name}] shutdown.return: {outcome}")
    return 0 if outcome is Outcome.HANDLED else 1


def _commands_of(driver: str) -> frozenset[str]:
    return frozenset({"shutdown.return"}) if driver == "simulated-ups" else frozenset()


def _signal(driver: str, options: argparse.Namespace, env: Mapping[str, str]) -> int:
    command = _SIGNALS.get(options.command)
    if command is None:
        raise StartError(f"unknown command '{options.command}' for -c; it may be: {', '.join(_SIGNALS)}")
    send(command, altpidpath(env) / f"{driver}-{options.ups or options.alone}.pid", options.pid)
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

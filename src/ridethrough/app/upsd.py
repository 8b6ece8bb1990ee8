# SPDX-License-Identifier: GPL-2.0-or-later
"""`upsd` alone: NUT's files in, drivers behind their sockets, TCP out (upsd(8), upsd.conf(5)).

Signals: SIGHUP reads the files again, SIGTERM, SIGINT and SIGQUIT stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ridethrough.app.background import DaemonError, become, pid_file, refuse_if_running
from ridethrough.app.places import state_directory
from ridethrough.app.service import Notifier
from ridethrough.app.serving import Say, ServerConfig, Serving
from ridethrough.config.load import Configuration, load
from ridethrough.config.models import UpsConf, UpsdConf, UpsdUsers, UpsSection
from ridethrough.config.paths import altpidpath, confpath
from ridethrough.config.problems import Problem, Severity
from ridethrough.drivers.external import External
from ridethrough.drivers.source import OnView, Source
from ridethrough.server.sockets import Families, ListenError, where

FILES = ("ups.conf", "upsd.conf", "upsd.users")
PID_NAME = "upsd.pid"
_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says.  `user` "" keeps the user that started it."""

    families: Families = Families.BOTH
    user: str = ""
    save_pid: bool = True


class UpsdError(Exception):
    """upsd can't start, or can't reload; the text is one line that says why and what to do."""


def pid_path(env: Mapping[str, str]) -> Path:
    """Where the pid file lies."""
    return altpidpath(env) / PID_NAME


def read_config(
    env: Mapping[str, str], options: Options, say: Say, before: ServerConfig | None = None
) -> ServerConfig:
    """Read the three files and say every fault.  Raises UpsdError where the server can't do without.

    With `before` it is a reload: a file that can't be read now takes nothing away that was in force.
    """
    directory = confpath(env)
    found = load(directory, FILES)
    for problem in found.problems:
        # Missing files are judged below: which of them matter is the server's business.
        if problem.line or problem.severity is Severity.WARNING or (directory / problem.file).exists():
            say(problem.severity.value, str(problem).replace(f" {problem.severity}: ", " ", 1))
    upsd = found.upsd
    if upsd is None:
        raise UpsdError(_unreadable(directory, "upsd.conf", found))
    if found.users is None:
        then = "nobody can log in" if before is None else "the users stay as they were"
        say("warning", f"{_unreadable(directory, 'upsd.users', found)}; {then}")
    allowed = _flag(env, "ALLOW_NO_DEVICE", upsd.allow_no_device)
    upsd = replace(
        upsd,
        allow_no_device=allowed,
        allow_not_all_listeners=_flag(env, "ALLOW_NOT_ALL_LISTENERS", upsd.allow_not_all_listeners),
    )
    _refuse_bad_listen(upsd, found.problems)
    if found.ups is None and (before is not None or not allowed):
        raise UpsdError(_unreadable(directory, "ups.conf", found))
    ups = _complete(found.ups or UpsConf(), say)
    if not ups.sections and not allowed:
        raise UpsdError(
            f"{directory / 'ups.conf'} defines no UPS; write a [name] section with driver and port there, "
            "or set ALLOW_NO_DEVICE in upsd.conf"
        )
    users = found.users or (before.users if before is not None else UpsdUsers())
    state = str(state_directory(ups, upsd, env))
    return ServerConfig(ups, upsd, users, options.families, statepath=state)


async def run_upsd(
    env: Mapping[str, str],
    options: Options,
    say: Say,
    ready: Callable[[], None] = lambda: None,
    settled: Callable[[], None] = lambda: None,
    debug_min: Callable[[int], None] = lambda level: None,
) -> None:
    """Serve until it is told to stop; `ready` is called once all addresses are open.

    `debug_min` is called with DEBUG_MIN whenever the files were read.
    `settled` is called before `ready`, when root was dropped: from then on there may be threads.
    Raises UpsdError if it can't start.
    """
    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload.set)
    config = read_config(env, options, say)
    debug_min(config.upsd.debug_min)
    path = pid_path(env)
    try:
        refuse_if_running(path)
    except DaemonError as error:
        raise UpsdError(str(error)) from None

    def make(section: UpsSection, on_view: OnView) -> Source:
        now = serving.config
        return External(section, Path(now.statepath), on_view, maxage_s=now.upsd.maxage_s, log=say)

    def read() -> ServerConfig:
        again = read_config(env, options, say, serving.config)
        debug_min(again.upsd.debug_min)
        return again

    serving = Serving(config, make, say)
    try:
        await serving.open()
        become(options.user)
        settled()
        with pid_file(path) if options.save_pid else contextlib.nullcontext():
            await serving.start()
            notifier = Notifier(env)
            patting = loop.create_task(_watchdog(notifier), name="watchdog")
            text = _status(serving)
            say("info", text)
            notifier.ready(text)
            ready()
            await _until_stopped(serving, stop, reload, read, say, notifier)
            patting.cancel()
            notifier.stopping()
    except (ListenError, DaemonError) as error:
        raise UpsdError(str(error)) from None
    finally:
        await serving.close()


async def _until_stopped(
    serving: Serving,
    stop: asyncio.Event,
    reload: asyncio.Event,
    read: Callable[[], ServerConfig],
    say: Say,
    notifier: Notifier,
) -> None:
    """Wait for the signals; a reload that fails leaves everything as it was."""
    waiting = [asyncio.create_task(event.wait()) for event in (stop, reload)]
    try:
        while not stop.is_set():
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if reload.is_set() and not stop.is_set():
                reload.clear()
                waiting[1] = asyncio.create_task(reload.wait())
                notifier.reloading()
                try:
                    await serving.reload(read())
                    say("info", "the configuration was read again")
                except UpsdError as error:
                    say("error", f"the configuration stays as it was: {error}")
                notifier.ready(_status(serving))
    finally:
        for task in waiting:
            task.cancel()


async def _watchdog(notifier: Notifier) -> None:
    while notifier.watchdog_s > 0:
        notifier.alive()
        await asyncio.sleep(notifier.watchdog_s / 2)


def _status(serving: Serving) -> str:
    places = ", ".join(where(host, port) for host, port in serving.listener.bound)
    return f"listening on {places}; serving {len(serving.config.ups.sections)} UPS"


def _refuse_bad_listen(upsd: UpsdConf, problems: Iterable[Problem]) -> None:
    """A LISTEN that makes no sense is an address that can't be had: no other one is taken in its place."""
    bad = [each for each in problems if each.file == "upsd.conf" and each.message.startswith("LISTEN: ")]
    bad = [each for each in bad if each.severity is Severity.ERROR]
    none_is_left = all(listen.line == 0 for listen in upsd.listen)
    if bad and (none_is_left or not upsd.allow_not_all_listeners):
        raise UpsdError(f"upsd.conf:{bad[0].line}: this LISTEN can't be obeyed (see above); correct the line")


def _complete(ups: UpsConf, say: Say) -> UpsConf:
    """Only the sections that say which driver they are for; the rest can't be served."""
    good = tuple(section for section in ups.sections if section.driver and section.port)
    for section in ups.sections:
        if section not in good:
            say("warning", f"ups.conf:{section.line}: [{section.name}] is left out: it needs driver and port")
    return replace(ups, sections=good)


def _unreadable(directory: Path, name: str, found: Configuration) -> str:
    reasons = [problem.message for problem in found.problems if problem.file == name and not problem.line]
    return f"can't read {directory / name}: {reasons[0] if reasons else 'the file is missing'}"


def _flag(env: Mapping[str, str], name: str, said: bool) -> bool:
    """A yes or no of upsd.conf, which the environment variable of the same name overrides."""
    word = env.get(name, "").strip().lower()
    return True if word in _TRUE else False if word in _FALSE else said

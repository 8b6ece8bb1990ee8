# SPDX-License-Identifier: GPL-2.0-or-later
"""`upsmon` alone: upsmon.conf in, notices and SHUTDOWNCMD out (upsmon(8), upsmon.conf(5)).

As root it starts the privileged helper, writes the pid file and gives up root, in this order, and only
then has an event loop.  Signals: SIGUSR1 orders the shutdown, SIGHUP reads upsmon.conf again, SIGTERM stops.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import contextlib
import encodings.idna
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ridethrough.app.background import SIGNALS, DaemonError, pid_file, refuse_if_running
from ridethrough.app.commands import CommandOutput, Say
from ridethrough.app.service import Notifier
from ridethrough.app.stamp import Stamp, clear_unless_stopping
from ridethrough.app.upsmon_files import FILE, Files, UpsmonError, pid_path, read_config
from ridethrough.client.channel import CONNECT_TIMEOUT_S
from ridethrough.config.model_upsmon import UpsmonConf
from ridethrough.config.models import Role
from ridethrough.monitor.shell import Monitor, tcp_links
from ridethrough.monitor.suspend import SleepWatch, bus_path
from ridethrough.privsep.client import DirectHelper, Helper
from ridethrough.privsep.config import HelperConfig, passed_on
from ridethrough.privsep.drop import DEFAULT_USER, DropError, drop_to
from ridethrough.privsep.errors import HelperError
from ridethrough.privsep.spawn import SpawnedHelper, spawn_helper
from ridethrough.ups.notices import NotifyType

# Loaded now, since after the drop of root this installation may not be readable any more.
PRELOADED: Final = (encodings.idna, concurrent.futures.thread)

COMMANDS: Final[Mapping[str, signal.Signals]] = {"fsd": signal.SIGUSR1, **SIGNALS}
NOPARENT_EVERY_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says.  `user` "" leaves it to upsmon.conf; `family` 0 takes IPv4 and IPv6.

    `file` is that of -f.  `debug_min` is told DEBUG_MIN, at the start and after each reload.
    `trace` is told every event of a link; None: nobody wants to read that.
    """

    user: str = ""
    keep_root: bool = False
    family: int = 0
    connect_limit_s: float = CONNECT_TIMEOUT_S
    file: str = ""
    debug_min: Callable[[int], None] = lambda level: None
    trace: Callable[[str], None] | None = None


@dataclass(slots=True)
class Prepared:
    """What was done while still root.  `helper` is None where there is no root to keep.

    `stale_flag`: a POWERDOWNFLAG is there, of an earlier shutdown.
    """

    files: Files
    config: HelperConfig
    helper: SpawnedHelper | None
    stale_flag: bool

    @property
    def conf(self) -> UpsmonConf:
        """upsmon.conf."""
        return self.files.conf


@contextlib.contextmanager
def prepared(env: Mapping[str, str], options: Options, say: Say) -> Iterator[Prepared]:
    """Everything before the event loop: configuration, helper, pid file, and the end of root.

    Raises UpsmonError.  The pid file is removed when the block is left.
    """
    files = read_config(env, say, options.file)
    conf = files.conf
    options.debug_min(conf.debug_min)
    stale_flag = bool(conf.powerdownflag) and os.path.lexists(conf.powerdownflag)
    for number in (signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # Until the loop listens: the pid file is there before.
    user = conf.run_as_user or options.user or DEFAULT_USER
    split = os.geteuid() == 0 and not options.keep_root
    config = HelperConfig(
        shutdowncmd=conf.shutdowncmd or None,
        notifycmd=conf.notifycmd or None,
        run_as_user=user if split else None,
        powerdownflag=conf.powerdownflag or None,
        environment=passed_on(env),
    )
    with contextlib.ExitStack() as stack:
        try:
            refuse_if_running(pid_path(env))
            spawned = spawn_helper(config) if split else None
            if spawned is not None:
                stack.callback(spawned.sock.close)
            _write_pid(stack, env, say)
            if split:
                drop_to(user if user != "root" else DEFAULT_USER)
        except (DaemonError, HelperError, DropError) as error:
            raise UpsmonError(str(error)) from None
        if not split:
            who = "root, in one process (-p)" if os.geteuid() == 0 else "an ordinary user"
            say(
                "warning",
                f"running as {who}; SHUTDOWNCMD and NOTIFYCMD run as the same user, and may lack rights",
            )
        yield Prepared(files, config, spawned, stale_flag)


def _write_pid(stack: contextlib.ExitStack, env: Mapping[str, str], say: Say) -> None:
    try:
        stack.enter_context(pid_file(pid_path(env)))
    except DaemonError as error:
        say("warning", f"{error}; 'upsmon -c' will need -P")


async def run_upsmon(
    env: Mapping[str, str],
    options: Options,
    start: Prepared,
    say: Say,
    ready: Callable[[], None] = lambda: None,
) -> int:
    """Monitor until the host goes down or SIGTERM comes; returns the exit status.

    `ready` is called when the helper answers and the links are being made.  Raises UpsmonError.
    """
    gone = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(partial(_unhandled, say))
    try:
        helper = await _attach(start, say, lambda _: gone.set())
    except HelperError as error:
        raise UpsmonError(str(error)) from None
    stamp = Stamp(pid_path(env).with_suffix(".stamp"), say)
    output = CommandOutput(start.conf, helper, say, stamp=stamp)
    notifier = Notifier(env)
    background: list[asyncio.Task[None]] = []
    try:
        commanded_at = stamp.read(asyncio.get_running_loop().time())
        monitor: Monitor | None = None
        later = await clear_unless_stopping(
            stamp,
            say,
            partial(_clear_flag, start, helper, say),
            lambda: monitor is not None and monitor.shutting_down,
        )
        background += [] if later is None else [later]
        links = tcp_links(options.connect_limit_s, options.family)
        monitor = Monitor(
            start.conf,
            links,
            output,
            strict_c=start.files.own.strict_c,
            trace=options.trace,
            commanded_at=commanded_at,
        )
        _listen(monitor, env, options, start.conf, say)
        sleep = SleepWatch(bus_path(env), monitor.sleep_starting, monitor.sleep_finished, say)
        background += [
            asyncio.create_task(_noparent(gone, monitor, output, start.config, say)),
            asyncio.create_task(_watchdog(notifier)),
            asyncio.create_task(sleep.run()),
        ]
        for line in describe(start.files):
            say("info", line)
        text = f"monitoring {len(start.conf.monitors)} UPS, MINSUPPLIES {start.conf.minsupplies}"
        say("info", text)
        notifier.ready(text)
        ready()
        return await monitor.run()
    except Exception as error:
        # The one end that must never be silent: whoever runs us has to start us again.
        say("critical", f"the monitor failed, this host is NOT protected: {error!r}; restart upsmon")
        return 1
    finally:
        notifier.stopping()
        await output.close()
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await helper.close()


def _unhandled(say: Say, loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """A fault that nobody caught costs its own step only; in the background only the log can tell of it."""
    say("error", f"a fault in the program: {context.get('message')}: {context.get('exception')!r}")


def describe(files: Files) -> list[str]:
    """What is monitored, a line each in C's words, and what is not as usual."""
    lines = [
        f"UPS: {line.system} ({'primary' if line.role is Role.PRIMARY else 'secondary'})"
        f" (power value {line.power_value})"
        if line.power_value
        else f"UPS: {line.system} (monitoring only)"
        for line in files.conf.monitors
    ]
    if files.own.strict_c:
        lines.append("strict_c: readings are believed and silence is judged as C upsmon does it")
    return lines


def _listen(monitor: Monitor, env: Mapping[str, str], options: Options, first: UpsmonConf, say: Say) -> None:
    def reload() -> None:
        try:
            files = read_config(env, say, options.file)
        except UpsmonError as error:
            say("error", f"upsmon.conf is not taken: {error}")
            return
        conf = files.conf
        options.debug_min(conf.debug_min)
        for name in ("shutdowncmd", "powerdownflag", "notifycmd", "run_as_user"):
            if getattr(conf, name) != getattr(first, name):
                say("warning", f"{FILE}: a changed {name.upper()} counts only after a restart of upsmon")
        monitor.reload(conf, strict_c=files.own.strict_c)
        say("info", f"{FILE} was read again")

    def order() -> None:
        say("warning", "a forced shutdown was ordered by signal")
        monitor.user_fsd()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload)
    loop.add_signal_handler(signal.SIGUSR1, order)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        loop.add_signal_handler(number, monitor.stop)


async def _attach(start: Prepared, say: Say, on_gone: Callable[[str], None]) -> Helper:
    if start.helper is not None:
        return await Helper.attach(start.helper, say, on_gone=on_gone)
    direct = DirectHelper(start.config, say, on_gone=on_gone)
    await direct.start()
    return direct


async def _clear_flag(start: Prepared, helper: Helper, say: Say) -> None:
    """A flag of an earlier shutdown would have the UPS switched off at the next ordinary one."""
    conf = start.conf
    if not start.stale_flag:
        return
    try:
        await helper.clear_powerdownflag()
    except HelperError as error:
        say("error", f"a POWERDOWNFLAG was there at the start and could not be removed: {error}")
    else:
        say("notice", f"POWERDOWNFLAG {conf.powerdownflag} of an earlier shutdown was there and is removed")


async def _noparent(
    gone: asyncio.Event, monitor: Monitor, output: CommandOutput, config: HelperConfig, say: Say
) -> None:
    """NUT's NOPARENT, every two minutes: nobody is left who may shut this host down.

    NOTIFYCMD, and in need SHUTDOWNCMD, are run with what rights this process has.
    """
    await gone.wait()
    say("critical", "the privileged helper has died: this host can't be shut down; restart upsmon")
    direct = DirectHelper(config, say)
    try:
        await direct.start()
        output.use(direct)
    except (HelperError, OSError) as error:
        say("error", f"no notice can be run, either: {error}")
    try:
        while True:
            monitor.announce(NotifyType.NOPARENT)
            await asyncio.sleep(NOPARENT_EVERY_S)
    finally:
        await direct.close()


async def _watchdog(notifier: Notifier) -> None:
    while notifier.watchdog_s > 0:
        notifier.alive()
        await asyncio.sleep(notifier.watchdog_s / 2)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver of a UPS that runs already: told by `-c`, asked by `-k`, ended by one that takes its place.

NUT's drivers end their predecessor (nutupsdrv(8)).  One inside `ridethrough serve` is left alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ridethrough.app.background import send
from ridethrough.app.obstacles import live_pid_file, live_socket
from ridethrough.app.places import SOCKET_NAME
from ridethrough.cli import driver_process
from ridethrough.cli.driver_args import COMMANDS, command_of
from ridethrough.cli.driver_process import NotRunning
from ridethrough.control.client import ControlClient, ControlError
from ridethrough.control.client import NotRunning as NoService
from ridethrough.drivers import ask
from ridethrough.drivers.adjust import ALLOW_KILLPOWER
from ridethrough.drivers.ask import AskError, Look
from ridethrough.drivers.base import Log
from ridethrough.drivers.order_plan import kill_commands
from ridethrough.drivers.standalone import Job, StartError
from ridethrough.ups.commands import Outcome

# Where the word of -c can't be said over the socket.
_SIGNALS: Final[Mapping[str, signal.Signals]] = {
    "reload": signal.SIGHUP,
    "reload-or-exit": signal.SIGUSR1,
    "dump": signal.SIGURG,
    "data-dump": signal.SIGURG,
    "exit": signal.SIGTERM,
    "stop": signal.SIGTERM,
}
_ORDERS: Final[Mapping[str, str]] = {
    "reload": "driver.reload",
    "reload-or-error": "driver.reload-or-error",
    "reload-or-exit": "driver.reload-or-exit",
    "exit": "driver.exit",
    "stop": "driver.exit",
}
KILL_LIMIT_S: Final = 60.0
"""How long the driver that runs may try its commands: each has 20 s at most."""
EXIT_LIMIT_S: Final = 10.0
LOOK_AGAIN_S: Final = 0.1
STATUS_LIMIT_S: Final = 5.0


def served(state: Path, ups: str, *, doubt: bool = True) -> str:
    """What to say if a `ridethrough serve` drives this UPS itself, else "".

    `doubt`: what to believe of a `serve` that can't be asked.
    """
    path = state / SOCKET_NAME
    if not os.path.lexists(path):
        return ""
    who = "ridethrough serve"
    try:
        fields = ControlClient(path, STATUS_LIMIT_S).ask("status")
        names = [str(device.get("ups")) for device in fields.get("devices", [])]
        drives, who = ups in names, f"{who} (pid {fields.get('pid')})"
    except NoService:
        return ""
    except ControlError:
        drives = doubt and live_pid_file(state / "ridethrough.pid") is not None
    if not drives:
        return ""
    return f"[{ups}] {who} drives this UPS itself: stop that first, or use another NUT_STATEPATH"


def take_over(job: Job, pid_file: Path, log: Log) -> None:
    """End the driver of this UPS that runs already.  Raises StartError if it can't be ended."""
    name, driver = job.section.name, job.section.driver
    if live_socket(job.path) is not None:
        pid = driver_process.socket_pid(job.path, driver)
        log("warning", f"[{name}] a driver of this UPS runs already{_shown(pid)}: it is told to exit")
        if not _left(job, pid):
            if pid is None:
                raise StartError(f"[{name}] another driver listens on {job.path} and stays; stop it first")
            _end(pid, driver, name)
    pid = driver_process.file_pid(pid_file)
    if pid != os.getpid() and driver_process.drives(pid, driver, name):
        log("warning", f"[{name}] a driver of this UPS runs already{_shown(pid)}: it is ended")
        _end(pid, driver, name)


def _shown(pid: int | None) -> str:
    return f" (pid {pid})" if pid else ""


def _left(job: Job, pid: int | None) -> bool:
    """Whether it obeys `driver.exit`.  Drivers from before that command do not know it."""
    try:
        if ask.command(job.path, "driver.exit") is not Outcome.HANDLED:
            return False
    except AskError:
        return live_socket(job.path) is None
    if pid is not None:
        return driver_process.wait_gone(pid, EXIT_LIMIT_S)
    deadline = time.monotonic() + EXIT_LIMIT_S
    while live_socket(job.path) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_AGAIN_S)
    return True


def _end(pid: int, driver: str, name: str) -> None:
    try:
        gone = driver_process.end(pid, driver)
    except NotRunning:
        return
    except OSError as error:
        raise StartError(
            f"[{name}] can't end the driver that runs (pid {pid}): {error.strerror}; start this one as root"
        ) from None
    if not gone:
        raise StartError(f"[{name}] the driver that runs (pid {pid}) lives on, even after SIGKILL")


def tell(driver: str, name: str, word: str, pid: int | None, paths: tuple[Path, Path], log: Log) -> int:
    """`-c WORD`, over the socket, else by a signal; gives the exit status.

    `paths`: the socket, and the pid file.  Raises StartError, DaemonError.
    """
    command = command_of(word)
    if command is None:
        raise StartError(f"unknown command '{word}' for -c; it may be: {', '.join(COMMANDS)}")
    path, pid_file = paths
    if pid is None and command in _ORDERS:
        try:
            outcome = ask.command(path, _ORDERS[command])
        except AskError as error:
            inside = served(path.parent, name)
            if inside or command not in _SIGNALS:
                raise StartError(inside or f"[{name}] {error}") from None
        else:
            log("info", f"[{name}] {command}: {outcome}")
            if outcome is not Outcome.UNKNOWN or command not in _SIGNALS:
                return outcome.code
    if command not in _SIGNALS:
        raise StartError(f"-c {command} needs the driver's socket; leave -P out")
    send(command, pid_file, driver_process.socket_pid(path, driver) if pid is None else pid, _SIGNALS)
    return 0


def kill_power(job: Job, log: Log, itself: Callable[[], Outcome]) -> int:
    """`-k`: the driver that runs switches its UPS off; where none does, or it can't, `itself` does."""
    name, running = job.section.name, ask.look(job.path)
    if running.responsive:
        log("info", f"[{name}] the driver that runs is asked to switch the UPS off")
        outcome = _ask_to_kill(job, running)
        log("info", f"[{name}] shutdown: {outcome}")
        if outcome is Outcome.HANDLED:
            return 0
        pid = driver_process.socket_pid(job.path, job.section.driver)
        if outcome is Outcome.UNKNOWN or pid is None:
            log("error", f"[{name}] shutdown not supported by {job.section.driver}")
            return 1
        with contextlib.suppress(NotRunning, OSError):
            driver_process.end(pid, job.section.driver)
    return 0 if itself() is Outcome.HANDLED else 1


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

# SPDX-License-Identifier: GPL-2.0-or-later
"""`upsdrvctl`: start, stop, list and signal drivers, and switch UPSes off (NUT's upsdrvctl(8)).

Our own drivers and C ones are the same to it: a program with NUT's options, a pid file and a socket.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ridethrough.cli import client_args, driver_process
from ridethrough.cli.client_args import Stop
from ridethrough.cli.driver_process import NotRunning
from ridethrough.cli.upsdrvctl_args import BANNER, Options, read
from ridethrough.cli.upsdrvctl_start import Starter
from ridethrough.config.environment import quiet_banner
from ridethrough.config.load import load
from ridethrough.config.models import UpsConf
from ridethrough.config.paths import altpidpath, confpath, statepath
from ridethrough.drivers import ask, control_plan
from ridethrough.drivers.ask import AskError
from ridethrough.drivers.control_plan import Found, Task
from ridethrough.drivers.unixpath import socket_path
from ridethrough.ups.commands import Outcome

_SIGNALS: Final[Mapping[str, signal.Signals]] = {
    "reload": signal.SIGHUP,
    "reload-or-exit": signal.SIGUSR1,
    "dump": signal.SIGURG,
    "data-dump": signal.SIGURG,
}


def main(argv: list[str]) -> int:
    """Run the command; gives the exit status."""
    status = 0

    def command() -> None:
        nonlocal status
        env = dict(os.environ)
        options = read(argv, env)
        if not quiet_banner(env):
            client_args.out(f"{BANNER}\n")
            sys.stdout.flush()
        status = _run(options, env)

    return client_args.run(command) or status


def _run(options: Options, env: Mapping[str, str]) -> int:
    """Give the exit status.  Raises Stop."""
    if options.testing:
        client_args.out("*** Testing mode: not calling exec/kill/signal\n")
        sys.stdout.flush()
    conf = _configuration(env)
    options = options.on_top_of(conf)
    tasks = control_plan.tasks(conf)
    if options.ups is not None:
        tasks = tuple(task for task in tasks if task.ups == options.ups)
        if not tasks:
            raise Stop(1, f"UPS {options.ups} not found in ups.conf\n")
    if options.command in ("start", "shutdown"):
        starter = Starter(conf, options.passed, env, testing=options.testing, debug=options.debug)
        if options.command == "start":
            starter.start(tasks)
        else:
            # A UPS that is named is switched off whatever its sdorder.
            starter.shutdown(tasks if options.ups else control_plan.shutdown_order(tasks))
        return int(starter.failures > 0)
    hands = Hands(conf, env, testing=options.testing, debug=options.debug)
    match options.command:
        case "list":
            client_args.out("".join(f"{task.ups}\n" for task in tasks))
        case "status":
            client_args.out(f"{control_plan.STATUS_HEADER}\n")
            for task in tasks:
                client_args.out(f"{control_plan.status_row(task, hands.found(task))}\n")
        case "stop":
            return int(sum(not hands.stop(task) for task in tasks) > 0)
        case _:
            return int(sum(not hands.tell(task, options.signal) for task in tasks) > 0)
    return 0


def _configuration(env: Mapping[str, str]) -> UpsConf:
    """ups.conf, with a UPS in it at least.  Raises Stop."""
    directory = confpath(env)
    found = load(directory, ("ups.conf",))
    for problem in found.problems:
        client_args.say(f"{problem}\n")
    if found.ups is None:
        raise Stop(1, f"Can't open {directory / 'ups.conf'}; create it, or set NUT_CONFPATH\n")
    if not found.ups.sections:
        raise Stop(1, "Error: no UPS definitions found in ups.conf; write a section [name] for each UPS\n")
    return found.ups


@dataclass(frozen=True, slots=True)
class Hands:
    """What is done to drivers that run: looked at, stopped, signalled."""

    conf: UpsConf
    env: Mapping[str, str]
    testing: bool = False
    debug: int = 0

    def found(self, task: Task) -> Found:
        """What is known of a driver."""
        file_pid = driver_process.file_pid(self._pid_files(task)[0])
        seen = ask.look(self._socket(task))
        by_socket = int(seen.pid) if seen.pid and seen.pid.isascii() and seen.pid.isdigit() else -1
        return Found(
            file_pid=file_pid,
            file_alive=file_pid > 0 and driver_process.is_driver(file_pid, task.driver),
            responsive=seen.responsive,
            socket_pid=seen.pid,
            socket_alive=by_socket > 0 and driver_process.is_driver(by_socket, task.driver),
            status=seen.status,
        )

    def stop(self, task: Task) -> bool:
        """End a driver: by its pid file, else over its socket.  False (and said) if it could not be."""
        if self.testing or self.debug:
            _say(f"Stopping UPS: {task.ups}")
        file = self._pid_file(task)
        pid = driver_process.file_pid(file) if file is not None else -1
        if file is None or pid < 0 or not driver_process.is_driver(pid, task.driver):
            if file is not None:
                _say(f"{file} names no running {task.driver}")
            return self._exit_by_socket(task)
        if self.testing or self.debug > 1:
            _say(f"Sending signal to {file}")
        if self.testing:
            return True
        try:
            if driver_process.end(pid, task.driver):
                # One that was killed could not take its pid file away.
                if driver_process.file_pid(file) == pid:
                    file.unlink(missing_ok=True)
                return True
            reason = f"pid {pid} lives on, even after SIGKILL"
        except NotRunning:
            return True  # gone in between
        except OSError as error:
            reason = error.strerror or str(error)
        _say(f"Stopping {file} failed: {reason}")
        return False

    def tell(self, task: Task, word: str) -> bool:
        """`-c WORD`.  False (and said) if the driver was not told, or has refused."""
        if word in _SIGNALS:
            return self._signal(task, _SIGNALS[word])
        if self.testing or self.debug:
            _say(f"Signalling UPS [{task.ups}]: driver.{word}")
        if self.testing:
            return True
        try:
            outcome = ask.command(self._socket(task), f"driver.{word}")
        except AskError as error:
            _say(f"[{task.ups}] {error}")
            return False
        _say(f"[{task.ups}] Request for driver to {word} returned code {outcome.code} ({outcome})")
        if word == "exit" and outcome is Outcome.UNKNOWN:
            # A driver from before that command: the signal means the same.
            return self.stop(task)
        return outcome is Outcome.HANDLED

    def _signal(self, task: Task, number: signal.Signals) -> bool:
        if self.testing or self.debug:
            _say(f"Signalling UPS [{task.ups}]: {number:d} ({number.name})")
        file = self._pid_file(task)
        pid = driver_process.file_pid(file) if file is not None else None
        if pid is None or pid < 0:
            pid = driver_process.socket_pid(self._socket(task), task.driver)
        if pid is None:
            return False
        if self.testing:
            return True
        try:
            driver_process.send(pid, task.driver, number)
        except (NotRunning, OSError) as error:
            _say(f"Signalling {file or f'PID {pid}'} failed: {error}")
            return False
        return True

    def _exit_by_socket(self, task: Task) -> bool:
        path = self._socket(task)
        pid = driver_process.socket_pid(path, task.driver)
        if self.testing:
            _say(
                f"{'Would send' if pid else 'Nobody to send'} the 'exit' command to the driver socket {path}"
            )
            return pid is not None
        try:
            outcome = ask.command(path, "driver.exit")
            # Old drivers do not know the command.
            gone = outcome is Outcome.HANDLED and (pid is None or driver_process.wait_gone(pid))
            if gone or (pid is not None and driver_process.end(pid, task.driver)):
                return True
            reason = f"driver.exit: {outcome}" if pid is None else f"pid {pid} lives on, even after SIGKILL"
        except NotRunning:
            return True  # gone in between
        except (AskError, OSError) as error:
            reason = str(error)
        _say(f"Failed to stop the driver {task.driver} for {task.ups}: {reason}")
        return False

    def _pid_file(self, task: Task) -> Path | None:
        """The pid file that is there; both that are not are said."""
        files = self._pid_files(task)
        for file, either in zip(files, ("", " either"), strict=True):
            if file.exists():
                return file
            _say(f"Can't open {file}{either}: No such file or directory")
        return None

    def _pid_files(self, task: Task) -> Sequence[Path]:
        """By the name of the UPS, and by that of its port, as older drivers had it."""
        directory = altpidpath(self.env)
        names = (task.ups, os.path.basename(task.port))
        return [directory / f"{task.driver}-{name}.pid" for name in names]

    def _socket(self, task: Task) -> Path:
        state = self.env.get("NUT_STATEPATH") or self.conf.statepath or statepath(self.env)
        return socket_path(Path(state), task.driver, task.ups)


def _say(text: str) -> None:
    client_args.say(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv))

# SPDX-License-Identifier: GPL-2.0-or-later
"""The process of a driver: found by its pid file or its socket, signalled, and surely ended.

A pid is reused after a crash or a boot, so a process is held by a descriptor (pidfd_open(2)) and looked at
before it is signalled: what was not started as this driver is never touched.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

from ridethrough.app.obstacles import LISTENING, MAX_COMM, live_socket, program_of, shown
from ridethrough.config.environment import any_name
from ridethrough.drivers.control_plan import BAD_PID_FILE, NO_PID_FILE, pid_of

_PROC = Path("/proc")
END_LIMIT_S = 5.0
"""How long a driver may take to obey SIGTERM, and to be gone after SIGKILL (NUT's upsdrvctl)."""


class NotRunning(Exception):
    """There is no such process, or it is not this driver; the text says which."""


def file_pid(path: Path) -> int:
    """The pid that a pid file names, or a number below 0 (drivers.control_plan)."""
    try:
        with path.open("rb") as file:
            return pid_of(file.read(100).decode("ascii", "replace"))
    except FileNotFoundError:
        return NO_PID_FILE
    except OSError:
        return BAD_PID_FILE


def is_driver(pid: int, driver: str) -> bool:
    """Whether a living process is this driver: a C one by its name, one of ours by its command.

    NUT_IGNORE_CHECKPROCNAME believes it whatever it is called, as for a driver that was renamed.
    """
    if program_of(pid) is None:
        return False
    return any_name(os.environ) or shown(pid).split()[-1][:MAX_COMM] == driver[:MAX_COMM]


def drives(pid: int, driver: str, ups: str) -> bool:
    """Whether a living process is the driver of this UPS: its name stands on the command line, too."""
    if pid < 2 or not is_driver(pid, driver):
        return False
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    name = os.fsencode(ups)
    return any(word == name or (word.startswith(b"-") and word.endswith(name)) for word in words)


def socket_pid(path: Path, driver: str) -> int | None:
    """The process that listens on a driver's socket, if it is this driver in a process of its own."""
    holder = live_socket(path)
    if holder is None:
        return None
    if holder.pid > 1 and is_driver(holder.pid, driver):
        return holder.pid
    # A C driver makes its socket before it goes to the background, and the kernel names the one that made it.
    inode = _listening_inode(path)
    return next((pid for pid in _pids() if is_driver(pid, driver) and _holds(pid, inode)), None)


def _listening_inode(path: Path) -> bytes:
    """The inode of the socket that listens at a path (proc(5): /proc/net/unix), or nothing."""
    wanted = os.fsencode(path)
    try:
        lines = (_PROC / "net" / "unix").read_bytes().splitlines()
    except OSError:
        return b""
    rows = (line.split(maxsplit=7) for line in lines)
    return next((row[6] for row in rows if len(row) == 8 and row[7] == wanted and row[3] == LISTENING), b"")


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir(_PROC) if name.isdigit())


def _holds(pid: int, inode: bytes) -> bool:
    """Whether a process has a socket open; False where that can't be seen."""
    link = f"socket:[{inode.decode('ascii', 'replace')}]"
    directory = _PROC / str(pid) / "fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            with contextlib.suppress(OSError):
                if os.readlink(directory / name) == link:
                    return True
    return False


def send(pid: int, driver: str, number: signal.Signals) -> None:
    """Signal the driver.  Raises NotRunning, PermissionError."""
    with _held(pid, driver) as descriptor:
        signal.pidfd_send_signal(descriptor, number)


def end(pid: int, driver: str, limit_s: float = END_LIMIT_S) -> bool:
    """SIGTERM, and SIGKILL for what does not obey.  False if it lives on.

    Raises NotRunning, PermissionError.
    """
    with _held(pid, driver) as descriptor:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
            if _gone(descriptor, limit_s):
                return True
    return False


def wait_gone(pid: int, limit_s: float = END_LIMIT_S) -> bool:
    """Whether a process ends within the time."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return True
    try:
        return _gone(descriptor, limit_s)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _held(pid: int, driver: str) -> Iterator[int]:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        raise NotRunning(f"no process has the pid {pid}") from None
    try:
        if not is_driver(pid, driver):
            raise NotRunning(f"pid {pid} is {shown(pid)}, not {driver}")
        yield descriptor
    finally:
        os.close(descriptor)


def _gone(descriptor: int, limit_s: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(limit_s * 1000))

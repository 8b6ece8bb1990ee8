# SPDX-License-Identifier: GPL-2.0-or-later
"""What a daemon does besides its work: detach, drop root, keep a pid file, signal its predecessor.

Behaviour: NUT's daemons, upsd(8) and upsmon(8).
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from ridethrough.config.environment import any_name

if TYPE_CHECKING:
    from pathlib import Path

SIGNALS: Mapping[str, signal.Signals] = {"reload": signal.SIGHUP, "stop": signal.SIGTERM}


class DaemonError(Exception):
    """The daemon can't start, or can't be signalled; the text says why and what to do."""


def send(
    command: str, path: Path, pid: int | None = None, signals: Mapping[str, signal.Signals] = SIGNALS
) -> None:
    """`-c COMMAND`: signal the running daemon, by its pid file or by `pid`.  Raises DaemonError."""
    number = signals.get(command)
    if number is None:
        raise DaemonError(f"unknown command '{command}' for -c; it may be: {', '.join(signals)}")
    if pid is None:
        # Imported here and below: upslog, which is started often, does without all this.
        from ridethrough.app.obstacles import live_pid_file  # noqa: PLC0415

        holder = live_pid_file(path, any_name=any_name(os.environ))
        if holder is None:
            raise DaemonError(f"nothing to signal: {path} names no running {path.stem}")
        pid = holder.pid
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        raise DaemonError(f"no process has the pid {pid}") from None
    except PermissionError:
        raise DaemonError(f"not allowed to signal pid {pid}; try it as root or as its user") from None


def refuse_if_running(path: Path) -> None:
    """Raises DaemonError naming the living process that holds the pid file, other than this one."""
    from ridethrough.app.obstacles import live_pid_file  # noqa: PLC0415

    holder = live_pid_file(path, any_name=any_name(os.environ))
    if holder is not None and holder.pid != os.getpid():
        raise DaemonError(f"{holder}; stop it first, or give this one another NUT_ALTPIDPATH")


@contextlib.contextmanager
def pid_file(path: Path) -> Iterator[None]:
    """Keep the pid file while the block runs.  Raises DaemonError if it can't be written."""
    try:
        path.write_text(f"{os.getpid()}\n", encoding="ascii")
    except OSError as error:
        raise DaemonError(f"can't write the pid file {path}: {error.strerror}") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if path.read_text("ascii", "replace").strip() == str(os.getpid()):
                path.unlink()


def become(user: str, jail: str = "") -> None:
    """Give up root for `user` and all its groups; nothing happens for who is not root, or for root itself.

    With `jail` root first makes that directory its `/` (chroot(2)).
    Raises DaemonError for an unknown user, and for a jail that can't be entered.
    """
    if os.geteuid() != 0:
        if jail:
            raise DaemonError(f"only root may chroot to {jail}; start it as root, or leave chroot out")
        return
    stays = user in ("", "root")
    try:
        entry = None if stays else pwd.getpwnam(user)
    except KeyError:
        raise DaemonError(f"no user '{user}' on this machine; create it, or give another with -u") from None
    # All that is looked up in files is looked up before they are out of reach.
    groups = [] if entry is None else os.getgrouplist(user, entry.pw_gid)
    if entry is not None or jail:
        from ridethrough.app.warmup import warm_up  # noqa: PLC0415

        warm_up()
    if jail:
        _enter(jail)
    if entry is not None:
        os.setgroups(groups)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)


def _enter(jail: str) -> None:
    try:
        os.chdir(jail)
        os.chroot(jail)
        os.chdir("/")
    except OSError as error:
        raise DaemonError(f"cannot chroot to {jail}: {error.strerror}; check the directory") from None


def default_user() -> str:
    """Debian's user for NUT if the machine has it, else "" (stay)."""
    try:
        grp.getgrnam("nut")
        pwd.getpwnam("nut")
    except KeyError:
        return ""
    return "nut"


def in_background(run: Callable[[Callable[[], None]], int], *, keep_stderr: bool = False) -> int:
    """Run `run(ready)` detached from the terminal; returns once it called `ready`, or its exit status.

    What the daemon writes before `ready` still reaches the terminal; with `keep_stderr` standard error stays.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            if pipe.read(1):
                return 0
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) or 1
    os.close(reader)
    os.setsid()

    def ready() -> None:
        with open(os.devnull, "r+b", buffering=0) as null:
            for descriptor in (0, 1) if keep_stderr else (0, 1, 2):
                os.dup2(null.fileno(), descriptor)
        os.write(writer, b"1")
        os.close(writer)

    status = 1
    try:
        status = run(ready)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

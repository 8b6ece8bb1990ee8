# SPDX-License-Identifier: GPL-2.0-or-later
"""The way to the stand-alone timer daemon: PIPEFN, and LOCKFN against two notices that start it at once.

PIPEFN is a unix socket. LOCKFN is locked with flock while a daemon is started or ends, so that a lock left by
a crash holds nobody up. Every wait has an end: a daemon that does not answer loses PIPEFN, and so its timers.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator

from ridethrough.schedule import messages
from ridethrough.schedule.script import Say

TOTAL_S = 15.0
ANSWER_S, LONGEST_ANSWER_S = 5.0, 30.0
# The newest C daemon reads 128 bytes, and sleeps for a second if the line has not ended there.
BYTES_PER_S = 100.0
RETRY_S = 0.02
BACKLOG = 64
MAX_ANSWER_BYTES = 4 * 1024 * 1024

Launch = Callable[[socket.socket], None]
"""Starts the background process behind a socket that listens already."""
Ask = Callable[[bytes, str, str, Launch | None, Say], bytes | None]
"""`ask` or `tell`."""
Place = tuple[int, int]
"""Which file PIPEFN is: device and inode."""


class PipeError(Exception):
    """The timer daemon can't be reached or started; the text says why and what to do."""


class Silent(PipeError):
    """There is a timer daemon, but it does not answer: it is stopped, or hangs."""


def place_of(pipefn: str) -> Place | None:
    """Which file stands at PIPEFN; None if there is none."""
    try:
        info = os.lstat(pipefn)
    except OSError:
        return None
    return info.st_dev, info.st_ino


def patience_s(line: bytes) -> float:
    """How long the answer to a line is waited for."""
    return min(LONGEST_ANSWER_S, ANSWER_S + len(line) / BYTES_PER_S)


def connect(pipefn: str) -> socket.socket | None:
    """A connection to the daemon, or None if there is none. Raises `PipeError` if it may not be reached."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(ANSWER_S)
    try:
        _patiently(sock, os.fsencode(pipefn))
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        return None
    except OSError as error:
        sock.close()
        if str(error) == "AF_UNIX path too long":
            length = len(os.fsencode(pipefn))
            raise PipeError(f"PIPEFN {pipefn} is {length} bytes long; write a path of at most 107") from None
        if isinstance(error, TimeoutError | BlockingIOError):
            raise Silent(f"PIPEFN {pipefn}: the timer daemon does not answer") from None
        if isinstance(error, PermissionError):
            hint = "run this as the user who started the daemon (RUN_AS_USER of upsmon.conf)"
            raise PipeError(f"PIPEFN {pipefn}: {error.strerror}; {hint}") from None
        raise PipeError(f"PIPEFN {pipefn}: {error.strerror}") from None
    return sock


def _patiently(sock: socket.socket, address: bytes) -> None:
    """Connect; while the daemon's queue is full the kernel says EAGAIN, and we try again for ANSWER_S."""
    deadline = time.monotonic() + ANSWER_S
    while True:
        try:
            return sock.connect(address)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(RETRY_S)


def _mode(path: str) -> int | None:
    """The mode of a file (of a link itself), or None if it is not there or can't be seen."""
    try:
        return os.lstat(path).st_mode
    except OSError:
        return None


def try_lock(lockfn: str) -> int | None:
    """Lock LOCKFN; the descriptor, or None if another process holds it.

    The caller ends with `unlock`. Raises `PipeError` if the file can't be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        fd = os.open(lockfn, flags, 0o600)
    except PermissionError as error:
        # A C upssched makes the file with mode 0 and may have left it.
        if _is_leftover(lockfn):
            with contextlib.suppress(OSError):
                os.unlink(lockfn)
            return None
        raise PipeError(f"LOCKFN {lockfn}: {error.strerror}; {_directory_hint(lockfn)}") from None
    except OSError as error:
        raise PipeError(f"LOCKFN {lockfn}: {error.strerror}; {_directory_hint(lockfn)}") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        here, there = os.fstat(fd), os.stat(lockfn)
        if (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino):
            return fd
    except OSError:
        pass
    os.close(fd)
    return None


def unlock(fd: int, lockfn: str) -> None:
    """Remove LOCKFN and give the lock up."""
    with contextlib.suppress(OSError):
        os.unlink(lockfn)
    os.close(fd)


def _is_leftover(lockfn: str) -> bool:
    try:
        info = os.lstat(lockfn)
    except OSError:
        return False
    return info.st_uid == os.geteuid() and stat.S_IMODE(info.st_mode) == 0


def _directory_hint(path: str) -> str:
    where = os.path.dirname(path) or "."
    return f"the directory {where} must be there, and the user who runs upssched must be able to write in it"


def bury(pipefn: str, say: Say) -> None:
    """Remove what a dead daemon left at PIPEFN, if anything, and say that its timers are lost.

    Call it with LOCKFN locked, after `connect` found nobody. Raises `PipeError`.
    """
    mode = _mode(pipefn)
    if mode is None:
        return
    if not (stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode)):
        raise PipeError(f"PIPEFN {pipefn} is there and is no socket; move it away or name another file")
    left = "left by a timer daemon that died: its timers are lost"
    say(f"nobody listens at PIPEFN {pipefn}, {left}; it is removed", True)
    with contextlib.suppress(OSError):
        os.unlink(pipefn)


def give_up(pipefn: str, lockfn: str, place: Place, say: Say) -> None:
    """Take PIPEFN away from a daemon that does not answer; it gives its timers up when it finds that out.

    `place` is what PIPEFN was when it was asked, so that of several who waited only one acts.
    Raises `PipeError`.
    """
    with _locked(lockfn, time.monotonic() + TOTAL_S):
        if place_of(pipefn) != place:
            return
        silent = f"the timer daemon at PIPEFN {pipefn} does not answer"
        say(f"{silent}: it is given up, and its timers are lost", True)
        with contextlib.suppress(OSError):
            os.unlink(pipefn)


def listen(pipefn: str, say: Say) -> socket.socket:
    """A listening socket at PIPEFN; what a dead daemon left there is removed, and said.

    Call it with LOCKFN locked, after `connect` found nobody. Raises `PipeError`.
    """
    bury(pipefn, say)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        sock.bind(os.fsencode(pipefn))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise PipeError(f"PIPEFN {pipefn}: {error.strerror or error}; {_directory_hint(pipefn)}") from None
    finally:
        os.umask(before)
    return sock


@contextlib.contextmanager
def _locked(lockfn: str, deadline: float) -> Iterator[None]:
    while (fd := try_lock(lockfn)) is None:
        if time.monotonic() >= deadline:
            raise PipeError(f"LOCKFN {lockfn} stays locked by another upssched; see `fuser {lockfn}`")
        time.sleep(RETRY_S)
    try:
        yield
    finally:
        unlock(fd, lockfn)


def _reach(
    pipefn: str, lockfn: str, launch: Launch | None, deadline: float, say: Say
) -> socket.socket | None:
    """A connection to the daemon, which is started if `launch` is given; None if there is none to reach."""
    sock = connect(pipefn)
    if sock is not None:
        return sock
    if launch is None and not (os.path.lexists(lockfn) or os.path.lexists(pipefn)):
        return None
    # Another upssched may be starting the daemon just now: the lock waits for it.
    with _locked(lockfn, deadline):
        sock = connect(pipefn)
        if sock is None and launch is None:
            bury(pipefn, say)
        elif sock is None and launch is not None:
            with listen(pipefn, say) as listener:
                launch(listener)
            sock = connect(pipefn)
    return sock


def _exchange(sock: socket.socket, line: bytes) -> bytes:
    """Send one line and read its answer; b"" if the daemon ended before it took the line."""
    answer = b""
    sock.settimeout(patience_s(line))
    try:
        sock.sendall(line)
        while not messages.complete(answer):
            data = sock.recv(65536)
            if not data or len(answer) > MAX_ANSWER_BYTES:
                return b""
            answer += data
    except TimeoutError:
        raise Silent(f"the timer daemon did not answer within {patience_s(line):.0f} s") from None
    except OSError:
        return b""
    return answer


def ask(line: bytes, pipefn: str, lockfn: str, launch: Launch | None, say: Say) -> bytes | None:
    """Send a line to the timer daemon and give its answer; None if no daemon runs and none is to be started.

    Raises `Silent` if it does not answer in time, `PipeError` if it can't be reached or started.
    """
    for directive, value in (("PIPEFN", pipefn), ("LOCKFN", lockfn)):
        if not value:
            raise PipeError(f"upssched.conf has no {directive}: timers need it; write it above the first AT")
    deadline = time.monotonic() + TOTAL_S
    while True:
        sock = _reach(pipefn, lockfn, launch, deadline, say)
        if sock is None and launch is None:
            return None
        if sock is not None:
            with sock:
                answer = _exchange(sock, line)
            if answer:
                return answer
        # The daemon was ending when the line came, so nothing has been done yet.
        if time.monotonic() >= deadline:
            raise PipeError(
                f"the timer daemon at {pipefn} ends again and again; see the log (journalctl -t upssched)"
            )
        time.sleep(RETRY_S)


def tell(line: bytes, pipefn: str, lockfn: str, launch: Launch | None, say: Say) -> bytes | None:
    """As `ask`, but a daemon that does not answer is given up, and the line goes to a new one, if `launch`.

    What the old one got is never acted upon: it ends when it finds another in its place.
    """
    place = place_of(pipefn)
    try:
        return ask(line, pipefn, lockfn, launch, say)
    except Silent:
        place = place or place_of(pipefn)
        if place is None:
            raise
    give_up(pipefn, lockfn, place, say)
    return ask(line, pipefn, lockfn, launch, say)

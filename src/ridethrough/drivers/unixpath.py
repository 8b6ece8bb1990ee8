# SPDX-License-Identifier: GPL-2.0-or-later
"""Listening on a driver's socket path: never over a live driver, never over something that is no socket."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path
from typing import Final

SOCKET_MODE: Final = 0o660
MAX_PATH_BYTES: Final = 107  # sockaddr_un on Linux, less its closing zero
BACKLOG: Final = 16


class SocketPathError(Exception):
    """The socket can't be made; the text names the path and says what to do."""


def socket_path(statepath: Path, driver: str, ups: str) -> Path:
    """Where the driver of a UPS listens: STATEPATH/<driver>-<ups> (NUT's sock-protocol.txt)."""
    return statepath / f"{driver}-{ups}"


def listen(path: Path, group: int | None = None) -> socket.socket:
    """A listening, non-blocking socket at `path`, mode 0660, of group `group` if one is given.

    A socket file that nobody listens on is replaced.  Raises SocketPathError; the caller closes the socket
    and calls `remove`.
    """
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise SocketPathError(
            f"{path}: a socket's path has at most {MAX_PATH_BYTES} bytes; choose a shorter STATEPATH"
        )
    _clear(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The mode is there from the first moment: nobody can connect before it is set.
    before = os.umask(0o777 & ~SOCKET_MODE)
    try:
        sock.bind(str(path))
        if group is not None:
            os.chown(path, -1, group)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise SocketPathError(
            f"cannot listen on {path}: {error.strerror}; check that the directory exists and may be written"
        ) from None
    finally:
        os.umask(before)
    return sock


def remove(path: Path, inode: int) -> None:
    """Take the socket file away, if it is still ours."""
    with contextlib.suppress(OSError):
        if path.lstat().st_ino == inode:
            path.unlink()


def _clear(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise SocketPathError(f"cannot look at {path}: {error.strerror}") from None
    if not stat.S_ISSOCK(found.st_mode):
        raise SocketPathError(f"{path} is there and is no socket; move it away")
    if _somebody_listens(path):
        raise SocketPathError(f"another driver listens on {path}; stop it first")
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        code = probe.connect_ex(str(path))
    # EAGAIN: somebody listens, and is too busy to accept just now.
    return code not in (errno.ECONNREFUSED, errno.ENOENT)

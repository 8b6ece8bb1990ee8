# SPDX-License-Identifier: GPL-2.0-or-later
"""The file of the control socket: it has its rights before anybody can connect, and is never taken over."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path
from typing import Final

from ridethrough.control.messages import ControlError

MODE: Final = 0o660
BACKLOG: Final = 64
MAX_PATH: Final = 107  # bytes that the kernel's sockaddr_un holds
ASK_LIMIT_S: Final = 2.0


def open_socket(path: Path, mode: int = MODE, group: int | None = None) -> tuple[socket.socket, int]:
    """Return a listening socket at `path`, and the inode that `remove_socket` wants.

    A socket that nobody listens on is left over from a crash, and is replaced.  Raises ControlError in words.
    """
    if len(os.fsencode(path)) + 1 > MAX_PATH:
        raise ControlError(f"control socket {path}: the path is too long ({MAX_PATH - 1} bytes); shorten it")
    _refuse_live(path)
    # Under a name of its own until its rights are right; then it takes the place of a stale one in one step.
    temporary = Path(f"{path}~")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        sock.bind(str(temporary))
        if group is not None and os.stat(temporary).st_gid != group:
            with contextlib.suppress(PermissionError):  # Then it is for this user, and root, alone.
                os.chown(temporary, -1, group)
        os.chmod(temporary, mode)
        sock.listen(BACKLOG)
        os.rename(temporary, path)
        return sock, os.stat(path).st_ino
    except OSError as error:
        sock.close()
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise ControlError(f"control socket {path}: {error.strerror}; {_advice(error, path)}") from None


def remove_socket(path: Path, inode: int) -> None:
    """Remove the socket's file, unless another server has put its own there."""
    with contextlib.suppress(OSError):
        if os.lstat(path).st_ino == inode:
            os.unlink(path)


def _refuse_live(path: Path) -> None:
    try:
        kind = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise ControlError(f"control socket {path}: {error.strerror}") from None
    if not stat.S_ISSOCK(kind):
        raise ControlError(f"control socket {path}: something else than a socket is there; remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ASK_LIMIT_S)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except PermissionError:
            raise ControlError(f"control socket {path}: belongs to another user; stop that service") from None
        except OSError:
            pass  # It does not answer in time, but it is there.
    raise ControlError(
        f"control socket {path}: another ridethrough answers there; stop it, or choose another --state-dir"
    )


def _advice(error: OSError, path: Path) -> str:
    if error.errno == errno.ENOENT:
        return f"create the directory {path.parent}"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "this user may not create it there; choose another --state-dir"
    return "choose another --state-dir"

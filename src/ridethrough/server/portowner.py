# SPDX-License-Identifier: GPL-2.0-or-later
"""Which process holds a TCP port, as far as /proc shows it (proc(5): /proc/net/tcp, /proc/PID/fd)."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

_LISTENING = "0A"
_MAX_LINES = 100_000


def who_holds_port(port: int, proc: Path = Path("/proc")) -> str | None:
    """`name (pid 123)` of a process that listens on the port, or None where nobody is seen to.

    Processes of other users show only to root; then the answer is `a process of user nut`.
    """
    inodes = _listening_inodes(port, proc)
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for pid in sorted((name for name in _names(proc) if name.isdigit()), key=int):
        descriptors = proc / pid / "fd"
        for name in _names(descriptors):
            if _target(descriptors / name) in wanted:
                return f"{_command(proc / pid)} (pid {pid})"
    return f"a process of user {_user(next(iter(inodes.values())))}"


def _user(uid: str) -> str:
    try:
        return pwd.getpwuid(int(uid)).pw_name
    except (KeyError, ValueError, OverflowError):
        return uid


def _listening_inodes(port: int, proc: Path) -> dict[str, str]:
    """The inodes of the sockets that listen on the port, and whose they are (uid)."""
    found: dict[str, str] = {}
    for table in ("tcp", "tcp6"):
        try:
            with (proc / "net" / table).open(encoding="ascii", errors="replace") as lines:
                for number, line in enumerate(lines):
                    words = line.split()
                    if number >= _MAX_LINES or len(words) < 10:
                        continue
                    # "0100007F:0DA5" is the local address; the port is hexadecimal.
                    if words[3] == _LISTENING and words[1].rpartition(":")[2] == f"{port:04X}":
                        found[words[9]] = words[7]
        except OSError:
            continue
    return found


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _target(link: Path) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _command(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip() or "a process"
    except OSError:
        return "a process"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Who else is at work here: another NUT that holds the pid file, the driver socket or the device.

`serve` refuses to start beside it and names it: two that both think they are primary are worse than one.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DAEMONS: Final = ("upsd", "upsmon")
MAX_COMM: Final = 15  # the kernel cuts the name of a process there


@dataclass(frozen=True, slots=True)
class Holder:
    """A living process that stands in the way."""

    what: str
    """What it holds: `the pid file /run/nut/upsd.pid`."""
    pid: int
    """0 where it can't be seen."""
    program: str

    def __str__(self) -> str:
        by = f"{self.program} (pid {self.pid})" if self.pid else self.program
        return f"{by} holds {self.what}"


def live_pid_file(path: Path, proc: Path = Path("/proc"), *, any_name: bool = False) -> Holder | None:
    """The living process that a pid file names, or None; a stale or unreadable file is nobody.

    With `any_name` the file is believed whatever that process is called.
    """
    try:
        text = path.read_text("ascii", "replace").strip()
    except OSError:
        return None
    if not (text.isascii() and text.isdigit()) or int(text) < 2 or len(text) > 9:
        return None
    program = program_of(int(text), proc)
    if program is None:
        return None
    # A pid is reused after a crash or a boot: only a process that can be the file's owner counts.
    stem = path.name.removesuffix(".pid")
    if not any_name and not _may_own(stem, program, _words_of(int(text), proc)):
        return None
    return Holder(f"the pid file {path}", int(text), shown(int(text), proc))


def _may_own(stem: str, program: str, words: Sequence[str]) -> bool:
    """Whether a process can be the owner of `<stem>.pid`: by its name, or as a Python by its command line."""
    name = stem.split("-", maxsplit=1)[0]
    if program.startswith("python"):
        return not words or any("ridethrough" in word or name in word for word in words)
    return program.startswith(("ridethrough", name[:MAX_COMM]))


def shown(pid: int, proc: Path = Path("/proc")) -> str:
    """The name of a process as a user knows it: `upsd`, or `ridethrough serve` and not `python`."""
    program, words = program_of(pid, proc) or "a process", _words_of(pid, proc)
    ours = [number for number, word in enumerate(words) if _OURS.search(word)]
    return " ".join(["ridethrough", *words[ours[0] + 1 :][:1]]) if ours else program


_OURS: Final = re.compile(r"(^|/)ridethrough$|^ridethrough\.cli\.main$|/ridethrough/cli/main\.py$")


def _words_of(pid: int, proc: Path) -> list[str]:
    """The command line of a process; empty where it can't be seen."""
    try:
        data = (proc / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    text = data.decode("utf-8", "replace").rstrip("\0")
    return text.split("\0") if text else []


def program_of(pid: int, proc: Path = Path("/proc")) -> str | None:
    """The name of a living process, or None. A zombie is not alive."""
    try:
        stat = (proc / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    name, _, rest = stat.partition("(")[2].rpartition(")")
    return None if rest.strip().startswith("Z") else name


def live_socket(path: Path, proc: Path = Path("/proc")) -> Holder | None:
    """Who answers on a unix socket; a stale file that a crash has left is nobody."""
    what = f"the socket {path}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(1.0)
            sock.connect(str(path))
            pid, _, _ = _PEER.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    except BlockingIOError:
        # The queue of whoever listens is full: busy, but alive.
        return Holder(what, 0, "a busy process")
    except (PermissionError, TimeoutError):
        # It can't be asked; the kernel's table says whether somebody listens.
        return Holder(what, 0, "a process of another user") if _listened_on(path, proc) else None
    except OSError:
        return None
    return Holder(what, pid, shown(pid, proc) if pid else "a process that can't be seen from here")


def _listened_on(path: Path, proc: Path) -> bool:
    """Whether a unix socket of this path listens (proc(5): /proc/net/unix; its 4th column is the flags)."""
    try:
        lines = (proc / "net" / "unix").read_bytes().splitlines()
    except OSError:
        return True
    wanted = os.fsencode(path)
    columns = (line.split(maxsplit=7) for line in lines)
    return any(len(each) == 8 and each[7] == wanted and each[3] == LISTENING for each in columns)


LISTENING: Final = b"00010000"

_PEER: Final = struct.Struct("3i")


def find(
    pid_directories: Iterable[Path], driver_names: Iterable[str], proc: Path = Path("/proc")
) -> list[Holder]:
    """Every living `upsd`, `upsmon` and driver (`<driver>-<ups>`) with a pid file in these directories."""
    names = (*DAEMONS, *driver_names)
    found: dict[int, Holder] = {}
    for directory in dict.fromkeys(pid_directories):
        for name in names:
            holder = live_pid_file(directory / f"{name}.pid", proc)
            # In a container a stale file may name the very pid that this process was given.
            if holder is not None and holder.pid != os.getpid():
                found.setdefault(holder.pid, holder)
    return list(found.values())

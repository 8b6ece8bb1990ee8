# SPDX-License-Identifier: GPL-2.0-or-later
"""Our own `upsd` as a process, in directories and on a port of its own; plain talks with any upsd."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.cnut import USERS
from tests.support.ports import LOOPBACK, free_port
from tests.support.procs import Process, started

START_S = 20.0
# Any upsd answers this one, whatever UPSes it has.
ASK_MARK, MARK = b"GET VAR mark server.version\n", b"VAR mark server.version "
MODULE = (sys.executable, "-m", "ridethrough.cli.main", "upsd")


@dataclass(frozen=True, slots=True)
class OurUpsd:
    """A running one."""

    host: str
    port: int
    confpath: Path
    pidpath: Path
    env: Mapping[str, str]
    process: Process

    def target(self, ups: str) -> str:
        """`ups@host:port` for command lines."""
        return f"{ups}@{self.host}:{self.port}"


def write_files(
    conf: Path, port: int, devices: Mapping[str, str], users: str = USERS, upsd_conf: Sequence[str] = ()
) -> None:
    """The three files of the server; `devices` maps names to their drivers."""
    sections = [f"[{name}]\ndriver = {driver}\nport = auto\n" for name, driver in devices.items()]
    conf.mkdir(exist_ok=True)
    files = {
        "ups.conf": "\n".join(sections),
        "upsd.conf": "\n".join([f"LISTEN {LOOPBACK} {port}", *upsd_conf, ""]),
        "upsd.users": users,
    }
    for name, text in files.items():
        path = conf / name
        path.write_text(text)
        path.chmod(0o600)


def environment(conf: Path, state: Path, pids: Path) -> dict[str, str]:
    """Turns our upsd to private directories; the pid files lie apart from those of a C upsd."""
    return {
        "NUT_CONFPATH": str(conf),
        "NUT_STATEPATH": str(state),
        "NUT_PIDPATH": str(pids),
        "NUT_ALTPIDPATH": str(pids),
    }


@contextlib.contextmanager
def our_upsd(
    tmp_path: Path,
    devices: Mapping[str, str],
    statepath: Path,
    *,
    users: str = USERS,
    upsd_conf: Sequence[str] = (),
    options: Sequence[str] = ("-u", "root", "-FF", "-D"),
) -> Iterator[OurUpsd]:
    """Start it over the driver sockets in `statepath`, and wait until it listens."""
    conf, pids, port = tmp_path / "our-upsd", tmp_path / "our-pids", free_port()
    pids.mkdir()
    write_files(conf, port, devices, users, upsd_conf)
    env = environment(conf, statepath, pids)
    with started([*MODULE, *options], env=env, name="our upsd") as process:
        process.wait_output("listening on", START_S)
        yield OurUpsd(LOOPBACK, port, conf, pids, env, process)


def converse(port: int, requests: Sequence[bytes], timeout_s: float = 10.0) -> list[bytes]:
    """What an upsd answers to each request (with its newline), all on one connection.

    After each request something else is asked, so that an answer's end is known whatever it is.
    The server closing the connection ends the list early.
    """
    replies: list[bytes] = []
    with socket.create_connection((LOOPBACK, port), timeout=timeout_s) as link, link.makefile("rb") as lines:
        # All at once: C upsd leaves Nagle's delay on, and would take 40 ms for each.
        link.sendall(b"".join(request + ASK_MARK for request in requests))
        for _ in requests:
            reply = bytearray()
            while (line := lines.readline()) and not line.startswith(MARK):
                reply += line
            replies.append(bytes(reply))
            if not line:
                break
    return replies

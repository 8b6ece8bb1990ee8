# SPDX-License-Identifier: GPL-2.0-or-later
"""Our own `upsd` as a process, in directories and on a port of its own; plain talks with any upsd."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
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
    own: str = "",
) -> Iterator[OurUpsd]:
    """Start it over the driver sockets in `statepath`, and wait until it listens; `own`: ridethrough.toml."""
    conf, pids, port = tmp_path / "our-upsd", tmp_path / "our-pids", free_port()
    pids.mkdir()
    write_files(conf, port, devices, users, upsd_conf)
    (conf / "ridethrough.toml").write_text(own)
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


def converse_apart(
    ports: Sequence[int], requests: Sequence[bytes], pause_s: float = 0.2, at_once: int = 200
) -> list[list[bytes]]:
    """What the upsd behind each port answers to each request, every request on a connection of its own.

    So a request may be anything: an open quote, half a line, what the server drops.  After a pause
    something else is asked; once more behind a quote, in case the first one ended up inside one.
    """
    found: list[list[bytes]] = [[] for _ in ports]
    for start in range(0, len(requests), at_once):
        some = requests[start : start + at_once]
        with contextlib.ExitStack() as open_ones:
            links = [[_link(port, number, open_ones) for number, _ in enumerate(some)] for port in ports]
            for row in links:
                for link, request in zip(row, some, strict=True):
                    link.sendall(request)
            for more in (ASK_MARK, b'"\n' + ASK_MARK):
                time.sleep(pause_s)
                for link in (link for row in links for link in row):
                    with contextlib.suppress(OSError):
                        link.sendall(more)
            for answers, row in zip(found, links, strict=True):
                answers += [_until_mark(link) for link in row]
    return found


def _link(port: int, number: int, open_ones: contextlib.ExitStack) -> socket.socket:
    # C upsd's backlog is 16: a newcomer beyond it would wait for a second.
    if number % 8 == 7:
        time.sleep(0.005)
    return open_ones.enter_context(socket.create_connection((LOOPBACK, port), timeout=5.0))


def _until_mark(link: socket.socket) -> bytes:
    """What comes before the mark, or before the end of the connection."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while MARK not in got and (data := link.recv(65536)):
            got += data
    return got.partition(MARK)[0]

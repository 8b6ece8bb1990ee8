# SPDX-License-Identifier: GPL-2.0-or-later
"""Asking a driver behind its socket a few things, without a loop: what `upsdrvctl` and `-k` need."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ridethrough.protocol.driver import DriverClient, DriverEvent, Pid, Pong, TrackingDone
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import STATUS

LOOK_LIMIT_S: Final = 3.0
TELL_LIMIT_S: Final = 15.0
READ_BYTES: Final = 65536
_TRACKING: Final = "1"


class AskError(Exception):
    """No driver answers there; the text names the socket and says why."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a driver says of itself.  Old drivers have no `pid` to give."""

    responsive: bool = False
    pid: str | None = None
    status: str | None = None
    commands: frozenset[str] = frozenset()


def look(path: Path, limit_s: float = LOOK_LIMIT_S) -> Look:
    """Ask for pid and status; a driver that is not there or says nothing gives an empty look."""
    responsive, pid = False, None
    client = DriverClient(limit_s, time.monotonic())
    try:
        with _connected(path, limit_s) as link:
            client.get_pid()
            client.tick(client.deadline())  # the PING: its answer comes after all others
            for event in _events(link, client, limit_s):
                if isinstance(event, Pid):
                    pid = event.text
                elif isinstance(event, Pong):
                    responsive = True
                    break
    except AskError:
        return Look(responsive, pid)
    snapshot = client.snapshot
    return Look(
        responsive, pid, snapshot.get(STATUS) if STATUS in snapshot.variables else None, snapshot.commands
    )


def command(path: Path, name: str, limit_s: float = TELL_LIMIT_S) -> Outcome:
    """Send an instant command, and wait for what became of it.  Raises AskError."""
    return _tell(path, lambda client: client.instcmd(name, tracking=_TRACKING), limit_s)


def setvar(path: Path, name: str, value: str, limit_s: float = TELL_LIMIT_S) -> Outcome:
    """Set a variable, and wait for what became of it.  Raises AskError."""
    return _tell(path, lambda client: client.set_var(name, value, tracking=_TRACKING), limit_s)


def _tell(path: Path, request: Callable[[DriverClient], None], limit_s: float) -> Outcome:
    client = DriverClient(limit_s, time.monotonic())
    request(client)
    with _connected(path, limit_s) as link:
        for event in _events(link, client, limit_s):
            if isinstance(event, TrackingDone) and event.id == _TRACKING:
                return event.outcome
    raise AskError(f"the driver at {path} closed the connection without an answer")


@contextlib.contextmanager
def _connected(path: Path, limit_s: float) -> Iterator[socket.socket]:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(limit_s)
            link.connect(str(path))
            yield link
    except TimeoutError:
        raise AskError(f"the driver at {path} has not answered for {limit_s:g} s") from None
    except OSError as error:
        raise AskError(
            f"cannot ask the driver at {path}: {error.strerror or error}; is it running?"
        ) from None


def _events(link: socket.socket, client: DriverClient, limit_s: float) -> Iterator[DriverEvent]:
    """Everything the driver says within the time, until it closes the connection."""
    deadline = time.monotonic() + limit_s
    link.sendall(client.data_to_send())
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        link.settimeout(left)
        data = link.recv(READ_BYTES)
        if not data:
            return
        yield from client.receive(data, time.monotonic())

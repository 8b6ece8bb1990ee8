# SPDX-License-Identifier: GPL-2.0-or-later
"""Groups of hosts for `./dev bench detect`, and the clock that their scripts stop.

A group is a UPS, a server, a primary and, unless the primary is alone, a secondary: real processes with the
same configuration files, users and scripts, whoever's programs they are.  A script's first and only act is a
line into a FIFO, and the time is taken when it is read here.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support import hosts
from tests.support.crew import DRIVER, running_server, running_upsmon
from tests.support.live_driver import LiveDriver, live_driver
from tests.support.our_upsd import converse
from tests.support.ports import free_port
from tests.support.wait import wait_until

LIMIT_S: Final = 40.0
LOST, LOW, NOTIFY, DOWN = "mains lost", "OB LB", "NOTIFYCMD", "SHUTDOWNCMD"
SPREAD_S: Final = 3.0
"""Over so long the groups of a batch are spread, which are three polls: each meets its poll at any phase."""
SETTLED_S: Final = 1.5
"""Between the login and the loss of the mains, and between the notice and the low battery, at least."""

Key = tuple[str, str, str]
"""Group, host and what it ran."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Whose programs a group consists of: "C", "ours", or "serve" for server and primary in one process."""

    name: str
    server: str
    primary: str
    secondary: str
    """"" for a primary that is alone."""


class Clock:
    """Reads the FIFO, and knows when each script began."""

    def __init__(self, fifo: Path) -> None:
        """Make the FIFO and listen; `close` ends it."""
        os.mkfifo(fifo)
        fifo.chmod(0o666)
        self.fifo = fifo
        self._marks: dict[Key, float] = {}
        self._news = threading.Condition()
        # For both ways, so that there always is a writer, and no end.
        self._file = os.open(fifo, os.O_RDWR)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait(self, key: Key) -> float:
        """The monotonic time of a mark.  Raises AssertionError if it does not come."""
        with self._news:
            assert self._news.wait_for(lambda: key in self._marks, LIMIT_S), f"{' '.join(key)}: never run"
            return self._marks[key]

    def script(self, path: Path, group: str, host: str, what: str) -> Path:
        """A script that marks that it runs; `what` may name a variable of its environment."""
        path.write_text(f'#!/bin/sh\necho "{group} {host} {what}" >{self.fifo}\n')
        path.chmod(0o755)
        return path

    def close(self) -> None:
        """End it."""
        os.write(self._file, b"end\n")
        self._thread.join(LIMIT_S)
        os.close(self._file)

    def _read(self) -> None:
        # Each line is written at once and shorter than PIPE_BUF, so that none is torn or mixed with another.
        rest = b""
        while True:
            data = rest + os.read(self._file, 65536)
            now = time.monotonic()
            *lines, rest = data.split(b"\n")
            with self._news:
                for line in lines:
                    words = line.decode().split()
                    if words == ["end"]:
                        return
                    group, host, what = words
                    self._marks.setdefault((group, host, what), now)
                self._news.notify_all()


@dataclass(frozen=True, slots=True)
class Group:
    """A running one."""

    name: str
    kind: Kind
    ups: LiveDriver
    clock: Clock

    def play(self, phase_s: float) -> dict[tuple[str, str], float]:
        """An outage down to SHUTDOWNCMD; seconds by event and host.  The group can't be used again."""
        members = ["primary", "secondary"] if self.kind.secondary else ["primary"]
        time.sleep(phase_s)
        found = {}
        lost_at = self.ups.say("OB DISCHRG", battery_charge="40")
        for host in members:
            found[LOST, host] = self.clock.wait((self.name, host, "ONBATT")) - lost_at
        time.sleep(SETTLED_S + random.uniform(0, SPREAD_S))
        # A charge at which a low battery is believed at once.
        low_at = self.ups.say("OB LB DISCHRG", battery_charge="9")
        for host in members:
            found[LOW, host] = self.clock.wait((self.name, host, DOWN)) - low_at
        return found


@contextlib.contextmanager
def running(name: str, kind: Kind, clock: Clock) -> Iterator[Group]:
    """Start a group and wait until all of it is logged in."""
    with hosts.place() as place, contextlib.ExitStack() as stack:
        extra = {host: _commands(place, name, host, clock) for host in ("primary", "secondary")}
        if kind.server == "serve":
            state = hosts.state_directory(place / "primary")
            ups = stack.enter_context(live_driver(state / f"{DRIVER}-ups"))
            section = f"driver = {DRIVER}\nport = auto\n"
            port = stack.enter_context(hosts.primary(place, section, extra["primary"])).port
        else:
            ups = stack.enter_context(live_driver(hosts.state_directory(place) / f"{DRIVER}-ups"))
            port = free_port()
            stack.enter_context(running_server(kind.server, place, port))
            stack.enter_context(running_upsmon(place, "primary", kind.primary, port, extra["primary"]))
        if kind.secondary:
            time.sleep(random.uniform(0, 1.0))  # Else it would always poll just after its primary.
            stack.enter_context(running_upsmon(place, "secondary", kind.secondary, port, extra["secondary"]))
        count = 2 if kind.secondary else 1
        wait_until(lambda: _logins(port) == count, LIMIT_S, f"{count} logins")
        time.sleep(SETTLED_S)  # All have polled once: nobody takes this for a start in an outage.
        yield Group(name, kind, ups, clock)


def _commands(place: Path, group: str, host: str, clock: Clock) -> Sequence[str]:
    """Lines of upsmon.conf."""
    directory = place / host
    directory.mkdir()
    tell = clock.script(directory / "mark-notice", group, host, "$NOTIFYTYPE")
    stop = clock.script(directory / "mark-down", group, host, DOWN)
    return [f'NOTIFYCMD "{tell}"', f'SHUTDOWNCMD "{stop}"', "DEADTIME 30", "HOSTSYNC 30"]


def _logins(port: int) -> int:
    answer = converse(port, [b"GET NUMLOGINS ups\n"])[0].split()
    return int(answer[2]) if answer[:1] == [b"NUMLOGINS"] else 0

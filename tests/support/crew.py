# SPDX-License-Identifier: GPL-2.0-or-later
"""A server, a primary and two secondaries with their upssched, each of them C's or ours, as real processes.

Everything is the same for both kinds: configuration files, users, UPS, scripts.  Each host's NOTIFYCMD
writes the notice down and hands it to upssched; CMDSCRIPT and SHUTDOWNCMD write down that they were called.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ridethrough.cli import link
from tests.support import hosts
from tests.support.cnut import UPSD, c_environment
from tests.support.cutting_proxy import CuttingProxy, cutting_proxy
from tests.support.hosts import Down, Host, Told
from tests.support.live_driver import LiveDriver, live_driver
from tests.support.our_upsd import MODULE, converse, environment, write_files
from tests.support.ports import LOOPBACK, free_port
from tests.support.procs import Process, started
from tests.support.wait import wait_until

START_S: Final = 40.0
SETTLE_S: Final = 2.5
"""Time enough for everybody to find a connection lost, to log in again, and to poll."""
DRIVER: Final = "live-driver"
POLL_S, DEADTIME_S, HOSTSYNC_S, TIMER_S = 1, 3, 6, 1
"""POLLFREQ (hosts.py sets it), DEADTIME, HOSTSYNC, and the timer of upssched.conf that a test waits for."""
UPSSCHED_CONF: Final = f"""\
CMDSCRIPT {{directory}}/command
PIPEFN {{directory}}/pipe
LOCKFN {{directory}}/lock
AT ONBATT * START-TIMER still-on-battery {TIMER_S}
AT ONBATT * START-TIMER far-off 600
AT ONLINE * CANCEL-TIMER still-on-battery
AT ONBATT * EXECUTE onbatt
AT ONLINE * EXECUTE online
AT LOWBATT * EXECUTE lowbatt
AT FSD * EXECUTE fsd
AT SHUTDOWN * EXECUTE shutdown
"""
C_UPSSCHED: Final = Path("/sbin/upssched")


@dataclass(frozen=True, slots=True)
class Mixture:
    """Whose programs are at work: "C" or "ours" for each role."""

    upsd: str
    primary: str
    one: str
    two: str
    upssched: str

    @property
    def name(self) -> str:
        """Short, also for directories: `co-cc-o` is C's upsd, our primary, C's secondaries, our upssched."""
        letters = [kind[0].lower() for kind in (self.upsd, self.primary, self.one, self.two, self.upssched)]
        return "{}{}-{}{}-{}".format(*letters)


ROWS: Final = (
    Mixture("ours", "ours", "ours", "ours", "ours"),
    Mixture("C", "ours", "C", "C", "ours"),
    Mixture("C", "ours", "C", "ours", "C"),
    Mixture("C", "C", "ours", "C", "ours"),
    Mixture("ours", "C", "C", "ours", "C"),
    Mixture("ours", "C", "ours", "C", "C"),
    # The measure of all: what it does not do is asked of nobody.
    Mixture("C", "C", "C", "C", "C"),
)
"""Every two of the five are there in all four combinations; and C's alone."""


@dataclass(frozen=True, slots=True)
class Member(Host):
    """One host.  `kind` is whose upsmon it runs."""

    kind: str

    def stop(self) -> None:
        """The host hangs: all of its upsmon is stopped."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """It hangs no more."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def die(self) -> None:
        """The host dies: all of its upsmon is killed."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def commands(self) -> list[Told]:
        """What upssched has run: the notice's time, the command's name, the UPS, and the notify type."""
        path = self.directory / "commands"
        rows = [line.split("|") for line in path.read_text().splitlines()] if path.exists() else []
        return [Told(float(at), name, ups, kind) for at, name, ups, kind in rows]

    def ran(self, name: str, count: int = 1, timeout_s: float = hosts.LIMIT_S) -> None:
        """Wait until upssched has run a command so often."""

        def so_often() -> bool:
            return [command.type for command in self.commands()].count(name) >= count

        wait_until(so_often, timeout_s, f"upssched's {name} at {self.name} ({count} times)")

    def timers(self) -> list[int]:
        """The processes that keep timers for its upssched."""
        wanted = {f"NUT_CONFPATH={self.directory}".encode(), b"NOTIFYTYPE=ONBATT"}
        found = []
        for pid, words in _environments():
            if wanted <= words and b"upssched" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        return found


@dataclass(slots=True)
class Crew:
    """All of them, running and logged in.  `ways` holds the proxies of those that have one."""

    mixture: Mixture
    place: Path
    port: int
    ups: LiveDriver
    server: Process
    members: dict[str, Member]
    ways: dict[str, CuttingProxy]
    _stack: contextlib.ExitStack = field(repr=False, default_factory=contextlib.ExitStack)

    @property
    def primary(self) -> Member:
        """The primary."""
        return self.members["primary"]

    @property
    def one(self) -> Member:
        """The secondary that faults happen to."""
        return self.members["one"]

    @property
    def two(self) -> Member:
        """The other secondary."""
        return self.members["two"]

    def logins(self) -> int:
        """NUMLOGINS."""
        answer = converse(self.port, [b"GET NUMLOGINS ups\n"])[0].split()
        return int(answer[2]) if answer[0] == b"NUMLOGINS" else 0

    def status(self) -> str:
        """`ups.status` as clients read it."""
        return converse(self.port, [b"GET VAR ups ups.status\n"])[0].decode().partition('"')[2].rstrip('"\n')

    def all_logged_in(self, timeout_s: float = START_S) -> None:
        """Wait until everybody is logged in."""
        wait_until(lambda: self.logins() == len(self.members), timeout_s, "all logged in")

    def settle(self) -> None:
        """Wait until everybody is logged in and has polled; who logs in during an outage is more careful."""
        self.all_logged_in()
        time.sleep(SETTLE_S)
        self.all_logged_in()

    def downs(self) -> list[Down]:
        """All runs of SHUTDOWNCMD in their order."""
        return hosts.downs(self.place)

    def server_again(self) -> None:
        """Start the server anew, on its port."""
        self.server = self._stack.enter_context(running_server(self.mixture.upsd, self.place, self.port))


@contextlib.contextmanager
def crew(mixture: Mixture, through: Sequence[str] = ()) -> Iterator[Crew]:
    """Start them, the members `through` a proxy each, and wait until all are logged in.

    What they have left running is ended.
    """
    with hosts.place() as place, contextlib.ExitStack() as stack:
        stack.callback(_end_strays, place)
        state = hosts.state_directory(place)
        ups = stack.enter_context(live_driver(state / f"{DRIVER}-ups"))
        port = free_port()
        server = stack.enter_context(running_server(mixture.upsd, place, port))
        ways = {name: stack.enter_context(cutting_proxy(port)) for name in through}
        members = {}
        for name, kind in (("primary", mixture.primary), ("one", mixture.one), ("two", mixture.two)):
            own = ways[name].port if name in ways else port
            members[name] = stack.enter_context(_member(place, name, kind, own, mixture.upssched))
        found = Crew(mixture, place, port, ups, server, members, ways, stack)
        found.settle()
        yield found


@contextlib.contextmanager
def running_server(kind: str, place: Path, port: int) -> Iterator[Process]:
    """An upsd, when it has the data of the UPS, whose socket is `place/run/DRIVER-ups`."""
    conf, state, pids = place / "upsd", place / "run", place / "pids"
    pids.mkdir(exist_ok=True)
    write_files(conf, port, {"ups": DRIVER}, hosts.USERS)
    argv = [str(UPSD), "-u", "root", "-F"] if kind == "C" else [*MODULE, "-u", "root", "-FF"]
    with started(argv, env=environment(conf, state, pids), name=f"{kind} upsd") as process:

        def serves() -> bool:
            assert process.returncode is None, "it ended"
            with contextlib.suppress(OSError):
                return converse(port, [b"GET VAR ups ups.status\n"])[0].startswith(b"VAR ")
            return False

        wait_until(serves, START_S, f"{kind} upsd with the data of its UPS")
        yield process


@contextlib.contextmanager
def _member(place: Path, name: str, kind: str, port: int, upssched: str) -> Iterator[Member]:
    """A host; not waited for."""
    directory = place / name
    extra = [f"DEADTIME {DEADTIME_S}", f"HOSTSYNC {HOSTSYNC_S}", f'NOTIFYCMD "{directory}/notify"']
    directory.mkdir()
    _write_scripts(directory, upssched_program(place, upssched))
    with running_upsmon(place, name, kind, port, extra) as member:
        yield member


@contextlib.contextmanager
def running_upsmon(place: Path, name: str, kind: str, port: int, extra: Sequence[str]) -> Iterator[Member]:
    """A primary, if that is its name, or a secondary; not waited for."""
    role = "prim pass primary" if name == "primary" else "sec pass secondary"
    monitor = f"ups@{LOOPBACK}:{port} 1 {role}"
    directory = hosts.write_upsmon_conf(place, name, [monitor], extra, c=kind == "C")
    # C upsmon 2.8.0 names its pid file after itself, in a directory that is compiled in.
    program = directory / f"{place.name}-{name}"
    program.symlink_to("/lib/nut/upsmon")
    argv = [str(program), "-F"] if kind == "C" else [*hosts.PROGRAM, "upsmon", "-F"]
    try:
        with started(argv, env=c_environment(directory, directory), name=f"{kind} upsmon {name}") as process:
            try:
                yield Member(name, place, process, kind)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGCONT)
    finally:
        Path("/run/nut", f"{program.name}.pid").unlink(missing_ok=True)


def upssched_program(place: Path, kind: str) -> Path:
    """C's upssched, or ours as `ridethrough link` installs it."""
    if kind == "C":
        return C_UPSSCHED
    programs = place / "bin"
    if not programs.exists():
        programs.mkdir()
        with contextlib.redirect_stderr(io.StringIO()):
            link.main(["link", str(programs)])
    return programs / "upssched"


def _write_scripts(directory: Path, upssched: Path) -> None:
    when = "$(date +%s.%N)"
    own = shlex.quote(str(directory))
    texts = {
        "notify": f'echo "{when}|$NOTIFYTYPE|$UPSNAME|$1" >>{own}/notices\nexec {upssched} "$1"',
        "command": f'echo "{when}|$1|$UPSNAME|$NOTIFYTYPE" >>{own}/commands',
    }
    for name, text in texts.items():
        path = directory / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    (directory / "upssched.conf").write_text(UPSSCHED_CONF.format(directory=directory))


def _environments() -> Iterator[tuple[int, set[bytes]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                yield int(entry.name), set((entry / "environ").read_bytes().split(b"\0"))


def _end_strays(place: Path) -> None:
    """What upssched left in the background."""
    prefix = f"NUT_CONFPATH={place}/".encode()
    for pid, words in _environments():
        if any(word.startswith(prefix) for word in words):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts as real processes: `serve` as a primary, `upsmon` alone as a secondary, and what they left behind.

Every host has a directory of its own.  Its SHUTDOWNCMD and NOTIFYCMD only write down that they were called.
Times are wall time: all of them, those that shell scripts write included, are of the one machine.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ridethrough.control.client import ControlClient
from tests.support.cnut import c_environment
from tests.support.our_upsd import converse
from tests.support.ports import LOOPBACK, free_port
from tests.support.procs import Process, started
from tests.support.wait import wait_until

LIMIT_S: Final = 20.0
PROGRAM: Final = (sys.executable, "-m", "ridethrough.cli.main")
USERS: Final = """\
[admin]
  password = secret
  actions = SET
  instcmds = ALL
[prim]
  password = pass
  upsmon primary
[sec]
  password = pass
  upsmon secondary
"""
SIMULATED: Final = "driver = simulated-ups\nport = auto\n"
# One percent is used up in about a second without mains, and then the battery is low; it is empty after
# three quarters of a minute.  All that is below the half, where a low battery is believed at once.
SMALL: Final = f"{SIMULATED}capacity_wh = 8\nload_w = 300\ncharge_w = 0\ncharge = 45\nlowbatt = 44\n"
# Does not run low in a test.
LARGE: Final = f"{SIMULATED}capacity_wh = 500\nload_w = 100\n"
NOTICES: Final = "ONLINE ONBATT LOWBATT FSD COMMOK COMMBAD SHUTDOWN NOCOMM SHUTDOWN_HOSTSYNC OTHER"


@dataclass(frozen=True, slots=True)
class Down:
    """One run of SHUTDOWNCMD: when, on which host, and whether that host's POWERDOWNFLAG was there."""

    at: float
    host: str
    flag: bool


@dataclass(frozen=True, slots=True)
class Told:
    """One run of NOTIFYCMD."""

    at: float
    type: str
    ups: str
    text: str


@dataclass(frozen=True, slots=True)
class Host:
    """A running host.  `place` is where all hosts of a test live, and write their SHUTDOWNCMD to."""

    name: str
    place: Path
    process: Process

    @property
    def directory(self) -> Path:
        """Its own files: upsmon.conf, pid files, sockets."""
        return self.place / self.name

    @property
    def flag(self) -> Path:
        """Its POWERDOWNFLAG."""
        return self.directory / "killpower"

    def downs(self) -> list[Down]:
        """Its runs of SHUTDOWNCMD."""
        return [down for down in downs(self.place) if down.host == self.name]

    def went_down(self, timeout_s: float = LIMIT_S) -> Down:
        """Wait for its first run of SHUTDOWNCMD."""
        return wait_until(self.downs, timeout_s, f"SHUTDOWNCMD of {self.name}")[0]

    def told(self) -> list[Told]:
        """Its runs of NOTIFYCMD so far."""
        path = self.directory / "notices"
        lines = path.read_text().splitlines() if path.exists() else []
        rows = [line.split("|", 3) for line in lines]
        return [Told(float(at), kind, ups, text) for at, kind, ups, text in rows]

    def hears(self, kind: str, timeout_s: float = LIMIT_S) -> Told:
        """Wait for its first notice of a type."""

        def heard() -> list[Told]:
            return [told for told in self.told() if told.type == kind]

        return wait_until(heard, timeout_s, f"{kind} at {self.name}")[0]

    def kinds(self) -> list[str]:
        """The types of all its notices so far."""
        return [told.type for told in self.told()]


@dataclass(frozen=True, slots=True)
class Primary(Host):
    """A running `serve`."""

    port: int

    def target(self, ups: str = "ups") -> str:
        """`ups@host:port`."""
        return f"{ups}@{LOOPBACK}:{self.port}"

    def mains(self, on: bool, ups: str = "ups") -> float:
        """`ridethrough sim mains on|off`; gives the time at which it was asked."""
        with ControlClient(self.directory / "run" / "ridethrough.sock", LIMIT_S) as client:
            at = time.time()
            client.ask("sim", ups=ups, what="mains", value="on" if on else "off")
        return at

    def logins(self, ups: str = "ups") -> int:
        """NUMLOGINS; none while the server has no data of this UPS."""
        answer = converse(self.port, [f"GET NUMLOGINS {ups}\n".encode()])[0].split()
        return int(answer[2]) if answer[0] == b"NUMLOGINS" else 0

    def wait_logins(self, count: int, ups: str = "ups") -> None:
        """Wait until exactly so many are logged in."""
        wait_until(lambda: self.logins(ups) == count, LIMIT_S, f"{count} logins to {ups}")

    def status(self, ups: str = "ups") -> str:
        """`ups.status` as a client reads it, or the error."""
        answer = converse(self.port, [f"GET VAR {ups} ups.status\n".encode()])[0].decode()
        return answer.partition('"')[2].rstrip('"\n') or answer.strip()


@contextlib.contextmanager
def place() -> Iterator[Path]:
    """Where the hosts of one test live: a short path (sockets), that everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="rt-hosts-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def downs(place: Path) -> list[Down]:
    """All runs of SHUTDOWNCMD, in the order in which they happened."""
    path = place / "downs"
    rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [Down(float(at), host, flag == "flag") for at, host, flag in rows]


def write_upsmon_conf(
    place: Path, name: str, monitors: Sequence[str], extra: Sequence[str] = (), *, c: bool = False
) -> Path:
    """A host's directory with its upsmon.conf and the two scripts; `extra` lines win over what is here.

    `c` leaves out what C upsmon 2.8.0 does not know.
    """
    directory = place / name
    directory.mkdir(exist_ok=True)
    flag, when = shlex.quote(str(directory / "killpower")), "$(date +%s.%N)"
    seen = f"$([ -e {flag} ] && echo flag || echo none)"
    stop = _script(directory / "stop", f'echo "{when} {name} {seen}" >>{place}/downs')
    tell = _script(directory / "tell", f'echo "{when}|$NOTIFYTYPE|$UPSNAME|$1" >>{directory}/notices')
    defaults = {
        "MINSUPPLIES": "1",
        "SHUTDOWNCMD": f'"{stop}"',
        "NOTIFYCMD": f'"{tell}"',
        "POWERDOWNFLAG": f'"{directory / "killpower"}"',
        "POLLFREQ": "1",
        "POLLFREQALERT": "1",
        "HOSTSYNC": "10",
        "FINALDELAY": "0",
        "RUN_AS_USER": "root",
    }
    own = {line.split()[0] for line in extra}
    lines = [f"MONITOR {monitor}" for monitor in monitors]
    lines += [f"{word} {value}" for word, value in defaults.items() if word not in own]
    lines += [f"NOTIFYFLAG {kind} EXEC" for kind in NOTICES.split() if not (c and kind in _NOT_IN_C)]
    _private(directory / "upsmon.conf", "\n".join([*lines, *extra, ""]))
    return directory


_NOT_IN_C: Final = frozenset({"SHUTDOWN_HOSTSYNC", "OTHER"})


@contextlib.contextmanager
def primary(
    place: Path,
    ups: Mapping[str, str] | str = SMALL,
    extra: Sequence[str] = (),
    *,
    options: Sequence[str] = ("--armed",),
    wait_for_ready: bool = True,
) -> Iterator[Primary]:
    """Start a `serve` with these UPSes (name -> lines of its section), and wait until it is ready.

    As root it gives up root for the user nut where there is one, as it does on a real host.
    """
    sections = {"ups": ups} if isinstance(ups, str) else dict(ups)
    port = free_port()
    monitors = [f"{name}@{LOOPBACK}:{port} 1 prim pass primary" for name in sections]
    directory = write_upsmon_conf(place, "primary", monitors, extra)
    texts = [f"[{name}]\n{text}" for name, text in sections.items()]
    _private(directory / "ups.conf", "".join(texts))
    _private(directory / "nut.conf", "MODE=standalone\n")
    _private(directory / "upsd.conf", f"LISTEN {LOOPBACK} {port}\n")
    _private(directory / "upsd.users", USERS)
    with _serve(place, directory, port, options, wait_for_ready) as host:
        yield host


@contextlib.contextmanager
def primary_again(before: Primary) -> Iterator[Primary]:
    """Start the `serve` of a host that has crashed once more, with all that it left lying about."""
    with _serve(before.place, before.directory, before.port, ("--armed",), True) as host:
        yield host


@contextlib.contextmanager
def _serve(
    place: Path, directory: Path, port: int, options: Sequence[str], wait_for_ready: bool
) -> Iterator[Primary]:
    run = state_directory(directory)
    argv = [*PROGRAM, "serve", "--config", str(directory), "--state-dir", str(run), *options]
    with started(argv, env=c_environment(directory, run), name="serve") as process:
        if wait_for_ready:
            wait_until(lambda: _pid_in(run / "upsmon.pid") == process.pid, LIMIT_S, "the pid file of serve")
        yield Primary("primary", place, process, port)


def _pid_in(path: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return 0


def state_directory(directory: Path) -> Path:
    """`directory/run`, in which the core may write after it has given up root."""
    run = directory / "run"
    run.mkdir(exist_ok=True)
    with contextlib.suppress(KeyError):
        nut = pwd.getpwnam("nut")
        if os.geteuid() == 0:
            os.chown(run, nut.pw_uid, nut.pw_gid)
    return run


@contextlib.contextmanager
def secondary(place: Path, name: str, target: str, extra: Sequence[str] = ()) -> Iterator[Host]:
    """Start our `upsmon` alone as a secondary, and wait until it is logged in."""
    directory = write_upsmon_conf(place, name, [f"{target} 1 sec pass secondary"], extra)
    argv = [*PROGRAM, "upsmon", "-F"]
    with started(argv, env=c_environment(directory, directory), name=name) as process:
        process.wait_output("logged in to UPS", LIMIT_S)
        yield Host(name, place, process)


@contextlib.contextmanager
def c_secondary(place: Path, name: str, target: str, extra: Sequence[str] = ()) -> Iterator[Host]:
    """Start C upsmon as a secondary.

    2.8.0 names its pid file after itself, in a directory that is compiled in: a name of its own lets it run
    beside others, and the file is taken away again.
    """
    directory = write_upsmon_conf(place, name, [f"{target} 1 sec pass secondary"], extra, c=True)
    program = directory / f"{place.name}-{name}"
    program.symlink_to("/lib/nut/upsmon")
    try:
        argv: list[str | Path] = [program, "-F", "-p"]
        with started(argv, env=c_environment(directory, directory), name=f"C upsmon {name}") as process:
            yield Host(name, place, process)
    finally:
        Path("/run/nut", f"{program.name}.pid").unlink(missing_ok=True)


def helper_pids(process: Process) -> list[int]:
    """The child processes of a host: its privileged helper, where it has one."""
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(word) for word in text.split()]


def _script(path: Path, command: str) -> Path:
    shell = shutil.which("sh")
    path.write_text(f"#!{shell}\n{command}\n")
    path.chmod(0o755)
    return path


def _private(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)

# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough` as a user starts it: real processes, each in directories and on ports of its own.

`Home` holds a configuration that works; a test breaks what it is about.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ridethrough
from tests.support.ports import LOOPBACK, free_port
from tests.support.procs import Process, identity, started
from tests.support.wait import wait_until

START_S = 20.0
RUN_S = 30.0
SYSTEM_PYTHON = "/usr/bin/python3"
READY = "logged in to UPS"
PASSWORD = "geheim-17"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left: exit status, standard output, standard error."""

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line on standard error; AssertionError if there are more, or a traceback."""
        lines = self.err.splitlines()
        assert len(lines) == 1, f"{len(lines)} lines on standard error, not 1:\n{self.err}"
        assert "Traceback" not in self.out + self.err
        return lines[0]


@dataclass(slots=True)
class Home:
    """A private installation. `python` and `user` say who runs what is run."""

    root: Path
    port: int
    python: Sequence[str] = (sys.executable,)
    user: str | None = None
    more_env: Mapping[str, str] = field(default_factory=dict)

    @property
    def conf(self) -> Path:
        """The configuration directory."""
        return self.root / "conf"

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.root / "run"

    @property
    def env(self) -> dict[str, str]:
        """Nothing of it points out of `root`."""
        here = str(self.state)
        return {
            "NUT_CONFPATH": str(self.conf),
            "NUT_STATEPATH": here,
            "NUT_PIDPATH": here,
            "NUT_ALTPIDPATH": here,
            "XDG_RUNTIME_DIR": str(self.root / "xdg"),
            "XDG_STATE_HOME": str(self.root / "records"),
            "HOME": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.more_env,
        }

    def write(self, **files: str) -> None:
        """Write configuration files: `ups_conf=...` is ups.conf. The core's group may read them."""
        for key, text in files.items():
            path = self.conf / key.replace("_", ".")
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
            path.chmod(0o640)
            with contextlib.suppress(LookupError, PermissionError):
                shutil.chown(path, group=self.user or "nut")

    def argv(self, *words: str | Path) -> list[str]:
        """The command line of `ridethrough WORDS`."""
        return [*self.python, "-m", "ridethrough.cli.main", *map(str, words)]

    def run(self, *words: str | Path, timeout_s: float = RUN_S) -> Ran:
        """Run it to its end."""
        done = subprocess.run(
            self.argv(*words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ, **self.env},
            **identity(self.user),
        )
        ran = Ran(
            done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        )
        assert "Traceback" not in ran.out + ran.err, ran.err
        return ran

    def refused(self, *words: str | Path) -> str:
        """The one line with which `serve` of this configuration refuses to start, with status 1."""
        ran = self.run("serve", "--config", self.conf, *words)
        assert ran.status == 1, (ran.status, ran.out, ran.err)
        assert ran.out == "", ran.out
        return ran.line

    @contextlib.contextmanager
    def serving(self, *words: str | Path, ready: str = READY, config: bool = True) -> Iterator[Process]:
        """A running `serve`; the block begins when it has written `ready`."""
        given = ["--config", self.conf] if config else []
        argv = self.argv("serve", *given, *words)
        with started(argv, env=self.env, name="ridethrough serve", user=self.user) as process:
            process.wait_output(ready, START_S)
            yield process
            assert "Traceback" not in process.output()

    def get_var(self, ups: str = "sim", name: str = "ups.status", timeout_s: float = 1.0) -> str:
        """What another client reads, within a second; the answer as it is."""
        with socket.create_connection((LOOPBACK, self.port), timeout=timeout_s) as link:
            link.sendall(f"GET VAR {ups} {name}\n".encode())
            with link.makefile("rb") as lines:
                return lines.readline().decode("utf-8", "replace").strip()


def configure(home: Home) -> None:
    """A simulated UPS with a battery of seconds, a server, a primary. SHUTDOWNCMD only writes a file."""
    home.write(
        nut_conf="MODE=standalone\n",
        ups_conf=ups_conf(),
        upsd_conf=f"LISTEN {LOOPBACK} {home.port}\n",
        upsd_users=f"[monuser]\n  password = {PASSWORD}\n  upsmon primary\n",
        upsmon_conf=upsmon_conf(home),
    )


def ups_conf(*more: str, name: str = "sim") -> str:
    """ups.conf with one simulated UPS."""
    return "\n".join([f"[{name}]", "driver = simulated-ups", "port = auto", "pollinterval = 1", *more, ""])


def upsmon_conf(home: Home, *more: str, password: str = PASSWORD) -> str:
    """upsmon.conf of a host that the UPS `sim` feeds, impatient."""
    return "\n".join(
        [
            f"MONITOR sim@{LOOPBACK}:{home.port} 1 monuser {password} primary",
            f"SHUTDOWNCMD {home.root}/shutdown.sh",
            f"POWERDOWNFLAG {home.root}/killpower",
            "POLLFREQ 1",
            "POLLFREQALERT 1",
            "HOSTSYNC 1",
            "FINALDELAY 0",
            *more,
            "",
        ]
    )


def script(path: Path, text: str) -> Path:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@contextlib.contextmanager
def home(user: str | None = None) -> Iterator[Home]:
    """A configured home, in a directory with a short name (a socket's path is bounded).

    With `user`, its commands run as that user with the system's Python and a copy of the program that
    everybody may read; the state directory is that user's.
    """
    with tempfile.TemporaryDirectory(prefix="rt-") as name:
        root = Path(name)
        one = Home(root, free_port())
        for directory in (one.conf, one.state, root / "xdg", root / "records"):
            directory.mkdir()
        # Root starts it, but the core is another user.
        root.chmod(0o755)
        one.state.chmod(0o777)
        configure(one)
        script(root / "shutdown.sh", f"id -u >>{root}/shut-down")
        if user is not None:
            become(one, user)
        yield one


def become(one: Home, user: str) -> None:
    """From now on the commands of this home run as `user`, who owns what is in it."""
    root = one.root
    package = Path(ridethrough.__file__).parent
    shutil.copytree(package, root / "lib/ridethrough", ignore=shutil.ignore_patterns("__pycache__"))
    one.python, one.user = (SYSTEM_PYTHON, "-B"), user
    one.more_env = {"PYTHONPATH": str(root / "lib")}
    for path in (root, *root.rglob("*")):
        if root / "lib" not in path.parents:
            shutil.chown(path, user)


def moved(one: Home, *words: str) -> None:
    """`ridethrough sim WORDS`, which must succeed."""
    ran = one.run("sim", *words, "--state-dir", one.state)
    assert ran.status == 0, ran.err


def wait_for_file(path: Path, timeout_s: float = 15.0) -> str:
    """Wait for a file with something in it; its text."""
    wait_until(lambda: path.exists() and path.read_text(), timeout_s, f"file {path}")
    return path.read_text()

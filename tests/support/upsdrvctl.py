# SPDX-License-Identifier: GPL-2.0-or-later
"""Our `upsdrvctl`, or C's, over private directories; drivers that it started are surely gone afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.cnut import state_directory
from tests.support.wait import wait_until

OURS = (sys.executable, "-m", "ridethrough.cli.main", "upsdrvctl")
C_UPSDRVCTL = ("/sbin/upsdrvctl",)
RUN_S = 60.0
WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Bench:
    """The directories of one test."""

    conf: Path
    state: Path

    @property
    def env(self) -> dict[str, str]:
        """Turns ours and C's programs to the directories."""
        places = ("NUT_STATEPATH", "NUT_ALTPIDPATH", "NUT_PIDPATH")
        quiet = ("NUT_QUIET_INIT_BANNER", "NUT_QUIET_INIT_UPSNOTIFY")
        return {
            "NUT_CONFPATH": str(self.conf),
            **dict.fromkeys(places, str(self.state)),
            **dict.fromkeys(quiet, "true"),
        }

    def run(self, *words: str, program: Sequence[str] = OURS, **env: str) -> subprocess.CompletedProcess[str]:
        """Run upsdrvctl to its end.  Its output goes to files, which drivers that live on may hold open."""
        out, err = self.conf / "out", self.conf / "err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            done = subprocess.run(
                [*program, *words],
                env={**os.environ, **self.env, **env},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                timeout=RUN_S,
                check=False,
            )
        return subprocess.CompletedProcess(
            done.args, done.returncode, out.read_text("utf-8", "replace"), err.read_text("utf-8", "replace")
        )

    def write(self, text: str) -> None:
        """The ups.conf; each UPS may have its own `<name>.dev` from `dev`."""
        (self.conf / "ups.conf").write_text(text)

    def dev(self, *names: str) -> None:
        """A definition file for each name."""
        for name in names:
            (self.conf / f"{name}.dev").write_text("ups.status: OL\n")

    def pid(self, ups: str, driver: str = "dummy-ups") -> int:
        """The pid in a driver's pid file, once it is there; C drivers write it after they have detached."""
        path = self.state / f"{driver}-{ups}.pid"
        return int(wait_until(lambda: path.exists() and path.read_text(), WAIT_S, str(path)))


@contextlib.contextmanager
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Directories; whoever still has a pid file in there at the end is killed."""
    conf = tmp_path / "conf"
    conf.mkdir()
    with state_directory() as state:
        try:
            yield Bench(conf, state)
        finally:
            for path in state.glob("*.pid"):
                with contextlib.suppress(OSError, ValueError):
                    os.kill(int(path.read_text()), signal.SIGKILL)


def section(name: str, *lines: str, driver: str = "dummy-ups") -> str:
    """A section over the file that `dev` writes."""
    return "\n".join([f"[{name}]", f"driver = {driver}", f"port = {name}.dev", *lines, ""])

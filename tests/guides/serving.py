# SPDX-License-Identifier: GPL-2.0-or-later
"""Guide 003 under a real `ridethrough serve`: started armed, moved, asked, and ended."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ridethrough.control.client import ControlClient
from tests.guides.guide003 import Guide003
from tests.support.procs import Process, started

START_S = 20.0
MAIN = (sys.executable, "-m", "ridethrough.cli.main")


@contextlib.contextmanager
def serving(guide: Guide003, *, user: str = "root", logged_in: bool = True) -> Iterator[Process]:
    """`serve --armed` with the guide's files; as root its core becomes `user`."""
    guide.find_logger()
    argv = [*MAIN, "serve", "--config", str(guide.etc), "--armed"]
    argv += ["--state-dir", str(guide.run), "--port", str(guide.port)]
    if os.geteuid() == 0:
        argv += ["-u", user]
    with started(argv, env=guide.environment(), name="serve") as process:
        process.wait_output("cyberpower OL", START_S)
        if logged_in:
            process.wait_output("logged in to UPS cyberpower", START_S)
        yield process


def run(guide: Guide003, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Type a command as the guide's user does."""
    return subprocess.run(
        [str(word) for word in words],
        env={**os.environ, **guide.environment()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def mains(guide: Guide003, value: str) -> None:
    """`ridethrough sim mains on|off`."""
    done = run(guide, *MAIN, "sim", "mains", value)
    assert done.returncode == 0, done.stderr


def events(guide: Guide003, kind: str) -> list[dict[str, Any]]:
    """What serve has told of one kind, each with `t`, the seconds of its own clock."""
    with ControlClient(guide.run / "ridethrough.sock") as client:
        return list(client.events([kind], follow=False))


def timers(guide: Guide003) -> list[str]:
    """The names that `upsschedctl list` shows."""
    done = run(guide, guide.upsschedctl, "list")
    assert done.returncode == 0, done.stderr
    return [line.split("\t")[0] for line in done.stdout.splitlines() if "\t" in line]

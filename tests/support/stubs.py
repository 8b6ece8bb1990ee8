# SPDX-License-Identifier: GPL-2.0-or-later
"""The stubs of `ridethrough link`, as users start them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ridethrough.cli import link

RUN_S = 20.0


def write_stub(directory: Path, name: str) -> Path:
    """The program `name` as `ridethrough link` would write it into the directory; gives its path."""
    python = link.interpreter()
    assert python, "no #! line can name this Python"
    path = directory / name
    path.write_text(link.stub(name, python, link.package_directory()))
    path.chmod(0o755)
    return path


def run(words: Sequence[str | bytes | Path], env: Mapping[str, str]) -> tuple[int, bytes, bytes]:
    """Run a program with this environment and what a Python needs; status, output and errors."""
    kept = {key: os.environ[key] for key in ("PATH", "TMPDIR") if key in os.environ}
    done = subprocess.run(
        list(words),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={"LC_ALL": "C.UTF-8", **kept, **env},
        timeout=RUN_S,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr

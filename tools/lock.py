# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev lock`: resolve the `dev` extra anew, with hashes, for every Python that is supported."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = "3.11"
OPTIONS = ("--universal", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header")


def main() -> int:
    """Resolve with uv, from a virtual environment of its own that is thrown away afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        venv.create(directory, with_pip=True)
        binaries = f"{directory}/bin"
        subprocess.run([f"{binaries}/python", "-m", "pip", "install", "--quiet", "uv"], check=True)
        command = [f"{binaries}/uv", "pip", "compile", "--quiet", "--upgrade", "--extra", "dev", *OPTIONS]
        files = ["pyproject.toml", "--output-file", "requirements-dev.lock"]
        subprocess.run([*command, "--python-version", OLDEST_PYTHON, *files], cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

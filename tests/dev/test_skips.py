# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that need something of the machine are skipped in one line, or fail where nothing may be missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.imports import ROOT
from tools.run_tests import UNMET_VARIABLE, from_root

MARKED = """
import pytest

@pytest.mark.cnut
@pytest.mark.parametrize("number", range(3))
def test_with_c(number):
    raise RuntimeError("must not run")

def test_without():
    pass
"""


def run(tmp_path: Path, unmet: dict[str, str], ci: str) -> subprocess.CompletedProcess[str]:
    """Run a file of three marked tests and one unmarked under the conftest of the project."""
    (tmp_path / "conftest.py").write_bytes((ROOT / "tests" / "conftest.py").read_bytes())
    (tmp_path / "test_it.py").write_text(MARKED)
    env = {**os.environ, UNMET_VARIABLE: json.dumps(unmet), "CI": ci, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", "."]
    return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)


def test_one_line_says_how_many_and_why(tmp_path: Path) -> None:
    """The skipped tests appear as a count and a reason, in one line."""
    result = run(tmp_path, {"cnut": "missing Debian packages: nut-server; no rights"}, "")
    lines = [line for line in result.stdout.splitlines() if "cnut" in line]
    assert lines == ["skipped 3 tests marked cnut: missing Debian packages: nut-server; no rights"]
    assert "1 passed, 3 skipped" in result.stdout
    assert result.returncode == 0


def test_with_ci_a_missing_package_fails(tmp_path: Path) -> None:
    """In CI nothing is passed over in silence."""
    result = run(tmp_path, {"cnut": "missing Debian packages: nut-server"}, "true")
    assert "missing Debian packages: nut-server" in result.stdout
    assert "must not run" not in result.stdout
    assert result.returncode == 1


def test_marked_tests_run_where_all_is_there(tmp_path: Path) -> None:
    """With nothing missing the marked tests run like any other."""
    result = run(tmp_path, {}, "")
    assert result.stdout.count("RuntimeError: must not run") >= 3
    assert "skipped" not in result.stdout


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("-k", "-k"),
        ("test_it.py::test_x", "{start}/test_it.py::test_x"),
        ("nothing.py", "nothing.py"),
        ("wire", "wire"),
    ],
)
def test_paths_mean_what_they_meant_to_the_user(tmp_path: Path, argument: str, expected: str) -> None:
    """A file named from a directory below the root is found, although pytest starts in the root."""
    (tmp_path / "test_it.py").touch()
    assert from_root(argument, tmp_path) == expected.format(start=tmp_path.resolve())

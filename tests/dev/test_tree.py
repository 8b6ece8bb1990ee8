# SPDX-License-Identifier: GPL-2.0-or-later
"""What must hold for every file of the tree."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tools import imports, tree


def test_missing_licence_line_is_found(tmp_path: Path) -> None:
    """Each file begins with the licence line, which may only come after a #! line."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "good.py").write_text(f"{tree.SPDX}\n")
    (tmp_path / "src" / "script.py").write_text(f"#!/usr/bin/python3\n{tree.SPDX}\n")
    (tmp_path / "src" / "bad.py").write_text('"""No licence."""\n')
    (problem,) = tree.licence_problems(tmp_path)
    assert problem.startswith("src/bad.py: ")


@pytest.mark.parametrize("line", ["cd /work/x", "see /root", "'/home/ann/ups'", "PIPE /tmp/pipe", "/work"])
def test_machine_paths_are_found(tmp_path: Path, line: str) -> None:
    """A path that exists on one machine only is named with its line."""
    (tmp_path / "notes.md").write_text(f"\n{line}\n")
    (problem,) = tree.path_problems(tmp_path)
    assert problem.startswith("notes.md:2: ")


@pytest.mark.parametrize(
    "line", ["https://host/work", "a/tmp/b", "$HOME/tmp/x", "/rootless", "/tmp", "/homely"]
)
def test_other_paths_pass(tmp_path: Path, line: str) -> None:
    """What only looks like one is left alone."""
    (tmp_path / "notes.md").write_text(f"{line}\n")
    assert tree.path_problems(tmp_path) == []


def test_ignored_files_do_not_count(tmp_path: Path) -> None:
    """Only what belongs to the tree is looked at."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("ignored.md\n")
    (tmp_path / "ignored.md").write_text("/root\n")
    assert tree.path_problems(tmp_path) == []
    (tmp_path / "new.md").write_text("/root\n")
    assert len(tree.path_problems(tmp_path)) == 1


def test_lock_names_no_machine_and_no_registry() -> None:
    """The lock holds names, versions and hashes, and every package has a hash."""
    text = (imports.ROOT / "requirements-dev.lock").read_text("utf-8")
    assert not re.search(r"https?:|file:|index-url|find-links", text)
    packages = re.findall(r"^\S+==\S+.*\n(?:    .*\n)*", text, re.MULTILINE)
    assert len(packages) > 10
    assert all("--hash=sha256:" in package for package in packages)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The ./dev script: any place, any Python, and clear words where it can't go on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.imports import ROOT

FAKE_PYTHON = """#!/bin/sh
exec '{python}' -c '
import sys
{pretence}
exec(sys.argv[1])
' "$2"
"""
PRETENCES = {
    "bare": 'sys.modules["ensurepip"] = None',
    "old": "sys.version_info = (3, 9, 2)",
}


@pytest.fixture(name="tree")
def copied_tree(tmp_path: Path) -> Path:
    """A copy of what ./dev needs, in a directory with a space in its name."""
    tree = tmp_path / "a tree"
    tree.mkdir()
    for name in ("dev", "requirements-dev.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tree)
    return tree


def fake_built(tree: Path) -> None:
    """Make it look as if .venv had been built, with a Python that only tells its arguments and directory."""
    program = tree / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$PWD" "$@"\n')
    program.chmod(0o755)
    sums = [
        subprocess.run(["cksum", name], cwd=tree, capture_output=True, text=True, check=True).stdout
        for name in ("requirements-dev.lock", "pyproject.toml")
    ]
    (tree / ".venv" / "stamp-packages").write_text(f"{tree.resolve()}\n{sums[0]}")
    (tree / ".venv" / "stamp-project").write_text(sums[1])


def call(
    dev: Path, *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Call ./dev with an environment that names no Python unless asked for."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHON"} | environment
    return subprocess.run(
        [dev, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=50
    )


def fake_python(tree: Path, kind: str) -> str:
    """Write a Python that pretends to be old, or to lack the venv module."""
    path = tree / f"python-{kind}"
    path.write_text(FAKE_PYTHON.format(python=sys.executable, pretence=PRETENCES[kind]))
    path.chmod(0o755)
    return str(path)


def test_missing_venv_module_names_the_package(tree: Path) -> None:
    """Debian's Python without venv is the commonest obstacle; the message says what to install."""
    result = call(tree / "dev", "check", PYTHON=fake_python(tree, "bare"))
    assert result.returncode == 2
    assert "apt-get install python3-venv" in result.stderr
    assert f"python3.{sys.version_info.minor}-venv" in result.stderr
    assert not (tree / ".venv").exists()
    assert not (tree / ".venv-turn").exists()


def test_old_python_is_named(tree: Path) -> None:
    """A Python that is too old is called so, with what is needed."""
    result = call(tree / "dev", "check", PYTHON=fake_python(tree, "old"))
    assert result.returncode == 2
    assert "is Python 3.9, but 3.11 or newer is needed" in result.stderr


def test_no_python_is_said(tree: Path) -> None:
    """A PYTHON that is none is named."""
    result = call(tree / "dev", "check", PYTHON=str(tree / "nothing"))
    assert result.returncode == 2
    assert "no Python found" in result.stderr


def test_works_from_anywhere_and_through_links(tree: Path, tmp_path: Path) -> None:
    """A link to a link in another directory finds the tree; programs of the tree start in its root."""
    fake_built(tree)
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    (tmp_path / "first").symlink_to("a tree/dev")
    link = elsewhere / "second"
    link.symlink_to("../first")
    result = call(link, "check", "lint", cwd=elsewhere)
    assert result.stdout == f"{tree.resolve()} -m tools.check lint\n", result.stderr


def test_run_stays_where_the_user_is(tree: Path, tmp_path: Path) -> None:
    """File names given to `./dev run` mean what they meant to the shell."""
    fake_built(tree)
    result = call(tree / "dev", "run", "--config", "my ups.conf", cwd=tmp_path)
    expected = f"{tmp_path.resolve()} -P -m ridethrough.cli.main serve --config my ups.conf\n"
    assert result.stdout == expected, result.stderr


@pytest.mark.parametrize("stamp", ["stamp-packages", "stamp-project"])
def test_unfinished_build_is_not_used(tree: Path, stamp: str) -> None:
    """A .venv without its stamps is built again, not used."""
    fake_built(tree)
    (tree / ".venv" / stamp).unlink()
    result = call(tree / "dev", "check", PYTHON=fake_python(tree, "bare"))
    assert result.returncode == 2
    assert "tools.check" not in result.stdout


def test_moved_tree_is_built_again(tree: Path, tmp_path: Path) -> None:
    """A .venv that was copied along with the tree still means the old place."""
    fake_built(tree)
    moved = tree.rename(tmp_path / "moved")
    result = call(moved / "dev", "check", PYTHON=fake_python(moved, "bare"))
    assert result.returncode == 2


def test_turn_of_a_killed_build_is_taken_over(tree: Path) -> None:
    """What a killed build has left behind doesn't block the next one."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tree / ".venv-turn").mkdir()
    (tree / ".venv-turn" / "pid").write_text(f"{ended.pid}\n")
    result = call(tree / "dev", "check", PYTHON=fake_python(tree, "bare"))
    assert "python3-venv" in result.stderr


def test_unknown_command_shows_the_usage(tree: Path) -> None:
    """A wrong command is status 2, help is status 0, and neither builds anything."""
    wrong = call(tree / "dev", "tset")
    assert wrong.returncode == 2
    assert "unknown command 'tset'" in wrong.stderr
    assert call(tree / "dev").returncode == 2
    good = call(tree / "dev", "help")
    assert good.returncode == 0
    assert "fuzz SECONDS" in good.stdout
    assert not (tree / ".venv").exists()


def test_benchmarks_are_listed_and_checked(tree: Path) -> None:
    """`./dev bench` lists, and a name that is none is refused."""
    fake_built(tree)
    assert call(tree / "dev", "bench").stdout == "no benchmarks yet\n"
    (tree / "bench").mkdir()
    (tree / "bench" / "latency.py").touch()
    (tree / "bench" / "_common.py").touch()
    assert call(tree / "dev", "bench").stdout == "latency\n"
    assert call(tree / "dev", "bench", "latency", "5").stdout.endswith("-m bench.latency 5\n")
    assert call(tree / "dev", "bench", "latenzy").returncode == 2
    assert call(tree / "dev", "bench", "../dev").returncode == 2


@pytest.mark.slow
def test_later_calls_cost_next_to_nothing(tree: Path) -> None:
    """Once built, ./dev adds less than 0.3 s (the best of five calls, as the machine may be busy)."""
    fake_built(tree)
    spent = []
    for _ in range(5):
        begin = time.perf_counter()
        assert call(tree / "dev", "check").returncode == 0
        spent.append(time.perf_counter() - begin)
    assert min(spent) < 0.3

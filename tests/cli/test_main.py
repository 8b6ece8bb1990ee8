# SPDX-License-Identifier: GPL-2.0-or-later
"""The one program and all its names."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ridethrough import __version__
from ridethrough.cli import link, main
from ridethrough.cli.main import COMMANDS, NUT_NAMES


def test_every_command_has_a_module_with_main() -> None:
    """The table of commands names nothing that is not there."""
    for module, about in COMMANDS.values():
        assert callable(importlib.import_module(f"ridethrough.cli.{module}").main)
        assert about
    assert set(NUT_NAMES) <= set(COMMANDS)


def test_usage_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments: usage and status 2; asked for: status 0."""
    assert main.main(["ridethrough"]) == 2
    assert main.main(["ridethrough", "--help"]) == 0
    assert main.main(["ridethrough", "-V"]) == 0
    out, err = capsys.readouterr()
    assert err.count("usage: ridethrough COMMAND") == 1
    assert out.count("usage: ridethrough COMMAND") == 1
    assert out.endswith(f"Ridethrough {__version__}\n")


def test_an_unknown_command_is_named_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, status 2."""
    assert main.main(["ridethrough", "statsu"]) == 2
    assert capsys.readouterr().err == (
        "ridethrough: unknown command 'statsu'; did you mean 'status'?; see: ridethrough help\n"
    )


def test_the_programs_name_is_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """A link named upsc is upsc."""
    assert main.main(["/usr/bin/upsc", "-V"]) == 0
    assert capsys.readouterr().out


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed `ridethrough`, and an empty directory `names` for its other names."""
    path = tmp_path / "bin" / "ridethrough"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    (tmp_path / "names").mkdir()
    monkeypatch.setattr(link, "own_program", lambda: path)
    return path


def test_link_makes_the_nut_names_and_takes_them_away(
    tmp_path: Path, program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every name is there; made twice they are the same; a file that is not ours is named and left alone."""
    names = tmp_path / "names"
    (names / "upsd").write_text("the C one")
    (names / "upsc").write_text("#!/bin/sh\necho the C one\n")
    (names / "upsrw").mkdir()
    (names / "upsmon").symlink_to("/sbin/upsmon")
    for _ in range(2):
        assert link.main(["link", str(names)]) == 1
        errors = capsys.readouterr().err
        for name in ("upsd", "upsc", "upsrw", "upsmon"):
            assert f"{names / name}: File exists; it is left as it is" in errors
        assert {path.name for path in names.iterdir()} == set(NUT_NAMES)
        assert (names / "upsdrvctl").readlink() == program
        assert not (names / "upscmd").is_symlink()
    assert link.main(["link", "--remove", str(names)]) == 0
    assert {path.name for path in names.iterdir()} == {"upsd", "upsc", "upsrw", "upsmon"}
    assert (names / "upsc").read_text() == "#!/bin/sh\necho the C one\n"


def test_stubs_start_the_tools(tmp_path: Path, program: Path) -> None:
    """Each tool's file is a program of its own that anybody may run, in whatever directory."""
    names = tmp_path / "names"
    umask = os.umask(0o077)
    try:
        assert link.main(["link", str(names)]) == 0
    finally:
        os.umask(umask)
    (tmp_path / "ridethrough.py").write_text("raise SystemExit(9)")
    for name in sorted(link.STUBS):
        path = names / name
        assert path.stat().st_mode & 0o777 == 0o755
        done = subprocess.run(
            [path, "-h"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=20
        )
        assert f"usage: {name} " in done.stdout


def test_older_links_are_replaced_and_stubs_that_cant_be_are_links(
    tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A symbolic link of ours gives way; where no #! line can name this Python, it is a link again."""
    names = tmp_path / "names"
    (names / "upsc").symlink_to(program)
    assert link.main(["link", str(names)]) == 0
    assert link.MARKER in (names / "upsc").read_text()
    monkeypatch.setattr(link, "interpreter", lambda: "")
    assert link.main(["link", str(names)]) == 0
    assert (names / "upsc").readlink() == program


def test_a_python_that_no_first_line_can_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A blank in the path, or a path that is too long."""
    for directory in (tmp_path / "a b", tmp_path / ("x" * 120)):
        directory.mkdir()
        (directory / "python3").symlink_to(sys.executable)
        monkeypatch.setattr(sys, "_base_executable", str(directory / "python3"))
        assert link.interpreter() == ""


def test_a_closed_directory_is_named(tmp_path: Path) -> None:
    """The one that other users can't enter, seen from the root; "" where they can run it all."""
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    assert link.closed_directory(("/bin/sh",)) == ""
    (tmp_path / "closed").chmod(0o700)
    named = link.closed_directory(("/bin/sh", str(inner / "python3")))
    assert str(tmp_path / "closed").startswith(named)
    assert named


@pytest.mark.parametrize("command", [["help"], ["check", "--config", "/etc"], ["upsc", "-V"]])
def test_output_that_can_not_be_written_is_one_line(command: list[str]) -> None:
    """A full disk behind `>`: what the system says, status 1, no traceback; a closed output is no fault."""
    argv = [sys.executable, "-m", "ridethrough.cli.main", *command]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr.decode().endswith("No space left on device\n")
    assert done.stderr.count(b"\n") == 1
    closed = ["sh", "-c", '"$@" >&-', "sh", *argv]
    done = subprocess.run(closed, stderr=subprocess.PIPE, timeout=30, check=False)
    assert b"Traceback" not in done.stderr

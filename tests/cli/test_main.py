# SPDX-License-Identifier: GPL-2.0-or-later
"""The one program and all its names."""

from __future__ import annotations

import importlib
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


def test_link_makes_the_nut_names_and_takes_them_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is not ours is named and left alone."""
    program = tmp_path / "bin" / "ridethrough"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(link, "own_program", lambda: program)
    names = tmp_path / "names"
    names.mkdir()
    (names / "upsd").write_text("the C one")
    assert link.main(["link", str(names)]) == 1
    assert f"{names / 'upsd'}: File exists; it is left as it is" in capsys.readouterr().err
    assert (names / "upsc").resolve() == program
    assert link.main(["link", str(names)]) == 1
    assert link.main(["link", "--remove", str(names)]) == 0
    assert [path.name for path in names.iterdir()] == ["upsd"]

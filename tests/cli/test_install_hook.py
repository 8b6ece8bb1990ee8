# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook at the very end of a shutdown, run as systemd would run it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ridethrough.cli import install_hook
from ridethrough.privsep.helper import MAGIC


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A configuration with a POWERDOWNFLAG, and an upsdrvctl that writes down how it was called."""
    (tmp_path / "upsmon.conf").write_text(f'POWERDOWNFLAG "{tmp_path}/kill power"\n')
    program = tmp_path / "upsdrvctl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/called\n')
    program.chmod(0o755)
    return tmp_path


def run_hook(place: Path, programs: tuple[str, ...] = ()) -> tuple[int, str]:
    path = place / "hook"
    path.write_text(install_hook.hook(f"{place}/kill power", programs or (str(place / "upsdrvctl"),)))
    done = subprocess.run(["sh", str(path), "poweroff"], capture_output=True, timeout=10, check=False)
    called = place / "called"
    return done.returncode, called.read_text() if called.exists() else ""


@pytest.mark.parametrize("flag", [MAGIC, MAGIC + b"\n"])
def test_a_shutdown_for_a_lost_mains_switches_the_ups_off(place: Path, flag: bytes) -> None:
    """The flag as C upsmon writes it, without a newline, and as editors leave it."""
    (place / "kill power").write_bytes(flag)
    assert run_hook(place) == (0, "shutdown\n")


@pytest.mark.parametrize("flag", [None, b"", b"upsmon", MAGIC + b"x", b"\x00\xff"])
def test_every_other_halt_leaves_the_ups_alone(place: Path, flag: bytes | None) -> None:
    """A plain reboot must never cut the power, whatever lies at the flag's path."""
    if flag is not None:
        (place / "kill power").write_bytes(flag)
    assert run_hook(place) == (0, "")


def test_without_upsdrvctl_it_fails_and_says_so(place: Path) -> None:
    """The exit status is not 0: systemd logs it."""
    (place / "kill power").write_bytes(MAGIC)
    assert run_hook(place, ("/no/such/upsdrvctl",))[0] == 1


def test_it_is_installed_whole_and_found_again(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What status looks for is what this command writes: an executable file."""
    hooks = place / "system-shutdown"
    hooks.mkdir()
    assert install_hook.installed((hooks,)) is None
    argv = ["install-hook", "--config", str(place), "--directory", str(hooks)]
    assert install_hook.main(argv) == 0
    assert install_hook.installed((hooks,)) == hooks / "ridethrough"
    assert f"'{place}/kill power'" in (hooks / "ridethrough").read_text()
    (hooks / "ridethrough").chmod(0o644)
    assert install_hook.installed((hooks,)) is None
    assert "installed" in capsys.readouterr().out


def test_without_a_flag_there_is_nothing_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The user is told the line to write."""
    assert install_hook.main(["install-hook", "--config", str(tmp_path)]) == 1
    assert "has no POWERDOWNFLAG; write: POWERDOWNFLAG /etc/killpower" in capsys.readouterr().err


def test_print_shows_and_installs_nothing(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A careful administrator reads first."""
    assert install_hook.main(["install-hook", "--config", str(place), "--print"]) == 0
    assert capsys.readouterr().out == install_hook.hook(f"{place}/kill power")

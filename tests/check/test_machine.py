# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers that are not there, and a flag that can't be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ridethrough.check.everything import load_and_look
from ridethrough.check.machine import look
from ridethrough.config.load import load


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A configuration, and a directory with one installed C driver."""
    (tmp_path / "drivers").mkdir()
    driver = tmp_path / "drivers" / "usbhid-ups"
    driver.write_text("")
    driver.chmod(0o755)
    (tmp_path / "drivers" / "readme").write_text("")
    return tmp_path


def said(etc: Path, driver: str, more: str = "") -> list[str]:
    (etc / "ups.conf").write_text(f"{more}\n[a]\n driver = {driver}\n port = auto\n")
    return [str(problem).replace(str(etc), "DIR") for problem in look(load(etc), (etc / "drivers",))]


@pytest.mark.parametrize("driver", ["usbhid-ups", "dummy-ups", "simulated-ups"])
def test_a_driver_of_ours_or_an_installed_one_is_no_problem(etc: Path, driver: str) -> None:
    """No false alarm."""
    assert said(etc, driver) == []


@pytest.mark.parametrize(
    ("driver", "hint"),
    [("usbhid-usp", "did you mean usbhid-ups?"), ("zzz", "install it"), ("readme", "install it")],
)
def test_a_driver_that_is_not_there_is_named(etc: Path, driver: str, hint: str) -> None:
    """With the section's line, where it was looked for, and the nearest name."""
    (problem,) = said(etc, driver)
    assert problem.startswith(f"ups.conf:2: warning: [a] driver {driver} is not in DIR/drivers; ")
    assert hint in problem


def test_driverpath_is_looked_into(etc: Path) -> None:
    """As upsdrvctl does."""
    other = etc / "other"
    other.mkdir()
    (other / "mine").write_text("")
    (other / "mine").chmod(0o755)
    assert said(etc, "mine", f"driverpath = {other}") == []


def test_a_flag_without_a_directory_is_found_beforehand(etc: Path) -> None:
    """And not at the shutdown, when the UPS would stay on."""
    (etc / "upsmon.conf").write_text(f"POWERDOWNFLAG {etc}/none/killpower\n")
    problems = [str(problem) for problem in load_and_look(etc).problems]
    assert any(f"POWERDOWNFLAG: {etc}/none is not there" in problem for problem in problems)
    (etc / "none").mkdir()
    problems = [str(problem) for problem in load_and_look(etc).problems]
    assert not any("is not there; create it, or name another place" in problem for problem in problems)

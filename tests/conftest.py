# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that need something of the machine: skipped in one line where it is missing, failed with CI=true."""

from __future__ import annotations

import json
import os
from collections import Counter

import pytest
from hypothesis import settings

from tools import system_look

# A busy machine is no fault of a test; and a CI run must be repeatable (./dev fuzz looks for what is new).
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI", "").lower() == "true" else "here")

# Set by ./dev test: {marker: why what it needs is missing}.
UNMET_VARIABLE = "RIDETHROUGH_UNMET"
UNMET = pytest.StashKey[dict[str, str]]()
SKIPPED = pytest.StashKey["Counter[str]"]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers of the package table, and find out which of them can't be served."""
    for marker, what in system_look.MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: needs {what}")
    known = os.environ.get(UNMET_VARIABLE)
    if known is None:
        missing = system_look.missing_packages()
        names = " ".join(package.name for package in missing)
        reason = f"missing Debian packages: {names}; './dev test' installs them"
        config.stash[UNMET] = system_look.unmet_markers(reason, missing)
    else:
        config.stash[UNMET] = json.loads(known)
    config.stash[SKIPPED] = Counter()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or with CI=true fail, a test whose marker can't be served."""
    for marker, reason in item.config.stash[UNMET].items():
        if item.get_closest_marker(marker) is None:
            continue
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"{marker}: {reason}", pytrace=False)
        item.config.stash[SKIPPED][marker] += 1
        pytest.skip(f"{marker}: {reason}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write one line for each marker whose tests were skipped."""
    for marker, count in config.stash[SKIPPED].items():
        reason = config.stash[UNMET][marker]
        tests = "test" if count == 1 else "tests"
        terminalreporter.write_line(f"skipped {count} {tests} marked {marker}: {reason}", yellow=True)


@pytest.fixture(autouse=True)
def _pytest_stays_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What drops root is tested in a process of its own: pytest itself would lose its own files."""

    def refuse(*_: object) -> None:
        raise AssertionError("a test tried to drop root in pytest's own process")

    for name in ("setuid", "setgid", "setresuid", "setresgid", "setgroups", "initgroups"):
        monkeypatch.setattr(os, name, refuse)

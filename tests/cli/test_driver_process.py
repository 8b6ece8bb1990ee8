# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes of drivers: told from strangers, ended for sure, never mistaken."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from ridethrough.cli import driver_process
from ridethrough.cli.driver_process import NotRunning
from tests.support.procs import started
from tests.support.wait import wait_until

STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); signal.pause()"


def test_pid_files(tmp_path: Path) -> None:
    """A pid, or why there is none."""
    path = tmp_path / "x.pid"
    assert driver_process.file_pid(path) == -3
    path.write_text("42\n")
    assert driver_process.file_pid(path) == 42
    path.write_bytes(b"\xff\xfe")
    assert driver_process.file_pid(path) == -1
    assert driver_process.file_pid(tmp_path) == -1


def test_who_is_a_driver() -> None:
    """A program counts by its name; this Python, another program and nobody do not."""
    with started(["sleep", "60"]) as process:
        wait_until(lambda: driver_process.is_driver(process.pid, "sleep"), 10, "exec")
        assert not driver_process.is_driver(process.pid, "dummy-ups")
    assert not driver_process.is_driver(os.getpid(), "dummy-ups")
    assert not driver_process.is_driver(2**22 + 1, "dummy-ups")


def test_a_renamed_driver_counts_when_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """NUT_IGNORE_CHECKPROCNAME believes that any living process is the driver; a dead one is none."""
    monkeypatch.setenv("NUT_IGNORE_CHECKPROCNAME", "true")
    with started(["sleep", "60"]) as process:
        assert driver_process.is_driver(process.pid, "dummy-ups")
    assert not driver_process.is_driver(2**22 + 1, "dummy-ups")


def test_a_stranger_is_not_touched() -> None:
    """A process that is not the driver is named, and gets no signal."""
    with started(["sleep", "60"]) as process:
        wait_until(lambda: driver_process.is_driver(process.pid, "sleep"), 10, "exec")
        with pytest.raises(NotRunning, match=rf"pid {process.pid} is sleep, not dummy-ups"):
            driver_process.end(process.pid, "dummy-ups")
        with pytest.raises(NotRunning):
            driver_process.send(process.pid, "dummy-ups", signal.SIGTERM)
        assert process.returncode is None


def test_end() -> None:
    """SIGTERM is enough for most, SIGKILL for the rest."""
    with started(["sleep", "60"]) as process:
        wait_until(lambda: driver_process.is_driver(process.pid, "sleep"), 10, "exec")
        assert driver_process.end(process.pid, "sleep")
        assert process.returncode == -signal.SIGTERM
    with started([sys.executable, "-c", STUBBORN]) as process:
        process.wait_output("ready", 20)
        name = Path(f"/proc/{process.pid}/comm").read_text().strip()
        assert driver_process.end(process.pid, name, 0.2)
        assert process.returncode == -signal.SIGKILL


def test_wait_gone() -> None:
    """Who lives on is not gone; who never was is."""
    with started(["sleep", "60"]) as process:
        assert not driver_process.wait_gone(process.pid, 0.01)
    assert driver_process.wait_gone(2**22 + 1)

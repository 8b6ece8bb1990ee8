# SPDX-License-Identifier: GPL-2.0-or-later
"""What the service manager hears."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ridethrough.app.service import Notifier


@pytest.mark.parametrize("abstract", [False, True])
def test_the_manager_hears_ready_status_watchdog_and_stopping(tmp_path: Path, abstract: bool) -> None:
    """The datagrams are those of sd_notify(3)."""
    path = tmp_path / "notify"
    shown = f"@ridethrough-test-{os.getpid()}" if abstract else str(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + shown[1:] if abstract else shown)
        manager.settimeout(5)
        notifier = Notifier({"NOTIFY_SOCKET": shown, "WATCHDOG_USEC": "30000000"})
        notifier.ready("watching 1 UPS\nREADY=0")
        notifier.status("on battery")
        notifier.alive()
        notifier.stopping()
        heard = [manager.recv(500).decode() for _ in range(4)]
    assert heard == [
        f"READY=1\nSTATUS=watching 1 UPS READY=0\nMAINPID={os.getpid()}",
        "STATUS=on battery",
        "WATCHDOG=1",
        "STOPPING=1",
    ]
    assert notifier.watchdog_s == 30.0


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all"])
def test_an_absent_manager_changes_nothing(address: str) -> None:
    """Without systemd, or with a dead socket, the words are lost and nothing else."""
    Notifier({"NOTIFY_SOCKET": address}).ready("x")


def test_a_watchdog_for_another_process_is_not_ours() -> None:
    """WATCHDOG_PID names whom it is for; nonsense is no watchdog."""
    assert Notifier({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).watchdog_s == 0
    assert Notifier({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_s == 1
    assert Notifier({"WATCHDOG_USEC": "soon"}).watchdog_s == 0

# SPDX-License-Identifier: GPL-2.0-or-later
"""Who holds a port, as /proc shows it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from ridethrough.server.portowner import who_holds_port
from tests.support.ports import LOOPBACK


def test_a_listening_process_is_named() -> None:
    """The process that listens is named with its pid; a connected socket does not count."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        held = who_holds_port(port)
        assert held is not None
        assert held.endswith(f"(pid {os.getpid()})")
        with socket.create_connection((LOOPBACK, port)) as client:
            assert who_holds_port(client.getsockname()[1]) is None
    assert who_holds_port(port) is None


def test_a_port_of_a_process_that_can_not_be_seen(tmp_path: Path) -> None:
    """Without /proc the answer is None; without the right to see the process it is its user."""
    assert who_holds_port(3493, tmp_path) is None
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_bytes(
        b"  sl  local_address\n\xff garbage\n"
        b"   0: 0100007F:0DA5 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 4711 1 0 100\n"
    )
    (tmp_path / "77").mkdir()
    assert who_holds_port(3493, tmp_path) == "a process of user root"
    (tmp_path / "77" / "fd").mkdir()
    (tmp_path / "77" / "fd" / "3").symlink_to("socket:[4711]")
    assert who_holds_port(3493, tmp_path) == "a process (pid 77)"
    (tmp_path / "77" / "comm").write_text("upsd\n")
    assert who_holds_port(3493, tmp_path) == "upsd (pid 77)"
    assert who_holds_port(3494, tmp_path) is None

# SPDX-License-Identifier: GPL-2.0-or-later
"""Another NUT is found and named."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ridethrough.app.obstacles import find, live_pid_file, live_socket


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc with an upsd (41), a C driver (42), a zombie (43) and a shell (44)."""
    for pid, name, state in (
        (41, "upsd", "S"),
        (42, "usbhid-ups", "S"),
        (43, "upsmon", "Z"),
        (44, "sh", "S"),
    ):
        (tmp_path / "proc" / str(pid)).mkdir(parents=True)
        (tmp_path / "proc" / str(pid) / "stat").write_text(f"{pid} ({name}) {state} 1 2 3")
    return tmp_path / "proc"


def test_the_living_are_named_with_what_they_hold(tmp_path: Path, proc: Path) -> None:
    """pid, program and pid file, so that the user knows whom to stop."""
    (tmp_path / "upsd.pid").write_text("41\n")
    (tmp_path / "usbhid-ups-eaton.pid").write_text("42")
    found = find([tmp_path, tmp_path / "none"], ["usbhid-ups-eaton", "dummy-ups-x"], proc)
    assert [str(holder) for holder in found] == [
        f"upsd (pid 41) holds the pid file {tmp_path / 'upsd.pid'}",
        f"usbhid-ups (pid 42) holds the pid file {tmp_path / 'usbhid-ups-eaton.pid'}",
    ]


@pytest.mark.parametrize("text", ["", "43", "44", "999999", "1", "-41", "41 42", "4" * 40, "x"])
def test_the_dead_and_the_strange_stand_in_nobodys_way(tmp_path: Path, proc: Path, text: str) -> None:
    """A stale pid file, a zombie, a pid reused by another program, nonsense: none keeps us from starting."""
    (tmp_path / "upsd.pid").write_text(text)
    assert live_pid_file(tmp_path / "upsd.pid", proc) is None


@pytest.mark.parametrize(
    ("words", "program"),
    [
        (["/opt/x/python", "-m", "ridethrough.cli.main", "serve", "--armed"], "ridethrough serve"),
        (["/usr/bin/python3", "/usr/bin/ridethrough", "serve"], "ridethrough serve"),
        (["/usr/bin/python3", "/usr/sbin/upsd", "-F"], "python3"),
        ([], "python3"),
    ],
)
def test_our_own_daemons_count_too(tmp_path: Path, proc: Path, words: list[str], program: str) -> None:
    """A second Ridethrough is as much in the way as a C one, and has the name that the user knows."""
    _python(proc, words)
    (tmp_path / "upsd.pid").write_text("45")
    holder = live_pid_file(tmp_path / "upsd.pid", proc)
    assert holder is not None
    assert (holder.pid, holder.program) == (45, program)


def test_a_python_that_is_none_of_ours_is_not_in_the_way(tmp_path: Path, proc: Path) -> None:
    """After a boot any Python may have the pid of a stale file."""
    _python(proc, ["/usr/bin/python3", "/usr/bin/networkd-dispatcher"])
    (tmp_path / "upsd.pid").write_text("45")
    assert live_pid_file(tmp_path / "upsd.pid", proc) is None


def test_any_living_process_counts_when_names_do_not(tmp_path: Path, proc: Path) -> None:
    """A renamed program holds its pid file, too; the dead still do not."""
    _python(proc, ["/usr/bin/python3", "/usr/bin/renamed"])
    (tmp_path / "upsd.pid").write_text("45")
    holder = live_pid_file(tmp_path / "upsd.pid", proc, any_name=True)
    assert holder is not None
    assert holder.pid == 45
    (tmp_path / "upsd.pid").write_text("999999")
    assert live_pid_file(tmp_path / "upsd.pid", proc, any_name=True) is None


def test_a_stale_file_with_the_own_pid_is_not_in_the_way(tmp_path: Path) -> None:
    """A container gives the same pids at each start."""
    me = tmp_path / "proc" / str(os.getpid())
    me.mkdir(parents=True)
    (me / "stat").write_text(f"{os.getpid()} (upsd) S 1 2 3")
    (tmp_path / "upsd.pid").write_text(str(os.getpid()))
    assert find([tmp_path], [], tmp_path / "proc") == []


def _python(proc: Path, words: list[str]) -> None:
    (proc / "45").mkdir()
    (proc / "45" / "stat").write_text("45 (python3) S 1 2 3")
    (proc / "45" / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))


def test_a_socket_is_live_only_when_somebody_answers(tmp_path: Path) -> None:
    """The file alone is nothing, as a crash leaves it behind; who answers is named."""
    path = tmp_path / "dummy-ups-x"
    assert live_socket(path) is None
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        holder = live_socket(path)
        assert holder is not None
        assert holder.pid == os.getpid()
        assert str(path) in str(holder)
    assert path.exists()
    assert live_socket(path) is None


def test_a_socket_whose_queue_is_full_is_live(tmp_path: Path) -> None:
    """A busy driver must not be taken for the leftover of a crash."""
    path = tmp_path / "dummy-ups-x"
    crowd: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(0)
        try:
            for _ in range(64):
                client = socket.socket(socket.AF_UNIX)
                client.setblocking(False)
                crowd.append(client)
                if client.connect_ex(str(path)) != 0:
                    break
            holder = live_socket(path)
            assert holder is not None
            assert "busy" in holder.program
        finally:
            for client in crowd:
                client.close()

# SPDX-License-Identifier: GPL-2.0-or-later
"""The helpers that other tests lean on."""

from __future__ import annotations

import os
import signal
import socket
import sys

import pytest

from tests.support.ports import free_port
from tests.support.procs import started
from tests.support.wait import wait_until

SLEEPER = "import time; print('ready', flush=True); time.sleep(30)"


def alive(pid: int) -> bool:
    """Say whether a process with this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_wait_until_returns_the_value() -> None:
    """What the predicate found is handed on."""
    answers = iter([None, "", "here"])
    assert wait_until(lambda: next(answers), 5, "an answer") == "here"


def test_wait_until_names_what_it_waited_for() -> None:
    """A wait in vain says what was missing."""
    with pytest.raises(AssertionError, match="the end of the world"):
        wait_until(lambda: False, 0.05, "the end of the world")


def test_free_port_can_be_listened_on() -> None:
    """The port is free on the loopback interface."""
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert server.getsockname()[0] == "127.0.0.1"


def test_started_process_is_gone_afterwards() -> None:
    """Leaving the block ends the process."""
    with started([sys.executable, "-c", SLEEPER]) as process:
        process.wait_output("ready", 10)
        assert os.getsid(process.pid) == process.pid
    assert process.returncode == -signal.SIGTERM
    assert not alive(process.pid)


def test_children_go_with_their_parent() -> None:
    """A child that the process left behind is ended as well."""
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'])\n"
        "print(f'child={child.pid}', flush=True)\n"
    )
    with started([sys.executable, "-c", code], name="parent") as process:
        assert process.wait(10) == 0
        child = int(process.output().split("child=")[1])
    wait_until(lambda: not alive(child) or zombie(child), 5, "the end of the child")


def zombie(pid: int) -> bool:
    """Say whether the process has ended and only waits for whoever adopted it."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b")")[2].split()[0] == b"Z"
    except FileNotFoundError:
        return True


def test_exit_status_and_environment() -> None:
    """The environment is added to, and the status is handed on."""
    code = "import os, sys; print(os.environ['EXTRA'], bool(os.environ['PATH'])); sys.exit(7)"
    with started([sys.executable, "-c", code], env={"EXTRA": "more"}) as process:
        assert process.wait(10) == 7
        assert process.output() == "more True\n"


def test_failure_carries_the_output() -> None:
    """A failing test shows what the process wrote."""
    with (
        pytest.raises(AssertionError) as caught,
        started([sys.executable, "-c", "print('my last words')"], name="victim") as process,
    ):
        process.wait_output("never written", 10)
    assert "victim ended with status 0" in str(caught.value)
    assert "my last words" in caught.value.__notes__[0]

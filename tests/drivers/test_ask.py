# SPDX-License-Identifier: GPL-2.0-or-later
"""Asking a driver behind its socket, and getting over one that is not there, silent or old."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ridethrough.drivers import ask
from ridethrough.drivers.ask import AskError, Look
from ridethrough.protocol import driver as wire
from ridethrough.ups.commands import Outcome
from tests.support.cnut import state_directory
from tests.support.driver_socket import SNAPSHOT
from tests.support.fakedriver import fake_driver


@pytest.fixture
def path() -> Iterator[Path]:
    """Where a driver may listen."""
    with state_directory() as state:
        yield state / "d-u"


def test_look_at_an_old_driver(path: Path) -> None:
    """One that has no GETPID still shows its status and commands, without waiting for what never comes."""
    with fake_driver(path, SNAPSHOT):
        assert ask.look(path) == Look(True, None, "OL", frozenset({"load.on", "load.off"}))


def test_nobody(path: Path) -> None:
    """No socket, or one that nobody listens on: an empty look, and words for a command."""
    assert ask.look(path) == Look()
    with pytest.raises(AskError, match="is it running"):
        ask.command(path, "driver.exit")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert ask.look(path) == Look()


def test_silence(path: Path) -> None:
    """A driver that hangs is given up in time."""
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(path))
        deaf.listen()
        assert ask.look(path, 0.05) == Look()
        with pytest.raises(AskError, match=r"has not answered for 0\.05 s"):
            ask.setvar(path, "a.b", "1", 0.05)


def test_outcomes(path: Path) -> None:
    """What became of a command or a SET comes back."""

    def answer(request: wire.InstCmd | wire.SetVar) -> Outcome:
        return Outcome.FAILED if isinstance(request, wire.InstCmd) else Outcome.HANDLED

    with fake_driver(path, SNAPSHOT, answer) as seen:
        assert ask.command(path, "load.off") is Outcome.FAILED
        assert ask.setvar(path, "ups.id", "a b") is Outcome.HANDLED
    assert wire.InstCmd("load.off", None, "1") in seen
    assert wire.SetVar("ups.id", "a b", "1") in seen

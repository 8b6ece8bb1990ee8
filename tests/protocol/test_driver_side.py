# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the driver's side of the driver socket."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.protocol import driver
from ridethrough.protocol.driver import (
    Broadcast,
    DriverSession,
    DumpAll,
    DumpStatus,
    DumpValue,
    GetPid,
    InstCmd,
    Logout,
    NoBroadcast,
    Ping,
    SetVar,
    Unknown,
)
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Draft
from ridethrough.ups.variables import Variable
from tests.support.driver_socket import DUMP, SNAPSHOT


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (b"PING\n", Ping()),
        (b"ping\n", Ping()),
        (b"DUMPALL\n", DumpAll()),
        (b"DUMPSTATUS\n", DumpStatus()),
        (b"DUMPVALUE ups.id\n", DumpValue("ups.id")),
        (b"INSTCMD load.off\n", InstCmd("load.off")),
        (b"INSTCMD load.off 10\n", InstCmd("load.off", "10")),
        (b"INSTCMD load.off TRACKING 1-a\n", InstCmd("load.off", None, "1-a")),
        (b'INSTCMD load.off "a b" TRACKING 1-a\n', InstCmd("load.off", "a b", "1-a")),
        (b'SET ups.id "Data \\"room\\""\n', SetVar("ups.id", 'Data "room"')),
        (b'SET ups.id "x" TRACKING 2-b\n', SetVar("ups.id", "x", "2-b")),
        (b"GETPID\n", GetPid()),
        (b"LOGOUT\n", Logout()),
        (b"NOBROADCAST\n", NoBroadcast()),
        (b"BROADCAST\n", Broadcast(True)),
        (b"BROADCAST 1\n", Broadcast(True)),
        (b"BROADCAST 0\n", Broadcast(False)),
        (b"BROADCAST -1\n", Broadcast(False)),
        (b"BROADCAST x\n", Broadcast(True)),
    ],
)
def test_requests_are_read(line: bytes, request_: driver.DriverRequest) -> None:
    """Each line of the socket protocol gives its request."""
    assert DriverSession().receive(line) == [request_]


@pytest.mark.parametrize(
    "line",
    [
        b"WHAT\n",
        b"DUMPVALUE\n",
        b"INSTCMD\n",
        b"INSTCMD a b c\n",
        b"INSTCMD a b c d\n",
        b"SET a\n",
        b"SET a b c d\n",
        b'SET a "b\n',
        b"SET a " + b"b" * 5000 + b"\n",
        b"SET a " + b"b " * 50 + b"\n",
    ],
)
def test_what_is_no_request_is_unknown(line: bytes) -> None:
    """A malformed line never becomes a command with half its words; it is named for the log."""
    (request,) = DriverSession().receive(line)
    assert isinstance(request, Unknown)
    assert request.text


def test_broadcast_is_remembered() -> None:
    """A session tells whether its other side wants unasked lines."""
    session = DriverSession()
    states = [session.broadcast]
    for line in (b"NOBROADCAST\n", b"BROADCAST 1\n", b"BROADCAST 0\n", b"BROADCAST\n"):
        session.receive(line)
        states.append(session.broadcast)
    assert states == [True, False, True, False, True]


def test_dump_is_cs_dump() -> None:
    """A dump is sorted, in C's order of lines, and ends with DATAOK and DUMPDONE."""
    assert driver.dump(SNAPSHOT, stale=False) == DUMP + b"DATAOK\nDUMPDONE\n"


def test_stale_dump_says_so_first() -> None:
    """A dump of stale data begins with DATASTALE and never says DATAOK."""
    assert driver.dump(SNAPSHOT, stale=True) == b"DATASTALE\n" + DUMP + b"DUMPDONE\n"


def test_one_value() -> None:
    """DUMPVALUE and DUMPSTATUS send one variable, or none, and DUMPDONE."""
    assert driver.dump_status(SNAPSHOT, False) == b'SETINFO ups.status "OL"\nDATAOK\nDUMPDONE\n'
    assert driver.dump_value(SNAPSHOT, "no.such", False) == b"DATAOK\nDUMPDONE\n"
    assert driver.dump_value(SNAPSHOT, "no.such", True) == b"DATASTALE\nDUMPDONE\n"


def test_small_lines() -> None:
    """The short answers are exactly these bytes."""
    assert driver.data_ok() == b"DATAOK\n"
    assert driver.data_stale() == b"DATASTALE\n"
    assert driver.pong() == b"PONG\n"
    assert driver.pid(123) == b"PID 123\n"
    assert driver.goodbye() == b"OK Goodbye\n"
    assert driver.tracking("1-a", Outcome.FAILED) == b"TRACKING 1-a 3\n"


def test_diff_sends_only_what_differs() -> None:
    """A change is sent line by line: values, choices taken back and given, deletions, commands."""
    draft = Draft(SNAPSHOT)
    draft.set("ups.status", "OB")
    draft.describe("input.transfer.low", enum=("95", "97"), ranges=(), rw=False)
    draft.describe("ups.id", max_length=0)
    draft.put(Variable("new.one", "1", True))
    draft.delete_command("load.on")
    draft.add_command("beeper.mute")
    _, change = draft.commit()
    assert driver.diff(change, SNAPSHOT) == (
        b'SETINFO ups.status "OB"\n'
        b"SETAUX ups.id 0\n"
        b'DELENUM input.transfer.low "95"\nDELENUM input.transfer.low "h i"\n'
        b'ADDENUM input.transfer.low "95"\nADDENUM input.transfer.low "97"\n'
        b"DELRANGE input.transfer.low 90 100\n"
        b"SETFLAGS input.transfer.low NUMBER\n"
        b'SETINFO new.one "1"\nSETFLAGS new.one RW\n'
        b"ADDCMD beeper.mute\nDELCMD load.on\n"
    )


def test_diff_without_before_sends_variables_whole() -> None:
    """Without the snapshot before, a changed variable is sent with all that belongs to it."""
    draft = Draft(SNAPSHOT)
    draft.set("ups.id", "new\nid")
    draft.delete("ups.status")
    _, change = draft.commit()
    assert driver.diff(change) == (
        b'SETINFO ups.id "new id"\nSETAUX ups.id 16\nSETFLAGS ups.id RW STRING\nDELINFO ups.status\n'
    )


@settings(max_examples=150)
@given(st.binary(max_size=300), st.integers(0, 300))
def test_noise_never_raises_in_the_driver(noise: bytes, cut: int) -> None:
    """Any bytes give requests, the same however they are cut."""
    session = DriverSession()
    assert session.receive(noise[:cut]) + session.receive(noise[cut:]) == DriverSession().receive(noise)

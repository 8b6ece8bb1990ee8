# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the server's side of the driver socket."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.protocol import driver, driver_fold
from ridethrough.protocol.driver import (
    Commit,
    DriverClient,
    DriverEvent,
    FreshnessChanged,
    Goodbye,
    Pid,
    Pong,
    TrackingDone,
)
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Freshness, Snapshot
from ridethrough.ups.variables import Variable, VarKind
from tests.support.driver_socket import SNAPSHOT, connected, fresh


def test_nothing_is_committed_before_the_dump_is_complete() -> None:
    """Half a dump is never seen: WAITING until DUMPDONE, then all of it at once, then FRESH."""
    client = connected()
    data = driver.dump(SNAPSHOT, stale=False)
    assert client.receive(data[:200], 1.0) == []
    assert client.freshness(1.0) is Freshness.WAITING
    assert client.snapshot == Snapshot()
    commit, freshness = client.receive(data[200:], 1.0)
    assert isinstance(commit, Commit)
    assert commit.snapshot == client.snapshot == SNAPSHOT
    assert freshness == FreshnessChanged(Freshness.FRESH)


def test_a_stale_dump_is_told_before_its_values() -> None:
    """Values of a stale dump are never shown as fresh."""
    events = connected().receive(driver.dump(SNAPSHOT, stale=True), 0.0)
    assert events[0] == FreshnessChanged(Freshness.STALE)
    assert isinstance(events[1], Commit)


def test_lines_read_together_are_one_change() -> None:
    """All lines of one read are committed together, with what differs and nothing else."""
    client = fresh()
    (commit,) = client.receive(
        b'SETINFO ups.status "OB"\nSETINFO a.b "1"\nDELINFO a.b\nDELCMD load.on\n', 1.0
    )
    assert isinstance(commit, Commit)
    assert [(v.name, v.value) for v in commit.change.set] == [("ups.status", "OB")]
    assert commit.change.commands_removed == ("load.on",)
    assert client.receive(b'SETINFO ups.status "OB"\n', 1.0) == []


def test_choices_and_flags_are_folded() -> None:
    """ADD, DEL, SETAUX and SETFLAGS change the variable they name, and only one that is there."""
    client = fresh()
    client.receive(
        b'ADDENUM ups.id "x y"\nADDENUM ups.id "x y"\nADDENUM ups.id "z"\nDELENUM ups.id "z"\n'
        b"ADDRANGE ups.id 1 9\nADDRANGE ups.id 1 9\nADDRANGE ups.id 1 8\nDELRANGE ups.id 1 9\n"
        b"SETAUX ups.id 99\nSETFLAGS ups.id number strange\n",
        1.0,
    )
    wanted = Variable("ups.id", 'a "b" \\ #c', False, VarKind.NUMBER, 99, ("x y",), (("1", "8"),))
    assert client.snapshot.variables["ups.id"] == wanted
    client.receive(b"SETFLAGS ups.id\n", 1.0)
    assert client.snapshot.variables["ups.id"].kind is VarKind.NONE
    assert client.ignored == 0
    client.receive(b"ADDENUM no.such x\nDELENUM no.such x\nADDRANGE no.such 1 2\nDELRANGE no.such 1 2\n", 1.0)
    client.receive(b"SETAUX no.such 1\nSETFLAGS no.such RW\nSETAUX ups.id twelve\n", 1.0)
    assert client.ignored == 7


def test_names_that_differ_in_case_are_one() -> None:
    """As in C: the later value counts, the first spelling stays, and the status is found by everybody."""
    client = fresh()
    client.receive(b'SETINFO A.b "1"\nSETINFO a.B "2"\nSETFLAGS a.b RW\nSETINFO UPS.Status "OB"\n', 1.0)
    client.receive(b"ADDCMD Load.Off\nADDCMD x.y\nDELCMD X.Y\n", 1.0)
    assert client.snapshot.variables["A.b"] == Variable("A.b", "2", rw=True)
    assert "a.B" not in client.snapshot.variables
    assert client.snapshot.status.tokens == ("OB",)
    assert client.snapshot.commands == {"load.on", "load.off"}
    client.receive(b"DELINFO a.B\n", 1.0)
    assert "A.b" not in client.snapshot.variables


def test_text_that_a_c_driver_did_not_escape() -> None:
    """C drivers send changed values raw: quotes and # in them are kept, and the next line is not lost."""
    client = fresh()
    client.receive(b'SETINFO ups.id "15" rack #2"\nSETINFO ups.status "OB"\n', 1.0)
    assert client.snapshot.get("ups.id") == '15" rack #2'
    assert client.snapshot.get("ups.status") == "OB"


def test_freshness_follows_the_driver() -> None:
    """DATASTALE is told before new values, DATAOK after them."""
    client = fresh()
    events = client.receive(b'SETINFO a.b "1"\nDATASTALE\n', 1.0)
    assert events[0] == FreshnessChanged(Freshness.STALE)
    events = client.receive(b'DATAOK\nSETINFO a.b "2"\n', 2.0)
    assert events[-1] == FreshnessChanged(Freshness.FRESH)
    assert isinstance(events[0], Commit)


def test_silence_is_pinged_and_then_stale() -> None:
    """PING after MAXAGE/3 of silence, stale after MAXAGE; any valid line revives the data."""
    client = fresh()
    assert client.deadline() == 5.0
    assert client.tick(4.9) == []
    assert client.data_to_send() == b""
    assert client.tick(5.0) == []
    assert client.data_to_send() == b"PING\n"
    assert client.tick(9.9) == []
    assert client.data_to_send() == b""
    assert client.deadline() == 10.0
    client.tick(10.0)
    assert client.data_to_send() == b"PING\n"
    assert client.deadline() == 15.0
    assert client.freshness(14.99) is Freshness.FRESH
    assert client.tick(15.0) == [FreshnessChanged(Freshness.STALE)]
    assert client.receive(b"RUBBISH\n", 16.0) == []
    assert client.receive(b"PONG\n", 17.0) == [FreshnessChanged(Freshness.FRESH), Pong()]
    assert client.deadline() == 22.0


@settings(max_examples=60)
@given(st.floats(0.5, 1e4), st.floats(0, 1e9))
def test_a_deadline_is_never_missed_in_a_busy_loop(maxage_s: float, start: float) -> None:
    """Ticking at each deadline makes progress: time moves on whatever the rounding."""
    client = DriverClient(maxage_s, start)
    client.receive(driver.dump(SNAPSHOT, stale=False), start)
    now = start
    for _ in range(8):
        deadline = client.deadline()
        assert deadline >= now
        before = client.freshness(now)
        client.tick(deadline)
        assert client.deadline() > deadline or client.freshness(deadline) is not before
        now = deadline
    assert client.freshness(now) is Freshness.STALE


def test_a_driver_that_never_finishes_its_dump_goes_stale() -> None:
    """WAITING does not last longer than MAXAGE of silence."""
    client = connected()
    client.receive(b'SETINFO ups.status "OL"\n', 1.0)
    assert client.tick(16.0) == [FreshnessChanged(Freshness.STALE)]
    assert client.receive(b'SETINFO a.b "1"\n', 17.0) == [FreshnessChanged(Freshness.WAITING)]


def test_results_come_after_the_values_they_changed() -> None:
    """Whoever waits for a SET sees the new value already."""
    client = fresh()
    client.set_var("ups.id", 'x "y"', "2-b")
    client.instcmd("load.off")
    client.instcmd("load.off", "a b", "1-a")
    client.get_pid()
    client.logout()
    assert client.data_to_send() == (
        b'SET ups.id "x \\"y\\"" TRACKING 2-b\n'
        b"INSTCMD load.off\n"
        b'INSTCMD load.off "a b" TRACKING 1-a\n'
        b"GETPID\nLOGOUT\n"
    )
    events = client.receive(b'TRACKING 2-b 0\nSETINFO ups.id "x"\nTRACKING 1-a 3\nPID 12\nOK Goodbye\n', 1.0)
    assert isinstance(events[0], Commit)
    assert events[1:] == [
        TrackingDone("2-b", Outcome.HANDLED),
        TrackingDone("1-a", Outcome.FAILED),
        Pid("12"),
        Goodbye(),
    ]


def test_a_request_to_the_driver_is_one_line() -> None:
    """A line break in a value can't smuggle a second request to the driver."""
    client = fresh()
    client.set_var("ups.id", "x\nINSTCMD load.off")
    assert client.data_to_send() == b'SET ups.id "x INSTCMD load.off"\n'


def test_rubbish_is_counted_and_named() -> None:
    """What makes no sense changes nothing, counts, and leaves its last example for the log."""
    client = fresh()
    client.receive(b'WHAT is this\nSETINFO\nTRACKING 1 x\nOK then\nSETINFO "" x\nADDENUM "\n', 1.0)
    assert client.ignored == 6
    assert client.last_ignored
    assert client.snapshot == SNAPSHOT


def test_a_flood_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables, commands, choices and the length of names have a limit; the rest is counted as rubbish."""
    monkeypatch.setattr(driver_fold, "MAX_VARIABLES", 5)
    monkeypatch.setattr(driver_fold, "MAX_COMMANDS", 4)
    monkeypatch.setattr(driver_fold, "MAX_CHOICES", 3)
    client = fresh()
    client.receive(b"".join(b'SETINFO n.%d "1"\n' % i for i in range(10)), 1.0)
    client.receive(b"".join(b"ADDCMD c.%d\n" % i for i in range(10)), 1.0)
    client.receive(b"".join(b"ADDENUM ups.id %d\nADDRANGE ups.id 0 %d\n" % (i, i) for i in range(10)), 1.0)
    client.receive(b"SETINFO " + b"x" * 300 + b' "1"\n', 1.0)
    assert len(client.snapshot.variables) == 5
    assert len(client.snapshot.commands) == 4
    assert len(client.snapshot.variables["ups.id"].enum) == 3
    assert len(client.snapshot.variables["ups.id"].ranges) == 3
    assert client.ignored == 8 + 8 + 7 + 7 + 1
    client.receive(b'DELINFO n.0\nSETINFO other "1"\nDELCMD c.0\nADDCMD other\n', 1.0)
    assert client.snapshot.get("other") == "1"
    assert "other" in client.snapshot.commands


LINES = st.sampled_from(
    [
        b'SETINFO a.b "1"\n',
        b'SETINFO a.b "2 \\" 3"\n',
        b'SETINFO ups.status "OL"\n',
        b"DELINFO a.b\n",
        b"ADDENUM a.b x\n",
        b"ADDCMD c\n",
        b"DELCMD c\n",
        b"DATAOK\n",
        b"DATASTALE\n",
        b"DUMPDONE\n",
        b"SETFLAGS a.b RW\n",
        b'SETINFO "\n',
    ]
)


@settings(max_examples=150)
@given(st.one_of(st.binary(max_size=200), st.lists(LINES, max_size=20).map(b"".join)), st.integers(0, 300))
def test_noise_never_raises_in_the_server(noise: bytes, cut: int) -> None:
    """Any bytes are taken, and the state afterwards is the same however they are cut."""
    one, two = connected(), connected()
    one.receive(noise, 1.0)
    events: list[DriverEvent] = [*two.receive(noise[:cut], 1.0), *two.receive(noise[cut:], 1.0)]
    assert (one.snapshot, one.freshness(1.0), one.ignored) == (two.snapshot, two.freshness(1.0), two.ignored)
    commits = [event for event in events if isinstance(event, Commit)]
    assert not commits or commits[-1].snapshot == two.snapshot

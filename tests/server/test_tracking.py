# SPDX-License-Identifier: GPL-2.0-or-later
"""TRACKING: what became of a command, asked for by id."""

from __future__ import annotations

import pytest

from ridethrough.server.effects import Ask
from ridethrough.server.tracking import TrackingTable
from ridethrough.ups.commands import Outcome
from tests.support.server_core import Talk, make_core


def test_switching_it_on_and_off() -> None:
    """Tracking belongs to one session, and GET TRACKING tells whether it is on."""
    core = make_core()
    talk, other = Talk(core).be("admin"), Talk(core).be("admin")
    assert talk.ask("GET TRACKING") == b"OFF\n"
    assert talk.ask("SET TRACKING on") == b"OK\n"
    assert talk.ask("GET TRACKING") == b"ON\n"
    assert other.ask("GET TRACKING") == b"OFF\n"
    assert talk.ask("SET TRACKING OFF") == b"OK\n"
    assert talk.ask("GET TRACKING x") == b"ERR FEATURE-NOT-CONFIGURED\n"


@pytest.mark.parametrize(
    ("outcome", "reply"),
    [
        (Outcome.HANDLED, b"SUCCESS\n"),
        (Outcome.UNKNOWN, b"ERR UNKNOWN\n"),
        (Outcome.INVALID, b"ERR INVALID-ARGUMENT\n"),
        (Outcome.CONVERSION_FAILED, b"ERR INVALID-ARGUMENT\n"),
        (Outcome.FAILED, b"ERR FAILED\n"),
    ],
)
def test_a_result_can_be_asked_for(outcome: Outcome, reply: bytes) -> None:
    """The id is in the OK, pending until the driver answers, and known to every session that tracks."""
    core = make_core()
    talk, other = Talk(core).be("admin"), Talk(core).be("op")
    talk.ask("SET TRACKING ON")
    other.ask("SET TRACKING ON")
    assert talk.ask("INSTCMD su700 load.off") == b"OK TRACKING id-1\n"
    assert talk.ask("SET VAR su700 ups.id x") == b"OK TRACKING id-2\n"
    assert [e.tracking_id for e in talk.effects if isinstance(e, Ask)] == ["id-1", "id-2"]
    assert talk.ask("GET TRACKING id-1") == b"PENDING\n"
    core.tracking_done("ID-1", outcome)
    assert talk.ask("GET TRACKING id-1") == reply
    assert other.ask("GET TRACKING Id-1") == reply
    assert talk.ask("GET TRACKING id-2") == b"PENDING\n"
    assert talk.ask("GET TRACKING id-3") == b"ERR UNKNOWN\n"


def test_a_refused_command_takes_no_id() -> None:
    """Only what goes to a driver is tracked."""
    talk = Talk(make_core()).be("op")
    talk.ask("SET TRACKING ON")
    assert talk.ask("INSTCMD su700 load.off") == b"ERR ACCESS-DENIED\n"
    assert talk.ask("INSTCMD su700 beeper.mute") == b"OK TRACKING id-1\n"


def test_ids_are_forgotten_in_time() -> None:
    """After TRACKINGDELAY an id is unknown, and an answer that comes then changes nothing."""
    talk = Talk(make_core(tracking_delay_s=10.0)).be("admin")
    talk.ask("SET TRACKING ON")
    talk.ask("INSTCMD su700 load.off")
    talk.now = 10.0
    assert talk.ask("GET TRACKING id-1") == b"PENDING\n"
    talk.now = 10.5
    assert talk.ask("GET TRACKING id-1") == b"ERR UNKNOWN\n"
    talk.core.tracking_done("id-1", Outcome.HANDLED)
    assert talk.ask("GET TRACKING id-1") == b"ERR UNKNOWN\n"


def test_the_table_is_bounded() -> None:
    """The oldest id makes room for a new one when the table is full."""
    table = TrackingTable(limit=3, keep_s=100.0)
    for number in range(5):
        table.add(f"id-{number}", 0.0)
    assert len(table) == 3
    assert [table.state(f"id-{number}") for number in range(5)] == ["ERR UNKNOWN"] * 2 + ["PENDING"] * 3

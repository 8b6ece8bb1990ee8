# SPDX-License-Identifier: GPL-2.0-or-later
"""Definition files of dummy-ups, and how they are played."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.drivers.dummy.definition import (
    MAX_PROBLEMS,
    Alarm,
    Assign,
    SetStatus,
    Timer,
    parse,
)
from ridethrough.drivers.dummy.player import Play, play, with_status
from ridethrough.ups.state import EMPTY, Draft, Snapshot
from ridethrough.ups.variables import Variable, VarKind


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ("battery.charge: 90", Assign("battery.charge", "90")),
        ('ups.model: "Smart UPS"  1500', Assign("ups.model", "Smart UPS 1500")),
        ('ups.id: ""', Assign("ups.id", "")),
        ("ups.alarm:", Assign("ups.alarm", "")),
        ("ups.load 22", Assign("ups.load", "22")),
        ("ups.status: OL  CHRG OL", SetStatus(("OL", "CHRG"))),
        ('ups.status: "OB LB"', SetStatus(("OB", "LB"))),
        ("TIMER 60", Timer(60.0)),
        ("TIMER 0.5", Timer(0.5)),
        ("ALARM [too warm] x", Alarm("[too warm] x")),
        ("ALARM", Alarm("")),
        ("ups.model: a=b", Assign("ups.model", "a = b")),
    ],
)
def test_good_lines(line: str, step: object) -> None:
    """Each form of a line means what C dummy-ups makes of it."""
    found = parse(line.encode(), "f.dev")
    assert found.problems == ()
    assert found.steps == (step,)


@pytest.mark.parametrize("line", ["# ups.load: 1", "", "driver.name: other", "driver.flag.x: enabled"])
def test_lines_without_effect(line: str) -> None:
    """Comments, empty lines and the driver's own variables change nothing, and are no faults."""
    assert parse(line.encode(), "f.dev") == parse(b"", "f.dev")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Init SSL without certificate database", "'Init' is not a variable's name"),
        ("ups.status:OL", "put a space after the colon"),
        ("ups.status = OL", "with a colon instead of '='"),
        ("TIMER soon", "TIMER needs a number of seconds"),
        ("TIMER 99999999999", "at most"),
        ('ups.model: "never closed', "never closed"),
        ("ups.model: " + "x" * 9000, "too long words"),
    ],
)
def test_bad_lines_are_named_and_the_rest_goes_on(line: str, words: str) -> None:
    """A wrong line is told with file and line and what to write, and costs only itself."""
    found = parse(b"ups.load: 1\n" + line.encode() + b"\n", "f.dev")
    assert len(found.problems) == 1
    assert found.problems[0].startswith("f.dev:2: ")
    assert words in found.problems[0]
    assert found.steps == (Assign("ups.load", "1"),)


def test_a_line_without_a_value_repeats_the_one_before() -> None:
    """What C dummy-ups makes of an incomplete dump, so that both show the same."""
    before = b"ups.load: 7\nups.status: OL\nups.serial:\n"
    found = parse(before + b"ups.id: a b\nups.contacts\nups.alarm:\nTIMER 1\nups.mfr:\n", "f.dev")
    values = {step.name: step.value for step in found.steps if isinstance(step, Assign)}
    assert values == {
        "ups.load": "7",
        "ups.serial": "7",
        "ups.id": "a b",
        "ups.contacts": "a b",
        "ups.alarm": "",
        "ups.mfr": "a b",
    }
    assert found.problems == ()
    assert parse(b"ALARM too warm\nups.id:\nALARM\n", "f").steps == (
        Alarm("too warm"),
        Assign("ups.id", "too warm"),
        Alarm(""),
    )


def test_a_long_value_is_cut_where_c_cuts_it_and_told() -> None:
    """127 bytes are kept, more are said to be too many."""
    kept, cut = parse(b"ups.id: " + b"x" * 127 + b"\n", "f.dev"), parse(b"\nups.id: " + b"x" * 128, "f.dev")
    assert kept.steps == cut.steps == (Assign("ups.id", "x" * 127),)
    assert kept.problems == ()
    (problem,) = cut.problems
    assert problem.startswith("f.dev:2: the value is longer than 127 bytes and was cut there")


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    """Some editors put one in front, and C does not see it."""
    assert parse(b"\xef\xbb\xbfups.load: 1\n", "f.dev") == parse(b"ups.load: 1\n", "f.dev")


def test_a_name_keeps_its_first_letter_case() -> None:
    """Names differ in more than letter case; what is there from the start has NUT's."""
    found = parse(b"Foo.Bar: 1\nfoo.bar: 2\nUPS.MFR: 3\n", "f.dev")
    assert found.steps == (Assign("Foo.Bar", "1"), Assign("Foo.Bar", "2"), Assign("ups.mfr", "3"))


@settings(max_examples=150)
@given(st.binary(max_size=2000))
def test_random_bytes_never_raise(data: bytes) -> None:
    """Any bytes give steps and a bounded number of short printable problems, never an exception."""
    found = parse(data, "f.dev")
    assert len(found.problems) <= MAX_PROBLEMS + 3
    assert all(problem.isprintable() and len(problem) < 300 for problem in found.problems)


def test_bytes_that_are_not_utf8_survive() -> None:
    """A value in another encoding comes out as the bytes it was."""
    (step,) = parse(b"ups.model: caf\xe9\n", "f.dev").steps
    assert isinstance(step, Assign)
    assert step.value.encode("utf-8", "surrogateescape") == b"caf\xe9"


def test_a_huge_file_is_bounded() -> None:
    """A file of one endless line, or of far too many lines, ends in a problem and not in memory."""
    assert parse(b"x" * 2_000_000, "f").problems
    many = parse(b"ups.load: 1\n" * 30_000, "f")
    assert "the rest is not read" in many.problems[-1]


# -- playing -------------------------------------------------------------------------------------


def played(text: str, state: Play, base: Snapshot, now: float) -> tuple[Play, Snapshot]:
    """One poll."""
    draft = Draft(base)
    state = play(parse(text.encode(), "f"), state, draft, now)
    return state, draft.commit()[0]


def test_a_sequence_with_timers_loops() -> None:
    """The manual's example: OL, OB, OB LB, each for a minute, and then again from the beginning."""
    text = "ups.status: OL\nTIMER 60\nups.status: OB\nTIMER 60\nups.status: OB LB\nTIMER 60\n"
    state, base, seen = Play(), EMPTY, []
    for now in (0, 59, 60, 119, 120, 179, 180, 239, 240):
        state, base = played(text, state, base, float(now))
        seen.append(base.get("ups.status"))
    assert seen == ["OL", "OL", "OB", "OB", "OB LB", "OB LB", "OL", "OL", "OB"]


def test_without_a_timer_every_poll_is_a_pass() -> None:
    """A file without TIMER is played from one end to the other each time, and once at most in a poll."""
    state, base = played("ups.load: 1\n", Play(), EMPTY, 0.0)
    state, base = played("ups.load: 2\n", state, base, 1.0)
    assert base.get("ups.load") == "2"
    assert state == Play(passes=2)


def test_alarms_as_in_the_manual() -> None:
    """Alarms are joined in ups.alarm, put ALARM first in the status, and are gone after a bare ALARM."""
    text = "ups.status: OL CHRG\nALARM [warm]\nALARM [hot]\nTIMER 5\nALARM\nTIMER 5\nALARM [cold]\n"
    state, base = played(text, Play(), EMPTY, 0.0)
    assert (base.get("ups.alarm"), base.get("ups.status")) == ("[warm] [hot]", "ALARM OL CHRG")
    state, base = played(text, state, base, 5.0)
    assert ("ups.alarm" in base.variables, base.get("ups.status")) == (False, "OL CHRG")
    state, base = played(text, state, base, 10.0)
    assert (base.get("ups.alarm"), base.get("ups.status")) == ("[cold]", "ALARM OL CHRG")


def test_an_alarm_variable_without_alarm_lines_is_kept() -> None:
    """A recorded dump with its own ups.alarm and ALARM token shows both."""
    _, base = played("ups.status: OL ALARM\nups.alarm: Replace battery!\n", Play(), EMPTY, 0.0)
    assert (base.get("ups.alarm"), base.get("ups.status")) == ("Replace battery!", "ALARM OL")


def test_types_are_those_of_the_table() -> None:
    """Known variables have NUT's types, unknown ones are strings of 32; all may be written."""
    _, base = played("ups.id: a\nbattery.charge: 5\nfoo.bar: b\n", Play(), EMPTY, 0.0)
    assert base.variables["ups.id"] == Variable("ups.id", "a", True, VarKind.STRING, 16)
    assert base.variables["battery.charge"] == Variable("battery.charge", "5", True)
    assert base.variables["foo.bar"].type_words() == "RW STRING:32"


def test_an_empty_value_deletes() -> None:
    """A variable whose value is empty quotes is taken away."""
    state, base = played("a.b: 1\n", Play(), EMPTY, 0.0)
    _, base = played('a.b: ""\n', state, base, 1.0)
    assert "a.b" not in base.variables


def test_a_client_sets_the_status() -> None:
    """ALARM in a status set by a client comes first, and goes with the next one."""
    state, text = with_status(Play(), "OB ALARM")
    assert (state.alarm_token, text) == (True, "ALARM OB")
    state, text = with_status(state, "OB")
    assert (state.alarm_token, text) == (False, "OB")

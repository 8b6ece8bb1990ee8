# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ridethrough.schedule.rules."""

from __future__ import annotations

import pytest

from ridethrough.config.models import AtRule
from ridethrough.schedule.rules import (
    BadSeconds,
    Cancel,
    Cause,
    Execute,
    Refused,
    Start,
    action,
    matches,
    matching,
    read_seconds,
    script_names,
)
from ridethrough.ups.notices import Notice, NotifyType


def rule(kind: str, ups: str, command: str, *args: str, line: int = 1) -> AtRule:
    return AtRule(kind, ups, command, args, line)


@pytest.mark.parametrize(
    ("kind", "ups", "cause", "expected"),
    [
        ("ONBATT", "*", Cause("ONBATT", "a@h", ""), True),
        ("ONBATT", "a@h", Cause("ONBATT", "a@h", ""), True),
        ("ONBATT", "a@h", Cause("onbatt", "a@h", ""), True),
        ("onbatt", "a@h", Cause("ONBATT", "a@h", ""), True),
        ("ONBATT", "a", Cause("ONBATT", "a@h", ""), False),
        ("ONBATT", "A@h", Cause("ONBATT", "a@h", ""), False),
        ("ONBATT", "a@h:3493", Cause("ONBATT", "a@h", ""), False),
        ("ONLINE", "*", Cause("ONBATT", "a@h", ""), False),
        ("SHUTDOWN", "*", Cause("SHUTDOWN", "", ""), True),
        ("SHUTDOWN", "a@h", Cause("SHUTDOWN", "", ""), False),
        ("MADEUP", "*", Cause("MADEUP", "", ""), True),
    ],
)
def test_matching_is_by_type_in_any_case_and_by_exact_name_or_star(
    kind: str, ups: str, cause: Cause, expected: bool
) -> None:
    """A notice meets the lines of its type for its UPS as MONITOR writes it, or `*`, as in C."""
    assert matches(rule(kind, ups, "EXECUTE", "x"), cause) is expected


def test_all_matching_lines_come_in_file_order() -> None:
    """Several AT lines for one notice are all carried out, in the order of the file."""
    rules = [
        rule("ONBATT", "b@h", "EXECUTE", "other"),
        rule("ONBATT", "*", "EXECUTE", "second", line=2),
        rule("ONLINE", "*", "EXECUTE", "no", line=3),
        rule("ONBATT", "a@h", "EXECUTE", "first", line=4),
    ]
    assert [found.line for found in matching(rules, Cause("ONBATT", "a@h", ""))] == [2, 4]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (("START-TIMER", "t", "30"), Start("t", 30.0, False)),
        (("START-TIMER-SHARED", "t", "1.5"), Start("t", 1.5, True)),
        (("START-TIMER", "t", "0"), Start("t", 0.0, False)),
        (("CANCEL-TIMER", "t"), Cancel("t", "", False)),
        (("CANCEL-TIMER", "t", "late"), Cancel("t", "late", False)),
        (("CANCEL-TIMER-MATCHED", "t", "late"), Cancel("t", "late", True)),
        (("EXECUTE", "now"), Execute("now")),
    ],
)
def test_each_command_becomes_its_action(written: tuple[str, ...], expected: object) -> None:
    """Every command of upssched.conf(5) is understood."""
    assert action(rule("ONBATT", "*", *written)) == expected


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (("START-TIMRE", "t", "30"), "Invalid command: START-TIMRE"),
        (("EXECUTE",), "names no command"),
        (("EXECUTE", ""), "names no command"),
        (("CANCEL-TIMER",), "names no timer name"),
        (("START-TIMER", "t"), "is not a number of seconds"),
        (("START-TIMER", "t", "soon"), "is not a number of seconds"),
        (("START-TIMER", "t", "-1"), "is less than 0"),
        (("START-TIMER", "t", "9" * 12), "more than 31 years"),
        (("EXECUTE", "x" * 1025), "longer than 1024"),
    ],
)
def test_an_impossible_line_is_refused_in_words(written: tuple[str, ...], said: str) -> None:
    """A line that asks for nothing possible says why, and never starts anything."""
    refused = action(rule("ONBATT", "*", *written))
    assert isinstance(refused, Refused)
    assert said in refused.text


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30), (" 30 ", 30), ("+5", 5), ("30s", 30), ("2.5", 2.5)]
)
def test_seconds_are_read_as_c_reads_them(text: str, seconds: float) -> None:
    """The number at the beginning counts; what follows it is said."""
    value, note = read_seconds(text)
    assert value == seconds
    assert bool(note) is (text == "30s")


@pytest.mark.parametrize("text", ["", "s30", "-1", "nan", "inf", "1000000001", "9" * 400])
def test_what_is_no_time_is_refused(text: str) -> None:
    """No text that isn't a time becomes a timer that fires at once, or never."""
    with pytest.raises(BadSeconds, match="bogus offset for timer, ignoring"):
        read_seconds(text)


def test_script_names_are_those_cmdscript_can_be_called_with() -> None:
    """The root helper gets every name that AT lines can run, each once, and no other."""
    rules = [
        rule("ONBATT", "*", "START-TIMER", "t", "30"),
        rule("ONLINE", "*", "CANCEL-TIMER", "t"),
        rule("ONLINE", "*", "CANCEL-TIMER", "t", "late"),
        rule("LOWBATT", "*", "EXECUTE", "now"),
        rule("FSD", "*", "EXECUTE", "now"),
        rule("FSD", "*", "NONSENSE", "never"),
    ]
    assert script_names(rules) == ("t", "late", "now")


def test_a_cause_is_a_notice_in_plain_text() -> None:
    """A notice keeps its type, UPS and message as the script's environment."""
    cause = Cause.of(Notice(NotifyType.ONBATT, "a@h", "UPS a@h on battery"))
    assert cause == Cause("ONBATT", "a@h", "UPS a@h on battery")
    assert Cause.of(cause) is cause

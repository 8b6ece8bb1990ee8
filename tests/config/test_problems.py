# SPDX-License-Identifier: GPL-2.0-or-later
"""How a fault is told, and that there is an end to it."""

from __future__ import annotations

import pytest

from ridethrough.config.echo import did_you_mean, nearest, shown
from ridethrough.config.problems import Problem, Problems, Severity
from ridethrough.config.ups import parse_ups


def test_a_problem_reads_as_file_line_what_and_hint() -> None:
    """The user can click on the place and sees what to write."""
    problem = Problem(
        Severity.ERROR, "ups.conf", 12, "unknown directive 'pollfrq'", "did you mean 'pollfreq'?"
    )
    assert str(problem) == "ups.conf:12: error: unknown directive 'pollfrq'; did you mean 'pollfreq'?"
    assert (
        str(Problem(Severity.WARNING, "nut.conf", 0, "MODE is not set"))
        == "nut.conf: warning: MODE is not set"
    )


def test_a_problem_is_printable_and_short_whatever_it_repeats() -> None:
    """Bytes that are not UTF-8, escapes of a terminal and endless names do not reach the screen."""
    named = b"p\xed\xa0\x80o\x1b[31mrt".decode("utf-8", "surrogateescape")
    assert str(Problem(Severity.ERROR, "f", 1, named, "\0")) == "f:1: error: p???o?[31mrt; ?"
    _, found = parse_ups(f"[u]\noverride.{'x' * 3000} y z\n".encode())
    assert found
    assert all(len(str(problem)) < 1100 for problem in found)


def test_problems_come_in_the_order_of_their_lines() -> None:
    """The list is read along with the file."""
    problems = Problems("x")
    problems.warn(9, "later")
    problems.error(2, "earlier", "do this")
    assert [(found.line, found.severity) for found in problems.listed()] == [(2, "error"), (9, "warning")]


def test_the_list_is_bounded_and_says_how_many_more() -> None:
    """A file of garbage gives a page, not a flood."""
    problems = Problems("x", limit=3)
    for line in range(10):
        problems.error(line, "bad")
    found = problems.listed()
    assert len(found) == 4
    assert "7 more" in str(found[-1])


@pytest.mark.parametrize("word", ["", "two words", "bell\x07", "x" * 61, "\udcff", "a\u2028b"])
def test_a_word_that_could_spoil_a_message_is_not_repeated(word: str) -> None:
    """No blank, control character, stray byte or whole file in a message."""
    assert shown(word, "it") == "it"


def test_a_plain_word_is_repeated_in_quotes() -> None:
    """The user recognises what he wrote."""
    assert shown("Gerät-1") == "'Gerät-1'"


def test_near_words_are_offered_whatever_their_case() -> None:
    """A slip of a letter is met with the right word; a long word costs no time."""
    assert did_you_mean("onbat", ["ONBATT", "ONLINE"]) == "did you mean 'ONBATT'?"
    assert did_you_mean("zzz", ["ONBATT"]) == ""
    assert nearest("ONBATT" * 1000, ["ONBATT"]) is None

# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ridethrough.schedule.messages: the bytes on PIPEFN."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.schedule import messages
from ridethrough.schedule.core import CancelTimer, StartTimer
from ridethrough.schedule.rules import NO_CAUSE, Cause
from ridethrough.schedule.timers import Timers
from ridethrough.wire.words import WordStream

CAUSE = Cause("ONBATT", "a@h", 'UPS "a" on battery')


def read(line: bytes) -> object:
    (parsed,) = WordStream(messages.PIPE_LIMITS).feed(line)
    assert parsed.error is None
    assert not parsed.clipped
    return messages.read(parsed.words)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (StartTimer("t", 30, CAUSE), rb'START "t" "30" "ONBATT" "a@h" "UPS \"a\" on battery"'),
        (StartTimer("t", 1.5, NO_CAUSE, shared=True), b'START-SHARED "t" "1.5" "" "" ""'),
        (CancelTimer("t", "late", CAUSE), rb'CANCEL "t" "late" "ONBATT" "a@h" "UPS \"a\" on battery"'),
        (CancelTimer("t", matched=True), b'CANCEL-MATCHED "t" "" "" "" ""'),
    ],
)
def test_requests_are_the_lines_of_nut(event: StartTimer | CancelTimer, line: bytes) -> None:
    """What goes over PIPEFN is what a C upssched of 2.8.5 writes, and reads back as the same event."""
    assert messages.request(event) == line + b"\n"
    assert read(line + b"\n") == event


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (b'START "t" "30"\n', StartTimer("t", 30)),
        (b'CANCEL "t"\n', CancelTimer("t")),
        (b'CANCEL "t" "late"\n', CancelTimer("t", "late")),
        (b"LIST-TIMERS\n", messages.LIST),
    ],
)
def test_shorter_lines_of_older_nut_are_understood(line: bytes, event: object) -> None:
    """A C upssched of 2.8.0, which sends no notice, can use our daemon."""
    assert read(line) == event


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"HELLO\n", b"ERR UNKNOWN \"unknown command on socket: 'HELLO'\"\n"),
        (b"START\n", b'ERR INVALID "START without the name of a timer"\n'),
        (b'CANCEL ""\n', b'ERR INVALID "CANCEL without the name of a timer"\n'),
        (
            b"CANCEL t " + b"x" * 1025 + b"\n",
            b'ERR INVALID "CANCEL t: a name or command has at most 1024 characters"\n',
        ),
        (
            b"START t\n",
            b"ERR INVALID \"timer t: bogus offset for timer, ignoring: '' is not a number of seconds\"\n",
        ),
    ],
)
def test_what_cannot_be_obeyed_is_refused_in_words(line: bytes, answer: bytes) -> None:
    """A message that makes no sense is answered with ERR and why."""
    bad = read(line)
    assert isinstance(bad, messages.Bad)
    assert messages.refusal(bad) == answer
    assert messages.outcome(answer) == answer.decode().rstrip("\n")


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
MESSAGE = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


@given(name=TEXT.filter(bool), ups=TEXT, text=MESSAGE, seconds=st.integers(0, 10**9))
@settings(max_examples=200)
def test_any_text_survives_the_socket(name: str, ups: str, text: str, seconds: int) -> None:
    """Names and messages arrive as they were sent, whatever they hold."""
    event = StartTimer(name, seconds, Cause("ONBATT", ups, text))
    assert read(messages.request(event)) == event


def test_control_characters_and_long_texts_do_not_break_a_line() -> None:
    """A message far too long is cut to one line, and the timer still starts."""
    event = StartTimer("t", 30, Cause("ONBATT", "a@h", "two\nlines" + '"' * 100_000))
    got = read(messages.request(event))
    assert isinstance(got, StartTimer)
    assert got.cause.text.startswith('two lines"')
    assert len(got.cause.text) == messages.MAX_TEXT_BYTES


def test_a_message_of_several_lines_is_whole_for_us_and_one_line_for_c() -> None:
    """NUT's lexer drops newlines; C's daemon reads the five words that it knows, ours the sixth as well."""
    event = CancelTimer("t", "late", Cause("ONBATT", "a@h", "50 %\n\tof a"))
    line = messages.request(event)
    assert line == b'CANCEL "t" "late" "ONBATT" "a@h" "50 % of a" "50 %25%0a%09of a"\n'
    assert read(line) == event
    # A word there that is another text is nobody's message.
    forged = line.replace(b"%09of", b"%09if")
    assert read(forged) == CancelTimer("t", "late", Cause("ONBATT", "a@h", "50 % of a"))


def test_a_listing_is_nuts_table() -> None:
    """LIST-TIMERS is answered in the columns of a C upssched -l, and reads back."""
    timers = Timers().start("t", 30, CAUSE, 0).start("hand", 5, NO_CAUSE, 0).running
    answer = messages.listing(timers, 10, 1_000_000)
    assert answer == (
        b"BEGIN LIST TIMERS\n"
        b't\t1000020\t20\tONBATT\ta@h\tUPS "a" on battery\n'
        b'hand\t1000000\t0\t""\t""\t""\n'
        b"END LIST TIMERS\nOK\n"
    )
    assert messages.complete(answer)
    assert not any(
        messages.complete(answer[:cut]) for cut in range(len(b"BEGIN LIST TIMERS\n") - 1, len(answer))
    )
    assert messages.outcome(answer) is None
    assert messages.rows(answer) == [
        ["t", "1000020", "20", "ONBATT", "a@h", 'UPS "a" on battery'],
        ["hand", "1000000", "0", "", "", ""],
    ]
    assert messages.rows(b"ERR UNKNOWN\n") == []


def test_a_broken_answer_is_no_success() -> None:
    """Only OK means that the daemon has taken the request."""
    assert messages.outcome(b"OK\n") is None
    assert messages.outcome(b"") == "no answer"
    assert messages.outcome(b"ERR UNKNOWN\n") == "ERR UNKNOWN"
    assert not messages.complete(b"")
    assert not messages.complete(b"O")

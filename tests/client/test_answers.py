# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of what replies mean."""

from __future__ import annotations

import pytest

from ridethrough.client import answers
from ridethrough.client.answers import ClientError, Refused
from ridethrough.protocol.client import Block, Fail, Line, Ok
from ridethrough.protocol.errors import Err

WHERE = "box:3493"
STALE = Fail(Err.DATA_STALE, "DATA-STALE")


def test_replies_become_values() -> None:
    """Each kind of reply gives its value."""
    block = Block(("VAR", "su"), (("a.b", "1"), ("c.d", "2")))
    assert answers.accepted(Ok("FSD-SET"), WHERE) == "FSD-SET"
    assert answers.tracking_id(Ok("TRACKING 1-a"), WHERE) == "1-a"
    assert answers.tracking_id(Ok(), WHERE) == ""
    assert answers.value(Line(("VAR", "su", "a.b", "1")), WHERE, 4) == "1"
    assert answers.words(Line(("ON",)), WHERE) == ("ON",)
    assert answers.rows(block, WHERE, 2) == block.rows
    assert answers.pairs(block, WHERE) == {"a.b": "1", "c.d": "2"}
    assert answers.names(block, WHERE) == ["a.b", "c.d"]


def test_refusals_name_place_meaning_and_advice() -> None:
    """ERR becomes an error with the host, NUT's words and what to do."""
    for read in (answers.accepted, answers.words, answers.rows):
        with pytest.raises(Refused, match=r"^box:3493: data stale; the driver lost touch") as caught:
            read(STALE, WHERE)
        assert (caught.value.err, caught.value.text) == (Err.DATA_STALE, "DATA-STALE")
    with pytest.raises(Refused, match="unknown error: NEVER-HEARD of it"):
        answers.accepted(Fail(Err.UNKNOWN, "NEVER-HEARD of it"), WHERE)


def test_answers_of_the_wrong_kind_are_errors() -> None:
    """Too few words, or a list where a value was due, is an error in words."""
    with pytest.raises(ClientError, match="makes no sense"):
        answers.value(Line(("VAR", "su", "a.b")), WHERE, 4)
    with pytest.raises(ClientError, match="makes no sense"):
        answers.pairs(Block(("VAR", "su"), (("a.b",),)), WHERE)
    with pytest.raises(ClientError, match="makes no sense"):
        answers.accepted(Line(("Goodbye...",)), WHERE)

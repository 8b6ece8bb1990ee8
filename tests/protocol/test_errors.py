# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the ERR words."""

from __future__ import annotations

import pytest

from ridethrough.protocol.errors import Err, ProtocolError


@pytest.mark.parametrize("err", list(Err))
def test_every_word_is_explained_in_house_style(err: Err) -> None:
    """Every word has NUT's short text, and an explanation that begins in lower case and says what to do."""
    assert err.short
    first = err.text.split()[0]
    assert first[0].islower() or first.isupper()
    assert ";" in err.text
    assert not err.text.endswith(".")


def test_words_are_read_whatever_their_case() -> None:
    """`parse` knows every word, and takes what it does not know for UNKNOWN."""
    assert all(Err.parse(err.value) is err for err in Err)
    assert Err.parse("data-stale") is Err.DATA_STALE
    assert Err.parse("NEVER-HEARD") is Err.UNKNOWN
    assert Err.parse("") is Err.UNKNOWN


def test_words_that_scripts_look_for() -> None:
    """NUT's own wordings of the common errors stay as they are."""
    assert Err.UNKNOWN_UPS.short == "Unknown UPS"
    assert Err.DATA_STALE.short == "Data stale"
    assert Err.DRIVER_NOT_CONNECTED.short == "Driver not connected"
    assert Err.ACCESS_DENIED.short == "Access denied"


def test_an_error_carries_what_was_complete() -> None:
    """A ProtocolError holds the replies that came before the fault."""
    assert ProtocolError("x", (1, 2)).replies == (1, 2)
    assert ProtocolError("x").replies == ()

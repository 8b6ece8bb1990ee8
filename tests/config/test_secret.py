# SPDX-License-Identifier: GPL-2.0-or-later
"""A password that cannot be printed by accident."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ridethrough.config.models import CertIdent, User
from ridethrough.config.secret import Secret


def test_every_way_of_printing_gives_stars() -> None:
    """A log line, an f-string, a traceback's repr: none shows the text."""
    secret = Secret("hunter2")
    assert [repr(secret), str(secret), f"{secret}", f"{secret:>20}", "%s %r" % (secret, secret)] == [  # noqa: UP031
        "***",
        "***",
        "***",
        "***",
        "*** ***",
    ]
    assert "hunter2" not in repr(User("u", secret)) + repr(CertIdent("n", secret)) + repr([secret])


def test_only_reveal_gives_the_text() -> None:
    """Who needs the password asks for it by name."""
    assert Secret("hunter2").reveal() == "hunter2"
    for serialise in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError) as caught:
            serialise(Secret("hunter2"))
        assert "hunter2" not in str(caught.value)


@given(st.text(), st.text())
def test_equality_is_that_of_the_texts(one: str, other: str) -> None:
    """Passwords compare as they are, also those that are not ASCII; a secret never equals a bare string."""
    assert (Secret(one) == Secret(other)) is (one == other)
    assert Secret(one).matches(one)
    assert hash(Secret(one)) == hash(Secret(one))
    assert Secret(one) != one
    assert bool(Secret(one)) is bool(one)


def test_bytes_that_are_not_utf8_compare() -> None:
    """A password in Latin-1 works, too."""
    assert Secret("caf\udce9").matches("caf\udce9")
    assert Secret("caf\udce9") != Secret("cafe")

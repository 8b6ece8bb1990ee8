# SPDX-License-Identifier: GPL-2.0-or-later
"""Status tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ridethrough.ups.status import KNOWN_TOKENS, Status, Token


def test_tokens_keep_their_order_and_count_once() -> None:
    """What a driver says is said again as it was."""
    status = Status.parse("OL  CHRG OL vendor.special")
    assert status.tokens == ("OL", "CHRG", "vendor.special")
    assert str(status) == "OL CHRG vendor.special"
    assert status.unknown() == ("vendor.special",)


def test_membership_is_by_whole_token() -> None:
    """NOTOB is not OB: a substring never counts."""
    assert Token.OB in Status.parse("OB DISCHRG")
    assert Token.OB not in Status.parse("NOTOB OBX")
    assert Token.LB not in Status.parse("")


def test_fsd_is_prepended() -> None:
    """upsd puts FSD first, and adding it twice changes nothing."""
    status = Status.parse("OB LB").with_token(Token.FSD, first=True)
    assert str(status) == "FSD OB LB"
    assert status.with_token(Token.FSD) == status
    assert str(status.without("OB").with_token("RB")) == "FSD LB RB"


def test_an_empty_status_is_false() -> None:
    """No status is not a status."""
    assert not Status.EMPTY
    assert Status.parse("  ") == Status.EMPTY
    assert Status.parse("OL")


@given(st.lists(st.sampled_from(sorted(KNOWN_TOKENS)), unique=True))
def test_text_round_trip(tokens: list[str]) -> None:
    """Parse and print are inverse."""
    status = Status(tuple(tokens))
    assert Status.parse(str(status)) == status
    assert status.unknown() == ()

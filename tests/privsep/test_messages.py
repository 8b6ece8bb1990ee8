# SPDX-License-Identifier: GPL-2.0-or-later
"""What the core and the helper say to each other."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.privsep import helper
from ridethrough.privsep.messages import (
    FIELDS,
    MAX_MESSAGE,
    MAX_NAME,
    MAX_TEXT,
    VERSION,
    MessageError,
    Reply,
    State,
    Verb,
    decode_reply,
    encode_request,
    shorten,
    type_field,
    ups_field,
)
from ridethrough.ups.notices import NotifyType

ANY_TEXT = st.text(st.characters(codec=None), max_size=1500)


def test_both_sides_have_the_same_tables() -> None:
    """The helper stands alone and repeats version, limits, verbs and fields: they are equal."""
    assert {verb.value: (verb.name, FIELDS[verb]) for verb in Verb} == helper.VERBS
    assert (VERSION, MAX_MESSAGE, MAX_TEXT) == (helper.VERSION, helper.MAX_MESSAGE, helper.MAX_TEXT)


def test_every_notice_type_is_accepted() -> None:
    """What NUT may tell is never refused for its type."""
    for kind in NotifyType:
        assert helper.check("type", type_field(kind)) == kind


def test_the_bytes_of_a_request() -> None:
    """One JSON object, with the number of the verb and never its name."""
    assert encode_request(4, Verb.ACTION, number=7) == b'{"v": 1, "id": 4, "verb": 4, "number": 7}'
    with pytest.raises(AssertionError):
        encode_request(1, Verb.PING, text="x")


@pytest.mark.parametrize("state", list(State))
def test_replies_are_read(state: State) -> None:
    """All four fields arrive."""
    message = {"v": 1, "id": 3, "state": str(state), "exit": -15, "text": "caf\u00e9"}
    assert decode_reply(json.dumps(message).encode()) == Reply(3, state, -15, "caf\u00e9")


@given(
    st.binary(max_size=200) | st.dictionaries(st.text(), st.integers()).map(lambda o: json.dumps(o).encode())
)
@settings(max_examples=100)
def test_nonsense_is_a_message_error(data: bytes) -> None:
    """A helper that talks nonsense raises one kind of error."""
    with contextlib.suppress(MessageError):
        decode_reply(data)


@pytest.mark.parametrize(
    "change", [{"v": 2}, {"id": "3"}, {"id": True}, {"state": "maybe"}, {"exit": "0"}, {"text": None}]
)
def test_a_reply_with_wrong_fields_is_no_reply(change: dict[str, object]) -> None:
    """Each field is checked."""
    message = {"v": 1, "id": 3, "state": "done", "exit": 0, "text": "", **change}
    with pytest.raises(MessageError, match="helper"):
        decode_reply(json.dumps(message).encode())


@given(ANY_TEXT)
@settings(max_examples=100)
def test_a_shortened_text_is_always_accepted(text: str) -> None:
    """Whatever is in a notice, the helper takes it; a text that fits is not changed by the client."""
    short = shorten(text)
    helper.check("text", short)
    with contextlib.suppress(UnicodeEncodeError):
        if len(text.encode("utf-8", "surrogateescape")) <= MAX_TEXT:
            assert short == text


def test_a_cut_falls_between_characters() -> None:
    """The text ends in three dots and not in half a letter."""
    assert shorten("\u00e9" * 6, 10) == "\u00e9\u00e9\u00e9..."
    assert shorten("abc", 3) == "abc"


@given(ANY_TEXT, ANY_TEXT)
@settings(max_examples=100)
def test_a_notice_is_never_lost_for_its_names(kind: str, ups: str) -> None:
    """What the client makes of any type and name the helper accepts."""
    helper.check("type", type_field(kind))
    helper.check("ups", ups_field(ups))


def test_good_names_are_left_as_they_are() -> None:
    """A timer that several notices share keeps all their types and names, as far as there is room."""
    assert type_field("ONBATT,LOWBATT") == "ONBATT,LOWBATT"
    assert ups_field("a@[fe80::1%eth0]:3493,b@h") == "a@[fe80::1%eth0]:3493,b@h"
    assert ups_field("my ups@h/x") == "my_ups@h_x"
    many = ",".join(f"ups{number}@host" for number in range(40))
    assert many.startswith(ups_field(many))
    assert MAX_NAME - 12 < len(ups_field(many)) <= MAX_NAME

# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of the control socket."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.control.messages import (
    MAX_REPLY,
    MAX_REQUEST,
    Answer,
    ControlError,
    LineSplitter,
    MessageError,
    Request,
    TooLong,
    decode_answer,
    decode_request,
    encode_event,
    encode_refusal,
    encode_reply,
    encode_request,
)

# Any text that Python may hold, also bytes that were no UTF-8 (surrogateescape).
TEXT = st.text(st.characters(codec=None), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(TEXT.filter(lambda key: key not in ("v", "id", "do", "ok", "error", "event")), JSON)


def test_the_bytes_of_a_request() -> None:
    """A request is what the documentation shows."""
    line = encode_request(7, "timers.start", {"name": "onbatt", "seconds": 30})
    assert line == b'{"v":1,"id":7,"do":"timers.start","name":"onbatt","seconds":30}\n'


@given(FIELDS)
@settings(max_examples=60)
def test_requests_and_replies_survive_the_wire(fields: dict[str, object]) -> None:
    """What one side encodes the other side decodes, text that is no UTF-8 included."""
    request = encode_request(3, "verb", fields)
    assert request.count(b"\n") == 1
    assert decode_request(request[:-1]) == Request(3, "verb", fields)
    assert decode_answer(encode_reply(3, fields)[:-1]) == Answer(3, fields)


@given(st.binary(max_size=200))
@settings(max_examples=150)
def test_random_bytes_are_refused_in_words(data: bytes) -> None:
    """No bytes whatever raise anything but MessageError."""
    for decode in (decode_request, decode_answer):
        with contextlib.suppress(MessageError):
            decode(data)


@given(JSON)
@settings(max_examples=100)
def test_random_json_is_refused_in_words(value: object) -> None:
    """No JSON whatever raises anything but MessageError."""
    for decode in (decode_request, decode_answer):
        with pytest.raises(MessageError, match=r"\w"):
            decode(json.dumps({"v": 1, "id": value, "do": 7}).encode())


@pytest.mark.parametrize(
    ("line", "words", "number"),
    [
        (b"", "not a line of JSON", None),
        (b"status", "not a line of JSON", None),
        (b'{"v":1,"id":1,"do":"x","n":NaN}', "not a line of JSON", None),
        (b"[" * 60000, "not a line of JSON", None),
        (b"\xff\xfe", "not a line of JSON", None),
        (b"[1]", "not a JSON object", None),
        (b'{"v":1,"do":"status"}', 'needs an "id"', None),
        (b'{"v":1,"id":true,"do":"status"}', 'needs an "id"', None),
        (b'{"v":1,"id":-1,"do":"status"}', 'needs an "id"', None),
        (b'{"v":1,"id":9007199254740992,"do":"status"}', 'needs an "id"', None),
        (b'{"v":2,"id":4,"do":"status"}', "version 1 .* the request is of version 2", 4),
        (b'{"id":4,"do":"status"}', "of version none", 4),
        (b'{"v":true,"id":4,"do":"status"}', "of version True", 4),
        (b'{"v":1,"id":4}', 'needs a "do"', 4),
        (b'{"v":1,"id":4,"do":["status"]}', 'needs a "do"', 4),
        (b'{"v":1,"id":4,"do":"' + b"x" * 65 + b'"}', 'needs a "do"', 4),
    ],
)
def test_what_is_wrong_with_a_request_is_said(line: bytes, words: str, number: int | None) -> None:
    """Each mistake has its words, and keeps the id where there is one."""
    with pytest.raises(MessageError, match=words) as caught:
        decode_request(line)
    assert caught.value.id == number


@pytest.mark.parametrize(
    "line",
    [
        b'{"v":1,"id":1}',
        b'{"v":1,"id":"1","ok":true}',
        b'{"v":1,"id":1,"ok":false}',
        b'{"v":1,"id":1,"ok":1}',
        b'{"v":9,"event":"notice"}',
    ],
)
def test_a_server_that_talks_nonsense_is_found_out(line: bytes) -> None:
    """A client never takes half a reply for a good one."""
    with pytest.raises(MessageError):
        decode_answer(line)


def test_a_refusal_comes_back_as_its_words() -> None:
    """The error of a reply is what the server wrote, cut if it is absurdly long."""
    assert decode_answer(encode_refusal(5, "no such UPS")) == Answer(5, {}, "no such UPS")
    assert len(encode_refusal(None, "x" * 10**6)) < MAX_REPLY


def test_an_event_carries_its_own_head() -> None:
    """Number and wall time are the server's, whatever the fields of the event are called."""
    line = encode_event({"event": "notice", "t": 2.5, "seq": 99, "v": 3, "ups": "a@h"}, 4, "noon")
    expected = {"v": 1, "event": "notice", "seq": 4, "at": "noon", "t": 2.5, "ups": "a@h"}
    assert decode_answer(line[:-1]) == expected


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": ""},
        {"event": 3},
        {"event": "x", "a": object()},
        {"event": "x", "a": float("nan")},
        {"event": "x", "a": "y" * MAX_REQUEST},
    ],
)
def test_what_is_no_event_is_not_sent(event: dict[str, object]) -> None:
    """Events that no client could read are an error of the server, in words."""
    with pytest.raises(ControlError, match=r"\w"):
        encode_event(event, 1, "noon")


def test_fields_can_not_pose_as_the_envelope() -> None:
    """A field called "id", "ok" or "do" is an error, not an overwritten envelope."""
    with pytest.raises(ControlError, match="do"):
        encode_request(1, "verb", {"do": "other"})
    with pytest.raises(ControlError, match="ok"):
        encode_reply(1, {"ok": False})


def test_lines_over_the_limit_are_not_sent() -> None:
    """What the other side would refuse is refused here, with its size."""
    with pytest.raises(ControlError, match=r"65\d\d\d bytes, and a line may have 65536"):
        encode_request(1, "verb", {"a": "y" * (MAX_REQUEST - 30)})


@given(st.lists(st.binary(max_size=12).filter(lambda line: b"\n" not in line)), st.integers(1, 7))
@settings(max_examples=60)
def test_lines_are_the_same_however_they_arrive(lines: list[bytes], size: int) -> None:
    """Cutting the stream anywhere changes nothing."""
    data = b"".join(line + b"\n" for line in lines)
    splitter = LineSplitter(limit=8)
    got = [line for at in range(0, len(data), size) for line in splitter.feed(data[at : at + size])]
    assert got == [line if len(line) < 8 else TooLong(8) for line in lines]


def test_a_line_without_end_is_not_held() -> None:
    """A megabyte without newline is told once, held never, and the line after it is read."""
    splitter = LineSplitter()
    got = [line for _ in range(64) for line in splitter.feed(b"x" * 16384)]
    assert got == [TooLong(MAX_REQUEST)]
    assert splitter.pending == 0
    assert splitter.feed(b"end\nnext\n") == [b"next"]

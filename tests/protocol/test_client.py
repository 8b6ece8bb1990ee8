# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the client's side of the network protocol."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.protocol import client as module
from ridethrough.protocol import requests
from ridethrough.protocol.client import Block, ClientProtocol, Fail, Line, Ok, Reply
from ridethrough.protocol.errors import ConnectionLost, Err, ProtocolError

ASKED = [
    requests.get_var("su", "ups.status"),
    requests.list_var("su"),
    requests.get_var("su", "no.such"),
    requests.list_ups(),
    requests.login("su"),
    requests.list_cmd("nosuch"),
    requests.get_tracking("12"),
    requests.ver(),
]
ANSWER = (
    b'VAR su ups.status "OL CHRG"\n'
    b'BEGIN LIST VAR su\nVAR su a.b "1"\nVAR su c.d "x \\"y\\" \\# \\\\"\nEND LIST VAR su\n'
    b"ERR VAR-NOT-SUPPORTED\n"
    b"BEGIN LIST UPS\nEND LIST UPS\n"
    b"OK\n"
    b"ERR UNKNOWN-UPS\n"
    b"PENDING\n"
    b"Network UPS Tools upsd 2.8.0 - https://www.networkupstools.org/\n"
)
REPLIES: list[Reply] = [
    Line(("VAR", "su", "ups.status", "OL CHRG")),
    Block(("VAR", "su"), (("a.b", "1"), ("c.d", 'x "y" # \\'))),
    Fail(Err.VAR_NOT_SUPPORTED, "VAR-NOT-SUPPORTED"),
    Block(("UPS",), ()),
    Ok(),
    Fail(Err.UNKNOWN_UPS, "UNKNOWN-UPS"),
    Line(("PENDING",)),
    Line(("Network", "UPS", "Tools", "upsd", "2.8.0", "-", "https://www.networkupstools.org/")),
]


def asked(*lines: bytes) -> ClientProtocol:
    """A protocol that has sent these requests."""
    client = ClientProtocol()
    for line in lines:
        client.send(line)
    client.data_to_send()
    return client


def test_requests_go_out_once_in_order() -> None:
    """Queued requests are given to the wire exactly once, as they were built."""
    client = ClientProtocol()
    for line in ASKED:
        client.send(line)
    assert client.outstanding == len(ASKED)
    assert client.data_to_send() == b"".join(ASKED)
    assert client.data_to_send() == b""


def test_pipelined_replies_come_in_order() -> None:
    """Each outstanding request gets its own reply, in order."""
    client = asked(*ASKED)
    assert client.receive(ANSWER) == REPLIES
    assert client.outstanding == 0


@settings(max_examples=60)
@given(st.lists(st.integers(0, len(ANSWER)), max_size=12))
def test_chunks_do_not_matter(cuts: list[int]) -> None:
    """However the server's bytes are cut, the replies are the same."""
    client = asked(*ASKED)
    places = sorted({0, len(ANSWER), *cuts})
    replies: list[Reply] = []
    for start, end in itertools.pairwise(places):
        replies += client.receive(ANSWER[start:end])
    assert replies == REPLIES


NOISE = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [b"OK\n", b"ERR\n", b"ERR X\n", b"BEGIN LIST VAR su\n", b'VAR su a.b "1"\n', b"END LIST VAR su\n"]
        ),
        max_size=12,
    ).map(b"".join),
)


@settings(max_examples=200)
@given(NOISE, st.integers(0, 200))
def test_noise_raises_nothing_but_protocol_errors(noise: bytes, cut: int) -> None:
    """Any bytes give replies or a ProtocolError, the same whether they come in one piece or two."""

    def outcome(*parts: bytes) -> tuple[list[object], str]:
        client = asked(*ASKED)
        got: list[object] = []
        try:
            for part in parts:
                got += client.receive(part)
        except ProtocolError as error:
            with pytest.raises(ProtocolError):
                client.receive(b"OK\n")
            return [*got, *error.replies], str(error)
        return got, ""

    assert outcome(noise) == outcome(noise[:cut], noise[cut:])


@pytest.mark.parametrize(
    ("request_line", "answer", "text"),
    [
        (requests.list_var("su"), b'VAR su a.b "1"\n', "answered LIST VAR su"),
        (requests.list_var("su"), b"BEGIN LIST VAR other\n", "answered LIST VAR su"),
        (requests.list_var("su"), b'BEGIN LIST VAR su\nVAR other a.b "1"\n', "stray line"),
        (requests.get_var("su", "a.b"), b'VAR su c.d "1"\n', "answered GET VAR su a.b"),
        (requests.get_var("su", "a.b"), b'VAR su "a\n', "can't be read"),
        (requests.login("su"), b"OK\nOK\n", "nobody asked"),
    ],
)
def test_nonsense_is_named(request_line: bytes, answer: bytes, text: str) -> None:
    """An answer to another question, a stray or unreadable line is an error that says so."""
    with pytest.raises(ProtocolError, match=text):
        asked(request_line).receive(answer)


def test_names_in_another_case_are_the_same() -> None:
    """C servers look names up whatever their case, and echo ours or theirs."""
    client = asked(requests.get_var("SU", "Ups.Status"))
    assert client.receive(b'VAR su ups.status "OL"\n') == [Line(("VAR", "su", "ups.status", "OL"))]


def test_floods_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list without end and a line without end are errors, not memory."""
    monkeypatch.setattr(module, "MAX_BLOCK_ROWS", 5)
    client = asked(requests.list_var("su"))
    with pytest.raises(ProtocolError, match="floods"):
        client.receive(b"BEGIN LIST VAR su\n" + b'VAR su a.b "1"\n' * 6)
    client = asked(requests.get_var("su", "a.b"))
    with pytest.raises(ProtocolError, match="longer"):
        client.receive(b"x" * 40_000)
    monkeypatch.setattr(module, "MAX_BLOCK_BYTES", 50)
    client = asked(requests.list_var("su"))
    with pytest.raises(ProtocolError, match="floods"):
        client.receive(b'BEGIN LIST VAR su\nVAR su a.b "' + b"x" * 60 + b'"\n')


def test_too_many_requests_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue of unanswered requests is bounded."""
    monkeypatch.setattr(module, "MAX_OUTSTANDING", 2)
    client = asked(requests.ver(), requests.ver())
    with pytest.raises(ProtocolError, match="2 requests wait"):
        client.send(requests.ver())


@pytest.mark.parametrize("line", [b"VER", b"VER\nVER\n", b"\n", b""])
def test_a_request_is_one_line(line: bytes) -> None:
    """What is not one whole line is a programmer's error."""
    with pytest.raises(ValueError, match="a request"):
        ClientProtocol().send(line)


def test_the_end_of_a_connection() -> None:
    """A close is an error while an answer is due or a line is cut off, and final in any case."""
    client = asked(requests.ver())
    with pytest.raises(ConnectionLost, match="before it answered"):
        client.receive_eof()
    client = ClientProtocol()
    client.receive(b"half a li")
    with pytest.raises(ConnectionLost, match="middle of a line"):
        client.receive_eof()
    client = ClientProtocol()
    client.receive_eof()
    with pytest.raises(ProtocolError, match="has closed"):
        client.send(requests.ver())
    with pytest.raises(ProtocolError, match="has closed"):
        client.receive_eof()


def test_an_error_inside_a_list_ends_it() -> None:
    """A server that gives up in the middle of a list has answered with ERR."""
    client = asked(requests.list_var("su"), requests.ver())
    assert client.receive(b'BEGIN LIST VAR su\nVAR su a.b "1"\nERR DATA-STALE\nx\n') == [
        Fail(Err.DATA_STALE, "DATA-STALE"),
        Line(("x",)),
    ]


def test_starttls_is_known() -> None:
    """`OK STARTTLS` is a reply like others; what follows is the handshake."""
    assert asked(requests.starttls()).receive(b"OK STARTTLS\n") == [Ok("STARTTLS")]

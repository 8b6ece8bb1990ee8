# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the requests: exact bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.protocol import requests
from ridethrough.protocol.errors import RequestError
from ridethrough.wire.words import decode, split


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (requests.get_var("su700", "ups.status"), b"GET VAR su700 ups.status\n"),
        (requests.get_type("su700", "ups.id"), b"GET TYPE su700 ups.id\n"),
        (requests.get_desc("su700", "ups.id"), b"GET DESC su700 ups.id\n"),
        (requests.get_cmddesc("su700", "load.on"), b"GET CMDDESC su700 load.on\n"),
        (requests.get_upsdesc("su700"), b"GET UPSDESC su700\n"),
        (requests.get_numlogins("su700"), b"GET NUMLOGINS su700\n"),
        (requests.get_tracking(), b"GET TRACKING\n"),
        (requests.get_tracking("1bd3-x"), b"GET TRACKING 1bd3-x\n"),
        (requests.list_ups(), b"LIST UPS\n"),
        (requests.list_var("su700"), b"LIST VAR su700\n"),
        (requests.list_rw("su700"), b"LIST RW su700\n"),
        (requests.list_cmd("su700"), b"LIST CMD su700\n"),
        (requests.list_enum("su700", "a.b"), b"LIST ENUM su700 a.b\n"),
        (requests.list_range("su700", "a.b"), b"LIST RANGE su700 a.b\n"),
        (requests.list_client("su700"), b"LIST CLIENT su700\n"),
        (requests.username("joe"), b"USERNAME joe\n"),
        (requests.password("pa ss#1"), b'PASSWORD "pa ss\\#1"\n'),
        (requests.password(""), b'PASSWORD ""\n'),
        (requests.login("su700"), b"LOGIN su700\n"),
        (requests.logout(), b"LOGOUT\n"),
        (requests.primary("su700"), b"PRIMARY su700\n"),
        (requests.primary_of_old_server("su700"), b"MASTER su700\n"),
        (requests.fsd("su700"), b"FSD su700\n"),
        (requests.instcmd("su700", "load.off"), b"INSTCMD su700 load.off\n"),
        (requests.instcmd("su700", "load.off", "120"), b"INSTCMD su700 load.off 120\n"),
        (requests.instcmd("su700", "load.off", "a b"), b'INSTCMD su700 load.off "a b"\n'),
        (requests.set_var("su700", "ups.id", 'My "UPS"'), b'SET VAR su700 ups.id "My \\"UPS\\""\n'),
        (requests.set_var("su700", "ups.id", "\udcff\u00eb"), b'SET VAR su700 ups.id "\xff\xc3\xab"\n'),
        (requests.set_tracking(True), b"SET TRACKING ON\n"),
        (requests.set_tracking(False), b"SET TRACKING OFF\n"),
        (requests.starttls(), b"STARTTLS\n"),
        (requests.ver(), b"VER\n"),
        (requests.netver(), b"NETVER\n"),
        (requests.help_(), b"HELP\n"),
    ],
)
def test_bytes(data: bytes, wanted: bytes) -> None:
    """Each request is exactly these bytes on the wire."""
    assert data == wanted


@pytest.mark.parametrize("word", ["a\nFSD su700", "a\rb", "a\0b"])
def test_no_word_smuggles_a_second_request(word: str) -> None:
    """A line break or zero byte in a word is refused, not sent."""
    with pytest.raises(RequestError, match="line break"):
        requests.get_var(word, "x")
    with pytest.raises(RequestError, match="line break"):
        requests.set_var("u", "x.y", word)


def test_text_that_has_no_bytes_is_refused() -> None:
    """A lone surrogate that stands for no byte is refused, not a traceback."""
    with pytest.raises(RequestError, match="character"):
        requests.set_var("u", "x.y", "\ud800")


def test_a_request_has_a_longest_length() -> None:
    """A request that no server takes is refused with both lengths."""
    with pytest.raises(RequestError, match="4096"):
        requests.set_var("u", "x.y", "v" * 5000)


@settings(max_examples=80)
@given(st.lists(st.text(st.characters(min_codepoint=32, codec="utf-8"), max_size=20), min_size=1, max_size=5))
def test_words_arrive_as_they_were_sent(words: list[str]) -> None:
    """Whatever printable text is asked for, a server reads the same words."""
    assert split(decode(requests.request(*words))) == words

# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the server's lines: exact bytes, and what our client reads from them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.protocol import requests, server_lines
from ridethrough.protocol.client import Block, ClientProtocol, Line
from ridethrough.protocol.errors import Err

TEXT = st.text(st.characters(min_codepoint=32, codec="utf-8"), max_size=30)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (server_lines.ok(), b"OK\n"),
        (server_lines.ok("TRACKING 1b-d3"), b"OK TRACKING 1b-d3\n"),
        (server_lines.err(Err.DATA_STALE), b"ERR DATA-STALE\n"),
        (server_lines.err(Err.READONLY, "now"), b"ERR READONLY now\n"),
        (server_lines.var("su", "ups.status", "OL"), b'VAR su ups.status "OL"\n'),
        (server_lines.var("su", "a.b", '"\\#='), b'VAR su a.b "\\"\\\\\\#="\n'),
        (server_lines.var("su", "a.b", "x\nERR y"), b'VAR su a.b "x ERR y"\n'),
        (server_lines.var("su", "a.b", "\udcff"), b'VAR su a.b "\xff"\n'),
        (server_lines.numlogins("su", 2), b"NUMLOGINS su 2\n"),
        (server_lines.upsdesc("su", "Box"), b'UPSDESC su "Box"\n'),
        (server_lines.type_of("su", "a.b", "RW STRING:32"), b"TYPE su a.b RW STRING:32\n"),
        (server_lines.desc("su", "a.b", "Some text"), b'DESC su a.b "Some text"\n'),
        (server_lines.cmddesc("su", "load.on", "On"), b'CMDDESC su load.on "On"\n'),
        (server_lines.block("UPS", []), b"BEGIN LIST UPS\nEND LIST UPS\n"),
        (
            server_lines.block("VAR su", [server_lines.row_var("su", "a.b", "1 2")]),
            b'BEGIN LIST VAR su\nVAR su a.b "1 2"\nEND LIST VAR su\n',
        ),
    ],
)
def test_bytes(data: bytes, wanted: bytes) -> None:
    """Each answer is exactly these bytes, as C's upsd writes them."""
    assert data == wanted


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (server_lines.row_ups("su", "Box 1"), 'UPS su "Box 1"'),
        (server_lines.row_rw("su", "a.b", "1"), 'RW su a.b "1"'),
        (server_lines.row_cmd("su", "load.on"), "CMD su load.on"),
        (server_lines.row_enum("su", "a.b", "103"), 'ENUM su a.b "103"'),
        (server_lines.row_range("su", "a.b", "1", "9"), 'RANGE su a.b "1" "9"'),
        (server_lines.row_client("su", "::1"), "CLIENT su ::1"),
        (server_lines.query_of("VAR", "su"), "VAR su"),
    ],
)
def test_rows(row: str, wanted: str) -> None:
    """Each row of a list is exactly this text."""
    assert row == wanted


@settings(max_examples=60)
@given(TEXT)
def test_a_client_reads_the_value_that_was_meant(value: str) -> None:
    """Any printable value comes through GET VAR unharmed."""
    client = ClientProtocol()
    client.send(requests.get_var("su", "a.b"))
    assert client.receive(server_lines.var("su", "a.b", value)) == [Line(("VAR", "su", "a.b", value))]


@settings(max_examples=60)
@given(st.dictionaries(TEXT.filter(bool), TEXT, max_size=6))
def test_a_client_reads_the_list_that_was_meant(values: dict[str, str]) -> None:
    """Any printable names and values come through LIST VAR unharmed, in order."""
    client = ClientProtocol()
    client.send(requests.list_var("my ups"))
    rows = [server_lines.row_var("my ups", name, value) for name, value in values.items()]
    data = server_lines.block(server_lines.query_of("VAR", "my ups"), rows)
    assert client.receive(data) == [Block(("VAR", "my ups"), tuple(values.items()))]

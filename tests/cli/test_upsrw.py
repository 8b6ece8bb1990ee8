# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of upsrw against a scripted server; tests/interop compares it with C's."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from ridethrough.cli import upsrw
from tests.support.lineserver import LineServer, line_server

NAMES = ("s.a", "n.a", "es.a", "en.a", "e.a", "r.a", "odd.a", "none.a")


def block(query: bytes, *rows: bytes) -> bytes:
    """A whole LIST answer, in bytes written by hand."""
    lines = [b"BEGIN LIST " + query, *(query + b" " + row for row in rows), b"END LIST " + query]
    return b"\n".join([*lines, b""])


SCRIPT = {
    b"LIST RW su\n": block(b"RW su", *(f'{name} "15 V"'.encode() for name in NAMES)),
    b"GET DESC su s.a\n": b'DESC su s.a "A string"\n',
    b"GET TYPE su s.a\n": b"TYPE su s.a RW STRING:16\n",
    b"GET TYPE su n.a\n": b"TYPE su n.a RW NUMBER\n",
    b"GET TYPE su es.a\n": b"TYPE su es.a RW ENUM STRING:8\n",
    b"GET TYPE su en.a\n": b"TYPE su en.a RW ENUM NUMBER\n",
    b"GET TYPE su e.a\n": b"TYPE su e.a RW ENUM\n",
    b"GET TYPE su r.a\n": b"TYPE su r.a RW RANGE NUMBER\n",
    b"GET TYPE su odd.a\n": b"TYPE su odd.a RW STRANGE NUMBER\n",
    b"LIST ENUM su es.a\n": block(b"ENUM su es.a", b'"a"', b'"15 V"'),
    b"LIST ENUM su en.a\n": block(b"ENUM su en.a", b'"1"'),
    b"LIST ENUM su e.a\n": block(b"ENUM su e.a"),
    b"LIST RANGE su r.a\n": block(b"RANGE su r.a", b'"1" "9"', b'"10" "20"'),
    b"USERNAME joe\n": b"OK\n",
    b"PASSWORD secret\n": b"OK\n",
    b'SET VAR su s.a "x = \\"y\\""\n': b"OK\n",
    b'SET VAR su s.a ""\n': b"ERR INVALID-VALUE\n",
}
LISTING = b"""\
[s.a]
A string
Type: STRING
Maximum length: 16
Value: 15 V

[n.a]
Description unavailable
Type: NUMBER
Value: 15 V

[es.a]
Description unavailable
Type: ENUM STRING
Maximum length: 8
Option: "a"
Option: "15 V" SELECTED

[en.a]
Description unavailable
Type: ENUM NUMBER
Option: "1"

[e.a]
Description unavailable
Type: ENUM

[r.a]
Description unavailable
Type: RANGE NUMBER
Option: "1-9"
Option: "10-20" SELECTED

[odd.a]
Description unavailable
Type: STRANGE (unrecognized)
Type: NUMBER
Value: 15 V

[none.a]
Description unavailable
Unknown type

"""
Captured = pytest.CaptureFixture[bytes]
LOGIN = ["-u", "joe", "-p", "secret"]


@pytest.fixture
def server() -> Iterator[LineServer]:
    """The scripted server."""
    with line_server(SCRIPT) as found:
        yield found


def run(server: LineServer, captured: Captured, *options: str) -> tuple[int, bytes, bytes]:
    """Status, output and errors of upsrw on the UPS su."""
    captured.readouterr()
    status = upsrw.main(["upsrw", *options, f"su@{server.host}:{server.port}"])
    out, errors = captured.readouterr()
    return status, out, errors


def test_the_listing(server: LineServer, capfdbinary: Captured) -> None:
    """Every type is shown as NUT shows it, those of old and of strange servers too."""
    assert run(server, capfdbinary) == (0, LISTING, b"")
    assert run(server, capfdbinary, "-l") == (0, LISTING, b"")


def test_listing_wins_over_setting(server: LineServer, capfdbinary: Captured) -> None:
    """-l together with -s lists, says so, and sets nothing."""
    status, out, errors = run(server, capfdbinary, "-s", "s.a=1", "-l")
    assert (status, out) == (0, LISTING)
    assert b"overriding" in errors
    assert not any(line.startswith(b"SET") for line in server.seen)


def test_the_later_of_listing_and_setting_counts(server: LineServer, capfdbinary: Captured) -> None:
    """-s behind -l sets, and lists nothing."""
    assert run(server, capfdbinary, *LOGIN, "-l", "-s", 's.a=x = "y"') == (0, b"", b"OK\n")
    assert b'SET VAR su s.a "x = \\"y\\""\n' in server.seen


def test_setting(server: LineServer, capfdbinary: Captured) -> None:
    """All after the first = is the value; the server's OK is printed on standard error."""
    assert run(server, capfdbinary, *LOGIN, "-s", 's.a=x = "y"') == (0, b"", b"OK\n")
    assert server.seen[:2] == [b"USERNAME joe\n", b"PASSWORD secret\n"]


def test_the_value_is_asked_for(
    server: LineServer, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-s VAR alone asks for the value, after user and password; nothing there is named."""
    monkeypatch.setattr("sys.stdin", io.StringIO('joe\nx = "y"\n'))
    status, out, errors = run(server, capfdbinary, "-p", "secret", "-s", "s.a")
    assert (status, errors) == (0, b"OK\n")
    assert out.startswith(b"Username")
    assert out.endswith(b"Enter new value for s.a: ")
    monkeypatch.setattr("sys.stdin", io.StringIO('x = "y"\n'))
    assert run(server, capfdbinary, *LOGIN, "-s", "s.a") == (0, b"Enter new value for s.a: ", b"OK\n")
    errors = run(server, capfdbinary, *LOGIN, "-s", "s.a")[2]
    assert errors == b"Error: no value was given; use -s s.a=VALUE\n"


def test_a_refused_value(server: LineServer, capfdbinary: Captured) -> None:
    """An empty value is sent as such; the refusal has place and advice."""
    status, _, errors = run(server, capfdbinary, *LOGIN, "-s", "s.a=")
    assert status == 1
    assert errors.startswith(b"Unexpected response from upsd: ERR INVALID-VALUE (127.0.0.1:")


def test_mistakes(server: LineServer, capfdbinary: Captured) -> None:
    """An old name is refused before anything is sent; no argument at all shows the usage."""
    status, _, errors = run(server, capfdbinary, "-s", "old=1")
    assert status == 1
    assert errors.startswith(b"Error: old variable names are not supported")
    assert server.seen == []
    assert upsrw.main(["upsrw"]) == 0
    assert capfdbinary.readouterr().out.startswith(b"usage: upsrw")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of upsc against a scripted server; tests/interop compares it with C's."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ridethrough.cli import upsc
from tests.support.lineserver import line_server
from tests.support.ports import free_port

SCRIPT = {
    b"LIST UPS\n": b'BEGIN LIST UPS\nUPS su "A \\"box\\""\nUPS two "Other"\nEND LIST UPS\n',
    b"LIST VAR su\n": b'BEGIN LIST VAR su\nVAR su ups.id "\xff \\"q\\""\nVAR su a.b "2"\nEND LIST VAR su\n',
    b"LIST VAR stale\n": b"ERR DATA-STALE\n",
    b"LIST CLIENT su\n": b"BEGIN LIST CLIENT su\nCLIENT su ::1\nCLIENT su 10.0.0.1\nEND LIST CLIENT su\n",
    b"GET VAR su a.b\n": b'VAR su a.b "2 3"\n',
}
Captured = pytest.CaptureFixture[bytes]


def run(captured: Captured, *words: str) -> tuple[int, bytes, bytes]:
    """Status, output and errors of upsc with `{at}` in a word replaced by the scripted server."""
    with line_server(SCRIPT) as server:
        at = f"{server.host}:{server.port}"
        status = upsc.main(["upsc", *(word.replace("{at}", at) for word in words)])
    out, errors = captured.readouterr()
    return status, out, errors


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (["su@{at}"], b'ups.id: \xff "q"\na.b: 2\n'),
        (["su@{at}", "a.b"], b"2 3\n"),
        (["-l", "{at}"], b"su\ntwo\n"),
        (["-L", "{at}"], b'su: A "box"\ntwo: Other\n'),
        (["-c", "su@{at}"], b"::1\n10.0.0.1\n"),
        (["-j", "su@{at}", "a.b"], b'"2 3"\n'),
        (["-jl", "{at}"], b'[\n  "su",\n  "two"\n]\n'),
        (["-jL", "{at}"], b'{\n  "su": "A \\"box\\"",\n  "two": "Other"\n}\n'),
        (["-j", "-c", "su@{at}"], b'[\n  "::1",\n  "10.0.0.1"\n]\n'),
        (["-D", "-W", "5", "-A", "none", "su@{at}", "a.b"], b"2 3\n"),
    ],
)
def test_output(capfdbinary: Captured, words: list[str], output: bytes) -> None:
    """Every form of upsc prints exactly these bytes and ends with status 0."""
    assert run(capfdbinary, *words) == (0, output, b"")


def test_json_is_json(capfdbinary: Captured) -> None:
    """-j gives a document that a JSON parser reads."""
    status, out, _ = run(capfdbinary, "-j", "su@{at}")
    assert status == 0
    assert json.loads(out.decode("utf-8", "surrogateescape")) == {"ups.id": '\udcff "q"', "a.b": "2"}


def test_an_error_is_one_line_in_nuts_words(capfdbinary: Captured) -> None:
    """Stale data: NUT's words first, then the server, then what to do; nothing on standard output."""
    status, out, errors = run(capfdbinary, "stale@{at}")
    assert (status, out) == (1, b"")
    assert errors.startswith(b"Error: Data stale (127.0.0.1:")
    assert errors.count(b"\n") == 1


def test_an_error_in_json(capfdbinary: Captured) -> None:
    """With -j the error is JSON on standard output too."""
    status, out, _ = run(capfdbinary, "-j", "stale@{at}")
    assert (status, json.loads(out)) == (1, {"error": "Data stale"})


def test_an_unreachable_server_is_one_line(capfdbinary: Captured) -> None:
    """A server that is not there: one line, status 1, the place in it."""
    port = free_port()
    assert upsc.main(["upsc", f"su@127.0.0.1:{port}"]) == 1
    out, errors = capfdbinary.readouterr()
    assert out == b""
    assert errors.startswith(f"Error: Connection failure: Connection refused (127.0.0.1:{port})".encode())
    assert errors.count(b"\n") == 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], b"Error: invalid UPS definition."),
        (["su@"], b"Error: invalid UPS definition.\nRequired format: upsname[@hostname[:port]]\n"),
        (["-l", "host:x"], b"Error: invalid hostname.\nRequired format: [hostname[:port]]\n"),
        (["su", "old"], b"Error: old-style variable names are not supported"),
        (["-Z"], b"upsc: option -Z not recognized\nusage: upsc"),
        (["-W", "soon", "su"], b"Error: invalid network timeout: 'soon'"),
        (["-W", "nan", "su"], b"Error: invalid network timeout: 'nan'"),
        (["-A", "/some/file", "su"], b"Error: the authentication file '/some/file' can't be used"),
        (["a\nb@127.0.0.1:1"], b"Error: "),
    ],
)
def test_mistakes(capfdbinary: Captured, words: list[str], text: bytes) -> None:
    """A wrong command line is said in NUT's words where NUT has some, with status 1."""
    assert upsc.main(["upsc", *words]) == 1
    out, errors = capfdbinary.readouterr()
    assert out == b""
    assert errors.startswith(text)


@pytest.mark.parametrize(("option", "text"), [("-h", b"usage: upsc"), ("-V", b"Ridethrough upsc ")])
def test_help_and_version(capfdbinary: Captured, option: str, text: bytes) -> None:
    """-h and -V print to standard output and end with status 0."""
    assert upsc.main(["upsc", option]) == 0
    assert capfdbinary.readouterr().out.startswith(text)


def test_the_environment_sets_the_timeout(capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """NUT_DEFAULT_CONNECT_TIMEOUT counts where -W is not given."""
    monkeypatch.setenv("NUT_DEFAULT_CONNECT_TIMEOUT", "never")
    assert run(capfdbinary, "su@{at}")[0] == 1
    assert run(capfdbinary, "-W", "3", "su@{at}")[0] == 0


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`upsc | head` ends quietly with status 0 when the reader has gone."""
    with line_server(SCRIPT) as server:
        reading, writing = os.pipe()
        os.close(reading)
        words = [sys.executable, "-m", "ridethrough.cli.main", "upsc", f"su@{server.host}:{server.port}"]
        done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, timeout=30, check=False)
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")

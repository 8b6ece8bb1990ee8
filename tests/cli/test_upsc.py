# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of upsc against a scripted server; tests/interop compares it with C's."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ridethrough.cli import client_args, upsc
from tests.support.lineserver import line_server
from tests.support.ports import free_port

SCRIPT = {
    b"LIST UPS\n": b'BEGIN LIST UPS\nUPS su "A \\"box\\""\nUPS two "Other"\nEND LIST UPS\n',
    b"LIST VAR su\n": b'BEGIN LIST VAR su\nVAR su ups.id "\xff \\"q\\""\nVAR su a.b "2"\nEND LIST VAR su\n',
    b"LIST VAR stale\n": b"ERR DATA-STALE\n",
    b"LIST CLIENT stale\n": b"ERR UNKNOWN-UPS\n",
    b"GET VAR su no.such\n": b"ERR VAR-NOT-SUPPORTED\n",
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


@pytest.mark.parametrize(
    ("words", "output"),
    [
        (["-j", "stale@{at}"], b'{\n  "error": "Data stale"\n}\n'),
        (["-j", "su@{at}", "no.such"], b'{"error": "Variable not supported by UPS"}\n'),
        (["-j", "-c", "stale@{at}"], b'{"error": "Unknown UPS"}\n'),
        (["-j", "su@{at}", "old"], b'{"error": "old-style variable names are not supported"}\n'),
        (
            ["-j", "su@"],
            b'{"error": "invalid UPS definition.\\nRequired format: upsname[@hostname[:port]]"}\n',
        ),
        (["-jl", "host:x"], b'{"error": "invalid hostname.\\nRequired format: [hostname[:port]]"}\n'),
        (["-j", "-A", "/no/such/file", "su@{at}"], b'{"error": "Failed to parse auth config file"}\n'),
    ],
)
def test_an_error_in_json(capfdbinary: Captured, words: list[str], output: bytes) -> None:
    """With -j every error is JSON on standard output too, byte for byte as from NUT's newest upsc."""
    status, out, errors = run(capfdbinary, *words)
    assert (status, out) == (1, output)
    assert errors.startswith(b"Error: ")
    json.loads(out)


def test_nothing_in_json(capfdbinary: Captured) -> None:
    """A list without rows has the shape that NUT's newest upsc gives it."""
    empty = {b"LIST CLIENT su\n": b"BEGIN LIST CLIENT su\nEND LIST CLIENT su\n"}
    with line_server(empty) as server:
        assert upsc.main(["upsc", "-j", "-c", f"su@{server.host}:{server.port}"]) == 0
    assert capfdbinary.readouterr().out == b"[\n\n]\n"


def test_odd_bytes_in_json(capfdbinary: Captured) -> None:
    """Quotes and backslashes are escaped in NUT's way; all others come out as they are."""
    odd = {b"GET VAR su a.b\n": b'VAR su a.b "\\"\\\\\x7f/ \xc3\xa9 \xff"\n'}
    with line_server(odd) as server:
        assert upsc.main(["upsc", "-j", f"su@{server.host}:{server.port}", "a.b"]) == 0
    assert capfdbinary.readouterr().out == b'"\\"\\\\\x7f/ \xc3\xa9 \xff"\n'


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
        (
            ["-A", "/no/such/file", "su"],
            b"Error: Failed to parse auth config file\n/no/such/file: there is no",
        ),
        (["a\nb@127.0.0.1:1"], b"Error: "),
    ],
)
def test_mistakes(capfdbinary: Captured, words: list[str], text: bytes) -> None:
    """A wrong command line is said in NUT's words where NUT has some, with status 1."""
    assert upsc.main(["upsc", *words]) == 1
    out, errors = capfdbinary.readouterr()
    assert out == b""
    assert errors.startswith(text)


@pytest.mark.parametrize(
    ("option", "text"), [("-h", b"usage: upsc"), ("-V", b"Network UPS Tools upsc (Ridethrough ")]
)
def test_help_and_version(capfdbinary: Captured, option: str, text: bytes) -> None:
    """-h and -V print to standard output and end with status 0."""
    assert upsc.main(["upsc", option]) == 0
    assert capfdbinary.readouterr().out.startswith(text)


@pytest.mark.parametrize(
    ("variable", "option", "timeout_s", "said"),
    [
        (None, [], 10.0, b""),
        ("3", [], 3.0, b""),
        ("3", ["-W", "0.5"], 0.5, b""),
        (None, ["-W", "0"], client_args.MAX_TIMEOUT_S, b""),
        (
            "never",
            [],
            10.0,
            b"Warning: NUT_DEFAULT_CONNECT_TIMEOUT 'never' is ignored; give seconds, such as 10\n",
        ),
        ("3", ["-W", "soon"], 3.0, b"Warning: -W 'soon' is ignored; give seconds, such as 10\n"),
        (None, ["-W", "nan"], 10.0, b"Warning: -W 'nan' is ignored; give seconds, such as 10\n"),
        (None, ["-W", "-1"], 10.0, b"Warning: -W '-1' is ignored; give seconds, such as 10\n"),
    ],
)
def test_the_timeout(
    capfdbinary: Captured,
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    option: list[str],
    timeout_s: float,
    said: bytes,
) -> None:
    """-W, else the environment, else 10 s; 0 leaves it to the system; nonsense is said and ignored."""
    monkeypatch.delenv("NUT_DEFAULT_CONNECT_TIMEOUT", raising=False)
    if variable is not None:
        monkeypatch.setenv("NUT_DEFAULT_CONNECT_TIMEOUT", variable)
    given = client_args.parse(["upsc", *option, "su"], "", "")
    assert given.connect_timeout_s == timeout_s
    assert capfdbinary.readouterr().err == said


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`upsc | head` ends quietly with status 0 when the reader has gone."""
    with line_server(SCRIPT) as server:
        reading, writing = os.pipe()
        os.close(reading)
        words = [sys.executable, "-m", "ridethrough.cli.main", "upsc", f"su@{server.host}:{server.port}"]
        done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, timeout=30, check=False)
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")

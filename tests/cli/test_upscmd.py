# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of upscmd, and of what it shares with upsrw: user and password, tracking."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from ridethrough.cli import client_args, client_tracking, upscmd
from ridethrough.client.blocking import Client
from tests.support.lineserver import LineServer, line_server

SCRIPT = {
    b"LIST CMD su\n": b"BEGIN LIST CMD su\nCMD su load.off\nCMD su private.x\nEND LIST CMD su\n",
    b"GET CMDDESC su load.off\n": b'CMDDESC su load.off "Off at once"\n',
    b"USERNAME joe\n": b"OK\n",
    b"USERNAME bad\n": b"ERR INVALID-USERNAME\n",
    b"PASSWORD secret\n": b"OK\n",
    b"INSTCMD su load.off\n": b"OK\n",
    b'INSTCMD su load.off "a b"\n': b"OK TRACKING 1-a\n",
    b"INSTCMD su no.right\n": b"ERR ACCESS-DENIED\n",
    b"SET TRACKING ON\n": b"OK\n",
    b"GET TRACKING 1-a\n": b"SUCCESS\n",
}
Captured = pytest.CaptureFixture[bytes]
LOGIN = ["-u", "joe", "-p", "secret"]


@pytest.fixture
def server() -> Iterator[LineServer]:
    """The scripted server."""
    with line_server(SCRIPT) as found:
        yield found


def run(server: LineServer, captured: Captured, before: list[str], *after: str) -> tuple[int, bytes, bytes]:
    """Status, output and errors of upscmd on the UPS su."""
    captured.readouterr()
    status = upscmd.main(["upscmd", *before, f"su@{server.host}:{server.port}", *after])
    out, errors = captured.readouterr()
    return status, out, errors


def test_the_list(server: LineServer, capfdbinary: Captured) -> None:
    """-l prints each command with its description, or alone where the server has none."""
    text = b"Instant commands supported on UPS [su]:\n\nload.off - Off at once\nprivate.x\n"
    assert run(server, capfdbinary, ["-l"]) == (0, text, b"")


def test_a_command(server: LineServer, capfdbinary: Captured) -> None:
    """User and password go first, then the command; the server's OK is printed on standard error."""
    assert run(server, capfdbinary, LOGIN, "load.off") == (0, b"", b"OK\n")
    assert server.seen[:3] == [b"USERNAME joe\n", b"PASSWORD secret\n", b"INSTCMD su load.off\n"]


def test_a_tracked_command(server: LineServer, capfdbinary: Captured) -> None:
    """-w turns tracking on and prints the driver's own result; a value of two words stays one."""
    assert run(server, capfdbinary, [*LOGIN, "-w"], "load.off", "a b") == (0, b"", b"SUCCESS\n")
    assert server.seen[2:5] == [
        b"SET TRACKING ON\n",
        b'INSTCMD su load.off "a b"\n',
        b"GET TRACKING 1-a\n",
    ]


def test_a_refused_command(server: LineServer, capfdbinary: Captured) -> None:
    """The server's ERR is shown as NUT shows it, with the place and what to do; status 1."""
    status, _, errors = run(server, capfdbinary, LOGIN, "no.right")
    assert status == 1
    assert errors.startswith(b"Unexpected response from upsd: ERR ACCESS-DENIED (127.0.0.1:")
    assert b"upsd.users" in errors


def test_a_refused_user(server: LineServer, capfdbinary: Captured) -> None:
    """A refused user name ends it before the command is sent."""
    status, _, errors = run(server, capfdbinary, ["-u", "bad", "-p", "secret"], "load.off")
    assert status == 1
    assert errors.startswith(b"Authentication failed: Invalid username (")
    assert not any(line.startswith(b"INSTCMD") for line in server.seen)


def test_user_and_password_are_asked_for(
    server: LineServer, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What -u and -p do not give is asked for at the terminal, and never printed."""
    monkeypatch.setattr("sys.stdin", io.StringIO("joe\n"))
    monkeypatch.setattr("getpass.getpass", lambda prompt: "secret")
    status, out, errors = run(server, capfdbinary, [], "load.off")
    assert (status, errors) == (0, b"OK\n")
    assert out.startswith(b"Username (")
    assert b"secret" not in out + errors


def test_nobody_there_to_be_asked(
    server: LineServer, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of standard input the missing option is named."""

    def no_terminal(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    monkeypatch.setattr("getpass.getpass", no_terminal)
    assert run(server, capfdbinary, [], "load.off")[2] == b"Error: no user name was given; use -u\n"
    errors = run(server, capfdbinary, ["-u", "joe"], "load.off")[2]
    assert errors == b"Error: no password was given; use -p\n"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (LOGIN, [], b"Error: no command is given; list those of this UPS with: upscmd -l su@"),
        (LOGIN, ["old"], b"Error: old command names are not supported"),
        ([*LOGIN, "-t", "-3"], ["load.off"], b"Error: invalid value of -t"),
        (LOGIN, ["load.off\nFSD su"], b"Error: a line break"),
    ],
)
def test_mistakes(
    server: LineServer, capfdbinary: Captured, before: list[str], after: list[str], text: bytes
) -> None:
    """A wrong command line is refused before anything is sent."""
    status, _, errors = run(server, capfdbinary, before, *after)
    assert status == 1
    assert errors.startswith(text)
    assert server.seen == []


def test_without_arguments_it_explains_itself(capfdbinary: Captured) -> None:
    """As NUT's upscmd: the usage, and status 0."""
    assert upscmd.main(["upscmd"]) == 0
    assert capfdbinary.readouterr().out.startswith(b"usage: upscmd")


def test_tracking_gives_up_in_time() -> None:
    """PENDING is asked again with growing pauses, and given up at the limit."""
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    with line_server(lambda line: b"PENDING\n") as server, Client(server.host, server.port) as client:
        with pytest.raises(client_args.Stop, match="timeout"):
            client_tracking.follow(client, "1-a", 10.0, sleep, lambda: now)
        assert 10.0 <= now < 10.1
        assert len(server.seen) < 20


def test_tracking_tells_a_failure() -> None:
    """A result that is an ERR is shown as it came."""
    answers = iter([b"PENDING\n", b"ERR FAILED\n"])
    with line_server(lambda line: next(answers, b"")) as server, Client(server.host, server.port) as client:
        assert client_tracking.follow(client, "1-a", 10.0, lambda seconds: None, lambda: 0.0) == "ERR FAILED"


def test_a_server_that_can_not_track(capfdbinary: Captured) -> None:
    """-w against a server without tracking says so, and sends no command."""
    script = {b"USERNAME joe\n": b"OK\n", b"PASSWORD secret\n": b"OK\n"}
    with line_server(script) as server:
        status, _, errors = run(server, capfdbinary, [*LOGIN, "-w"], "load.off")
        assert status == 1
        assert errors.startswith(
            b"Enabling command status tracking failed. upsd answered: ERR UNKNOWN-COMMAND"
        )
        assert not any(line.startswith(b"INSTCMD") for line in server.seen)


def test_people_are_told_what_ok_means(
    server: LineServer, capfdbinary: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a terminal OK is explained, unless NUT_QUIET_OK_NOTRACKING is true; scripts get OK alone."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NUT_QUIET_OK_NOTRACKING", raising=False)
    assert run(server, capfdbinary, LOGIN, "load.off")[2].startswith(b"OK\nThe server has accepted this;")
    monkeypatch.setenv("NUT_QUIET_OK_NOTRACKING", "true")
    assert run(server, capfdbinary, LOGIN, "load.off")[2] == b"OK\n"


def test_no_time_to_wait(server: LineServer, capfdbinary: Captured) -> None:
    """-t 0 is taken, as by NUT's programs: the result is asked for once."""
    assert run(server, capfdbinary, [*LOGIN, "-w", "-t", "0"], "load.off", "a b")[2] == b"SUCCESS\n"

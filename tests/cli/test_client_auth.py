# SPDX-License-Identifier: GPL-2.0-or-later
"""nutauth.conf as the clients use it: where it is looked for, who logs in with it, and when they stop."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from ridethrough.cli import client_auth, upsc, upscmd, upsrw
from ridethrough.config.paths import DEFAULT_CONFPATH
from tests.support.lineserver import LineServer, line_server
from tests.support.wait import wait_until

Captured = pytest.CaptureFixture[bytes]
SECRET = "zq7Xw9Kv"
SCRIPT = {
    b"USERNAME joe\n": b"OK\n",
    b"USERNAME amy\n": b"OK\n",
    f"PASSWORD {SECRET}\n".encode(): b"OK\n",
    b"PASSWORD other\n": b"OK\n",
    b"INSTCMD su load.off\n": b"OK\n",
    b'SET VAR su a.b "1"\n': b"OK\n",
    b"GET VAR su a.b\n": b'VAR su a.b "1"\n',
    b"LIST CMD su\n": b"BEGIN LIST CMD su\nEND LIST CMD su\n",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and an empty configuration directory; nobody can be asked."""
    for name in ("NUT_AUTHCONF_FILE", "NUT_AUTHCONF_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NUT_CONFPATH", str(tmp_path / "etc"))
    monkeypatch.setattr("ridethrough.cli.client_args._ask_user", lambda: pytest.fail("asked for a user"))
    monkeypatch.setattr(
        "ridethrough.cli.client_args._ask_password", lambda: pytest.fail("asked for a password")
    )
    return tmp_path


@pytest.fixture
def server() -> Iterator[LineServer]:
    """The scripted server."""
    with line_server(SCRIPT) as found:
        yield found


def write(path: Path, text: str) -> Path:
    """A file that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def run(
    module: ModuleType, server: LineServer, captured: Captured, before: list[str], *after: str
) -> tuple[int, bytes, bytes]:
    """Status, output and errors of a command on the UPS su."""
    captured.readouterr()
    status = module.main(["prog", *before, f"su@{server.host}:{server.port}", *after])
    out, errors = captured.readouterr()
    return status, out, errors


def test_where_it_is_looked_for(tmp_path: Path) -> None:
    """The order of upsc(8); each variable rules out all other places."""
    env = {"HOME": str(tmp_path), "NUT_CONFPATH": str(tmp_path / "etc")}
    assert client_auth.locate(env) is None
    places = [
        write(tmp_path / "etc/nutauth.conf", ""),
        write(tmp_path / ".nutauth.conf", ""),
        write(tmp_path / ".config/nut/nutauth.conf", ""),
    ]
    assert client_auth.locate(env) == str(places[2])
    places[2].unlink()
    assert client_auth.locate(env) == str(places[1])
    assert client_auth.locate({**env, "HOME": ""}) == str(places[0])
    other = write(tmp_path / "dir/nutauth.conf", "")
    env["NUT_AUTHCONF_PATH"] = str(other.parent)
    assert client_auth.locate(env) == str(other)
    assert client_auth.locate({**env, "NUT_AUTHCONF_PATH": str(tmp_path / "no")}) is None
    assert client_auth.locate({**env, "NUT_AUTHCONF_FILE": str(places[1])}) == str(places[1])
    assert client_auth.locate({**env, "NUT_AUTHCONF_FILE": str(tmp_path / "no")}) is None
    assert client_auth.locate({**env, "NUT_AUTHCONF_FILE": "a\0b"}) is None
    assert Path(client_auth.CONFPATH) == DEFAULT_CONFPATH


@pytest.mark.parametrize(
    ("module", "before", "after"),
    [(upscmd, [], ["load.off"]), (upsrw, ["-s", "a.b=1"], []), (upsc, [], ["a.b"])],
)
def test_user_and_password_come_from_the_file(
    server: LineServer,
    capfdbinary: Captured,
    home: Path,
    module: ModuleType,
    before: list[str],
    after: list[str],
) -> None:
    """Without -u and -p, from the home of the user; the password is never printed."""
    write(home / ".nutauth.conf", f"[@{server.host}:{server.port}]\nUSER = joe\nPASS = {SECRET}\n")
    status, out, errors = run(module, server, capfdbinary, before, *after)
    assert status == 0
    assert server.seen[:2] == [b"USERNAME joe\n", f"PASSWORD {SECRET}\n".encode()]
    assert SECRET.encode() not in out + errors


def test_options_weigh_more(server: LineServer, capfdbinary: Captured, home: Path) -> None:
    """-p replaces the file's password; -u brings the password of that user's own section."""
    at = f"{server.host}:{server.port}"
    write(home / ".nutauth.conf", f"[@{at}]\nUSER = joe\nPASS = other\n[amy@{at}]\nPASS = {SECRET}\n")
    assert run(upscmd, server, capfdbinary, ["-p", SECRET], "load.off")[0] == 0
    assert server.seen[:2] == [b"USERNAME joe\n", f"PASSWORD {SECRET}\n".encode()]
    wait_until(lambda: server.seen[-1:] == [b"LOGOUT\n"], 5.0, "the end of the first one")
    server.seen.clear()
    assert run(upscmd, server, capfdbinary, ["-u", "amy"], "load.off")[0] == 0
    assert server.seen[:2] == [b"USERNAME amy\n", f"PASSWORD {SECRET}\n".encode()]


def test_none_reads_none(server: LineServer, capfdbinary: Captured, home: Path) -> None:
    """-A none: as if there were no file, however broken it is."""
    write(home / ".nutauth.conf", "INCLUDE_REQUIRED /no/such/file\n")
    assert run(upsc, server, capfdbinary, ["-A", "none"], "a.b") == (0, b"1\n", b"")
    assert server.seen[0] == b"GET VAR su a.b\n"


def test_a_file_that_is_asked_for_must_be_in_order(
    server: LineServer, capfdbinary: Captured, home: Path
) -> None:
    """-A FILE and -A default: an error in it, or no file, and nothing is sent."""
    start = b"Error: Failed to parse auth config file\n"
    for option in (str(home / "none"), "default"):
        status, _, errors = run(upsc, server, capfdbinary, ["-A", option], "a.b")
        assert (status, errors.startswith(start)) == (1, True)
    path = write(home / ".nutauth.conf", f"PASS {SECRET}\n")
    for option in (str(path), "default"):
        status, _, errors = run(upscmd, server, capfdbinary, ["-A", option, "-l"])
        assert (status, errors.startswith(start + f"{path}:1: error: PASS takes".encode())) == (1, True)
        assert SECRET.encode() not in errors
    assert server.seen == []


def test_a_file_that_is_merely_there_does_not_stop_anybody(
    server: LineServer, capfdbinary: Captured, home: Path
) -> None:
    """Its faults are said, and the command goes on; one that can't be read is not even worth a word."""
    path = write(home / ".nutauth.conf", "PASS\n")
    status, out, errors = run(upsc, server, capfdbinary, [], "a.b")
    assert (status, out) == (0, b"1\n")
    assert errors.startswith(f"{path}:1: error: PASS has no value".encode())
    path.unlink()
    path.mkdir()
    assert run(upsc, server, capfdbinary, [], "a.b") == (0, b"1\n", b"")


def test_who_misses_the_account_is_told_why(
    server: LineServer, capfdbinary: Captured, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before upscmd asks for a user, it says which file it could not read."""
    (home / ".nutauth.conf").mkdir()
    monkeypatch.setattr("ridethrough.cli.client_args._ask_user", lambda: "joe")
    status, _, errors = run(upscmd, server, capfdbinary, ["-p", SECRET], "load.off")
    assert status == 0
    assert errors.startswith(f"{home / '.nutauth.conf'}: error: ".encode())
    assert errors.endswith(b"OK\n")


def test_a_required_file_that_is_missing_stops_everybody(
    server: LineServer, capfdbinary: Captured, home: Path
) -> None:
    """INCLUDE_REQUIRED is meant so, even in a file that nobody asked for."""
    write(home / ".nutauth.conf", "INCLUDE_REQUIRED /no/such/file\n")
    status, _, errors = run(upsc, server, capfdbinary, [], "a.b")
    assert status == 1
    assert b"INCLUDE_REQUIRED" in errors
    assert server.seen == []


@pytest.mark.parametrize(("module", "after"), [(upsc, ["a.b"]), (upscmd, ["load.off"])])
def test_nothing_goes_in_the_clear_where_tls_is_asked_for(
    server: LineServer, capfdbinary: Captured, home: Path, module: ModuleType, after: list[str]
) -> None:
    """FORCESSL ends the command before it connects; FORCESSL = off for the server lets it go on."""
    at = f"{server.host}:{server.port}"
    text = f"USER = joe\nPASS = {SECRET}\nFORCESSL = on\n"
    write(home / ".nutauth.conf", text)
    status, _, errors = run(module, server, capfdbinary, [], *after)
    assert status == 1
    assert errors.startswith(f"Error: SSL error: nutauth.conf asks for TLS to {at} ".encode())
    assert server.links == []
    write(home / ".nutauth.conf", f"{text}[@{at}]\nFORCESSL = off\n")
    assert run(module, server, capfdbinary, [], *after)[0] == 0


def test_a_refused_login_does_not_keep_from_reading(capfdbinary: Captured, home: Path) -> None:
    """upsc logs in as well as it can: everybody may read."""
    write(home / ".nutauth.conf", "USER = bad\nPASS = x\n")
    with line_server({**SCRIPT, b"USERNAME bad\n": b"ERR INVALID-USERNAME\n"}) as server:
        assert run(upsc, server, capfdbinary, [], "a.b") == (0, b"1\n", b"")


def test_who_has_no_file_does_not_pay_for_it(server: LineServer) -> None:
    """upsc without a nutauth.conf loads nothing of the configuration's code."""
    code = (
        "import sys; from ridethrough.cli import upsc; status = upsc.main(sys.argv);"
        "print([name for name in sys.modules if name.startswith('ridethrough.config')]); sys.exit(status)"
    )
    words = [sys.executable, "-c", code, f"su@{server.host}:{server.port}", "a.b"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n[]\n", "")

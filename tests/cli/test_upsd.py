# SPDX-License-Identifier: GPL-2.0-or-later
"""`upsd` as a process: how it starts, what it refuses in one line, how it reloads and stops."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from ridethrough.ups.state import Snapshot
from ridethrough.ups.variables import Variable
from tests.support.cnut import USERS
from tests.support.fakedriver import fake_driver
from tests.support.our_upsd import MODULE, OurUpsd, converse, environment, our_upsd, write_files
from tests.support.ports import LOOPBACK, free_port
from tests.support.procs import started
from tests.support.wait import wait_until

WAIT_S = 15.0


def run(tmp_path: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end with the files in `tmp_path/conf`."""
    pids = tmp_path / "pids"
    pids.mkdir(exist_ok=True)
    return subprocess.run(
        [*MODULE, *options],
        env={**os.environ, **environment(tmp_path / "conf", tmp_path, pids), **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of the error; there is no traceback."""
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("upsd: error: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.parametrize("name", ["upsd.conf", "ups.conf"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    """Without upsd.conf or ups.conf it does not start, and says which one is missing where."""
    write_files(tmp_path / "conf", free_port(), {"a": "dummy-ups"})
    (tmp_path / "conf" / name).unlink()
    assert str(tmp_path / "conf" / name) in refusal(run(tmp_path, "-F"))


def test_without_a_ups_it_does_not_start(tmp_path: Path) -> None:
    """An ups.conf without sections is refused with what to write."""
    write_files(tmp_path / "conf", free_port(), {})
    assert "defines no UPS" in refusal(run(tmp_path, "-F"))


def test_a_port_in_use_is_refused_with_its_holder(tmp_path: Path) -> None:
    """The line names host, port and the process that has it."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        write_files(tmp_path / "conf", port, {"a": "dummy-ups"})
        line = refusal(run(tmp_path, "-F", "-u", "root"))
    assert f"{LOOPBACK}:{port}" in line
    assert f"(pid {os.getpid()})" in line


@pytest.mark.parametrize(
    "line", ["LISTEN 127.0.0.1 notaport", "LISTEN 127.0.0.1:3493", "LISTEN 127.0.0.1 70000"]
)
def test_a_listen_that_makes_no_sense_is_refused(tmp_path: Path, line: str) -> None:
    """It does not start without that address, nor on NUT's default; ALLOW_NOT_ALL_LISTENERS lets it."""
    conf = tmp_path / "conf"
    write_files(conf, free_port(), {"a": "dummy-ups"}, upsd_conf=[line])
    done = run(tmp_path, "-F", "-u", "root")
    assert done.returncode == 1
    assert "upsd.conf:2: this LISTEN can't be obeyed" in done.stderr
    (conf / "upsd.conf").write_text(f"{line}\nALLOW_NOT_ALL_LISTENERS yes\n")
    assert "upsd.conf:1: this LISTEN" in run(tmp_path, "-F", "-u", "root").stderr
    with our_upsd(
        tmp_path, {"a": "dummy-ups"}, tmp_path, upsd_conf=[line, "ALLOW_NOT_ALL_LISTENERS yes"]
    ) as ours:
        assert converse(ours.port, [b"PROTVER\n"]) == [b"1.3\n"]


def test_a_running_one_is_refused_by_its_pid_file(tmp_path: Path) -> None:
    """Beside a living upsd with the same pid file a second one does not start, and the pid file stays."""
    with our_upsd(tmp_path, {"a": "dummy-ups"}, tmp_path) as ours:
        write_files(tmp_path / "conf", free_port(), {"a": "dummy-ups"})
        line = refusal(run(tmp_path, "-F", NUT_ALTPIDPATH=str(ours.pidpath)))
        assert f"(pid {ours.process.pid}) holds the pid file {ours.pidpath / 'upsd.pid'}" in line
        assert (ours.pidpath / "upsd.pid").read_text() == f"{ours.process.pid}\n"


def test_a_stale_pid_file_is_no_obstacle(tmp_path: Path) -> None:
    """A pid file left behind by a crash is taken over."""
    (tmp_path / "pids").mkdir()
    (tmp_path / "pids" / "upsd.pid").write_text("999999999\n")
    write_files(tmp_path / "conf", free_port(), {"a": "dummy-ups"})
    env = environment(tmp_path / "conf", tmp_path, tmp_path / "pids")
    with started([*MODULE, "-FF", "-u", "root"], env=env) as process:
        process.wait_output("listening on", WAIT_S)
        assert (tmp_path / "pids" / "upsd.pid").read_text() == f"{process.pid}\n"


def test_no_device_is_allowed_when_asked_for(tmp_path: Path) -> None:
    """With ALLOW_NO_DEVICE it serves an empty list; the environment may say so, too."""
    with our_upsd(tmp_path, {}, tmp_path, upsd_conf=["ALLOW_NO_DEVICE true"]) as ours:
        assert converse(ours.port, [b"LIST UPS\n"]) == [b"BEGIN LIST UPS\nEND LIST UPS\n"]
    env = environment(ours.confpath, tmp_path, ours.pidpath) | {"ALLOW_NO_DEVICE": "no"}
    done = subprocess.run(
        [*MODULE, "-F"], env={**os.environ, **env}, capture_output=True, text=True, timeout=30, check=False
    )
    assert "defines no UPS" in refusal(done)


def test_faults_in_the_files_are_said_and_the_rest_works(tmp_path: Path) -> None:
    """An unknown directive is said with file and line; a section without driver is left out; it serves."""
    devices = {"a": "dummy-ups", "x": "", "b": "dummy-ups"}
    with our_upsd(tmp_path, devices, tmp_path, upsd_conf=["MAXAJE 5"]) as ours:
        listed = converse(ours.port, [b"LIST UPS\n"])[0]
        assert [line.split()[1] for line in listed.splitlines()[1:-1]] == [b"a", b"b"]
        assert "upsd.conf:2" in ours.process.output()
        assert "[x]" in ours.process.output()


def test_a_reload_changes_users_and_devices(tmp_path: Path) -> None:
    """SIGHUP reads all files again; a session stays open, and a file that can't be read changes nothing."""
    with our_upsd(tmp_path, {"a": "dummy-ups"}, tmp_path, users="") as ours:
        login = [b"USERNAME watcher\n", b"PASSWORD pass\n", b"LOGIN a\n"]
        assert converse(ours.port, login)[-1] == b"ERR ACCESS-DENIED\n"
        with socket.create_connection((LOOPBACK, ours.port)) as before, before.makefile("rwb") as lines:
            lines.write(b"USERNAME watcher\nPASSWORD pass\n")
            lines.flush()
            assert [lines.readline(), lines.readline()] == [b"OK\n", b"OK\n"]
            write_files(ours.confpath, ours.port, {"b": "dummy-ups", "a": "dummy-ups"}, USERS)
            _signal(ours, signal.SIGHUP, "was read again")
            lines.write(b"LOGIN a\n")
            lines.flush()
            assert lines.readline() == b"OK\n"
            names = converse(ours.port, [b"LIST UPS\n"])[0]
            assert names.index(b"UPS b ") < names.index(b"UPS a ")
            (ours.confpath / "upsd.users").unlink()
            _signal(ours, signal.SIGHUP, "was read again")
            assert converse(ours.port, login)[-1] == b"OK\n"
            (ours.confpath / "upsd.conf").unlink()
            _signal(ours, signal.SIGHUP, "stays as it was")
            assert converse(ours.port, [b"LIST UPS\n"])[0] == names
        ours.process.send_signal(signal.SIGTERM)
        assert ours.process.wait(WAIT_S) == 0
        assert not (ours.pidpath / "upsd.pid").exists()


def test_a_reload_changes_addresses_verbosity_and_statepath(tmp_path: Path) -> None:
    """LISTEN, DEBUG_MIN and STATEPATH are taken at a reload, too; a session on a door that closes stays."""
    other, state = free_port(), tmp_path / "state"
    state.mkdir()
    driver = fake_driver(state / "fake-a", Snapshot({"ups.status": Variable("ups.status", "OB")}))
    with our_upsd(tmp_path, {"a": "fake"}, tmp_path) as ours, driver:
        with socket.create_connection((LOOPBACK, ours.port), timeout=5) as before:
            before.sendall(b"PROTVER\n")
            assert before.recv(99) == b"1.3\n"
            write_files(ours.confpath, other, {"a": "fake"}, USERS, ["DEBUG_MIN 1"])
            _signal(ours, signal.SIGHUP, "was read again")
            assert f"no longer listening on {LOOPBACK} port {ours.port}" in ours.process.output()
            assert converse(other, [b"PROTVER\n"]) == [b"1.3\n"]
            before.sendall(b"PROTVER\n")
            assert before.recv(99) == b"1.3\n"
        write_files(ours.confpath, other, {"a": "fake"}, USERS, [f"STATEPATH {state}"])
        asked = [b"GET VAR a ups.status\n"]
        assert converse(other, asked) == [b"ERR DRIVER-NOT-CONNECTED\n"]
        _signal(ours, signal.SIGHUP, "was read again")
        # NUT_STATEPATH goes before the file, at a reload as at the start.
        assert converse(other, asked) == [b"ERR DRIVER-NOT-CONNECTED\n"]
        with socket.create_server((LOOPBACK, 0)) as taken:
            write_files(ours.confpath, taken.getsockname()[1], {"a": "fake"})
            _signal(ours, signal.SIGHUP, "LISTEN stays as it was")
        assert converse(other, [b"PROTVER\n"]) == [b"1.3\n"]


def test_another_statepath_is_taken_at_a_reload(tmp_path: Path) -> None:
    """Without NUT_STATEPATH the drivers' sockets are looked for where the reloaded files say."""
    old, new, port = tmp_path / "old", tmp_path / "new", free_port()
    for directory in (old, new):
        directory.mkdir()
    conf = tmp_path / "conf"
    write_files(conf, port, {"a": "fake"}, USERS, [f"STATEPATH {old}"])
    env = environment(conf, tmp_path, tmp_path) | {"NUT_STATEPATH": ""}
    asked = [b"GET VAR a ups.status\n"]
    with contextlib.ExitStack() as parts:
        for directory, status in ((old, "OL"), (new, "OB")):
            snapshot = Snapshot({"ups.status": Variable("ups.status", status)})
            parts.enter_context(fake_driver(directory / "fake-a", snapshot))
        process = parts.enter_context(started([*MODULE, "-F", "-u", "root"], env=env))
        process.wait_output("listening on", WAIT_S)
        wait_until(lambda: b'"OL"' in converse(port, asked)[0], WAIT_S, "the old directory")
        write_files(conf, port, {"a": "fake"}, USERS, [f"STATEPATH {new}"])
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: b'"OB"' in converse(port, asked)[0], WAIT_S, "the new directory")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_it_stops_well_by_each_signal_of_nut(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM, SIGINT and SIGQUIT end it with status 0."""
    with our_upsd(tmp_path, {"a": "dummy-ups"}, tmp_path) as ours:
        ours.process.send_signal(number)
        assert ours.process.wait(WAIT_S) == 0


def test_the_service_manager_is_told(tmp_path: Path) -> None:
    """It is ready, reloads, is ready again, and pats the watchdog that its unit asks for."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(WAIT_S)
        conf = tmp_path / "conf"
        write_files(conf, free_port(), {"a": "dummy-ups"})
        env = environment(conf, tmp_path, tmp_path) | {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "400000"}
        with started([*MODULE, "-F", "-u", "root"], env=env) as process:
            heard: list[str] = []

            def until(word: str) -> None:
                while not any(word in text for text in heard):
                    heard.append(manager.recv(4096).decode())

            until("READY=1")
            heard.clear()
            process.send_signal(signal.SIGHUP)
            until("RELOADING=1\nMONOTONIC_USEC=")
            until("READY=1")
            heard.clear()
            until("WATCHDOG=1")
            process.send_signal(signal.SIGTERM)
            until("STOPPING=1")


def test_options_are_read_as_by_c(tmp_path: Path) -> None:
    """The last of -F and -B counts, -c may be cut short, and -i and -p name what took their place."""
    with our_upsd(tmp_path, {"a": "dummy-ups"}, tmp_path, options=("-u", "root", "-B", "-FF")) as ours:
        to = {"NUT_ALTPIDPATH": str(ours.pidpath)}
        assert run(tmp_path, "-c", "rel", "-P", str(ours.process.pid)).returncode == 0
        wait_until(lambda: "was read again" in ours.process.output(), WAIT_S, "the reload")
        assert run(tmp_path, "-c", "s", **to).returncode == 0
        assert ours.process.wait(WAIT_S) == 0
    for option in ("-i", "-p"):
        done = run(tmp_path, option, "127.0.0.1")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "LISTEN ADDRESS PORT" in done.stderr


def test_it_is_signalled_by_its_pid_file(tmp_path: Path) -> None:
    """`upsd -c reload` and `upsd -c stop` reach the one that runs; without one they fail in one line."""
    with our_upsd(tmp_path, {"a": "dummy-ups"}, tmp_path) as ours:
        to = {"NUT_ALTPIDPATH": str(ours.pidpath)}
        assert run(tmp_path, "-c", "reload", **to).returncode == 0
        wait_until(lambda: "was read again" in ours.process.output(), WAIT_S, "the reload")
        assert run(tmp_path, "-c", "stop", **to).returncode == 0
        assert ours.process.wait(WAIT_S) == 0
        done = run(tmp_path, "-c", "stop", **to)
        assert (done.returncode, done.stdout) == (1, "")
        assert "nothing to signal" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert run(tmp_path, "-c", "dance").returncode == 1


def test_it_goes_to_the_background(tmp_path: Path) -> None:
    """Without -F it returns once it serves, and runs on; a start that fails still tells the terminal."""
    port = free_port()
    write_files(tmp_path / "conf", port, {"a": "dummy-ups"})
    done = run(tmp_path, "-u", "root")
    assert done.returncode == 0, done
    pid = int((tmp_path / "pids" / "upsd.pid").read_text())
    try:
        assert converse(port, [b"PROTVER\n"]) == [b"1.3\n"]
        second = run(tmp_path, "-u", "root")
        assert second.returncode == 1
        assert f"(pid {pid})" in second.stderr
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not (tmp_path / "pids" / "upsd.pid").exists(), WAIT_S, "the end of the daemon")


def test_it_says_what_it_is(tmp_path: Path) -> None:
    """-V and -h print and end well."""
    version = run(tmp_path, "-V")
    assert (version.returncode, version.stderr) == (0, "")
    assert version.stdout.startswith("Network UPS Tools upsd 2.8.0 - Ridethrough")
    assert "-c COMMAND" in run(tmp_path, "-h").stdout


def _signal(ours: OurUpsd, number: int, expected: str) -> None:
    seen = ours.process.output().count(expected)
    ours.process.send_signal(number)
    wait_until(lambda: ours.process.output().count(expected) > seen, WAIT_S, expected)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_it_gives_up_root(tmp_path: Path) -> None:
    """With -u it runs as that user; an unknown one is refused in one line."""
    write_files(tmp_path / "conf", free_port(), {"a": "dummy-ups"})
    assert "no user 'no-such-user'" in refusal(run(tmp_path, "-F", "-u", "no-such-user"))
    env = environment(tmp_path / "conf", tmp_path, tmp_path)
    with started([*MODULE, "-F", "-u", "nobody"], env=env) as process:
        process.wait_output("listening on", WAIT_S)
        status = Path(f"/proc/{process.pid}/status").read_text()
        (uids,) = (line.split()[1:] for line in status.splitlines() if line.startswith("Uid:"))
        assert "0" not in uids

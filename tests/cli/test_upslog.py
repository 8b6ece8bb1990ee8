# SPDX-License-Identifier: GPL-2.0-or-later
"""`upslog` as a process: lines, files, signals, servers that come and go, refusals in one line."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.ports import LOOPBACK, free_port
from tests.support.procs import Process, started
from tests.support.wait import wait_until

UPSLOG = [sys.executable, "-m", "ridethrough.cli.main", "upslog"]
WAIT_S = 20.0
VALUES = {"ups.status": "OL", "ups.load": "7"}


@contextmanager
def small_upsd(port: int = 0, names: tuple[str, ...] = ("a", "b")) -> Iterator[int]:
    """A server that knows VALUES of each UPS; yields its port."""
    links: list[socket.socket] = []

    class Talk(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            links.append(self.request)
            with contextlib.suppress(OSError):
                for line in self.rfile:
                    self.wfile.write(answer(line.decode().split()).encode())

    def answer(words: list[str]) -> str:
        if words[:2] == ["LIST", "UPS"]:
            rows = "".join(f'UPS {name} "text"\n' for name in names)
            return f"BEGIN LIST UPS\n{rows}END LIST UPS\n"
        if words[:2] == ["GET", "VAR"] and words[2] in names and words[3] in VALUES:
            return f'VAR {words[2]} {words[3]} "{VALUES[words[3]]}"\n'
        return "ERR VAR-NOT-SUPPORTED\n"

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True

    with Server((LOOPBACK, port), Talk) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(5)
            for link in links:
                with contextlib.suppress(OSError):  # most have ended
                    link.shutdown(socket.SHUT_RDWR)


def environment(tmp_path: Path) -> dict[str, str]:
    """Private places for the pid file, and no first line."""
    return {"NUT_PIDPATH": str(tmp_path), "NUT_ALTPIDPATH": str(tmp_path), "NUT_QUIET_INIT_BANNER": "true"}


def run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        [*UPSLOG, *words],
        env={**os.environ, **environment(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@contextmanager
def logging(tmp_path: Path, *words: str) -> Iterator[Process]:
    """Have it log in the foreground."""
    with started([*UPSLOG, "-u", "root", *words], env=environment(tmp_path), name="upslog") as process:
        yield process


def lines(path: Path) -> list[str]:
    """The lines of a log; none if it is not there."""
    return path.read_text().splitlines() if path.exists() else []


def test_to_stdout(tmp_path: Path) -> None:
    """-d rounds with the default format, NA for what the UPS does not have, and a clean end."""
    with small_upsd() as port:
        ups = f"a@{LOOPBACK}:{port}"
        done = run(tmp_path, "-s", ups, "-l", "-", "-d", "2", "-i", "0.05", "-u", "root")
    assert done.returncode == 0, done
    head, *rows = done.stdout.splitlines()
    assert head == f"logging status of {ups} to stdout (0.05s intervals)"
    assert [row.split(" ", 2)[2] for row in rows] == ["NA NA 7 [OL] NA NA"] * 2
    assert list(tmp_path.iterdir()) == []


def test_several(tmp_path: Path) -> None:
    """-m and -s add up, `*` is every UPS of the server, -N says whose line it is, a log may be shared."""
    one, two = tmp_path / "one.log", tmp_path / "two.log"
    with small_upsd() as port:
        where = f"{LOOPBACK}:{port}"
        words = ("-m", f"*@{where},{one}", "-m", f"b@{where},{two}", "-s", f"nobody@{where}", "-l", str(two))
        done = run(tmp_path, *words, "-F", "-N", "-f", "%VAR ups.status%", "-d", "1", "-u", "root")
    assert done.returncode == 0, done
    assert lines(one) == [f"a@{where}\tOL", f"b@{where}\tOL"]
    assert lines(two) == [f"b@{where}\tOL", f"nobody@{where}\tNA"]


def test_signals(tmp_path: Path) -> None:
    """SIGUSR1 logs at once, SIGHUP opens the file anew, the pid file is there meanwhile, SIGTERM ends it."""
    log, old = tmp_path / "u.log", tmp_path / "u.log.1"
    with small_upsd() as port:
        words = ("-s", f"a@{LOOPBACK}:{port}", "-l", str(log), "-f", "%VAR ups.load%", "-i", "1000", "-F")
        with logging(tmp_path, *words) as process:
            wait_until(lambda: lines(log) == ["7"], WAIT_S, "the first line")
            assert (tmp_path / "upslog.pid").read_text() == f"{process.pid}\n"
            process.send_signal(signal.SIGUSR1)
            wait_until(lambda: lines(log) == ["7", "7"], WAIT_S, "a line at once")
            log.rename(old)
            process.send_signal(signal.SIGHUP)
            wait_until(log.exists, WAIT_S, "the new file")
            process.send_signal(signal.SIGUSR1)
            wait_until(lambda: lines(log) == ["7"], WAIT_S, "a line in the new file")
            assert lines(old) == ["7", "7"]
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
            assert "Signal 15: exiting" in process.output()
    assert not (tmp_path / "upslog.pid").exists()


def test_a_server_comes_and_goes(tmp_path: Path) -> None:
    """Without a server there is NA, with one there are values, whichever comes first."""
    log, port = tmp_path / "u.log", free_port()
    words = ("-s", f"a@{LOOPBACK}:{port}", "-l", str(log), "-f", "%VAR ups.load%", "-i", "0.1", "-F")
    with logging(tmp_path, *words) as process:
        process.wait_output("Warning: initial connect failed: Connection failure: Connection refused", WAIT_S)
        wait_until(lambda: "NA" in lines(log), WAIT_S, "a line without a server")
        with small_upsd(port):
            wait_until(lambda: lines(log)[-1:] == ["7"], WAIT_S, "a line with one")
        wait_until(lambda: lines(log)[-1:] == ["NA"], WAIT_S, "the server to be missed")


def test_a_dead_server_costs_the_others_nothing(tmp_path: Path) -> None:
    """UPSes of another server have their values in the same round."""
    log = tmp_path / "u.log"
    with small_upsd() as port:
        words = ("-m", f"x@{LOOPBACK}:{free_port()},{log}", "-m", f"a@{LOOPBACK}:{port},{log}")
        done = run(tmp_path, *words, "-F", "-f", "%VAR ups.load%", "-d", "1", "-u", "root")
    assert done.returncode == 0
    assert lines(log) == ["NA", "7"]


def test_in_the_background(tmp_path: Path) -> None:
    """A log in a file sends it to the background; its lines and its pid file show that it works there."""
    log, pid_file = tmp_path / "u.log", tmp_path / "mine.pid"
    with small_upsd() as port:
        ups = f"a@{LOOPBACK}:{port}"
        done = run(
            tmp_path, "-s", ups, "-l", str(log), "-f", "%PID%", "-i", "0.1", "-p", "mine", "-u", "root"
        )
        pid = int(pid_file.read_text())
        try:
            assert done.returncode == 0, done
            wait_until(lambda: len(lines(log)) > 2, WAIT_S, "lines")
            assert set(lines(log)) == {str(pid)}
        finally:
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not pid_file.exists(), WAIT_S, "the end")


def test_the_old_way(tmp_path: Path) -> None:
    """UPS, file, seconds and format without options, as scripts from long ago have it.

    Behind each word of the format there is a blank, as in C's lines.
    """
    with small_upsd() as port:
        done = run(tmp_path, "-d", "1", "-u", "root", f"a@{LOOPBACK}:{port}", "-", "5", "%VAR", "ups.load%")
    assert done.stdout.splitlines()[-1] == "7 "


def test_the_service_manager_is_told(tmp_path: Path) -> None:
    """With NOTIFY_SOCKET: ready once it logs, alive in time for the watchdog, stopping at the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, small_upsd() as port:
        manager.bind(str(tmp_path / "manager"))
        manager.settimeout(WAIT_S)
        env = environment(tmp_path) | {"NOTIFY_SOCKET": str(tmp_path / "manager"), "WATCHDOG_USEC": "200000"}
        words = ("-s", f"a@{LOOPBACK}:{port}", "-l", str(tmp_path / "log"), "-i", "1000", "-F", "-u", "root")
        with started([*UPSLOG, *words], env=env, name="upslog") as process:
            first = manager.recv(1000).decode()
            assert f"MAINPID={process.pid}" in first.splitlines()
            assert "READY=1" in first.splitlines()
            assert [manager.recv(1000) for _ in range(4)] == [b"WATCHDOG=1"] * 4
            process.send_signal(signal.SIGTERM)
            heard = [b""]
            while heard[-1] != b"STOPPING=1":
                heard.append(manager.recv(1000))
            assert set(heard[1:]) <= {b"WATCHDOG=1", b"STOPPING=1"}


@pytest.mark.parametrize(("word", "kept"), [("stderr", True), ("none", False)])
def test_what_a_detached_one_says(tmp_path: Path, word: str, kept: bool) -> None:
    """NUT_DEBUG_SYSLOG sends it to a standard error that is kept, or nowhere; NUT_DEBUG_PID marks it."""
    log, said = tmp_path / "u.log", tmp_path / "said"
    env = {**os.environ, **environment(tmp_path), "NUT_DEBUG_SYSLOG": word, "NUT_DEBUG_PID": "1"}
    with small_upsd() as port, said.open("wb") as errors:
        words = ["-s", f"a@{LOOPBACK}:{port}", "-l", str(log), "-i", "1000", "-u", "root"]
        subprocess.run([*UPSLOG, *words], env=env, stdout=errors, stderr=errors, timeout=WAIT_S, check=True)
        pid = int((tmp_path / "upslog.pid").read_text())
        wait_until(lambda: len(lines(log)) == 1, WAIT_S, "a line")
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not (tmp_path / "upslog.pid").exists(), WAIT_S, "the end")
    assert (f"upslog[{pid}]: Signal 15: exiting" in said.read_text().splitlines()) is kept


def test_debugging_stays_in_the_foreground(tmp_path: Path) -> None:
    """NUT_DEBUG_LEVEL above 0 is as good as -D: it does not detach; -B goes before."""
    words = ("-s", f"a@{LOOPBACK}:{free_port()}", "-l", str(tmp_path / "l"), "-d", "1", "-u", "root")
    for level, options, detached in (("1", (), False), ("0", (), True), ("1", ("-B",), True)):
        env = {**os.environ, **environment(tmp_path), "NUT_DEBUG_LEVEL": level, "NUT_DEBUG_SYSLOG": "none"}
        argv = [*UPSLOG, *words, *options]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=WAIT_S, check=True)
        assert ("1 loops have elapsed" in done.stderr) is not detached


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "No UPS defined for monitoring"),
        (("-s", "a"), "No filename defined for logging"),
        (("-l", "-"), "No UPS defined for monitoring"),
        (("-m", "a"), "requires exactly 2 components"),
        (("-m", "a,b,c"), "requires exactly 2 components"),
        (("-s", "a@", "-l", "-"), "invalid UPS definition"),
        (("-s", "a", "-l", "-", "-i", "0"), "invalid interval"),
        (("-s", "a", "-l", "-", "-i", "x"), "invalid interval"),
        (("-s", "a", "-l", "-", "-d", "-1"), "invalid count"),
        (("-s", "a", "-l", "/nowhere/there"), "could not open logfile /nowhere/there: No such file"),
        (("-s", f"*@{LOOPBACK}:1", "-l", "-"), "Connection refused"),
        (("-Z",), "-Z"),
        (("a", "b"), "belong together"),
        (("-s", "a", "-l", "-", "-u", "nobody-here"), "no user 'nobody-here'"),
    ],
)
def test_refusals(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """What is wrong is said on standard error, without a traceback, with exit status 1."""
    done = run(tmp_path, *words)
    assert done.returncode == 1, done
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_version(tmp_path: Path) -> None:
    """-h and -V answer on standard output."""
    assert "%VAR name%" in run(tmp_path, "-h").stdout
    assert "upslog" in run(tmp_path, "-V").stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk(tmp_path: Path) -> None:
    """Lines that can't be written are said once, and the logging goes on."""
    with small_upsd() as port:
        done = run(
            tmp_path,
            "-s",
            f"a@{LOOPBACK}:{port}",
            "-l",
            "/dev/full",
            "-F",
            "-d",
            "3",
            "-i",
            "0.05",
            "-u",
            "root",
        )
    assert done.returncode == 0
    assert done.stderr.count("can't write to /dev/full: No space left on device") == 1

# SPDX-License-Identifier: GPL-2.0-or-later
"""Nobody reads what `upsd` and the drivers write: they do their work all the same, and end when told to."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.support.cnut import state_directory
from tests.support.our_driver import command, write_section
from tests.support.our_driver import environment as driver_environment
from tests.support.our_upsd import MODULE, converse, environment, our_upsd, write_files
from tests.support.ports import LOOPBACK, free_port
from tests.support.wait import wait_until

START_S = 20.0
END_S = 10.0
AGAIN = "the configuration was read again"
DEV = "ups.status: OL\nups.mfr: Acme\n"


class Pipe:
    """A pipe that nobody reads."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def fill(self) -> None:
        """Write until it takes no byte more."""
        os.set_blocking(self.writer, False)
        for size in (4096, 1):
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(self.writer, b"x" * size)
        os.set_blocking(self.writer, True)


@contextlib.contextmanager
def held(
    argv: Sequence[str], env: Mapping[str, str], *, full: bool
) -> Iterator[tuple[subprocess.Popen[bytes], Pipe]]:
    """A process whose output goes into a pipe that nobody reads; it must end soon after SIGTERM."""
    pipe = Pipe()
    if full:
        pipe.fill()
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=pipe.writer, stderr=pipe.writer, env={**os.environ, **env}
    )
    try:
        yield process, pipe
        process.terminate()
        process.wait(END_S)
    finally:
        process.kill()
        process.wait(END_S)
        os.close(pipe.reader)
        os.close(pipe.writer)


def status(port: int) -> bytes:
    """What an upsd says of the UPS, or nothing."""
    with contextlib.suppress(OSError):
        return converse(port, [b"GET VAR u ups.status\n"], timeout_s=5)[0]
    return b""


def test_upsd_serves_and_reloads_behind_a_full_pipe(tmp_path: Path) -> None:
    """Full before it even starts: it listens, answers, reads its files again, and stops."""
    port = free_port()
    write_files(tmp_path / "conf", port, {"u": "dummy-ups"})
    env = environment(tmp_path / "conf", tmp_path, tmp_path)
    with held([*MODULE, "-F", "-D", "-u", "root"], env, full=True) as (process, _):
        wait_until(lambda: status(port) == b"ERR DRIVER-NOT-CONNECTED\n", START_S, "upsd answers")
        for number in range(50):  # Each says something.
            os.kill(process.pid, signal.SIGHUP)
            users = f"[one{number}]\npassword = secret\n"
            (tmp_path / "conf" / "upsd.users").write_text(users)
            login = [f"USERNAME one{number}\n".encode(), b"PASSWORD wrong\n", b"GET VAR u ups.status\n"]
            assert converse(port, login, timeout_s=5)[2] == b"ERR DRIVER-NOT-CONNECTED\n"
    assert process.returncode == 0


def test_a_driver_serves_behind_a_full_pipe(tmp_path: Path) -> None:
    """Filled once it runs: SIGURG has it write into the pipe, and its socket answers nevertheless."""
    with state_directory() as state:
        write_section(tmp_path / "c", "u", DEV)
        env = driver_environment(tmp_path / "c", state)
        argv = [*command("dummy-ups"), "-a", "u", "-F", "-D", "-u", "root"]
        with held(argv, env, full=False) as (process, pipe):
            path = state / "dummy-ups-u"
            wait_until(path.exists, START_S, "the driver's socket")
            pipe.fill()
            for _ in range(20):
                os.kill(process.pid, signal.SIGURG)
                os.kill(process.pid, signal.SIGHUP)
                assert b'SETINFO ups.mfr "Acme"' in dumped(path)
        assert process.returncode == 0


def dumped(path: Path) -> bytes:
    """What a driver's socket says of all it knows."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(5)
        link.connect(str(path))
        link.sendall(b"DUMPALL\n")
        found = b""
        while b"DUMPDONE" not in found:
            data = link.recv(65536)
            assert data, "the driver has closed the connection"
            found += data
        return found


def test_lines_of_the_background(tmp_path: Path) -> None:
    """NUT_DEBUG_SYSLOG=stderr: a detached upsd keeps standard error; else it is let go of when it serves."""
    for word, kept in (("stderr", True), ("none", False)):
        port = free_port()
        conf = tmp_path / word
        write_files(conf, port, {"u": "dummy-ups"})
        env = {**os.environ, **environment(conf, tmp_path, tmp_path), "NUT_DEBUG_SYSLOG": word}
        with open(tmp_path / f"{word}.log", "wb") as log:
            done = subprocess.run(
                [*MODULE, "-u", "root"], env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                timeout=START_S, check=False,
            )  # fmt: skip
        assert done.returncode == 0, (tmp_path / f"{word}.log").read_text()
        pid = int((tmp_path / "upsd.pid").read_text())
        try:
            assert status(port) == b"ERR DRIVER-NOT-CONNECTED\n"
            os.kill(pid, signal.SIGHUP)
            if kept:
                wait_until(lambda: AGAIN in (tmp_path / "stderr.log").read_text(), START_S, AGAIN)
            targets = [os.readlink(f"/proc/{pid}/fd/{number}") for number in (0, 1, 2)]
            assert targets[:2] == ["/dev/null", "/dev/null"]
            assert targets[2] == (str(tmp_path / "stderr.log") if kept else "/dev/null")
        finally:
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not (tmp_path / "upsd.pid").exists(), END_S, "upsd to end")
        assert "listening on" in (tmp_path / f"{word}.log").read_text()


def test_a_pid_file_is_believed_when_told_to(tmp_path: Path) -> None:
    """NUT_IGNORE_CHECKPROCNAME: a renamed upsd is signalled, too; else it is somebody else."""
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            (tmp_path / "upsd.pid").write_text(f"{other.pid}\n")
            env = {**os.environ, **environment(tmp_path, tmp_path, tmp_path)}
            argv = [*MODULE, "-c", "stop"]
            done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=START_S, check=False)
            assert done.returncode == 1
            assert "names no running upsd" in done.stderr
            assert other.poll() is None
            env["NUT_IGNORE_CHECKPROCNAME"] = "true"
            assert subprocess.run(argv, env=env, timeout=START_S, check=False).returncode == 0
            assert other.wait(END_S) == -signal.SIGTERM
        finally:
            other.kill()


def test_the_process_id_stands_on_its_lines(tmp_path: Path) -> None:
    """NUT_DEBUG_PID, with several daemons on one console."""
    os.environ["NUT_DEBUG_PID"] = "true"
    try:
        with our_upsd(tmp_path, {"u": "dummy-ups"}, tmp_path) as ours:
            assert f"upsd[{ours.process.pid}]: listening on {LOOPBACK}:{ours.port}" in ours.process.output()
    finally:
        del os.environ["NUT_DEBUG_PID"]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever comes in at any door is refused in words, in bounds, and everything else goes on.

Each test does its worst to a running `serve`, and then asks as another client and takes the mains away.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.house import Home, home, moved, script, ups_conf, upsmon_conf
from tests.support.ports import LOOPBACK
from tests.support.procs import Process
from tests.support.wait import wait_until

SOON_S = 10.0
MEGABYTE = 1_000_000
MAX_GROWTH_KB = 12_000
NOISE = random.Random(20).randbytes(200_000)


@pytest.fixture
def at_home() -> Iterator[Home]:
    """A configuration that works."""
    with home() as one:
        yield one


def test_all_faults_of_all_files_are_told_at_once(at_home: Home) -> None:
    """Each with file and line; `serve` says the same as `check`, and then why it does not start."""
    at_home.write(
        nut_conf="MODE=standalon\n",
        ups_conf="pollintervall = 5\n[sim]\n  driver = simulated-ups\n  port = auto\n[x\n",
        upsd_conf="LISTN 192.0.2.1\nMAXAGE soon\n",
        upsd_users="[monuser]\n  pasword = secret-23\n",
        upsmon_conf="MONITOR sim@localhost 1 monuser\nPOLLFRQ 3\n",
        upssched_conf="AT FOO * EXECUTE x\nCMDSCRIPT\n",
    )
    ran = at_home.run("check")
    assert ran.status == 1
    places = (
        "nut.conf:1: error",
        "ups.conf:1: warning",
        "ups.conf:5: error",
        "upsd.conf:1: warning",
        "upsd.conf:2: error",
        "upsd.users:2: warning",
        "upsmon.conf:1: error",
        "upsmon.conf:2: warning",
        "upssched.conf:1: error",
        "upssched.conf:2: error",
    )
    for place in places:
        assert place in ran.out
    assert "secret-23" not in ran.out
    served = at_home.run("serve", "--config", at_home.conf)
    assert served.status == 1
    for place in places:
        assert place in served.err
    assert "MODE" in served.err.splitlines()[-1]


def test_files_of_random_bytes(at_home: Home) -> None:
    """No file of noise is more than a list of faults."""
    for name in ("nut.conf", "ups.conf", "upsd.conf", "upsd.users", "upsmon.conf", "upssched.conf"):
        (at_home.conf / name).write_bytes(NOISE)
    ran = at_home.run("check")
    assert ran.status == 1
    assert len(ran.out) < MEGABYTE
    assert at_home.run("serve", "--config", at_home.conf).status == 1


def test_a_dev_file_of_random_bytes(at_home: Home) -> None:
    """Its UPS is not read, and says why; the other one is."""
    at_home.write(ups_conf=ups_conf() + "[noise]\n  driver = dummy-ups\n  port = noise.dev\n")
    (at_home.conf / "noise.dev").write_bytes(NOISE)
    with at_home.serving(ready="noise.dev") as process:
        assert at_home.get_var("noise") == "ERR DRIVER-NOT-CONNECTED"
        all_is_well(at_home, process)
        assert all(len(line) < 1000 for line in process.output().splitlines())


@pytest.mark.parametrize("data", [b"x" * MEGABYTE + b"\n", NOISE + b"\n"], ids=["a line of 1 MB", "noise"])
def test_noise_on_the_port(at_home: Home, data: bytes) -> None:
    """It is answered with ERR or closed, in bounds; the next client is served."""
    with at_home.serving() as process:
        before = memory_kb(process)
        with client(at_home) as link:
            with contextlib.suppress(ConnectionError):
                link.sendall(data)
            with contextlib.suppress(ConnectionError):
                assert link.recv(4).startswith((b"ERR ", b""))
        all_is_well(at_home, process)
        assert memory_kb(process) - before < MAX_GROWTH_KB


def test_clients_that_do_nothing(at_home: Home) -> None:
    """Fifty that say nothing, and one that has closed its half, cost nobody anything."""
    with at_home.serving() as process, contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(client(at_home))
        half = stack.enter_context(client(at_home))
        half.sendall(b"GET VAR sim ups.st")
        half.shutdown(socket.SHUT_WR)
        assert half.recv(100) == b""
        all_is_well(at_home, process)


def test_a_client_that_never_reads(at_home: Home) -> None:
    """It is not read from any more, so that what is held for it is bounded, whatever it asks."""
    with at_home.serving() as process, client(at_home) as link:
        before = memory_kb(process)
        link.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                link.send(b"LIST VAR sim\n" * 1000)
        all_is_well(at_home, process)
        assert memory_kb(process) - before < MAX_GROWTH_KB


@pytest.mark.slow
def test_a_client_that_never_reads_is_dropped(at_home: Home) -> None:
    """After some ten seconds, with a line in the log."""
    with at_home.serving() as process, client(at_home) as link:
        link.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                link.send(b"LIST VAR sim\n" * 1000)
        process.wait_output("answers unread", 30.0)
        all_is_well(at_home, process)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"x" * MEGABYTE + b"\n", b"65536 bytes"),
        (NOISE + b"\n", b'"ok":false'),
        (b'{"v":99,"id":1,"do":"status"}\n', b"version 99"),
        (b'{"v":1,"id":1,"do":"explode"}\n', b"explode"),
        (b"[]\n", b'"ok":false'),
    ],
    ids=["a line of 1 MB", "noise", "version", "verb", "no object"],
)
def test_noise_on_the_control_socket(at_home: Home, data: bytes, told: bytes) -> None:
    """It is refused in words."""
    with at_home.serving() as process:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(SOON_S)
            link.connect(str(at_home.state / "ridethrough.sock"))
            with contextlib.suppress(ConnectionError):
                link.sendall(data)
            answer = b""
            with contextlib.suppress(ConnectionError):
                answer = link.recv(4096)
        assert told in answer
        all_is_well(at_home, process)


@pytest.mark.parametrize(
    "data", [b"SETINFO ups.status " + b"x" * MEGABYTE + b"\n", NOISE], ids=["a line of 1 MB", "noise"]
)
def test_a_driver_that_floods(at_home: Home, data: bytes) -> None:
    """What another driver sends without end costs its own UPS at most."""
    at_home.write(ups_conf=ups_conf() + "[x]\n  driver = apcsmart\n  port = /dev/ttyS0\n")
    with flood(at_home.state / "apcsmart-x", data), at_home.serving() as process:
        before = memory_kb(process)
        process.wait_output("ignored a line", SOON_S)
        all_is_well(at_home, process, answer_s=2.0)
        assert memory_kb(process) - before < MAX_GROWTH_KB
        assert len(process.output().splitlines()) < 100


def test_a_notifycmd_that_hangs(at_home: Home) -> None:
    """The monitor goes on, to the very end."""
    hang = script(at_home.root / "hang.sh", f"echo $$ >>{at_home.root}/hung; exec sleep 20")
    at_home.write(
        ups_conf=ups_conf("capacity_wh = 1", "charge = 30", "load_w = 800"),
        upsmon_conf=upsmon_conf(at_home, f"NOTIFYCMD {hang}", "NOTIFYFLAG ONBATT SYSLOG+EXEC"),
    )
    (at_home.root / "hung").touch()
    (at_home.root / "hung").chmod(0o666)
    with at_home.serving("--armed") as process:
        moved(at_home, "mains", "off")
        process.wait_output("ONBATT", SOON_S)
        pid = int(wait_until((at_home.root / "hung").read_text, SOON_S, "NOTIFYCMD"))
        process.wait_output("SHUTDOWNCMD ended with status 0", SOON_S)
        os.kill(pid, 9)


def test_a_powerdownflag_that_cannot_be_written(at_home: Home) -> None:
    """The shutdown runs all the same; the flag and the reason are an error in the log."""
    upsmon = upsmon_conf(at_home).replace(f"{at_home.root}/killpower", f"{at_home.root}/none/killpower")
    at_home.write(ups_conf=ups_conf("capacity_wh = 1", "charge = 30", "load_w = 800"), upsmon_conf=upsmon)
    with at_home.serving("--armed") as process:
        moved(at_home, "mains", "off")
        output = process.wait_output("SHUTDOWNCMD ended with status 0", SOON_S)
        before, line = [each for each in output.splitlines() if "POWERDOWNFLAG" in each]
        assert before.startswith("upsmon.conf: error: POWERDOWNFLAG: ")
        assert " error " in line
        assert f"{at_home.root}/none" in line


# -- helpers -----------------------------------------------------------------------------------------------


def all_is_well(at_home: Home, process: Process, answer_s: float = 1.0) -> None:
    """Another client is answered within a second, and the monitor notices that the mains is gone."""
    assert at_home.get_var(timeout_s=answer_s) == 'VAR sim ups.status "OL"'
    moved(at_home, "mains", "off")
    process.wait_output("ONBATT", SOON_S)
    assert "OB" in at_home.get_var(timeout_s=answer_s)
    assert process.returncode is None


def client(at_home: Home) -> socket.socket:
    """A connection to the server."""
    return socket.create_connection((LOOPBACK, at_home.port), timeout=SOON_S)


def memory_kb(process: Process) -> int:
    """The resident memory of a process."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1])


@contextlib.contextmanager
def flood(path: Path, data: bytes) -> Iterator[None]:
    """A driver socket that sends `data` again and again to whoever connects."""
    stop = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen()
        listener.settimeout(0.1)

        def run() -> None:
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    link, _ = listener.accept()
                    with link:
                        link.settimeout(0.5)
                        while not stop.is_set():
                            with contextlib.suppress(TimeoutError):
                                link.sendall(data)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(SOON_S)

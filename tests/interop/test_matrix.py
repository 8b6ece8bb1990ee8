# SPDX-License-Identifier: GPL-2.0-or-later
"""Every mixture of C's programs and ours: two drivers, two servers, four clients of both kinds, 32 cells.

Whoever exchanges one program for another must notice nothing, so every cell expects the same.
The matrix is slow: CI runs it, and `./dev test -m ""` does.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import cnut
from tests.support.our_driver import our_dummy_ups
from tests.support.our_upsd import converse, our_upsd
from tests.support.procs import Process, started
from tests.support.wait import wait_until

pytestmark = [pytest.mark.cnut, pytest.mark.slow]

KINDS = ("c", "our")
WAIT_S = 20.0
# Long enough for a busy machine, as C dummy-ups sleeps a second in every poll.
MAXAGE_S = 5
DEV = r"""
# an office UPS
ups.status: OL CHRG
ups.mfr: Example Power
ups.model: the \"office\" \# 1
ups.serial: "A  B"
battery.charge: 87.5
battery.charge.low: 10
outlet.1.desc: a=b
ups.id: first
"""
SHOWN = """\
battery.charge: 87.5
battery.charge.low: 10
device.mfr: Example Power
device.serial: A  B
device.type: ups
outlet.1.desc: a = b
ups.mfr: Example Power
ups.model: the "office" # 1
ups.serial: A  B
ups.status: OL CHRG
"""
# upsrw changes ups.id; C doubles the backslashes of device.model, which it makes of ups.model.
ASIDE = re.compile(rb"(driver\.|device\.model|ups\.id)")
LOGIN = ("-u", "admin", "-p", "secret")
FRESH_IDS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Stack:
    """A driver and a server, each of C's or ours."""

    port: int
    driver: Process
    server: Process

    def target(self, ups: str = "ups") -> str:
        """`ups@host:port` for command lines."""
        return f"{ups}@127.0.0.1:{self.port}"

    def value(self, name: str) -> bytes:
        """What the server answers."""
        return converse(self.port, [f"GET VAR ups {name}\n".encode()])[0]


@pytest.fixture(
    scope="module",
    params=list(itertools.product(KINDS, KINDS)),
    ids=lambda kinds: f"{kinds[0]}_driver-{kinds[1]}_upsd",
)
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One of the four stacks, with data."""
    driver_kind, server_kind = request.param
    directory: Path = tmp_path_factory.mktemp("stack")
    with contextlib.ExitStack() as parts:
        state = parts.enter_context(cnut.state_directory())
        if driver_kind == "c":
            driver = parts.enter_context(cnut.c_dummy_ups(directory, "ups", DEV, statepath=state)).process
        else:
            driver = parts.enter_context(our_dummy_ups(directory, "ups", DEV, state)).process
        others, upsd_conf = {"ups": "dummy-ups"}, [f"MAXAGE {MAXAGE_S}"]
        if server_kind == "c":
            c = parts.enter_context(
                cnut.c_upsd(directory, {}, others=others, statepath=state, upsd_conf=upsd_conf)
            )
            made = Stack(c.port, driver, c.process)
        else:
            ours = parts.enter_context(our_upsd(directory, others, state, upsd_conf=upsd_conf))
            made = Stack(ours.port, driver, ours.process)
        wait_until(lambda: _dumped(made.value("ups.status")), WAIT_S, "the first dump")
        yield made


def _dumped(reply: bytes) -> bool:
    return reply.startswith(b"VAR ") and b'"WAIT"' not in reply


def program(kind: str, tool: str) -> list[str]:
    """The beginning of a command line."""
    if kind == "our":
        return [sys.executable, "-m", "ridethrough.cli.main", tool]
    path = shutil.which(tool)
    assert path is not None, f"C {tool} is not installed"
    return [path]


def run(kind: str, tool: str, *words: str) -> tuple[int, bytes, bytes]:
    """Status, output and errors, less C's notice about certificates."""
    done = subprocess.run(
        [*program(kind, tool), *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False
    )
    errors = done.stderr.replace(b"Init SSL without certificate database\n", b"")
    return done.returncode, done.stdout, errors


def refused(outcome: tuple[int, bytes, bytes], words: bytes) -> bool:
    """Whether it failed with these words; ours go on with place and advice."""
    status, out, errors = outcome
    return status == 1 and out == b"" and errors.startswith(words)


@pytest.mark.parametrize("kind", KINDS)
def test_upsc(stack: Stack, kind: str) -> None:
    """All variables, one, the names of UPSes and their clients; what is not there is refused."""
    status, out, errors = run(kind, "upsc", stack.target())
    lines = [line for line in out.splitlines(keepends=True) if not ASIDE.match(line)]
    assert (status, b"".join(lines).decode(), errors) == (0, SHOWN, b"")
    assert b"device.model: the " in out
    assert b"driver.name: dummy-ups\n" in out
    assert run(kind, "upsc", stack.target(), "ups.model") == (0, b'the "office" # 1\n', b"")
    assert run(kind, "upsc", "-l", stack.target().partition("@")[2]) == (0, b"ups\n", b"")
    assert run(kind, "upsc", "-c", stack.target()) == (0, b"", b"")
    assert refused(run(kind, "upsc", stack.target(), "no.such"), b"Error: Variable not supported by UPS")
    assert refused(run(kind, "upsc", stack.target("nobody")), b"Error: Unknown UPS")


@pytest.mark.parametrize("kind", KINDS)
def test_upscmd(stack: Stack, kind: str) -> None:
    """The commands are listed; one comes back from the driver as it answered; wrong ones are refused."""
    status, out, errors = run(kind, "upscmd", "-l", stack.target())
    assert (status, errors) == (0, b"")
    assert b"\nload.off - " in out
    # dummy-ups offers the command and says UNKNOWN to it: the answer has gone all the way back.
    tracked = run(kind, "upscmd", *LOGIN, "-w", "-t", "10", stack.target(), "load.off")
    assert tracked == (0, b"", b"ERR UNKNOWN\n"), tracked
    assert run(kind, "upscmd", *LOGIN, stack.target(), "load.off") == (0, b"", b"OK\n")
    unknown = run(kind, "upscmd", *LOGIN, stack.target(), "no.such.command")
    assert refused(unknown, b"Unexpected response from upsd: ERR CMD-NOT-SUPPORTED"), unknown
    denied = run(kind, "upscmd", "-u", "admin", "-p", "wrong", stack.target(), "load.off")
    assert refused(denied, b"Unexpected response from upsd: ERR ACCESS-DENIED"), denied


@pytest.mark.parametrize("kind", KINDS)
def test_upsrw(stack: Stack, kind: str) -> None:
    """Writable variables are listed with type and value; one is set, waited for, and read back."""
    status, out, errors = run(kind, "upsrw", stack.target())
    assert (status, errors) == (0, b"")
    assert b"[battery.charge.low]\n" in out
    assert b"Type: STRING\nMaximum length: 32\nValue: Example Power\n" in out
    # Quotes would be lost between C's driver and C's server; ours keep them (test_c_server_our_tools.py).
    value = f"id {next(FRESH_IDS)}"
    done = run(kind, "upsrw", *LOGIN, "-w", "-t", "10", "-s", f"ups.id={value}", stack.target())
    assert done == (0, b"", b"SUCCESS\n"), done
    wait_until(
        lambda: run("our", "upsc", stack.target(), "ups.id")[1] == f"{value}\n".encode(), WAIT_S, "the value"
    )
    words = [*LOGIN, "-w", "-s", "no.such=1", stack.target()]
    unknown = run(kind, "upsrw", *words)
    assert refused(unknown, b"Unexpected response from upsd: ERR VAR-NOT-SUPPORTED"), unknown
    long = run(kind, "upsrw", *LOGIN, "-s", f"ups.mfr={'x' * 33}", stack.target())
    assert refused(long, b"Unexpected response from upsd: ERR TOO-LONG"), long


@pytest.mark.parametrize("kind", KINDS)
def test_upslog(stack: Stack, kind: str, tmp_path: Path) -> None:
    """A line has the values; what is not there is NA."""
    log = tmp_path / "log"
    form = "%VAR ups.status%|%VAR battery.charge%|%VAR ups.model%|%VAR no.such%|%UPSHOST%"
    words = ["-s", stack.target(), "-l", str(log), "-f", form, "-i", "1", "-F", "-u", "root"]
    env = cnut.c_environment(tmp_path, tmp_path)
    with started([*program(kind, "upslog"), *words], env=env, name=f"{kind} upslog"):
        wait_until(lambda: log.exists() and log.read_bytes().count(b"\n") >= 2, WAIT_S, "two lines")
    line = f'OL CHRG|87.5|the "office" # 1|NA|{stack.target()}'
    assert log.read_text().splitlines()[:2] == [line] * 2


def test_a_driver_that_hangs_is_stale(stack: Stack) -> None:
    """Within MAXAGE and a little, both clients are refused its data; and they get it again afterwards."""
    stack.driver.send_signal(signal.SIGSTOP)
    try:
        for kind in KINDS:
            wait_until(
                lambda kind=kind: refused(run(kind, "upsc", stack.target()), b"Error: Data stale"),
                WAIT_S,
                "stale data",
            )
            done = run(kind, "upscmd", *LOGIN, stack.target(), "load.off")
            assert refused(done, b"Unexpected response from upsd: ERR DATA-STALE"), done
    finally:
        stack.driver.send_signal(signal.SIGCONT)
    for kind in KINDS:
        wait_until(lambda kind=kind: run(kind, "upsc", stack.target())[0] == 0, WAIT_S, "fresh data")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Our upsdrvctl with C drivers, C's with ours, and both asked the same things."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ridethrough.app.obstacles import program_of
from tests.support.cnut import DRIVER_DIRECTORY
from tests.support.upsdrvctl import C_UPSDRVCTL, OURS, WAIT_S, Bench, bench, section
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut

ROOT = ("-u", "root")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Bench]:
    """Private directories."""
    with bench(tmp_path) as made:
        yield made


def driverpath(directory: Path) -> str:
    """The head of an ups.conf."""
    return f'driverpath = "{directory}"\n'


def test_c_and_our_drivers_side_by_side(place: Bench, tmp_path: Path) -> None:
    """A C driver under another name and our dummy-ups are started, shown and stopped alike."""
    drivers = tmp_path / "drivers"
    drivers.mkdir()
    (drivers / "c-dummy").symlink_to(DRIVER_DIRECTORY / "dummy-ups")
    place.write(driverpath(drivers) + section("c", driver="c-dummy") + section("ours"))
    place.dev("c", "ours")
    started = place.run(*ROOT, "start")
    assert started.returncode == 0, started
    pids = {"c": place.pid("c", "c-dummy"), "ours": place.pid("ours")}
    sockets = [place.state / "c-dummy-c", place.state / "dummy-ups-ours"]
    wait_until(lambda: all(path.exists() for path in sockets), WAIT_S, "the sockets")
    rows = [row.split("\t") for row in place.run("status").stdout.splitlines()[1:]]
    # C drivers of 2.8.0 do not tell their pid over the socket.
    assert rows == [
        ["c          ", "    c-dummy", "RUNNING", str(pids["c"]), "RESPONSIVE", "N/A", '"OL"'],
        ["ours       ", "  dummy-ups", "RUNNING", str(pids["ours"]), "RESPONSIVE", str(pids["ours"]), '"OL"'],
    ]
    stopped = place.run("stop")
    assert stopped.returncode == 0, stopped
    assert [program_of(pid) for pid in pids.values()] == [None, None]
    assert not list(place.state.glob("*.pid"))


def test_a_c_driver_without_a_pid_file(place: Bench) -> None:
    """A C driver that does not know driver.exit is found by its socket and ended all the same."""
    place.write(driverpath(DRIVER_DIRECTORY) + section("c"))
    place.dev("c")
    assert place.run(*ROOT, "start").returncode == 0
    pid = place.pid("c")
    wait_until((place.state / "dummy-ups-c").exists, WAIT_S, "the socket")
    (place.state / "dummy-ups-c.pid").unlink()
    assert place.run("stop").returncode == 0
    assert program_of(pid) is None
    assert place.run(*ROOT, "start").returncode == 0
    place.pid("c")
    wait_until((place.state / "dummy-ups-c").exists, WAIT_S, "the socket")
    assert place.run("-c", "exit").returncode == 0
    assert not list(place.state.glob("*.pid"))


def test_c_upsdrvctl_with_our_drivers(place: Bench, tmp_path: Path) -> None:
    """With links of `ridethrough link` as driverpath, C upsdrvctl starts, stops and shuts ours down."""
    links = tmp_path / "links"
    links.mkdir()
    ours = [sys.executable, "-m", "ridethrough.cli.main", "link", str(links)]
    subprocess.run(ours, check=True, timeout=30)
    place.write(driverpath(links) + section("a") + "[s]\ndriver = simulated-ups\nport = auto\n")
    place.dev("a")
    started = place.run(*ROOT, "start", program=C_UPSDRVCTL)
    assert started.returncode == 0, started
    pids = [place.pid("a"), place.pid("s", "simulated-ups")]
    assert [row.split("\t")[2] for row in place.run("status").stdout.splitlines()[1:]] == ["RUNNING"] * 2
    # dummy-ups has no shutdown, the simulated one has: the same of C's as of ours.
    for program in (C_UPSDRVCTL, OURS):
        assert place.run(*ROOT, "shutdown", "s", program=program).returncode == 0
        assert place.run(*ROOT, "shutdown", "a", program=program).returncode == 1
    assert place.run("stop", program=C_UPSDRVCTL).returncode == 0
    wait_until(lambda: [program_of(pid) for pid in pids] == [None, None], WAIT_S, "the end of both")
    assert not list(place.state.iterdir())


def exec_lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The command lines that -t shows; C writes time and level before them, and explains at length."""
    found = (line.partition("exec:  ") for line in done.stderr.splitlines())
    return [command for _, word, command in found if word]


@pytest.mark.parametrize(
    "words",
    [
        ("-t", "start"),
        ("-t", "-u", "nut", "-r", "/jail", "start", "b"),
        ("-t", "shutdown"),
        ("-t", "shutdown", "never"),
        ("-t", "stop"),
        ("stop",),
        ("start", "nobody"),
        ("frob",),
        (*ROOT, "start", "nofile"),
        ("shutdown", "b"),
    ],
)
def test_same_plans_and_statuses(place: Bench, words: Sequence[str]) -> None:
    """Both would run the same command lines, and both end with the same status."""
    place.write(
        driverpath(DRIVER_DIRECTORY)
        + section("b", "sdorder = 1")
        + section("a")
        + section("never", "sdorder = -1")
        + section("nofile", "sdorder = 3")
    )
    place.dev("a", "b", "never")
    of_c, ours = (place.run(*words, program=program) for program in (C_UPSDRVCTL, OURS))
    assert exec_lines(ours) == exec_lines(of_c)
    assert ours.returncode == of_c.returncode, (ours, of_c)

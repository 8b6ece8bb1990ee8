# SPDX-License-Identifier: GPL-2.0-or-later
"""`upsdrvctl` over our own drivers, as processes: start, stop, status, retries, signals, refusals."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ridethrough.app.obstacles import program_of
from ridethrough.drivers import ask
from ridethrough.ups.commands import Outcome
from tests.support.procs import started
from tests.support.upsdrvctl import OURS, WAIT_S, Bench, bench, section
from tests.support.wait import wait_until

ROOT = ("-u", "root")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Bench]:
    """Private directories."""
    with bench(tmp_path) as made:
        yield made


def script(place: Bench, name: str, text: str) -> None:
    """A driver of our own making in the directory that `driverpath` names."""
    path = place.conf / "drivers" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def global_part(place: Bench, *lines: str) -> str:
    """The head of an ups.conf whose drivers are scripts."""
    return "\n".join([f'driverpath = "{place.conf / "drivers"}"', *lines, ""])


def test_from_start_to_stop(place: Bench) -> None:
    """start, list, status and stop work for all and for one; what runs has a pid, a socket and a status."""
    place.write(section("a") + section("b"))
    place.dev("a", "b")
    assert place.run(*ROOT, "start").returncode == 0
    listed = place.run("list")
    assert (listed.returncode, listed.stdout) == (0, "a\nb\n")
    assert place.run("-l", "b").stdout == "b\n"
    head, *rows = place.run("status").stdout.splitlines()
    assert head == "UPSNAME    \t     UPSDRV\tRUNNING\tPF_PID\tS_RESPONSIVE\tS_PID\tS_STATUS"
    for name, row in zip("ab", rows, strict=True):
        pid = place.pid(name)
        assert row == f'{name:<11}\t  dummy-ups\tRUNNING\t{pid}\tRESPONSIVE\t{pid}\t"OL"'
    assert place.run("stop", "a").returncode == 0
    assert sorted(path.name for path in place.state.iterdir()) == ["dummy-ups-b", "dummy-ups-b.pid"]
    (row,) = place.run("status", "a").stdout.splitlines()[1:]
    assert row == "a          \t  dummy-ups\tN/A\t-3\tNOT_RESPONSIVE\tN/A\t"
    # One that does not run is a failure, and keeps nobody from stopping the other.
    stopped = place.run("stop")
    assert stopped.returncode == 1
    assert "dummy-ups-a.pid: No such file or directory" in stopped.stderr
    assert list(place.state.iterdir()) == []


def test_testing_mode(place: Bench) -> None:
    """-t shows what would be done, in the order of sdorder for a shutdown, and does nothing."""
    place.write(section("c", "sdorder = 1") + section("n", "sdorder = -1") + section("a"))
    done = place.run("-t", "-D", "-d", "-B", "-r", "/jail", "-u", "nut", "start")
    assert done.returncode == 0
    assert "*** Testing mode" in done.stdout
    starts = [line for line in done.stderr.splitlines() if line.startswith("exec:")]
    assert [line.partition("dummy-ups ")[2] for line in starts] == [
        f"-D -B -a {name} -r /jail -u nut" for name in "cna"
    ]
    done = place.run("-t", "shutdown")
    shutdowns = [line for line in done.stderr.splitlines() if line.startswith("exec:")]
    assert [line.partition("dummy-ups ")[2] for line in shutdowns] == ["-a a -k", "-a c -k"]
    assert "-a n -k" in place.run("-t", "shutdown", "n").stderr
    assert list(place.state.iterdir()) == []


def test_orders_to_running_drivers(place: Bench) -> None:
    """-c: reload-or-error tells whether a restart is needed, exit ends a driver; stop works by socket too."""
    place.write(section("a"))
    place.dev("a")
    assert place.run(*ROOT, "start").returncode == 0
    pid = place.pid("a")
    assert place.run("-c", "reload").returncode == 0
    assert place.run("-c", "dump").returncode == 0
    assert place.run("-c", "reload-or-error").returncode == 0
    place.write(section("a", "nolock"))
    refused = place.run("-c", "reload-or-error", "a")
    assert refused.returncode == 1
    assert "returned code 2" in refused.stderr
    os.kill(pid, 0)
    assert place.run("-c", "exit", "a").returncode == 0
    wait_until(lambda: not list(place.state.iterdir()), WAIT_S, "the driver to go")
    assert place.run("-c", "exit", "a").returncode == 1
    assert place.run("-c", "reload", "a").returncode == 1
    assert place.run(*ROOT, "start").returncode == 0
    (place.state / "dummy-ups-a.pid").unlink()
    assert place.run("stop").returncode == 0
    assert list(place.state.iterdir()) == []


def test_a_pid_file_of_somebody_else(place: Bench) -> None:
    """A stale pid file whose number belongs to another process by now harms nobody."""
    place.write(section("a"))
    with started(["sleep", "60"]) as other:
        (place.state / "dummy-ups-a.pid").write_text(f"{other.pid}\n")
        done = place.run("stop", "a")
        assert done.returncode == 1
        assert "names no running dummy-ups" in done.stderr
        assert "STOPPED" in place.run("status").stdout
        assert other.returncode is None
        (place.state / "dummy-ups-a.pid").unlink()


def test_shutdown(place: Bench) -> None:
    """shutdown has each driver switch its UPS off, in order, and a failure is told by the exit status."""
    text = section("late", "sdorder = 2", driver="fake") + section("first", driver="fake")
    place.write(global_part(place) + text + section("never", "sdorder = -1", driver="fake"))
    script(place, "fake", f'echo "$*" >> "{place.conf}/calls"; [ "$2" != late ]')
    done = place.run("shutdown")
    assert done.returncode == 1
    assert "[late] Driver failed to start (exit status=1)" in done.stderr
    assert (place.conf / "calls").read_text() == "-a first -k\n-a late -k\n"


def test_retries(place: Bench) -> None:
    """A driver that fails is started again up to maxretry times, and the others are started all the same."""
    place.write(
        global_part(place, "maxretry = 3", "retrydelay = 0")
        + section("bad", driver="fake")
        + section("missing", driver="nothing-there")
        + section("good", driver="fake")
    )
    script(place, "fake", f'echo "$2" >> "{place.conf}/calls"; [ "$2" = good ]')
    done = place.run("start")
    assert done.returncode == 1
    assert (place.conf / "calls").read_text() == "bad\nbad\nbad\ngood\n"
    assert done.stderr.count("[bad] Driver failed to start (exit status=1)") == 3
    assert "nothing-there: No such file or directory" in done.stderr
    assert place.run("start", "good").returncode == 0


def test_a_retry_that_works(place: Bench) -> None:
    """The attempt that works in the end is what counts."""
    place.write(global_part(place, "maxretry = 2", "retrydelay = 0") + section("u", driver="fake"))
    script(place, "fake", f'[ -e "{place.conf}/tried" ] || {{ touch "{place.conf}/tried"; exit 3; }}')
    done = place.run("start")
    assert done.returncode == 0, done
    assert "exit status=3" in done.stderr


def test_a_start_that_takes_too_long(place: Bench) -> None:
    """After maxstartdelay the next driver is started; one that never gets ready is a failure in the end,
    and no second one is started beside it."""
    head = global_part(place, "maxstartdelay = 1", "retrydelay = 0", "maxretry = 2")
    place.write(head + section("slow", driver="fake") + section("u", driver="fake"))
    text = f'echo "$2" >> "{place.conf}/calls"; [ "$2" = u ] && exit 0; echo $$ > "{place.state}/slow.pid"'
    script(place, "fake", f"{text}; exec sleep 60")
    done = place.run("start")
    assert done.returncode == 1
    assert "[slow] Startup timer elapsed" in done.stderr
    assert "maxstartdelay 1 sec and is still starting" in done.stderr
    assert (place.conf / "calls").read_text() == "slow\nu\n"


def test_nowait(place: Bench) -> None:
    """nowait starts all and waits for none, unless NUT_IGNORE_NOWAIT says otherwise."""
    place.write(global_part(place, "nowait") + section("u", driver="fake"))
    script(place, "fake", f'until [ -e "{place.conf}/go" ]; do sleep 0.05; done; exit 1')
    assert place.run("start").returncode == 0
    (place.conf / "go").touch()
    assert place.run("start", NUT_IGNORE_NOWAIT="true").returncode == 1


def test_in_the_foreground(place: Bench) -> None:
    """-FF keeps all drivers as children: one signal ends them all, and they are gone before upsdrvctl is."""
    place.write(section("a") + section("b"))
    place.dev("a", "b")
    with started([*OURS, "-FF", *ROOT, "start"], env=place.env, name="upsdrvctl") as process:
        pids = [place.pid(name) for name in "ab"]
        wait_until(lambda: process.output().count("listening on") == 2, WAIT_S, "both drivers")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: process.output().count("nothing has changed") == 2, WAIT_S, "SIGHUP at both")
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
        assert [program_of(pid) for pid in pids] == [None, None]
    assert list(place.state.iterdir()) == []


def test_one_of_several_ends(place: Bench) -> None:
    """In the foreground, a driver that ends by itself takes the others and upsdrvctl with it."""
    place.write(section("a") + section("b"))
    place.dev("a", "b")
    with started([*OURS, "-FF", *ROOT, "start"], env=place.env, name="upsdrvctl") as process:
        pids = [place.pid(name) for name in "ab"]
        wait_until(lambda: process.output().count("listening on") == 2, WAIT_S, "both drivers")
        os.kill(pids[0], signal.SIGKILL)
        assert process.wait(WAIT_S) == 1
        assert "[a] Driver died after signal 9" in process.output()
        assert program_of(pids[1]) is None


def test_one_of_several_asks_for_a_restart(place: Bench) -> None:
    """In the foreground a driver that ends of reload-or-exit, sent to its socket, is started anew."""
    place.write(section("a") + section("b"))
    place.dev("a")
    place.dev("b")
    with started([*OURS, "-FF", *ROOT, "start"], env=place.env, name="upsdrvctl") as process:
        wait_until(lambda: process.output().count("listening on") == 2, WAIT_S, "both drivers")
        before = place.pid("a")
        place.write(section("a", "nolock") + section("b"))
        assert ask.command(place.state / "dummy-ups-a", "driver.reload-or-exit") is Outcome.HANDLED
        wait_until(lambda: process.output().count("listening on") == 3, WAIT_S, "the new driver")
        assert place.pid("a") != before
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0


def test_one_in_the_foreground(place: Bench) -> None:
    """-F with one UPS becomes the driver itself."""
    place.write(section("a"))
    place.dev("a")
    with started([*OURS, "-F", *ROOT, "start", "a"], env=place.env, name="upsdrvctl") as process:
        process.wait_output("listening on", WAIT_S)
        row = place.run("status").stdout.splitlines()[1]
        assert f"RUNNING\t-3\tRESPONSIVE\t{process.pid}\t" in row
        assert place.run("stop").returncode == 0
        assert process.wait(WAIT_S) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Name a command"),
        (("frob",), "Error: unrecognized command [frob]"),
        (("start", "a", "b"), "extra arguments left on command line"),
        (("start", "nobody"), "UPS nobody not found in ups.conf"),
        (("list", "nobody"), "UPS nobody not found in ups.conf"),
        (("-c", "dance"), "unknown argument to option -c"),
        (("-c", ""), "unknown argument to option -c"),
        (("-l", "-c", "exit"), "only one command per run"),
        (("-c", "exit", "-c", "reload"), "only one command per run"),
        (("-Z",), "-Z"),
    ],
)
def test_refusals(place: Bench, words: tuple[str, ...], said: str) -> None:
    """What is wrong is said in NUT's words, with exit status 1, and nothing is done."""
    place.write(section("a"))
    done = place.run(*words)
    assert done.returncode == 1, done
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_ups_conf(place: Bench) -> None:
    """No ups.conf, no UPS in it, and a driver that is a path: each said with the file to mend."""
    assert "ups.conf" in place.run("start").stderr
    place.write("maxretry = 1\n")
    done = place.run("list")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no UPS definitions found in ups.conf" in done.stderr
    place.write(section("a", driver="../evil"))
    done = place.run("start")
    assert done.returncode == 1
    assert "is a name, not a path" in done.stderr


def test_banner_help_and_version(place: Bench) -> None:
    """The first line can be silenced for scripts; -h and -V answer."""
    place.write(section("a"))
    loud = place.run("list", NUT_QUIET_INIT_BANNER="no").stdout.splitlines()
    assert loud[0].startswith("Network UPS Tools upsdrvctl - UPS driver controller")
    assert loud[1:] == ["a"]
    assert "sdorder" in place.run("-h").stdout
    assert "Ridethrough" in place.run("-V").stdout

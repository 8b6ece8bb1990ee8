# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ridethrough.schedule.daemon, notice and pipe as real processes with short timers."""

from __future__ import annotations

import os
import signal
import socket
import stat
import time
from collections.abc import Iterator

import pytest

from ridethrough.schedule import pipe
from tests.support.upssched import OURS, Site, site
from tests.support.wait import wait_until

RULES = """\
AT ONBATT * START-TIMER onbatt 1
AT ONLINE * CANCEL-TIMER onbatt
AT LOWBATT * EXECUTE emergency
AT COMMBAD * START-TIMER-SHARED gone 2
AT COMMOK * CANCEL-TIMER gone wasgone
AT OFF * START-TIMER far 60
AT NOCOMM * START-TIMER-SHARED crowd 60
"""


@pytest.fixture
def here() -> Iterator[Site]:
    with site(RULES) as one:
        yield one


def exchange(one: Site, data: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as sock:
        # A connect with a time limit fails at once while the daemon's queue is full; a blocking one waits.
        sock.connect(str(one.pipe))
        sock.settimeout(5)
        sock.sendall(data)
        return sock.recv(65536)


def test_a_timer_runs_out_in_the_background_and_the_daemon_ends(here: Site) -> None:
    """upssched returns at once, CMDSCRIPT runs after the timer's time, and nothing stays behind."""
    assert here.notice("ONBATT", "a@h", "UPS a@h on battery").status == 0
    assert here.calls == []
    assert stat.S_IMODE(here.pipe.stat().st_mode) == 0o660
    assert here.wait_calls(1) == ["onbatt|ONBATT|a@h|UPS a@h on battery"]
    here.wait_gone()
    assert sorted(path.name for path in here.directory.iterdir()) == ["calls", "cmd", "log", "upssched.conf"]
    for phrase in (
        "upssched: Timer daemon started",
        "upssched: New timer: onbatt (1 seconds)",
        "upssched: Event: onbatt ",
        "upssched: Timer queue empty, exiting",
    ):
        assert phrase in here.log


def test_a_cancelled_timer_never_runs(here: Site) -> None:
    """The mains is back in time: the timer is gone, and the daemon with it."""
    here.notice("ONBATT")
    here.notice("ONLINE", "a@h", "UPS a@h on line power")
    assert "Cancelling timer: onbatt: UPS a@h on line power" in here.log
    here.wait_gone()
    assert here.calls == []


def test_a_cancel_without_daemon_starts_none(here: Site) -> None:
    """With no timer there is nothing to cancel; only the cancel's own command runs."""
    assert here.notice("ONLINE").status == 0
    assert here.notice("COMMOK", "a@h", "back").status == 0
    assert here.calls == ["wasgone|COMMOK|a@h|back"]
    assert here.daemons() == []
    assert not here.pipe.exists()
    assert not here.lock.exists()


def test_execute_runs_at_once(here: Site) -> None:
    """EXECUTE needs no daemon; when upssched returns the script has run."""
    here.notice("LOWBATT", "a@h", "UPS a@h battery is low")
    assert here.calls == ["emergency|LOWBATT|a@h|UPS a@h battery is low"]
    assert "Executing command: emergency" in here.log
    assert here.daemons() == []


@pytest.mark.parametrize("many", [2, 10, 20])
def test_notices_at_once_make_one_daemon_and_one_timer(here: Site, many: int) -> None:
    """However many notices come at one moment, START-TIMER-SHARED starts one timer, for all of them."""
    upses = [f"u{number}" for number in range(many)]
    starters = [here.start([*OURS, "-D"], NOTIFYTYPE="NOCOMM", UPSNAME=ups) for ups in upses]
    for starter in starters:
        starter.communicate(timeout=30)
    assert [starter.returncode for starter in starters] == [0] * many
    assert here.log.count("Timer daemon started") == len(here.daemons()) == 1
    assert here.log.count("New timer: crowd") == 1
    (row,) = [row for row in exchange(here, b"LIST-TIMERS\n").decode().splitlines() if "crowd" in row]
    assert sorted(row.split("\t")[4].split(",")) == sorted(upses)
    assert not here.lock.exists()


def test_what_a_killed_daemon_left_is_recovered_and_said(here: Site) -> None:
    """A crash leaves PIPEFN and LOCKFN behind; the next notice says so and works."""
    here.notice("OFF")
    (pid,) = here.daemons()
    os.kill(pid, signal.SIGKILL)
    here.wait_gone()
    here.lock.touch(mode=0o000)
    assert here.pipe.exists()
    assert here.notice("ONBATT").status == 0
    lost = f"nobody listens at PIPEFN {here.pipe}, left by a timer daemon that died: its timers are lost"
    assert here.log.count(lost) == 1
    assert here.wait_calls(1) == ["onbatt|ONBATT|a@h|message"]


def test_a_cancel_says_that_a_daemon_has_died(here: Site) -> None:
    """Timers lost by a crash are told by whichever notice comes next, once."""
    here.notice("OFF")
    os.kill(here.daemons()[0], signal.SIGKILL)
    here.wait_gone()
    assert here.notice("COMMOK").status == 0
    assert here.notice("ONLINE").status == 0
    assert here.log.count("left by a timer daemon that died: its timers are lost") == 1
    assert here.names == ["wasgone"]
    assert not here.pipe.exists()
    assert not here.lock.exists()


def test_a_stopped_daemon_names_the_timers_it_gives_up(here: Site) -> None:
    """SIGTERM ends the daemon, cleans up, and says which timers will never run."""
    here.notice("OFF")
    (pid,) = here.daemons()
    os.kill(pid, signal.SIGTERM)
    here.wait_gone()
    assert "ended by a signal; timers given up: far" in here.log
    assert not here.pipe.exists()


def stopped(one: Site) -> int:
    """The daemon's process id; it is stopped."""
    (pid,) = one.daemons()
    os.kill(pid, signal.SIGSTOP)
    return pid


@pytest.mark.slow
def test_a_daemon_that_hangs_is_given_up_for_a_new_one(here: Site) -> None:
    """The notice works within seconds and says what is lost; the old daemon never acts again."""
    here.notice("ONBATT", "old@h")
    old = stopped(here)
    began = time.monotonic()
    assert here.notice("COMMBAD", "new@h").status == 0
    assert time.monotonic() - began < 9
    given_up = f"the timer daemon at PIPEFN {here.pipe} does not answer: it is given up, and its timers"
    assert here.log.count(given_up) == 1
    os.kill(old, signal.SIGCONT)
    wait_until(lambda: old not in here.daemons(), 5, "the end of the old daemon")
    assert "another has taken PIPEFN over while this daemon was held up" in here.log
    assert "timers given up: onbatt" in here.log
    here.wait_calls(1)
    here.wait_gone()
    assert here.calls == ["gone|COMMBAD|new@h|message"]


@pytest.mark.slow
def test_a_cancel_reaches_timers_of_a_daemon_that_hangs(here: Site) -> None:
    """A timer that was cancelled never fires, even if its daemon was stopped then and goes on later."""
    here.notice("ONBATT")
    old = stopped(here)
    assert here.notice("ONLINE").status == 0
    os.kill(old, signal.SIGCONT)
    here.wait_gone()
    assert here.calls == []
    assert "timers given up: onbatt" in here.log


@pytest.mark.slow
def test_many_notices_give_a_hanging_daemon_up_once(here: Site) -> None:
    """Of several notices that waited for it only the first takes PIPEFN away; the others use the new one."""
    here.notice("OFF")
    stopped(here)
    starters = [here.start([*OURS, "-D"], NOTIFYTYPE="COMMBAD", UPSNAME=f"u{number}") for number in range(4)]
    for starter in starters:
        starter.communicate(timeout=20)
    assert [starter.returncode for starter in starters] == [0] * 4
    assert here.log.count("it is given up") == 1
    assert here.log.count("Timer daemon started") == 2
    (call,) = here.wait_calls(1)
    assert sorted(call.split("|")[2].split(",")) == ["u0", "u1", "u2", "u3"]


def test_a_removed_pipe_is_made_anew(here: Site) -> None:
    """Somebody clears the run directory: the timers that run stay within the reach of notices."""
    here.notice("OFF")
    (pid,) = here.daemons()
    here.pipe.unlink()
    wait_until(here.pipe.exists, 5, "PIPEFN")
    here.notice("ONBATT")
    assert here.daemons() == [pid]
    assert f"PIPEFN {here.pipe} was removed; it is there again" in here.log
    assert exchange(here, b"CANCEL far\n") == b"OK\n"
    here.wait_calls(1)
    here.wait_gone()


def test_a_replaced_daemon_hands_its_timers_over(here: Site) -> None:
    """Whoever keeps PIPEFN keeps the timers: none is lost, none fires where no cancel reaches it."""
    here.notice("OFF", "a@h", "first")
    (old,) = here.daemons()
    here.pipe.unlink()
    here.notice("ONBATT", "b@h", "second")
    wait_until(lambda: old not in here.daemons(), 6, "the end of the old daemon")
    assert "another timer daemon is at PIPEFN; it has timer far now" in here.log
    rows = exchange(here, b"LIST-TIMERS\n").decode().splitlines()
    assert [row.split("\t")[3:] for row in rows if row.startswith("far\t")] == [["OFF", "a@h", "first"]]
    assert exchange(here, b"CANCEL far\n") == b"OK\n"
    here.wait_calls(1)
    here.wait_gone()


def test_a_file_in_the_place_of_pipefn_is_not_touched(here: Site) -> None:
    """PIPEFN that names something else by mistake is refused, never deleted."""
    here.pipe.write_text("precious")
    assert here.notice("ONBATT").status == 1
    assert "is there and is no socket; move it away or name another file" in here.log
    assert here.pipe.read_text() == "precious"


@pytest.mark.parametrize(
    ("directive", "value", "said"),
    [
        ("PIPEFN", "/nonexistent/dir/p", "the directory /nonexistent/dir must be there"),
        ("LOCKFN", "/nonexistent/dir/l", "the directory /nonexistent/dir must be there"),
        ("PIPEFN", "/tmp/" + "x" * 120, "bytes long; write a path of at most 107"),
    ],
)
def test_unusable_paths_are_named(here: Site, directive: str, value: str, said: str) -> None:
    """A PIPEFN or LOCKFN that can't be made is named with what to do; other AT lines are carried out."""
    old = str(here.pipe if directive == "PIPEFN" else here.lock)
    here.conf.write_text(here.conf.read_text().replace(f"{directive} {old}", f"{directive} {value}"))
    assert here.notice("ONBATT").status == 1
    assert said in here.log
    assert here.notice("LOWBATT").status == 0
    assert here.names == ["emergency"]


def test_a_lock_held_by_another_is_given_up_in_words(here: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A LOCKFN that somebody keeps locked does not hold a notice up for ever."""
    monkeypatch.setattr(pipe, "TOTAL_S", 0.1)
    held = pipe.try_lock(str(here.lock))
    assert held is not None
    try:
        assert pipe.try_lock(str(here.lock)) is None
        with pytest.raises(pipe.PipeError, match="stays locked by another upssched"):
            pipe.ask(b"CANCEL x\n", str(here.pipe), str(here.lock), None, lambda *_: None)
    finally:
        pipe.unlock(held, str(here.lock))
    assert not here.lock.exists()


def test_nonsense_on_the_socket_is_answered_and_harms_nobody(here: Site) -> None:
    """Bad lines, a line without end and a silent client are refused; the timers go on."""
    here.notice("OFF")
    assert exchange(here, b"HELLO\n").startswith(b"ERR UNKNOWN")
    assert exchange(here, b'START "x#y" 5\n').startswith(b"ERR INVALID")
    assert exchange(here, b"START " + b"x" * 70_000 + b"\n").startswith(b"ERR INVALID")
    assert exchange(here, b"START x soon\n").startswith(b"ERR INVALID")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(here.pipe))
        silent.sendall(b"STA")
        answer = exchange(here, b"START two 60\nLIST-TIMERS\n")
        assert answer.startswith(b"OK\n")
        assert b"far\t" in exchange(here, b"LIST-TIMERS\n")
    assert exchange(here, b"CANCEL far\n") == b"OK\n"


def test_more_connections_than_the_limit_cost_the_oldest_one(here: Site) -> None:
    """A flood of silent clients can't keep the next notice out."""
    here.notice("OFF")
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(80)]
    try:
        for sock in crowd:
            # Blocking, for the queue of the daemon is shorter than this crowd.
            sock.connect(str(here.pipe))
            sock.settimeout(5)
        assert exchange(here, b"CANCEL far\n") == b"OK\n"
        assert crowd[0].recv(1) == b""
    finally:
        for sock in crowd:
            sock.close()
    here.wait_gone()


def test_a_full_daemon_refuses_in_words(here: Site) -> None:
    """Timer 1025 is refused to whoever asks for it, and the daemon lives on."""
    here.notice("OFF")
    for _ in range(1023):
        assert exchange(here, b"START t 60\n") == b"OK\n"
    assert here.notice("ONBATT").status == 1
    assert "the timer daemon refuses onbatt: ERR FULL" in here.log
    assert exchange(here, b"CANCEL t\n") == b"OK\n"
    assert here.notice("ONBATT").status == 0


def test_a_notice_during_a_long_script_is_answered(here: Site) -> None:
    """While a timer's script runs the daemon goes on to take starts and cancels."""
    here.script.write_text(f"#!/bin/sh\necho begun >>{here.directory}/calls\nexec sleep 3\n")
    here.notice("ONBATT")
    here.wait_calls(1)
    here.notice("OFF")
    assert "New timer: far (60 seconds)" in here.log
    (pid,) = [pid for pid in here.daemons() if b"upssched" in _cmdline(pid)]
    wait_until(lambda: exchange(here, b"CANCEL far\n") == b"OK\n", 5, "the cancel")
    assert pid in here.daemons()


def _cmdline(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()

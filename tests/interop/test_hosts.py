# SPDX-License-Identifier: GPL-2.0-or-later
"""A primary and its secondaries as processes: who goes down when, who is waited for, and who stays up."""

from __future__ import annotations

import itertools
import signal
import time
from pathlib import Path

import pytest

from tests.support import hosts
from tests.support.hosts import LIMIT_S, Host
from tests.support.wait import wait_until

POLL_S = 1.0  # POLLFREQ of all hosts


def test_the_secondaries_go_first() -> None:
    """Mains lost, low battery, FSD: both secondaries, then the primary with the flag; each exactly once."""
    with (
        hosts.place() as place,
        hosts.primary(place, extra=["FINALDELAY 1"]) as primary,
        hosts.secondary(place, "one", primary.target()) as one,
        hosts.secondary(place, "two", primary.target()) as two,
    ):
        primary.wait_logins(3)
        primary.mains(False)
        counts: list[tuple[int, float]] = []

        def down_at_last() -> bool:
            counts.append((primary.logins(), time.time()))
            return bool(primary.downs())

        wait_until(down_at_last, LIMIT_S, "SHUTDOWNCMD of the primary")
        for secondary in (one, two):
            assert secondary.process.wait(LIMIT_S) == 0
        assert primary.status().startswith("FSD OB")
        primary.process.send_signal(signal.SIGTERM)
        assert primary.process.wait(LIMIT_S) == 0

        went = hosts.downs(place)
        assert [down.host for down in went[2:]] == ["primary"]
        assert sorted(down.host for down in went[:2]) == ["one", "two"]
        assert [down.flag for down in went] == [False, False, True]
        assert primary.flag.read_text().startswith("upsmon-shutdown-file")
        assert not one.flag.exists()
        assert not two.flag.exists()

        numbers = [count for count, _ in counts]
        assert numbers[0] == 3
        assert numbers == sorted(numbers, reverse=True)
        # FINALDELAY lies between the last secondary's good-bye and SHUTDOWNCMD.
        assert any(count == 1 and at < went[2].at for count, at in counts)
        waited_s = went[2].at - primary.hears("FSD").at
        assert waited_s < 10, f"{waited_s:.1f} s from FSD, HOSTSYNC is 10"
        _told_in_order(primary, "ONBATT", "LOWBATT", "SHUTDOWN_HOSTSYNC", "SHUTDOWN")
        _told_in_order(one, "ONBATT", "LOWBATT", "SHUTDOWN")
        for host in (primary, one, two):
            assert "Traceback" not in host.process.output()


def _told_in_order(host: Host, *kinds: str) -> None:
    """Each once.  NOTIFYCMDs of one moment run side by side, and may write in any order."""
    assert sorted(kind for kind in host.kinds() if kind != "FSD") == sorted(kinds)
    assert host.kinds().count("FSD") == 1
    for earlier, later in itertools.pairwise(kinds):
        assert host.hears(earlier).at < host.hears(later).at + 1, (earlier, later)


@pytest.mark.slow
def test_a_hanging_secondary_is_waited_for_until_hostsync() -> None:
    """A stopped process stays logged in: the primary waits HOSTSYNC, no longer.  Woken, it goes down too."""
    with (
        hosts.place() as place,
        hosts.primary(place, extra=["HOSTSYNC 4"]) as primary,
        hosts.secondary(place, "hangs", primary.target()) as hangs,
        hosts.secondary(place, "two", primary.target()) as two,
    ):
        primary.wait_logins(3)
        hangs.process.send_signal(signal.SIGSTOP)
        primary.mains(False)
        two.went_down()
        down = primary.went_down()
        waited_s = down.at - primary.hears("FSD").at
        assert 3.5 < waited_s < 8, f"{waited_s:.1f} s"
        assert down.flag
        assert not hangs.downs()
        assert "HOSTSYNC is over (hosts still logged in: 1 on ups@" in primary.process.output()
        hangs.process.send_signal(signal.SIGCONT)
        hangs.went_down()
        assert hangs.process.wait(LIMIT_S) == 0
        assert [len(host.downs()) for host in (primary, hangs, two)] == [1, 1, 1]


def test_a_dead_secondary_is_not_waited_for() -> None:
    """Killed, its connection closes and counts no more; its helper ends without running anything."""
    with (
        hosts.place() as place,
        hosts.primary(place, extra=["HOSTSYNC 60"]) as primary,
        hosts.secondary(place, "dies", primary.target()) as dies,
        hosts.secondary(place, "two", primary.target()) as two,
    ):
        primary.wait_logins(3)
        helpers = hosts.helper_pids(dies.process)
        dies.process.send_signal(signal.SIGKILL)
        primary.wait_logins(2)
        for pid in helpers:
            wait_until(lambda pid=pid: not _alive(pid), LIMIT_S, "the end of its helper")  # type: ignore[misc]
        primary.mains(False)
        down, last = two.went_down(), primary.went_down()
        assert down.at < last.at
        assert not dies.downs()
        assert "HOSTSYNC is over" not in primary.process.output()


def test_a_stop_in_the_middle_of_a_shutdown_finishes_it() -> None:
    """SIGTERM between FSD and SHUTDOWNCMD: serve goes on to the flag and SHUTDOWNCMD, then ends with 0."""
    with hosts.place() as place, hosts.primary(place, extra=["FINALDELAY 2"]) as primary:
        primary.mains(False)
        told = primary.hears("SHUTDOWN")
        primary.process.send_signal(signal.SIGTERM)
        assert primary.process.wait(LIMIT_S) == 0
        (down,) = primary.downs()
        assert down.flag
        assert 1 < down.at - told.at < 5


def _alive(pid: int) -> bool:
    """Whether the process is there, and no zombie that waits for its parent to ask for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# -- the server disappears --------------------------------------------------------------------------

LONE = ("DEADTIME 3", "HOSTSYNC 2", "NOCOMMWARNTIME 2")


def test_silence_while_on_battery_ends_at_deadtime() -> None:
    """The server dies on battery: its secondary goes down after DEADTIME, not before, and says on what."""
    with (
        hosts.place() as place,
        hosts.primary(place, hosts.LARGE) as primary,
        hosts.secondary(place, "alone", primary.target(), LONE) as alone,
    ):
        primary.mains(False)
        alone.hears("ONBATT")
        killed = time.time()
        primary.process.send_signal(signal.SIGKILL)
        down = alone.went_down()
        assert 3 - POLL_S - 0.1 < down.at - killed < 3 + 4 * POLL_S
        assert alone.process.wait(LIMIT_S) == 0
        assert "COMMBAD" in alone.kinds()
        assert not down.flag
        assert len(alone.downs()) == 1
        assert not primary.downs()
        output = alone.process.output()
        (why,) = [line for line in output.splitlines() if "is critical:" in line]
        assert "and it was on battery then (DEADTIME 3 s)" in why
        assert "[last ups.status OB DISCHRG, last battery.charge 100, last battery.runtime " in why
        assert "Traceback" not in output


@pytest.mark.slow
def test_silence_while_on_line_is_only_told() -> None:
    """The server dies on line: COMMBAD and NOCOMM, however long it lasts; COMMOK when it is back."""
    with (
        hosts.place() as place,
        hosts.primary(place, hosts.LARGE) as primary,
        hosts.secondary(place, "alone", primary.target(), LONE) as alone,
    ):
        primary.process.send_signal(signal.SIGKILL)
        alone.hears("COMMBAD")
        wait_until(lambda: alone.kinds().count("NOCOMM") >= 3, LIMIT_S, "three times NOCOMM, over 6 s")
        assert alone.process.returncode is None
        assert not hosts.downs(place)
        assert set(alone.kinds()) == {"COMMBAD", "NOCOMM"}
        with hosts.primary_again(primary) as back:
            alone.hears("COMMOK")
            back.wait_logins(2)
        assert "critical" not in alone.process.output()


# -- several supplies -------------------------------------------------------------------------------


def test_one_of_two_supplies_is_enough() -> None:
    """MINSUPPLIES 1 of 2: one low battery shuts nothing down; the second one does, once, and FSDs both."""
    with (
        hosts.place() as place,
        hosts.primary(place, {"left": hosts.SMALL, "right": hosts.SMALL}, ["MINSUPPLIES 1"]) as primary,
    ):
        primary.wait_logins(1, "left")
        primary.wait_logins(1, "right")
        primary.mains(False, "left")
        assert primary.hears("LOWBATT").ups == primary.target("left")
        primary.process.wait_output("left@127.0.0.1:" + f"{primary.port} is critical", LIMIT_S)
        # Long enough for a wrong decision to have reached SHUTDOWNCMD: FINALDELAY is 0.
        until = time.time() + 2
        wait_until(lambda: time.time() > until, LIMIT_S, "two seconds")
        assert not hosts.downs(place)
        assert set(primary.kinds()) == {"ONBATT", "LOWBATT"}
        assert primary.status("left") == "OB DISCHRG LB"
        primary.mains(False, "right")
        assert primary.went_down().flag
        assert primary.status("left").startswith("FSD OB")
        assert primary.status("right").startswith("FSD OB")
        assert "good supplies 0, MINSUPPLIES 1" in primary.process.output()
        assert len(hosts.downs(place)) == 1

# SPDX-License-Identifier: GPL-2.0-or-later
"""A server, a primary, two secondaries and their upssched, C's and ours in every pair, and what befalls them.

Each test plays one misfortune with all mixtures at once, and looks at what a user would notice: which host
goes down, when, in which order, how often, with which POWERDOWNFLAG, and what upssched has run.
The matrix is slow: CI runs it, and `./dev test -m ""` does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.crew import DEADTIME_S, HOSTSYNC_S, POLL_S, ROWS, Crew, Member, Mixture, crew
from tests.support.wait import wait_until

pytestmark = [pytest.mark.cnut, pytest.mark.slow, pytest.mark.timeout(180)]

# C waits up to 10 s for an answer, twice for a new connection, and the machine may be busy.
LONG_S = 60.0
# From one decision to the next process that carries it out, on a busy machine.
SLACK_S = 2.5
# A host logs out when its SHUTDOWNCMD begins; what that writes down may be late by this.
ORDER_S = 0.5
EXPIRED = ("HOSTSYNC is over", "Host sync timer expired")
STEADY_S = DEADTIME_S + 2.5
"""So long nothing must happen where nothing is to happen."""


def with_every_mixture(play: Callable[[Crew], None], through: Sequence[str] = ()) -> None:
    """Play it with all rows side by side; each failure says which row it was."""

    def one_row(row: Mixture) -> None:
        try:
            with crew(row, through) as found:
                play(found)
                nobody_stumbled(found)
        except BaseException as error:
            error.add_note(f"the mixture was {row}")
            raise

    with ThreadPoolExecutor(len(ROWS)) as pool:
        results = [pool.submit(one_row, row) for row in ROWS]
    failures = [error for error in (result.exception() for result in results) if error is not None]
    if failures:
        raise BaseExceptionGroup(f"{len(failures)} of {len(ROWS)} mixtures", failures)


# -- what is asked of all ----------------------------------------------------------------------------


def nobody_stumbled(found: Crew) -> None:
    """No traceback, and no SHUTDOWNCMD ran twice."""
    for process in (found.server, *(member.process for member in found.members.values())):
        assert "Traceback" not in process.output()
    for member in found.members.values():
        assert len(member.downs()) <= 1, member.downs()


def all_stay_up(found: Crew, for_s: float = STEADY_S) -> None:
    """Nobody goes down for a while."""
    until = time.monotonic() + for_s
    while time.monotonic() < until:
        assert not found.downs(), "somebody went down"
        time.sleep(0.1)


def on_battery(found: Crew) -> None:
    """The mains is lost, and everybody knows."""
    found.ups.say("OB DISCHRG", battery_charge="40")
    for member in found.members.values():
        member.hears("ONBATT")


def low(found: Crew) -> float:
    """The battery is low; gives the wall time."""
    found.ups.say("OB LB DISCHRG", battery_charge="9")
    return time.time()


def flag_is_right(member: Member) -> None:
    """A primary's POWERDOWNFLAG is there before SHUTDOWNCMD; a secondary has none (C always writes it)."""
    (down,) = member.downs()
    if member.name == "primary":
        assert down.flag
        assert member.flag.read_text().startswith("upsmon-shutdown-file")
    elif member.kind == "ours":
        assert not down.flag
        assert not member.flag.exists()


def in_order(found: Crew, without: str = "") -> None:
    """All go down, the secondaries first, the primary before HOSTSYNC is over; and upssched is told."""
    going = [member for name, member in found.members.items() if name != without]
    last = found.primary.went_down(LONG_S)
    assert found.logins() <= 1, "the primary did not wait for the others"
    output = found.primary.process.output()
    assert not any(words in output for words in EXPIRED), "HOSTSYNC was over"
    for member in going:
        member.went_down()
        member.hears("SHUTDOWN")
        member.ran("shutdown")
        flag_is_right(member)
    assert len(found.downs()) == len(going)
    assert all(down.at < last.at + ORDER_S for down in found.downs()), found.downs()
    assert "FSD" in found.status().split()


def goes_by_itself(member: Member, since: float, least_s: float) -> None:
    """A host goes down after `least_s`, not before; ours not much later (C may first wait for an answer)."""
    down = member.went_down(LONG_S)
    # The clock began to run at the poll before; C counts whole seconds.
    assert down.at - since > least_s - POLL_S - 0.1, f"{member.name} after {down.at - since:.1f} s"
    if member.kind == "ours":
        assert down.at - since < least_s + 2 * POLL_S + SLACK_S, f"{member.name} {down.at - since:.1f} s"
    flag_is_right(member)


# -- nothing befalls them ----------------------------------------------------------------------------


def test_an_outage_that_ends_and_one_that_does_not() -> None:
    """Short outage: notices, timers, all stay up.  Low battery: secondaries, then the primary, each once."""

    def play(found: Crew) -> None:
        on_battery(found)
        for member in found.members.values():
            member.ran("onbatt")
            member.ran("still-on-battery")
        found.ups.say("OL CHRG")
        for member in found.members.values():
            member.hears("ONLINE")
            member.ran("online")
        found.ups.say("OB DISCHRG")
        for member in found.members.values():
            member.ran("onbatt", 2)
        assert not found.downs()
        low(found)
        in_order(found)
        for member in found.members.values():
            kinds = member.kinds()
            assert [kinds.count(kind) for kind in ("ONBATT", "ONLINE", "LOWBATT", "SHUTDOWN")] == [2, 1, 1, 1]
            assert not {"COMMBAD", "NOCOMM", "NOPARENT"} & set(kinds)
            member.ran("lowbatt")
            if member is not found.primary or member.kind == "ours":
                member.ran("fsd")  # C upsmon 2.8.0 tells nobody of an FSD that it sets itself.
            names = [command.type for command in member.commands()]
            assert [names.count(name) for name in ("online", "lowbatt", "shutdown")] == [1, 1, 1]

    with_every_mixture(play)


# -- stopped ------------------------------------------------------------------------------------------


def test_a_stopped_secondary() -> None:
    """A secondary that hangs is waited for until HOSTSYNC, no longer; woken, it goes down as well."""

    def play(found: Crew) -> None:
        on_battery(found)
        found.one.stop()
        since = low(found)
        found.two.went_down()
        down = found.primary.went_down(LONG_S)
        assert HOSTSYNC_S - 0.2 < down.at - since < HOSTSYNC_S + 2 * POLL_S + SLACK_S, down.at - since
        assert [each.host for each in found.downs()] == ["two", "primary"]
        found.one.go_on()
        found.one.went_down(LONG_S)
        for member in found.members.values():
            flag_is_right(member)

    with_every_mixture(play)


def test_a_stopped_primary() -> None:
    """A primary that hangs sets no FSD: the secondaries wait HOSTSYNC for it; woken, it goes down, too."""

    def play(found: Crew) -> None:
        on_battery(found)
        found.primary.stop()
        since = low(found)
        for member in (found.one, found.two):
            goes_by_itself(member, since, HOSTSYNC_S)
        assert not found.primary.downs()
        found.primary.go_on()
        found.primary.went_down(LONG_S)
        flag_is_right(found.primary)

    with_every_mixture(play)


def test_a_stopped_server_on_line() -> None:
    """A server that hangs while the mains is there shuts nobody down; woken, it is served as before."""

    def play(found: Crew) -> None:
        found.server.send_signal(signal.SIGSTOP)
        all_stay_up(found)
        found.server.send_signal(signal.SIGCONT)
        found.settle()
        on_battery(found)
        low(found)
        in_order(found)

    with_every_mixture(play)


def test_a_stopped_server_on_battery() -> None:
    """A server that hangs on battery: everybody goes down after DEADTIME, and nobody before."""

    def play(found: Crew) -> None:
        on_battery(found)
        since = time.time()
        found.server.send_signal(signal.SIGSTOP)
        try:
            all_go_by_themselves(found, since)
        finally:
            found.server.send_signal(signal.SIGCONT)

    with_every_mixture(play)


def all_go_by_themselves(found: Crew, since: float) -> None:
    """Nobody can ask the server any more: DEADTIME, and our primary then waits HOSTSYNC for the others.

    C's takes logins that it can't count for none, and its host may go first.
    """
    for member in (found.one, found.two):
        goes_by_itself(member, since, DEADTIME_S)
    waits_s = HOSTSYNC_S if found.primary.kind == "ours" else 0
    goes_by_itself(found.primary, since, DEADTIME_S + waits_s)


# -- killed -------------------------------------------------------------------------------------------


def test_a_killed_secondary() -> None:
    """A secondary that has died is not waited for; the other one still goes before the primary."""

    def play(found: Crew) -> None:
        on_battery(found)
        found.one.die()
        wait_until(lambda: found.logins() == 2, LONG_S, "the server to notice")
        low(found)
        in_order(found, without="one")
        assert not found.one.downs()

    with_every_mixture(play)


def test_a_killed_primary() -> None:
    """Without a primary nobody sets FSD: at a low battery the secondaries wait HOSTSYNC, then go."""

    def play(found: Crew) -> None:
        on_battery(found)
        found.primary.die()
        all_stay_up(found)
        since = low(found)
        for member in (found.one, found.two):
            goes_by_itself(member, since, HOSTSYNC_S)
        assert not found.primary.downs()
        assert not found.primary.flag.exists()

    with_every_mixture(play)


def test_a_killed_server_on_line() -> None:
    """A server that dies on line: COMMBAD, all stay up; started again: COMMOK, logins, and FSD as ever."""

    def play(found: Crew) -> None:
        found.server.send_signal(signal.SIGKILL)
        for member in found.members.values():
            member.hears("COMMBAD", LONG_S)
        all_stay_up(found)
        found.server_again()
        for member in found.members.values():
            member.hears("COMMOK", LONG_S)
        found.settle()
        on_battery(found)
        low(found)
        in_order(found)

    with_every_mixture(play)


def test_a_killed_server_on_battery() -> None:
    """A server that dies on battery: everybody goes down after DEADTIME, and nobody before."""

    def play(found: Crew) -> None:
        on_battery(found)
        since = time.time()
        found.server.send_signal(signal.SIGKILL)
        all_go_by_themselves(found, since)

    with_every_mixture(play)


def test_killed_and_stopped_timers() -> None:
    """upssched's timer process killed: the next notice starts another; stopped: the shutdown goes its way."""

    def play(found: Crew) -> None:
        on_battery(found)
        for member in found.members.values():
            member.ran("still-on-battery")
            _signal_timers(member, signal.SIGKILL)
        found.ups.say("OL CHRG")
        for member in found.members.values():
            member.ran("online")
        found.ups.say("OB DISCHRG")
        for member in found.members.values():
            member.ran("still-on-battery", 2)
            _signal_timers(member, signal.SIGSTOP)
        low(found)
        in_order(found)

    with_every_mixture(play)


def _signal_timers(member: Member, number: int) -> None:
    """To the process that keeps them; there is one."""
    (pid,) = wait_until(member.timers, LONG_S, f"the timer process at {member.name}")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


# -- disconnected -------------------------------------------------------------------------------------


def test_a_secondary_that_is_cut_off() -> None:
    """Cut on line: it stays up, comes back.  Unplugged on battery: it goes by itself, waited for in vain."""

    def play(found: Crew) -> None:
        way = found.ways["one"]
        way.cut()
        found.one.hears("COMMBAD", LONG_S)
        all_stay_up(found)
        way.mend()
        found.one.hears("COMMOK", LONG_S)
        found.settle()
        on_battery(found)
        way.hold()
        since = low(found)
        found.two.went_down()
        down = found.primary.went_down(LONG_S)
        # The server can't know that nobody is there any more.
        assert HOSTSYNC_S - 0.2 < down.at - since < HOSTSYNC_S + 2 * POLL_S + SLACK_S, down.at - since
        assert found.downs()[0].host == "two"
        goes_by_itself(found.one, since, DEADTIME_S)
        for member in found.members.values():
            flag_is_right(member)

    with_every_mixture(play, ["one"])


def test_a_primary_that_is_cut_off() -> None:
    """Cut on line: it stays up.  Cut on battery: it goes by itself; the others at low and HOSTSYNC."""

    def play(found: Crew) -> None:
        way = found.ways["primary"]
        way.cut()
        found.primary.hears("COMMBAD", LONG_S)
        all_stay_up(found)
        way.mend()
        found.primary.hears("COMMOK", LONG_S)
        found.settle()
        on_battery(found)
        since = time.time()
        way.cut()
        waits_s = HOSTSYNC_S if found.primary.kind == "ours" else 0
        goes_by_itself(found.primary, since, DEADTIME_S + waits_s)
        assert [down.host for down in found.downs()] == ["primary"]
        since = low(found)
        for member in (found.one, found.two):
            goes_by_itself(member, since, HOSTSYNC_S)

    with_every_mixture(play, ["primary"])

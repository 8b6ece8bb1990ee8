# SPDX-License-Identifier: GPL-2.0-or-later
"""Our upssched and C's (Debian's 2.8.0 or RIDETHROUGH_C_UPSSCHED): the same calls, each other's daemon."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence

import pytest

from tests.support.upssched import C_UPSSCHED, OURS, Site, c_knows_sharing, site
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut

RULES = """\
# comment
AT ONBATT * START-TIMER onbatt 1
AT ONBATT ups@localhost EXECUTE now-here
AT ONBATT other@localhost EXECUTE now-there
AT ONLINE * CANCEL-TIMER onbatt online-late
AT ONLINE * CANCEL-TIMER far
AT ONBATT * START-TIMER far 60
AT LOWBATT * EXECUTE low
AT SHUTDOWN * EXECUTE bye
AT COMMBAD * START-TIMER gone 1
AT OFF * START-TIMER off 60
AT NOTOFF * CANCEL-TIMER off off-late
"""
SEQUENCE = (
    ("ONBATT", "ups@localhost", 2),  # (notice, UPS, calls there must be before the next notice)
    ("ONLINE", "ups@localhost", 3),
    ("OFF", "ups@localhost", 3),
    ("NOTOFF", "ups@localhost", 3),
    ("NOTOFF", "ups@localhost", 4),
    ("LOWBATT", "other@localhost", 5),
    ("NOCOMM", "ups@localhost", 5),
    ("SHUTDOWN", "", 6),
)
EXPECTED = ["now-here", "onbatt", "online-late", "off-late", "low", "bye"]
PROGRAMS = {"ours": OURS, "c": C_UPSSCHED}


def play(here: Site, program: Sequence[str]) -> list[str]:
    for kind, ups, calls in SEQUENCE:
        ran = here.notice(kind, ups, "message", program)
        assert ran.status == 0
        here.wait_calls(calls)
    return here.names


@pytest.mark.slow
def test_the_same_notices_lead_to_the_same_calls() -> None:
    """One upssched.conf, one sequence of notices: C and ours call CMDSCRIPT alike, in the same order."""
    with site(RULES) as c, site(RULES) as ours:
        assert play(ours, OURS) == EXPECTED
        assert play(c, C_UPSSCHED) == EXPECTED
        # The notice of the scripts that run at once is the same as well.
        at_once = ("now-here", "low", "bye")
        assert [call.rpartition("|")[0] for call in c.calls if call.startswith(at_once)] == [
            call.rpartition("|")[0] for call in ours.calls if call.startswith(at_once)
        ]


@pytest.mark.parametrize(("keeper", "visitor"), [("c", "ours"), ("ours", "c")])
def test_each_others_daemon_takes_starts_and_cancels(keeper: str, visitor: str) -> None:
    """While one program is exchanged for the other, running timers stay in reach."""
    with site(RULES) as here:
        assert here.notice("ONBATT", "ups@localhost", "message", PROGRAMS[keeper]).status == 0
        daemons = here.daemons()
        assert len(daemons) == 1
        assert here.notice("COMMBAD", "ups@localhost", "message", PROGRAMS[visitor]).status == 0
        assert here.daemons() == daemons
        wait_until(lambda: sorted(here.names) == ["gone", "now-here", "onbatt"], 10, "both timers")
        assert here.notice("OFF", "ups@localhost", "message", PROGRAMS[keeper]).status == 0
        assert here.notice("NOTOFF", "ups@localhost", "message", PROGRAMS[visitor]).status == 0
        assert len(here.names) == 3, "the first cancel found the timer, so its command does not run"
        assert here.notice("NOTOFF", "ups@localhost", "message", PROGRAMS[visitor]).status == 0
        wait_until(lambda: len(here.names) == 4, 10, "the command of the late cancel")
        assert here.names[-1] == "off-late"


@pytest.mark.slow
@pytest.mark.parametrize("programs", [("c",), ("ours",), ("c", "ours")], ids="+".join)
@pytest.mark.parametrize("many", [2, 10])
def test_of_notices_at_once_none_is_lost(programs: tuple[str, ...], many: int) -> None:
    """However they race for PIPEFN and LOCKFN, each of them leads to its call, and no file is left.

    C's removes a LOCKFN that another holds, so that two daemons may start; ours then hands its timers over.
    """
    with site("AT ONBATT * START-TIMER onbatt 3\n") as here:
        started = [
            here.start([*PROGRAMS[programs[number % len(programs)]], "m"], NOTIFYTYPE="ONBATT", UPSNAME="a@h")
            for number in range(many)
        ]
        for process in started:
            process.communicate(timeout=30)
        assert [process.returncode for process in started] == [0] * many
        here.wait_calls(many, 30)
        here.wait_gone(30)
        assert here.names == ["onbatt"] * many
        assert not here.lock.exists()


@pytest.mark.parametrize(("keeper", "visitor"), [("c", "ours"), ("ours", "c"), ("ours", "ours"), ("c", "c")])
def test_a_killed_daemon_is_replaced_by_the_next_notice(keeper: str, visitor: str) -> None:
    """What a crash leaves at PIPEFN is no obstacle, whoever made it; ours says that timers are lost."""
    with site(RULES) as here:
        assert here.notice("ONBATT", "a@h", "message", PROGRAMS[keeper]).status == 0
        (daemon,) = here.daemons()
        os.kill(daemon, signal.SIGKILL)
        here.wait_gone()
        assert here.pipe.exists()
        assert here.notice("COMMBAD", "a@h", "message", PROGRAMS[visitor]).status == 0
        assert here.wait_calls(1)[0].startswith("gone|")
        assert ("its timers are lost" in here.log) == (visitor == "ours")


@pytest.mark.slow
@pytest.mark.parametrize("keeper", ["c", "ours"])
def test_a_stopped_daemon_does_not_hold_our_notices_up(keeper: str) -> None:
    """Ours is done within seconds, and its timers run; C's would wait until the daemon goes on."""
    with site(RULES) as here:
        assert here.notice("ONBATT", "a@h", "message", PROGRAMS[keeper]).status == 0
        (daemon,) = here.daemons()
        os.kill(daemon, signal.SIGSTOP)
        began = time.monotonic()
        assert here.notice("COMMBAD", "a@h", "message", OURS).status == 0
        assert time.monotonic() - began < 12
        assert "does not answer: it is given up, and its timers are lost" in here.log
        assert here.wait_calls(1)[0].startswith("gone|")


@pytest.mark.slow
def test_c_goes_on_when_our_stopped_daemon_does() -> None:
    """C's notice waits for our daemon without end, as for its own, and is obeyed as soon as that goes on."""
    with site(RULES) as here:
        assert here.notice("ONBATT", "a@h", "message", OURS).status == 0
        (daemon,) = here.daemons()
        os.kill(daemon, signal.SIGSTOP)
        waiting = here.start([*C_UPSSCHED, "message"], NOTIFYTYPE="COMMBAD", UPSNAME="a@h")
        time.sleep(3)
        assert waiting.poll() is None
        os.kill(daemon, signal.SIGCONT)
        waiting.communicate(timeout=10)
        assert waiting.returncode == 0
        assert sorted(call.partition("|")[0] for call in here.wait_calls(2)) == ["gone", "onbatt"]


def test_odd_messages_reach_each_others_daemon() -> None:
    """Quotes, hashes, backslashes and 300 characters break no line of the other; C drops all but ASCII."""
    odd = 'UPS "a" $(x) `y` \\ # \' %s ' + 300 * "x"
    with site(RULES) as here:
        assert here.notice("COMMBAD", "a@h", odd, OURS).status == 0
        assert here.notice("COMMBAD", "a@h", odd, C_UPSSCHED).status == 0
        assert len(here.daemons()) == 1
        # 2.8.0 does not tell the daemon of its notice.
        theirs = f"gone|COMMBAD|a@h|{odd}" if c_knows_sharing() else "gone|||"
        assert here.wait_calls(2) == [f"gone|COMMBAD|a@h|{odd}", theirs]
    with site(RULES) as here:
        assert here.notice("OFF", "a@h", odd, C_UPSSCHED).status == 0
        (daemon,) = here.daemons()
        assert here.notice("COMMBAD", "a@h", f"é\n{odd}", OURS).status == 0
        assert here.daemons() == [daemon]
        here.wait_calls(1, 20)
        assert here.names == ["gone"]
        if c_knows_sharing():
            assert here.calls == [f"gone|COMMBAD|a@h| {odd}"]

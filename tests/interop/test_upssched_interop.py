# SPDX-License-Identifier: GPL-2.0-or-later
"""Our upssched and Debian's C upssched (2.8.0): the same calls of CMDSCRIPT, and each other's daemon."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from tests.support.upssched import C_UPSSCHED, OURS, Site, site
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
AT COMMOK * CANCEL-TIMER gone
"""
SEQUENCE = (
    ("ONBATT", "ups@localhost", 2),  # (notice, UPS, calls there must be before the next notice)
    ("ONLINE", "ups@localhost", 3),
    ("ONBATT", "ups@localhost", 4),
    ("ONLINE", "ups@localhost", 4),
    ("LOWBATT", "other@localhost", 5),
    ("COMMBAD", "ups@localhost", 5),
    ("COMMOK", "ups@localhost", 5),
    ("NOCOMM", "ups@localhost", 5),
    ("SHUTDOWN", "", 6),
)
EXPECTED = ["now-here", "onbatt", "online-late", "now-here", "low", "bye"]
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
        began = time.monotonic()
        assert here.notice("COMMBAD", "ups@localhost", "message", PROGRAMS[keeper]).status == 0
        assert here.notice("COMMOK", "ups@localhost", "message", PROGRAMS[visitor]).status == 0
        assert time.monotonic() - began < 1, "the machine was too slow for this test"
        assert here.notice("ONLINE", "ups@localhost", "message", PROGRAMS[visitor]).status == 0
        wait_until(lambda: len(here.names) == 4, 10, "the command of the late cancel")
        assert here.names[-1] == "online-late"

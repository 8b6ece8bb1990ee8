# SPDX-License-Identifier: GPL-2.0-or-later
"""AT lines and notices that hypothesis makes up, through C's upssched, ours, and both by turns.

C counts whole seconds of the clock on the wall, so its timer of N seconds runs out after N-1 to N+1.
Notices therefore come in bursts that end before any timer of the burst can, and the next burst waits for all.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from tests.support.stubs import write_stub
from tests.support.upssched import C_UPSSCHED, Site, c_knows_sharing, site

pytestmark = [pytest.mark.cnut, pytest.mark.slow]

SHORT_S, LONG_S = 5, 60
BURST_S = SHORT_S - 1.2
QUIET_S = SHORT_S + 2.2  # After a burst: C's last timer has run out, and was seen to.
TOLERANCE_S = 2.5  # A second of C's clock on the wall, a second of its pace, and some for the machine.
SCENARIOS = 3
TRIES = 2
APART_S = 0.5  # So that not all programs are loaded at one moment.
SCRIPT = """\
#!/bin/sh
printf '%s|%s|%s|%s|%s\\n' "$1" "$NOTIFYTYPE" "$UPSNAME" "$NOTIFYMSG" "$(date +%s.%N)" >>'{calls}'
"""
TYPES = ("ONBATT", "ONLINE", "LOWBATT", "SHUTDOWN")
TIMERS = ("t1", "t2")
Notice = tuple[str, str, bool]
"""Type, UPS, and whether C's program gets it where both are used."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """The AT lines, and the bursts of notices."""

    rules: tuple[str, ...]
    bursts: tuple[tuple[Notice, ...], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of CMDSCRIPT: the name, the notice in its environment, and when (seconds in its slot)."""

    name: str
    notice: tuple[str, ...]
    at_s: float


@dataclass(frozen=True, slots=True)
class Slot:
    """What a burst, which took so long, has led to."""

    took_s: float
    said: str
    calls: tuple[Call, ...]

    @property
    def names(self) -> list[str]:
        return [call.name for call in self.calls]


def _actions() -> st.SearchStrategy[str]:
    timer, seconds = st.sampled_from(TIMERS), st.sampled_from((SHORT_S, LONG_S))
    starts = ("START-TIMER", "START-TIMER-SHARED") if c_knows_sharing() else ("START-TIMER",)
    return st.one_of(
        st.builds("{} {} {}".format, st.sampled_from(starts), timer, seconds),
        st.builds("CANCEL-TIMER {}".format, timer),
        st.builds("CANCEL-TIMER {} late{}".format, timer, st.integers(1, 3)),
        st.builds("EXECUTE now{}".format, st.integers(1, 3)),
    )


def _scenarios() -> st.SearchStrategy[Scenario]:
    kind = st.sampled_from((*TYPES[:2], *TYPES))
    pattern = st.sampled_from(("*", "*", "a@h", "b@h", "A@H", "a"))
    rule = st.builds("AT {} {} {}".format, st.one_of(kind, kind.map(str.lower)), pattern, _actions())
    notice = st.tuples(kind, st.sampled_from(("a@h", "b@h")), st.booleans()).map(
        lambda found: found if found[0] != "SHUTDOWN" else ("SHUTDOWN", "", found[2])
    )
    burst = st.lists(notice, min_size=1, max_size=3).map(tuple)
    return st.builds(
        Scenario,
        st.lists(rule, min_size=4, max_size=9, unique=True).map(tuple),
        st.lists(burst, min_size=2, max_size=2).map(tuple),
    ).filter(_telling)


def _telling(scenario: Scenario) -> bool:
    """Whether timers are started and cancelled, by notices of several kinds."""
    words = " ".join(scenario.rules)
    kinds = {kind for burst in scenario.bursts for kind, _, _ in burst}
    return len(kinds) > 1 and f" {SHORT_S}" in words and "CANCEL" in words


def play(here: Site, scenario: Scenario, programs: Sequence[Sequence[str]], delay_s: float) -> list[Slot]:
    """The calls of each slot; `programs` are what a notice goes to by its last field."""
    calls = here.directory / "seen"
    here.script.write_text(SCRIPT.format(calls=calls))
    time.sleep(delay_s)
    slots: list[Slot] = []
    for burst in scenario.bursts:
        before = calls.read_text().count("\n") if calls.exists() else 0
        began, said = time.time(), ""
        for kind, ups, of_c in burst:
            ran = here.run([*programs[of_c], f"{kind} of '{ups}'"], NOTIFYTYPE=kind, UPSNAME=ups)
            assert ran.status == 0, ran
            said += ran.err
        took_s = time.time() - began
        if took_s > BURST_S:
            return []  # The machine was too busy: what C does now depends on luck.
        time.sleep(QUIET_S)
        lines = calls.read_text().splitlines()[before:] if calls.exists() else []
        fields = [line.split("|") for line in lines]
        found = (Call(name, tuple(rest[:-1]), float(rest[-1]) - began) for name, *rest in fields)
        slots.append(Slot(took_s, said, tuple(found)))
    return slots


def _alike(scenario: Scenario, stub: str, number: int) -> bool:
    """Compare a scenario, again if the machine was too busy; False if it always was."""
    return any(_compared(scenario, stub, number) for _ in range(TRIES))


def _compared(scenario: Scenario, stub: str, number: int) -> bool:
    """Play a scenario in three ways at once; False if the machine was too busy to compare them."""
    sides = [(C_UPSSCHED, C_UPSSCHED), ((stub,), (stub,)), ((stub,), C_UPSSCHED)]
    rules = "".join(f"{rule}\n" for rule in scenario.rules)
    with site(rules) as c_site, site(rules) as our_site, site(rules) as mixed_site:
        with ThreadPoolExecutor(3) as pool:
            jobs = [
                pool.submit(play, here, scenario, programs, number * APART_S)
                for here, programs in zip((c_site, our_site, mixed_site), sides, strict=True)
            ]
            c, ours, mixed = (job.result() for job in jobs)
        if not (c and ours and mixed):
            return False
        seen = f"{scenario}\nC: {c}\nours: {ours}\nmixed: {mixed}"
        for their_slot, our_slot, mixed_slot in zip(c, ours, mixed, strict=True):
            assert our_slot.names == their_slot.names, seen
            assert mixed_slot.names == their_slot.names, seen
            apart_s = TOLERANCE_S + max(their_slot.took_s, our_slot.took_s)
            for their, our in zip(their_slot.calls, our_slot.calls, strict=True):
                assert abs(their.at_s - our.at_s) <= apart_s, seen
                if c_knows_sharing() and our.name in TIMERS:
                    assert our.notice == their.notice, seen
    return True


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Our program as `ridethrough link` writes it: it starts quickly enough for a burst."""
    return str(write_stub(tmp_path_factory.mktemp("bin"), "upssched"))


@given(
    scenarios=st.deferred(lambda: st.lists(_scenarios(), min_size=SCENARIOS, max_size=SCENARIOS, unique=True))
)
@settings(
    max_examples=2,
    phases=[Phase.generate],
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_any_rules_and_notices_lead_to_the_same_calls(stub: str, scenarios: list[Scenario]) -> None:
    """C's program, ours, and both sharing one PIPEFN call CMDSCRIPT alike: names, order, times."""
    with ThreadPoolExecutor(SCENARIOS) as pool:
        jobs = [pool.submit(_alike, scenario, stub, number) for number, scenario in enumerate(scenarios)]
        compared = sum(job.result() for job in jobs)
    event(f"{compared} of {SCENARIOS} compared")
    assert compared > 0, "the machine was too busy for all of them"


def test_the_recorder_sees_what_is_passed(tmp_path: Path) -> None:
    """A slot holds name, notice and time of each call (so the comparison above compares something)."""
    scenario = Scenario(("AT ONBATT * EXECUTE now1",), ((("ONBATT", "a@h", True),),))
    with site(f"{scenario.rules[0]}\n") as here:
        (slot,) = play(here, scenario, ((), C_UPSSCHED), 0.0)
    assert len(slot.calls) == 1, slot
    (call,) = slot.calls
    assert (call.name, call.notice[:2]) == ("now1", ("ONBATT", "a@h"))
    assert 0 <= call.at_s < BURST_S

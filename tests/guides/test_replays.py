# SPDX-License-Identifier: GPL-2.0-or-later
"""The guides' files under C NUT and under ours, in the same stories: the same, or a listed difference.

A difference that is not in LISTED fails, and so does one of LISTED that is no longer there.
docs/guides.md has the list for people.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest

from tests.guides import replay_stories as stories
from tests.guides.replay import KINDS, Call, Seen, install, play
from tests.guides.replay_compare import differences
from tests.guides.replay_facts import GUIDES, SHIPPED_UPSMON, TYPES, Guide
from tests.guides.replay_stories import Story
from tests.support import hosts

STARTING: Final = 3
"""So many stories at a time start their programs."""
REPOSITORY: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Run:
    """One story at one host of a guide.  `commands` are the calls of CMDSCRIPT that it must lead to."""

    guide: str
    story: Story
    commands: str = ""

    @property
    def name(self) -> str:
        """`guide story`."""
        return f"{self.guide} {self.story.name}"


# The longest first.
RUNS: Final = (
    Run("003", stories.VARIED, "emergency-shutdown emergency-shutdown emergency-shutdown"),
    # Each short outage has left a timer that nothing cancels.
    Run(
        "004-client",
        stories.VARIED,
        "earlyshutdown earlyshutdown earlyshutdown powerdown powerdown",
    ),
    Run("001", stories.VARIED),
    Run("002", stories.VARIED),
    Run("000-master", stories.VARIED),
    Run("003", stories.LONGER, "onbatt earlyshutdown onbatt emergency-shutdown"),
    Run(
        "004-client",
        stories.LONG,
        "onbatt earlyshutdown online commbad commbad commok onbatt earlyshutdown powerdown powerdown",
    ),
    Run("001", stories.LONG),
    Run("000-slave", stories.LONG),
    Run("004-server", stories.CALIBRATED),
    Run("002", stories.DRIVER_LOST),
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A difference from C NUT 2.8.0 that is meant.  `runs` and `lines` are patterns; each must be met."""

    why: str
    runs: tuple[str, ...]
    lines: tuple[str, ...]


LISTED: Final = (
    Listed(
        "notice types that 2.8.0 does not know",
        ("* varied",),
        tuple(
            f"log: 1 more: UPS *: {text}"
            for text in (
                "on bypass *",
                "no longer on bypass",
                "trimming incoming voltage",
                "no longer trimming incoming voltage",
                "overloaded",
                "no longer overloaded",
            )
        ),
    ),
    Listed(
        "C 2.8.0 tells FSD only if another host has set it",
        ("00[123] varied", "* calibrated", "* driver-lost"),
        ("log: 1 more: UPS *: forced shutdown in progress",),
    ),
    Listed("the same, for upssched", ("002 varied", "002 driver-lost"), ("NOTIFYCMD: 1 more: *(FSD *)",)),
    Listed("a refused login is a notice", ("000-*",), ("log: 1 more: UPS *: login refused",)),
    Listed("POWERDOWNFLAG is the primary's", ("*-slave *", "*-client *"), ("POWERDOWNFLAG: left out",)),
    Listed(
        "C 2.8.0 takes a UPS that was calibrated once for calibrating ever after: it never shuts down",
        ("* calibrated",),
        (
            "log: 1 more: UPS *: calibration finished",
            "log: 1 more: Auto logout and shutdown proceeding",
            "SHUTDOWNCMD: 1 more: -h +0",
            "POWERDOWNFLAG: written",
        ),
    ),
    Listed(
        "logins that can't be counted are waited for until HOSTSYNC is over; C takes them for none",
        ("* driver-lost",),
        ("time: +*: -h +0", "time: +*: Auto logout and shutdown proceeding (SHUTDOWN )"),
    ),
)

Replays = Mapping[Run, "Future[dict[str, Seen]]"]


@pytest.fixture(scope="module")
def replays(request: pytest.FixtureRequest) -> Iterator[Replays]:
    """All runs that were asked for, side by side: they mostly wait."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    params: list[dict[str, Any]] = [
        item.callspec.params for item in items if item.path == Path(__file__) and "run" in item.fixturenames
    ]
    starting = threading.Semaphore(STARTING)
    runs: list[Run] = [found["run"] for found in params]
    with ThreadPoolExecutor(len(runs)) as pool:
        yield {run: pool.submit(play, GUIDES[run.guide], run.story, starting) for run in runs}


@pytest.mark.cnut
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_a_guide_does_the_same_under_c_and_under_ours(run: Run, replays: Replays) -> None:
    """Same notices, same commands, same order, or a listed difference; upsmon with upssched, and serve."""
    seen = replays[run].result()
    if any(all(map(_of_time, found)) for found in _unlisted(run, seen).values() if found):
        # The machine was too busy: the same again, alone.
        seen = play(GUIDES[run.guide], run.story, contextlib.nullcontext())
    assert " ".join(_commands(seen["C"])) == run.commands
    for kind, lines in _unlisted(run, seen).items():
        assert not lines, f"{kind} differs from C:\n" + "\n".join([*lines, repr(seen)])
    for kind in KINDS[1:]:
        found = differences(seen["C"], seen[kind])
        gone = [pattern for pattern in _listed(run) if not any(fnmatchcase(line, pattern) for line in found)]
        assert not gone, f"{kind} no longer differs from C; take it off the list:\n" + "\n".join(gone)


def _listed(run: Run) -> list[str]:
    entries = [entry for entry in LISTED if any(fnmatchcase(run.name, pattern) for pattern in entry.runs)]
    return [line for entry in entries for line in entry.lines]


def _unlisted(run: Run, seen: Mapping[str, Seen]) -> dict[str, list[str]]:
    """For each of ours the differences from C that no pattern of the list meets."""
    listed = _listed(run)
    return {
        kind: [
            line
            for line in differences(seen["C"], seen[kind])
            if not any(fnmatchcase(line, pattern) for pattern in listed)
        ]
        for kind in KINDS[1:]
    }


def _of_time(line: str) -> bool:
    return line.startswith(("time: ", "order: "))


def _commands(seen: Seen) -> list[str]:
    """The names that CMDSCRIPT was called with; for all that NOCOMM asks for once."""
    first = next((call for call in seen.ran if call.type == "NOCOMM"), None)
    return [call.words for call in seen.ran if call.type != "NOCOMM" or call is first]


# -- the comparison itself ---------------------------------------------------------------------------


def _call(at: float, words: str, kind: str = "ONBATT") -> Call:
    return Call(at, words, kind, "ups@HOST")


C: Final = Seen(
    ["UPS ups@HOST on battery", "UPS ups@HOST battery is low"],
    [_call(0.0, "on battery"), _call(9.0, "low", "LOWBATT")],
    [_call(3.0, "onbatt"), _call(9.1, "now", "LOWBATT")],
    [Call(12.0, "-h +0", "", "")],
    True,
)


@pytest.mark.parametrize(
    ("other", "found"),
    [
        pytest.param(C, [], id="the same"),
        pytest.param(
            replace(C, told=C.told[:1]), ["log: 1 less: UPS ups@HOST battery is low"], id="a notice less"
        ),
        pytest.param(
            replace(C, told=C.told[::-1]),
            [f"log: in another order: {C.told[::-1]}, not {C.told}"],
            id="another order in the log",
        ),
        pytest.param(
            replace(C, handed=[C.handed[0], _call(9.0, "low", "FSD")]),
            ["NOTIFYCMD: 1 less: low (LOWBATT ups@HOST)", "NOTIFYCMD: 1 more: low (FSD ups@HOST)"],
            id="another type",
        ),
        pytest.param(
            replace(C, ran=[*C.ran, C.ran[0]]), ["CMDSCRIPT: 1 more: onbatt (ONBATT ups@HOST)"], id="twice"
        ),
        pytest.param(
            replace(C, ran=[_call(10.0, "onbatt"), C.ran[1]]),
            [
                "time: +7.0 s: onbatt (ONBATT ups@HOST)",
                "order: onbatt (ONBATT ups@HOST) after low (LOWBATT ups@HOST)",
                "order: onbatt (ONBATT ups@HOST) after now (LOWBATT ups@HOST)",
            ],
            id="late, and after what came later at C's",
        ),
        pytest.param(replace(C, down=[]), ["SHUTDOWNCMD: 1 less: -h +0"], id="no shutdown"),
        pytest.param(replace(C, flag=False), ["POWERDOWNFLAG: left out"], id="no flag"),
    ],
)
def test_the_comparison_sees(other: Seen, found: list[str]) -> None:
    """Whatever a user would notice is a line, and nothing else is."""
    assert differences(C, other) == found


def test_every_listed_difference_is_looked_for() -> None:
    """Each pattern of runs in LISTED meets a run, so that its lines are looked for."""
    for entry in LISTED:
        for pattern in entry.runs:
            assert any(fnmatchcase(run.name, pattern) for run in RUNS), (entry.why, pattern)


# -- the guides --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("guide", "faults"),
    [
        ("000-master", ["upsmon.conf:1: error: 'admin' (upsd.users:1) may not log in as primary"]),
        ("000-slave", ["upsmon.conf:1: error: 'admin' (upsd.users:1) may not log in as secondary"]),
        (
            "001",
            [
                "upsmon.conf:12: warning: NOTIFYCMD is never run, for no NOTIFYFLAG has EXEC",
                *(
                    f"upssched.conf:{line}: warning: upsmon.conf has no EXEC for {kind}, so this line never"
                    for line, kind in ((4, "COMMBAD"), (5, "COMMOK"), (6, "LOWBATT"))
                ),
            ],
        ),
        (
            "004-client",
            [
                "upssched.conf:12: warning: the same AT as on line 11",
                "upssched.conf:7: warning: upsmon.conf has no EXEC for LOWBATT, so this line never acts",
            ],
        ),
    ],
)
def test_check_names_the_faults_that_the_replays_show(guide: str, faults: list[str]) -> None:
    """What does nothing, or something twice, in a replay is a line of `ridethrough check` beforehand."""
    with hosts.place() as place:
        site = install(place, "ours", GUIDES[guide], stories.VARIED)
        command = [*hosts.PROGRAM, "check", "--config", str(site.etc)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    lines = done.stdout.splitlines()
    assert [fault for fault in faults if not any(line.startswith(fault) for line in lines)] == [], lines


@pytest.mark.parametrize("guide", GUIDES.values(), ids=lambda guide: guide.name)
def test_the_facts_are_those_of_the_guide(guide: Guide) -> None:
    """Each directive, NOTIFYFLAG and AT line that is replayed stands in the guide."""
    directory = REPOSITORY.parent / "shared" / "guides"
    found = list(directory.glob(f"{guide.name[:3]}_*.txt"))
    if not found:
        pytest.skip("the guides themselves are not beside the checkout")
    text = " ".join(found[0].read_text("utf-8").split())
    lines = [*guide.upssched] if guide.upssched[0] in text else []
    lines += [f"{name} {value}" for name, value in guide.upsmon]
    lines += [f"NOTIFYFLAG {name} {value}" for name, value in guide.flags]
    assert [line for line in lines if line not in text] == []
    if guide.name != "003":  # It has no MONITOR line.
        assert re.search(rf"MONITOR \S+@\S+ 1 \S+ \S+ {guide.monitor.split()[-1]}", text)
    # What is taken from the shipped file instead does not stand in the guide.
    taken = [name for name in SHIPPED_UPSMON if name not in dict(guide.upsmon)]
    other = [
        f"{name} {value}" for name in taken if (value := _value(name, text)) not in ("", SHIPPED_UPSMON[name])
    ]
    assert guide.name == "004-server" or other == []
    assert len(guide.flags) in (0, 4, len(TYPES))


def _value(name: str, text: str) -> str:
    """The value of a directive, where the text has one."""
    found = re.search(rf"\b{name} (\d+|/\S+)", text)
    return found[1] if found else ""

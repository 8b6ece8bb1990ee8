# SPDX-License-Identifier: GPL-2.0-or-later
"""The promises over worlds of seeds: outages, and faults of every kind.

A seed that fails here is kept below: `python -m ridethrough.sim.play SEED` shows its world.
"""

from __future__ import annotations

import itertools
import os

import pytest

from ridethrough.sim import play
from ridethrough.sim.draw import draw
from ridethrough.sim.liveness import deadline
from ridethrough.sim.scenario import Part

KEPT = (11963, 100458, 102652, 103336, 106756, 111671, 116734, 118878, 203134)
"""Seeds that have failed once, because of the monitor or because of the oracle.

A change of `sim.draw` gives them other worlds: what one of them found must also be a test written by hand.
"""

FEW = 60
MANY, FIRST, BLOCKS = 20_000, 100_000, 8


def test_seeds_that_have_failed_once() -> None:
    """What was found stays found."""
    assert [str(broken) for seed in KEPT if (broken := play.judge(seed))] == []


@pytest.mark.parametrize("block", range(4))
def test_promises_hold_whatever_the_seed_draws(block: int) -> None:
    """Promises 1, 2, 3 and 5."""
    size = FEW // 4
    assert [str(broken) for broken in play.judge_block(block * size, size)] == []


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("block", range(BLOCKS))
def test_promises_hold_for_twenty_thousand_seeds(block: int) -> None:
    """The same, long: a block of the seeds, on all processors."""
    size = MANY // BLOCKS
    found = play.judge_many(FIRST + block * size, size, os.cpu_count() or 1)
    assert [str(broken) for broken in itertools.islice(found, 5)] == []


def test_the_seeds_meet_what_they_are_for() -> None:
    """Among a few hundred scenarios is every fault, and among a few dozen worlds every way to end."""
    drawn = [draw(seed) for seed in range(400)]
    faults = [fault for scenario in drawn for fault in scenario.faults]
    assert {type(fault).__name__ for fault in faults} == {"Cut", "Kill", "Freeze", "Reload", "Order"}
    assert {getattr(fault, "part", Part.MONITOR) for fault in faults} == set(Part)
    assert any(len(scenario.units) > 1 for scenario in drawn)
    assert any(computer.strict_c for scenario in drawn for computer in scenario.computers)
    worlds = [play.play(seed) for seed in range(40)]
    kinds = {line.kind for world in worlds for line in world.trace}
    assert {
        "begins",
        "fsd",
        "flag",
        "shutdown",
        "off",
        "cut",
        "crashed",
        "ordered",
        "timer",
        "glitch",
    } <= kinds
    judged = [host for world in worlds for host in world.hosts if deadline(world, host) is not None]
    assert len(judged) >= 15


def test_several_processes_find_what_one_finds() -> None:
    """The blocks of a long run come together again."""
    size = play.BLOCK + 2
    assert list(play.judge_many(500, size, 2)) == play.judge_block(500, size) == []


def test_a_broken_seed_is_said_with_the_command_that_shows_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever finds one in a log of CI knows what to type."""
    monkeypatch.setattr(play.promises, "kept", lambda world: ["promise 9: nonsense"])
    assert play.main(["7", "--count", "2"]) == 1
    out = capsys.readouterr().out
    assert "python -m ridethrough.sim.play 7\n  promise 9: nonsense\n" in out
    assert "2 worlds, 2 with broken promises" in out
    assert play.main(["7"]) == 1
    assert "Scenario(seed=7" in capsys.readouterr().out

# SPDX-License-Identifier: GPL-2.0-or-later
"""Files behind the drivers: definitions of dummy-ups (.dev, .seq), scripts and commands of simulated-ups."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from ridethrough.battery.model import BatterySpec, charge_percent
from ridethrough.drivers import simulated_core, simulated_script
from ridethrough.drivers.dummy import definition
from ridethrough.drivers.dummy.player import Play, play
from ridethrough.drivers.simulated_core import (
    COMMANDS,
    WRITABLE,
    Command,
    Done,
    Event,
    SetVar,
    UpsSpec,
    UpsState,
)
from ridethrough.drivers.simulated_readings import readings
from ridethrough.ups.state import Draft
from ridethrough.wire.words import decode
from tests.support.fuzzing import try_inputs
from tests.support.mutation import mutated

FILE = "f.dev"
DEFINITIONS = (
    b"device.mfr: Dummy\nups.status: OL\nups.load: 12\nbattery.charge: 100\nups.mfr.date: 2024/01/01\n",
    b"ups.status: OB LB\nTIMER 60\nALARM Replace battery!\nTIMER 0.5\nALARM\nups.status: ALARM OL\n",
    b'ups.id: "a \\"quoted\\" \\\\ word"\nups.id:\ndriver.name: dummy\noutlet.1.desc: Main # comment\n',
)
SCRIPTS = (
    b"# seconds since the driver began\nload 300\nat 5 mains off\nat 25 mains on\n",
    b"charge 50\nmains off\nat 1.5 load 0\nat 1e3 charge 100\nat 7200 mains on\n",
)
SPEC = UpsSpec(BatterySpec(capacity_wh=50.0, nominal_load_w=900.0, low_percent=20.0))
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Case:
    """Two files, and what is asked of the simulated UPS beside its script."""

    definition: bytes
    script: bytes
    asked: tuple[tuple[float, Event], ...]


def make(rng: random.Random) -> Case:
    """Mutated files; commands and values good and bad."""
    values = ("0", "30", "7200", "-1", "nan", "1e999", "x", "", decode(mutated(rng, (b"12.5",))[:40]))
    asked: list[tuple[float, Event]] = []
    for _ in range(rng.randrange(8)):
        param = rng.choice((None, *values))
        event: Event = Command(rng.choice(sorted(COMMANDS)), param)
        if rng.random() < 0.3:
            event = SetVar(rng.choice([*sorted(WRITABLE), "ups.status"]), rng.choice(values))
        asked.append((rng.choice((0.0, 0.25, 10.0, 3600.0)), event))
    return Case(mutated(rng, DEFINITIONS), mutated(rng, SCRIPTS), tuple(asked))


def attempt(case: Case) -> None:
    """Nothing raises; all is bounded and finite."""
    define(case.definition)
    simulate(case)


def define(data: bytes) -> None:
    """Read a definition, and play it for a while."""
    found = definition.parse(data, FILE)
    assert len(found.steps) <= data.count(b"\n") + 1
    look(found.problems)
    draft, state, now = Draft(), Play(), 0.0
    for _ in range(4):
        state = play(found, state, draft, now)
        assert 0 <= state.at <= len(found.steps)
        snapshot, _ = draft.commit()
        assert all(definition.valid_name(name) for name in snapshot.variables)
        draft = Draft(snapshot)
        now = max(now + 1.0, state.resume_at or 0.0)
        assert math.isfinite(now)


def simulate(case: Case) -> None:
    """Let a simulated UPS live through the script and the commands."""
    cues, problems = simulated_script.parse(case.script, FILE)
    look(problems)
    events = [(cue.at_s, cue.event) for cue in cues]
    now = 0.0
    for wait_s, event in case.asked:
        now += wait_s
        events.append((now, event))
    state = simulated_core.initial(SPEC, 0.0, load_w=300.0)
    for at, event in sorted(events, key=lambda pair: pair[0]):
        state, effects = simulated_core.step(SPEC, state, event, at)
        done = [effect for effect in effects if isinstance(effect, Done)]
        assert len(done) == isinstance(event, Command | SetVar)
        sane(state, at)


def sane(state: UpsState, now: float) -> None:
    """A UPS that could be; and what comes next is not in the past."""
    assert state.at >= now
    assert 0.0 <= charge_percent(SPEC.battery, state.battery) <= 100.0
    assert math.isfinite(state.load_w)
    assert simulated_core.next_deadline(SPEC, state) >= state.at
    for name, variable in readings(SPEC, state, "sim").items():
        assert variable.value not in ("nan", "inf", "-inf"), name


def look(problems: tuple[str, ...]) -> None:
    """Every problem names the file, in few printable words."""
    assert len(problems) <= definition.MAX_PROBLEMS + 3
    for problem in problems:
        assert problem.startswith(FILE)
        assert len(problem) < MAX_TEXT
        assert problem.isprintable(), problem


def fuzz(rng: random.Random, deadline: float) -> int:
    """Run until the deadline."""
    return try_inputs(rng, deadline, make, attempt)

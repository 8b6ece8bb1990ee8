# SPDX-License-Identifier: GPL-2.0-or-later
"""simulated-ups: a UPS on the battery model, moved by a script or over the control socket.

Options of its section in ups.conf: `capacity_wh`, `load_w`, `nominal_w`, `charge_w`, `charge` (percent in the
beginning), `lowbatt` (percent), `runtime_low` (seconds), `ondelay` and `offdelay` (seconds).
`port` names a script (see `ridethrough.drivers.simulated_script`), or is `auto` for none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from ridethrough.battery.model import BatterySpec
from ridethrough.config.models import UpsSection
from ridethrough.drivers import files, simulated_core, simulated_script
from ridethrough.drivers.base import Context, DriverError
from ridethrough.drivers.simulated_core import (
    Command,
    Done,
    Event,
    Load,
    Mains,
    SetVar,
    Tick,
    UpsSpec,
    UpsState,
)
from ridethrough.drivers.simulated_readings import readings
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Draft

NO_SCRIPT: Final = frozenset({"", "auto", "none"})
# Option -> what it is without being written.
DEFAULTS: Final = {
    "capacity_wh": 120.0,
    "load_w": 300.0,
    "nominal_w": 900.0,
    "charge_w": 60.0,
    "charge": 100.0,
    "lowbatt": 20.0,
    "runtime_low": 0.0,
    "offdelay": 20.0,
    "ondelay": 30.0,
}


def spec_of(section: UpsSection) -> UpsSpec:
    """The UPS that a section describes.  Raises DriverError in words."""
    number = numbers(section)
    if number["nominal_w"] <= 0:
        raise DriverError(f"[{section.name}] nominal_w must be above 0")
    try:
        battery = BatterySpec(
            capacity_wh=number["capacity_wh"],
            nominal_load_w=number["nominal_w"],
            charge_w=number["charge_w"],
            low_percent=number["lowbatt"],
            runtime_low_s=number["runtime_low"],
        )
    except ValueError as error:
        raise DriverError(f"[{section.name}] this battery can't be: {error}") from None
    return UpsSpec(battery=battery, nominal_w=number["nominal_w"])


def numbers(section: UpsSection) -> dict[str, float]:
    """The numeric options, defaults filled in.  Raises DriverError for one that is no number of 0 or more."""
    found = dict(DEFAULTS)
    for name in DEFAULTS:
        text = section.option(name)
        if text is not None:
            number = simulated_core.number_of(text)
            if number is None or number < 0:
                raise DriverError(f"[{section.name}] {name} = '{text}' must be a number, 0 or more")
            found[name] = number
    return found


class SimulatedUps:
    """The driver; see `ridethrough.drivers.base.Driver`."""

    def __init__(self, section: UpsSection, context: Context) -> None:
        self._section = section
        self._context = context
        self._cues: tuple[simulated_script.Cue, ...] = ()
        self._next_cue = 0
        self._began_at = 0.0
        self._spec: UpsSpec | None = None
        self._state: UpsState | None = None

    async def open(self) -> None:
        """Read options and script.  What the UPS has been through since a first `open` is kept."""
        if self._state is not None:
            return
        spec, number, now = spec_of(self._section), numbers(self._section), self._now()
        if self._section.port not in NO_SCRIPT:
            path = files.find(self._section.port, self._context.confpath)
            data = files.read(path, simulated_script.MAX_BYTES + 1, self._section.name)
            self._cues, problems = simulated_script.parse(data, str(path))
            for problem in problems:
                self._context.log("error", f"[{self._section.name}] {problem}")
        state = simulated_core.initial(spec, now, load_w=number["load_w"], charge_percent=number["charge"])
        for name, option in (("ups.delay.shutdown", "offdelay"), ("ups.delay.start", "ondelay")):
            state, _ = simulated_core.step(spec, state, SetVar(name, str(number[option])), now)
        self._spec, self._state, self._began_at = spec, state, now

    async def poll(self, draft: Draft, now: float) -> None:
        """Let the time pass, and show what there is to see."""
        spec, state = self._advance(now)
        for variable in readings(spec, state, self._section.name).values():
            draft.put(variable)
        for command in simulated_core.COMMANDS:
            draft.add_command(command)

    async def instcmd(self, name: str, param: str | None) -> Outcome:
        """See `simulated_core.COMMANDS`."""
        return self._apply(Command(name, param))

    async def setvar(self, name: str, value: str) -> Outcome:
        """See `simulated_core.WRITABLE`."""
        return self._apply(SetVar(name, value))

    async def close(self) -> None:
        """Nothing is held open."""

    def wake_at(self) -> float | None:
        """The next cue of the script, or what the UPS does by itself."""
        if self._spec is None or self._state is None:
            return None
        due_at = simulated_core.next_deadline(self._spec, self._state)
        if self._next_cue < len(self._cues):
            due_at = min(due_at, self._began_at + self._cues[self._next_cue].at_s)
        return None if due_at == simulated_core.NEVER else due_at

    def control(self, verb: str, args: Sequence[str]) -> str:
        """`mains on|off`, `load WATTS`, `charge PERCENT`; the runner polls afterwards.  Raises ValueError."""
        event = simulated_script.event_of(verb, args)
        if self._state is None:
            raise ValueError(f"[{self._section.name}] is not open yet; try again in a moment")
        self._apply(event)
        return f"{self._section.name}: {verb} {' '.join(args)}"

    def mains(self, on: bool) -> None:
        """Switch the mains; poke the runner afterwards."""
        self._apply(Mains(on))

    def set_load(self, watts: float) -> None:
        """Change the load; poke the runner afterwards."""
        self._apply(Load(watts))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _advance(self, now: float) -> tuple[UpsSpec, UpsState]:
        """Play the cues that are due, each at its own time."""
        while self._next_cue < len(self._cues):
            cue = self._cues[self._next_cue]
            if self._began_at + cue.at_s > now:
                break
            self._next_cue += 1
            self._step(cue.event, self._began_at + cue.at_s)
        self._step(Tick(), now)
        assert self._spec is not None
        assert self._state is not None
        return self._spec, self._state

    def _apply(self, event: Event) -> Outcome:
        now = self._now()
        self._advance(now)
        return self._step(event, now)

    def _step(self, event: Event, now: float) -> Outcome:
        assert self._spec is not None, "open comes before everything else"
        assert self._state is not None
        outcome = Outcome.HANDLED
        self._state, effects = simulated_core.step(self._spec, self._state, event, now)
        for effect in effects:
            if isinstance(effect, Done):
                outcome = effect.outcome
            elif self._context.on_output is not None:
                self._context.on_output(effect.on, effect.at)
        return outcome

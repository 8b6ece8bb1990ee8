# SPDX-License-Identifier: GPL-2.0-or-later
"""A simulated UPS, pure: mains, load, battery, delayed shutdown and return, self-test, beeper.

`step(spec, state, event, now)` first lets the time pass up to `now`, with all that happens by itself on
the way (the battery runs empty, a delayed shutdown comes due), and then applies the event.
Its commands behave as a UPS does that honours NUT's `shutdown.return`: the load is switched off even when
the mains is back by then, and comes back `delay_start_s` after the mains, or after the switching off.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from ridethrough.battery import model
from ridethrough.battery.model import BatterySpec, BatteryState
from ridethrough.ups.commands import Outcome

QUICK_TEST_S: Final = 10.0
MAX_DELAY_S: Final = 7200.0
MAX_INNER_EVENTS: Final = 64
"""More than that can't happen by itself in one UPS between two steps: each inner event uses a deadline up."""
NEVER: Final = math.inf
EARLY_S: Final = 1e-6
"""A timer may fire that much early; what is due within it has come."""


@dataclass(frozen=True, slots=True)
class UpsSpec:
    """What the UPS is.  The low point in `battery` is only where it starts from: users may move it."""

    battery: BatterySpec
    nominal_w: float = 900.0
    input_v: float = 230.0
    frequency_hz: float = 50.0


@dataclass(frozen=True, slots=True)
class UpsState:
    """How it stands at the time `at`.  Deadlines are infinite where nothing is due."""

    at: float
    battery: BatteryState
    load_w: float
    low_percent: float
    runtime_low_s: float
    mains: bool = True
    output: bool = True
    off_at: float = NEVER
    on_at: float = NEVER
    comes_back: bool = False
    """Whether the output comes back with the mains (after shutdown.return, or when the battery ran empty)."""
    test_until: float = NEVER
    test_result: str = "No test initiated"
    beeper: str = "enabled"
    delay_shutdown_s: float = 20.0
    delay_start_s: float = 30.0

    @property
    def testing(self) -> bool:
        """Whether a battery test is under way."""
        return self.test_until < NEVER

    @property
    def on_battery(self) -> bool:
        """Whether the battery carries the load."""
        return self.output and (not self.mains or self.testing)


# -- events --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing but time."""


@dataclass(frozen=True, slots=True)
class Mains:
    """The mains fails, or comes back."""

    on: bool


@dataclass(frozen=True, slots=True)
class Load:
    """The load changes."""

    watts: float


@dataclass(frozen=True, slots=True)
class Charge:
    """The battery is found charged to `percent` (a simulation's starting point)."""

    percent: float


@dataclass(frozen=True, slots=True)
class Command:
    """An instant command."""

    name: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class SetVar:
    """One of `WRITABLE` gets a value."""

    name: str
    value: str


Event: TypeAlias = Tick | Mains | Load | Charge | Command | SetVar


# -- effects -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Output:
    """The output was switched at the time `at`."""

    on: bool
    at: float
    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a Command or SetVar."""

    outcome: Outcome


Effect: TypeAlias = Output | Done

# Variables that may be set: the field, the least and the greatest value.
WRITABLE: Final[dict[str, tuple[str, float, float]]] = {
    "ups.delay.shutdown": ("delay_shutdown_s", 0.0, MAX_DELAY_S),
    "ups.delay.start": ("delay_start_s", 0.0, MAX_DELAY_S),
    "battery.charge.low": ("low_percent", 0.0, 100.0),
    "battery.runtime.low": ("runtime_low_s", 0.0, MAX_DELAY_S),
}


def initial(spec: UpsSpec, now: float, *, load_w: float, charge_percent: float = 100.0) -> UpsState:
    """On the mains, output on."""
    return UpsState(
        at=now,
        battery=model.at_percent(spec.battery, charge_percent),
        load_w=max(0.0, load_w),
        low_percent=spec.battery.low_percent,
        runtime_low_s=spec.battery.runtime_low_s,
    )


def battery_spec(spec: UpsSpec, state: UpsState) -> BatterySpec:
    """The battery with the low point that is set now."""
    return replace(spec.battery, low_percent=state.low_percent, runtime_low_s=state.runtime_low_s)


def step(spec: UpsSpec, state: UpsState, event: Event, now: float) -> tuple[UpsState, tuple[Effect, ...]]:
    """The UPS at `now`, after `event`.  A Command or SetVar gives one Done, at the end of the effects."""
    state, effects = advance(spec, state, now)
    match event:
        case Tick():
            return state, effects
        case Mains(on):
            state, more = _mains(state, on)
        case Load(watts):
            state, more = replace(state, load_w=max(0.0, watts)), ()
        case Charge(percent):
            state, more = replace(state, battery=model.at_percent(spec.battery, percent)), ()
        case Command(name, param):
            command = COMMANDS.get(name)
            known: tuple[UpsState, tuple[Effect, ...]] = (state, (Done(Outcome.UNKNOWN),))
            state, more = known if command is None else command(spec, state, param)
        case SetVar(name, value):
            state, more = _set(state, name, value)
    return state, effects + more


def advance(spec: UpsSpec, state: UpsState, now: float) -> tuple[UpsState, tuple[Effect, ...]]:
    """Let the time pass up to `now`.  A clock that runs backwards changes nothing."""
    effects: tuple[Effect, ...] = ()
    for _ in range(MAX_INNER_EVENTS):
        due_at, happen = _next(spec, state)
        if due_at > now + EARLY_S:
            break
        state = _pass(spec, state, due_at)
        state, more = happen(state)
        effects += more
    return _pass(spec, state, now), effects


def next_deadline(spec: UpsSpec, state: UpsState) -> float:
    """When something happens by itself next, the battery's low point included; infinite if nothing does."""
    due_at, _ = _next(spec, state)
    if state.on_battery and not is_low(spec, state):
        left = model.seconds_to_low(battery_spec(spec, state), state.battery, state.load_w)
        due_at = min(due_at, state.at + left)
    return due_at


def is_low(spec: UpsSpec, state: UpsState) -> bool:
    """Whether the battery is at its low point."""
    return model.is_low(battery_spec(spec, state), state.battery, state.load_w)


# -- what happens by itself ----------------------------------------------------------------------

_Happening: TypeAlias = Callable[[UpsState], tuple[UpsState, tuple[Effect, ...]]]


def _next(spec: UpsSpec, state: UpsState) -> tuple[float, _Happening]:
    empty_at = NEVER
    if state.on_battery:
        empty_at = state.at + model.runtime_s(spec.battery, state.battery, state.load_w)
    happenings: tuple[tuple[float, _Happening], ...] = (
        (state.off_at, _shut_down),
        (state.on_at, _come_back),
        (state.test_until, lambda state: (_end_test(state, "Done and passed"), ())),
        (empty_at, _run_empty),
    )
    return min(happenings, key=lambda pair: pair[0])


def _pass(spec: UpsSpec, state: UpsState, to: float) -> UpsState:
    if to <= state.at:
        return state
    battery = state.battery
    if state.on_battery or state.mains:
        battery = model.step(
            spec.battery,
            battery,
            load_w=state.load_w,
            on_mains=not state.on_battery,
            dt_s=to - state.at,
        )
    return replace(state, at=to, battery=battery)


def _shut_down(state: UpsState) -> tuple[UpsState, tuple[Effect, ...]]:
    state = replace(state, off_at=NEVER)
    return _off(state, "the delayed shutdown came due", comes_back=state.comes_back)


def _come_back(state: UpsState) -> tuple[UpsState, tuple[Effect, ...]]:
    return _on(state, "the mains is back")


def _run_empty(state: UpsState) -> tuple[UpsState, tuple[Effect, ...]]:
    state = replace(state, battery=BatteryState(0.0))
    if state.mains:  # a test, on a battery that did not last
        return _end_test(state, "Done and error"), ()
    stays_off = state.off_at < NEVER and not state.comes_back
    return _off(replace(state, off_at=NEVER), "the battery is empty", comes_back=not stays_off)


def _off(state: UpsState, why: str, *, comes_back: bool) -> tuple[UpsState, tuple[Effect, ...]]:
    if state.testing:
        state = _end_test(state, "Aborted")
    on_at = state.at + state.delay_start_s if comes_back and state.mains else NEVER
    was_on = state.output
    state = replace(state, output=False, comes_back=comes_back, on_at=on_at)
    return state, ((Output(False, state.at, why),) if was_on else ())


def _on(state: UpsState, why: str) -> tuple[UpsState, tuple[Effect, ...]]:
    was_on = state.output
    state = replace(state, output=True, comes_back=False, on_at=NEVER, off_at=NEVER)
    return state, (() if was_on else (Output(True, state.at, why),))


def _end_test(state: UpsState, result: str) -> UpsState:
    return replace(state, test_until=NEVER, test_result=result)


# -- what is done to it --------------------------------------------------------------------------


def _mains(state: UpsState, on: bool) -> tuple[UpsState, tuple[Effect, ...]]:
    if on is state.mains:
        return state, ()
    if state.testing:
        state = _end_test(state, "Aborted")
    on_at = state.at + state.delay_start_s if on and not state.output and state.comes_back else NEVER
    return replace(state, mains=on, on_at=on_at), ()


def _set(state: UpsState, name: str, value: str) -> tuple[UpsState, tuple[Effect, ...]]:
    if name not in WRITABLE:
        return state, (Done(Outcome.INVALID),)
    attribute, least, most = WRITABLE[name]
    number = number_of(value)
    if number is None:
        return state, (Done(Outcome.CONVERSION_FAILED),)
    if not least <= number <= most:
        return state, (Done(Outcome.INVALID),)
    changed: dict[str, Any] = {attribute: number}
    return replace(state, **changed), (Done(Outcome.HANDLED),)


def number_of(text: str) -> float | None:
    """A finite number, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


_Command: TypeAlias = Callable[[UpsSpec, UpsState, str | None], tuple[UpsState, tuple[Effect, ...]]]
_HANDLED: Final = Done(Outcome.HANDLED)


def _load_off(spec: UpsSpec, state: UpsState, param: str | None) -> tuple[UpsState, tuple[Effect, ...]]:
    state, effects = _off(replace(state, off_at=NEVER), "command load.off", comes_back=False)
    return state, (*effects, _HANDLED)


def _load_on(spec: UpsSpec, state: UpsState, param: str | None) -> tuple[UpsState, tuple[Effect, ...]]:
    if not state.mains and state.battery.energy_wh <= 0.0:
        return state, (Done(Outcome.FAILED),)
    state, effects = _on(state, "command load.on")
    return state, (*effects, _HANDLED)


def _shutdown(comes_back: bool) -> _Command:
    def command(spec: UpsSpec, state: UpsState, param: str | None) -> tuple[UpsState, tuple[Effect, ...]]:
        delay_s = state.delay_shutdown_s
        if param is not None:
            given = number_of(param)
            if given is None or not 0 <= given <= MAX_DELAY_S:
                return state, (Done(Outcome.CONVERSION_FAILED),)
            delay_s = given
        if not state.output:
            on_at = state.at + state.delay_start_s if comes_back and state.mains else NEVER
            return replace(state, comes_back=comes_back, on_at=on_at), (_HANDLED,)
        return replace(state, off_at=state.at + delay_s, comes_back=comes_back), (_HANDLED,)

    return command


def _shutdown_stop(spec: UpsSpec, state: UpsState, param: str | None) -> tuple[UpsState, tuple[Effect, ...]]:
    return replace(state, off_at=NEVER), (_HANDLED,)


def _test_start(spec: UpsSpec, state: UpsState, param: str | None) -> tuple[UpsState, tuple[Effect, ...]]:
    if not (state.mains and state.output) or is_low(spec, state):
        return state, (Done(Outcome.FAILED),)
    return replace(state, test_until=state.at + QUICK_TEST_S, test_result="In progress"), (_HANDLED,)


def _test_stop(spec: UpsSpec, state: UpsState, param: str | None) -> tuple[UpsState, tuple[Effect, ...]]:
    return (_end_test(state, "Aborted") if state.testing else state), (_HANDLED,)


def _beeper(to: str) -> _Command:
    def command(spec: UpsSpec, state: UpsState, param: str | None) -> tuple[UpsState, tuple[Effect, ...]]:
        word = to
        if to == "toggle":
            word = "enabled" if state.beeper == "disabled" else "disabled"
        return replace(state, beeper=word), (_HANDLED,)

    return command


COMMANDS: Final[dict[str, _Command]] = {
    "beeper.disable": _beeper("disabled"),
    "beeper.enable": _beeper("enabled"),
    "beeper.mute": _beeper("muted"),
    "beeper.toggle": _beeper("toggle"),
    "load.off": _load_off,
    "load.on": _load_on,
    "shutdown.return": _shutdown(comes_back=True),
    "shutdown.stayoff": _shutdown(comes_back=False),
    "shutdown.stop": _shutdown_stop,
    "test.battery.start.quick": _test_start,
    "test.battery.stop": _test_stop,
}

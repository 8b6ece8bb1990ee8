# SPDX-License-Identifier: GPL-2.0-or-later
"""The simulated UPS as a pure machine."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.battery.model import BatterySpec
from ridethrough.drivers.simulated_core import (
    COMMANDS,
    NEVER,
    WRITABLE,
    Charge,
    Command,
    Done,
    Effect,
    Event,
    Load,
    Mains,
    Output,
    SetVar,
    Tick,
    UpsSpec,
    UpsState,
    initial,
    is_low,
    next_deadline,
    step,
)
from ridethrough.drivers.simulated_readings import readings, status
from ridethrough.ups.commands import Outcome

SPEC = UpsSpec(BatterySpec(capacity_wh=50.0, nominal_load_w=900.0, low_percent=20.0))
HANDLED = Done(Outcome.HANDLED)


def run(*events: tuple[Event, float], state: UpsState | None = None) -> tuple[UpsState, list[Effect]]:
    """Step through events, gathering the effects."""
    state = state or initial(SPEC, 0.0, load_w=300.0)
    effects: list[Effect] = []
    for event, now in events:
        state, more = step(SPEC, state, event, now)
        effects += more
    return state, effects


def shown(state: UpsState) -> str:
    """`ups.status`."""
    return str(status(SPEC, state))


def test_an_outage_from_end_to_end() -> None:
    """On line, on battery, low exactly when promised, empty and off, back after mains and delay."""
    state, _ = run((Mains(False), 100.0))
    assert shown(state) == "OB DISCHRG"
    low_at = next_deadline(SPEC, state)
    state, effects = step(SPEC, state, Tick(), low_at - 1.0)
    assert shown(state) == "OB DISCHRG"
    assert readings(SPEC, state, "u")["battery.charge"].value == "21"
    state, effects = step(SPEC, state, Tick(), low_at)
    assert (shown(state), effects) == ("OB DISCHRG LB", ())
    assert readings(SPEC, state, "u")["battery.charge"].value == "20"
    empty_at = next_deadline(SPEC, state)
    state, effects = step(SPEC, state, Tick(), empty_at + 500.0)
    assert effects == (Output(False, pytest.approx(empty_at), "the battery is empty"),)
    assert shown(state) == "OFF"
    state, effects = run((Mains(True), 5000.0), (Tick(), 5029.0), (Tick(), 5030.0), state=state)
    assert effects == [Output(True, 5030.0, "the mains is back")]
    assert shown(state) == "OL CHRG"


def test_shutdown_return_without_mains() -> None:
    """The load is cut after the delay, stays off without mains, and returns after the start delay."""
    state, effects = run(
        (Mains(False), 10.0), (Command("shutdown.return"), 20.0), (Tick(), 39.9), (Tick(), 100.0)
    )
    assert effects == [HANDLED, Output(False, 40.0, "the delayed shutdown came due")]
    left = state.battery
    state, effects = run((Tick(), 9999.0), (Mains(True), 10000.0), (Tick(), 10030.0), state=state)
    assert effects == [Output(True, 10030.0, "the mains is back")]
    assert state.battery.energy_wh >= left.energy_wh, "a UPS that is off does not empty its battery"


def test_the_power_race() -> None:
    """Mains that returns before the cut changes nothing: the load is cycled, so that hosts start again."""
    state, effects = run(
        (Mains(False), 10.0), (Command("shutdown.return"), 20.0), (Mains(True), 30.0), (Tick(), 100.0)
    )
    assert effects == [
        HANDLED,
        Output(False, 40.0, "the delayed shutdown came due"),
        Output(True, 70.0, "the mains is back"),
    ]
    assert shown(state) in ("OL", "OL CHRG")


def test_shutdown_stayoff_and_load_on() -> None:
    """After shutdown.stayoff the mains brings nothing back; load.on does."""
    state, effects = run((Command("shutdown.stayoff"), 0.0), (Tick(), 1000.0), (Mains(False), 1001.0))
    assert effects == [HANDLED, Output(False, 20.0, "the delayed shutdown came due")]
    state, effects = run((Mains(True), 2000.0), (Tick(), 9000.0), (Command("load.on"), 9001.0), state=state)
    assert effects == [Output(True, 9001.0, "command load.on"), HANDLED]


def test_shutdown_stop_and_a_delay_of_its_own() -> None:
    """shutdown.stop calls off what is pending; a parameter is a delay; a wrong one is refused."""
    _, effects = run((Command("shutdown.return"), 0.0), (Command("shutdown.stop"), 10.0), (Tick(), 100.0))
    assert effects == [HANDLED, HANDLED]
    _, effects = run((Command("shutdown.return", "5"), 0.0), (Tick(), 6.0))
    assert effects[-1] == Output(False, 5.0, "the delayed shutdown came due")
    assert run((Command("shutdown.return", "soon"), 0.0))[1] == [Done(Outcome.CONVERSION_FAILED)]


def test_load_off_is_at_once() -> None:
    """load.off cuts at once; a second one has nothing to cut; an empty UPS without mains can't load.on."""
    state, effects = run((Command("load.off"), 1.0), (Command("load.off"), 2.0))
    assert effects == [Output(False, 1.0, "command load.off"), HANDLED, HANDLED]
    state, effects = run((Charge(0), 3.0), (Mains(False), 3.0), (Command("load.on"), 4.0), state=state)
    assert effects == [Done(Outcome.FAILED)]


def test_a_self_test_is_no_outage() -> None:
    """During a test the status stays OL; it passes, can be stopped, and a mains failure aborts it."""
    state, _ = run((Command("test.battery.start.quick"), 0.0), (Tick(), 5.0))
    assert (shown(state), state.test_result) == ("OL DISCHRG TEST", "In progress")
    done, _ = run((Tick(), 10.0), state=state)
    assert (shown(done).split()[0], done.test_result) == ("OL", "Done and passed")
    assert run((Command("test.battery.stop"), 6.0), state=state)[0].test_result == "Aborted"
    failed, _ = run((Mains(False), 6.0), state=state)
    assert (shown(failed), failed.test_result) == ("OB DISCHRG", "Aborted")
    assert run((Mains(False), 0.0), (Command("test.battery.start.quick"), 1.0))[1] == [Done(Outcome.FAILED)]


def test_a_battery_that_fails_its_test_does_not_drop_the_load() -> None:
    """A test on a weak battery ends as failed, and the mains goes on carrying the load."""
    weak, _ = run((SetVar("battery.charge.low", "0"), 0.0), (Charge(0.01), 0.0))
    state, effects = run((Command("test.battery.start.quick"), 0.0), (Tick(), 20.0), state=weak)
    assert effects == [HANDLED]
    assert (state.output, state.test_result) == (True, "Done and error")


def test_variables_that_may_be_set() -> None:
    """Delays and low points are taken within their ranges, and the low point works at once."""
    state, effects = run((SetVar("battery.charge.low", "90"), 0.0), (Mains(False), 0.0), (Charge(80), 0.0))
    assert effects == [HANDLED]
    assert shown(state) == "OB DISCHRG LB"
    refused = {
        ("battery.charge.low", "101"): Outcome.INVALID,
        ("ups.delay.start", "-1"): Outcome.INVALID,
        ("ups.delay.start", "nan"): Outcome.CONVERSION_FAILED,
        ("ups.delay.shutdown", "soon"): Outcome.CONVERSION_FAILED,
        ("ups.model", "x"): Outcome.INVALID,
    }
    for (name, value), outcome in refused.items():
        assert run((SetVar(name, value), 0.0))[1] == [Done(outcome)]
    variable = readings(SPEC, state, "u")["ups.delay.start"]
    assert (variable.rw, variable.ranges) == (True, (("0", "7200"),))


def test_beeper_overload_and_unknown_commands() -> None:
    """The beeper follows its commands, a load too high is OVER, and what is no command is UNKNOWN."""
    words = []
    state, _ = run((Load(1000.0), 0.0))
    assert "OVER" in shown(state)
    for name in ("beeper.disable", "beeper.toggle", "beeper.mute", "beeper.enable", "beeper.toggle"):
        state, effects = run((Command(name), 0.0), state=state)
        assert effects == [HANDLED]
        words.append(state.beeper)
    assert words == ["disabled", "enabled", "muted", "enabled", "disabled"]
    assert run((Command("make.coffee"), 0.0))[1] == [Done(Outcome.UNKNOWN)]


def test_readings_follow_the_state() -> None:
    """On battery the input is dead and the output alive; off it is the other way round."""
    state, _ = run((Mains(False), 0.0), (Command("shutdown.return"), 0.0), (Tick(), 5.0))
    shown_now = {name: variable.value for name, variable in readings(SPEC, state, "u").items()}
    assert (shown_now["input.voltage"], shown_now["output.voltage"]) == ("0.0", "230.0")
    assert (shown_now["ups.timer.shutdown"], shown_now["ups.timer.start"]) == ("15", "-1")
    assert (shown_now["ups.load"], shown_now["battery.voltage.nominal"]) == ("33", "24")
    off, _ = run((Tick(), 30.0), (Mains(True), 31.0), state=state)
    shown_off = {name: variable.value for name, variable in readings(SPEC, off, "u").items()}
    assert (shown_off["ups.load"], shown_off["output.voltage"], shown_off["ups.timer.start"]) == (
        "0",
        "0.0",
        "30",
    )


events = st.one_of(
    st.just(Tick()),
    st.builds(Mains, st.booleans()),
    st.builds(Load, st.floats(0, 2000)),
    st.builds(Charge, st.floats(0, 100)),
    st.builds(Command, st.sampled_from(sorted(COMMANDS)), st.sampled_from([None, "3"])),
    st.builds(SetVar, st.sampled_from(sorted(WRITABLE)), st.sampled_from(["0", "10", "60"])),
)
histories = st.lists(st.tuples(events, st.floats(0.0, 400.0)), max_size=25)


@settings(max_examples=120)
@given(histories)
def test_output_effects_tell_the_whole_truth(history: list[tuple[Event, float]]) -> None:
    """The effects alternate off and on, in order of time, and their last one is what the state says."""
    state, now, on, last_at = initial(SPEC, 0.0, load_w=300.0), 0.0, True, 0.0
    for event, wait in history:
        now += wait
        state, effects = step(SPEC, state, event, now)
        for effect in effects:
            if isinstance(effect, Output):
                assert effect.on is not on
                assert last_at <= effect.at <= now + 1e-6
                on, last_at = effect.on, effect.at
        assert state.output is on
        assert 0.0 <= state.battery.energy_wh <= SPEC.battery.capacity_wh
        assert ("LB" in status(SPEC, state)) == (state.output and not state.mains and is_low(SPEC, state))


@settings(max_examples=80)
@given(histories, st.floats(0.0, 2000.0), st.floats(0.0, 2000.0))
def test_looking_more_often_changes_nothing(
    history: list[tuple[Event, float]], first: float, second: float
) -> None:
    """Letting the time pass in two steps or in one leads to the same UPS."""
    state, now = initial(SPEC, 0.0, load_w=300.0), 0.0
    for event, wait in history:
        now += wait
        state, _ = step(SPEC, state, event, now)
    whole, all_effects = step(SPEC, state, Tick(), now + first + second)
    half, some = step(SPEC, state, Tick(), now + first)
    parts, rest = step(SPEC, half, Tick(), now + first + second)
    assert parts.battery.energy_wh == pytest.approx(whole.battery.energy_wh, rel=1e-6, abs=1e-6)
    assert replace(parts, battery=whole.battery, on_at=NEVER) == replace(whole, on_at=NEVER)
    assert len(some + rest) == len(all_effects)

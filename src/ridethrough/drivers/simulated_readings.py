# SPDX-License-Identifier: GPL-2.0-or-later
"""What a simulated UPS shows: its state as NUT's variables."""

from __future__ import annotations

import math

from ridethrough.battery import model
from ridethrough.drivers.simulated_core import NEVER, WRITABLE, UpsSpec, UpsState, battery_spec, is_low
from ridethrough.ups.status import Status, Token
from ridethrough.ups.variables import Variable, VarKind

CHARGED_PERCENT = 99.5
MAKER = "Ridethrough"
MODEL = "Simulated UPS"


def readings(spec: UpsSpec, state: UpsState, name: str) -> dict[str, Variable]:
    """All variables at `state.at`, in the order in which they are shown first."""
    percent = model.charge_percent(spec.battery, state.battery)
    low = battery_spec(spec, state)
    carried = state.load_w if state.on_battery else 0.0
    input_v = spec.input_v if state.mains else 0.0
    output_v = spec.input_v if state.output else 0.0
    load_w = state.load_w if state.output else 0.0
    values: dict[str, str] = {
        "device.mfr": MAKER,
        "device.model": MODEL,
        "device.serial": f"SIM-{name}",
        "device.type": "ups",
        "ups.mfr": MAKER,
        "ups.model": MODEL,
        "ups.serial": f"SIM-{name}",
        "ups.firmware": "1.0",
        "ups.status": str(status(spec, state)),
        "ups.load": f"{100 * load_w / spec.nominal_w:.0f}",
        "ups.realpower": f"{load_w:.0f}",
        "ups.realpower.nominal": f"{spec.nominal_w:.0f}",
        "ups.delay.shutdown": f"{state.delay_shutdown_s:.0f}",
        "ups.delay.start": f"{state.delay_start_s:.0f}",
        "ups.timer.shutdown": _timer(state.off_at, state.at),
        "ups.timer.start": _timer(state.on_at, state.at),
        "ups.test.result": state.test_result,
        "ups.beeper.status": state.beeper,
        # Rounded up: 20 % is shown when 20 % is reached, as the low point is, and not a percent earlier.
        "battery.charge": f"{math.ceil(percent - 1e-6)}",
        "battery.charge.low": f"{low.low_percent:.0f}",
        "battery.runtime": _runtime(spec, state),
        "battery.runtime.low": f"{low.runtime_low_s:.0f}",
        "battery.voltage": f"{model.voltage(spec.battery, state.battery, carried):.1f}",
        "battery.voltage.nominal": f"{_nominal(spec.battery.voltage_full):.0f}",
        "battery.type": "PbAc",
        "input.voltage": f"{input_v:.1f}",
        "input.voltage.nominal": f"{spec.input_v:.0f}",
        "input.frequency": f"{spec.frequency_hz if state.mains else 0:.1f}",
        "input.transfer.low": f"{spec.input_v * 0.78:.0f}",
        "input.transfer.high": f"{spec.input_v * 1.15:.0f}",
        "output.voltage": f"{output_v:.1f}",
        "output.voltage.nominal": f"{spec.input_v:.0f}",
        "output.frequency": f"{spec.frequency_hz if state.output else 0:.1f}",
    }
    return {name: _variable(name, value) for name, value in values.items()}


def status(spec: UpsSpec, state: UpsState) -> Status:
    """`ups.status`.  A test is no outage: OL stays, and LB is only ever said without mains."""
    if not state.output:
        return Status((Token.OFF,))
    tokens: list[str] = [Token.OL if state.mains else Token.OB]
    if state.on_battery:
        tokens.append(Token.DISCHRG)
    elif model.charge_percent(spec.battery, state.battery) < CHARGED_PERCENT:
        tokens.append(Token.CHRG)
    if not state.mains and is_low(spec, state):
        tokens.append(Token.LB)
    if state.testing:
        tokens.append(Token.TEST)
    if state.load_w > spec.nominal_w:
        tokens.append(Token.OVER)
    return Status(tuple(tokens))


def _runtime(spec: UpsSpec, state: UpsState) -> str:
    seconds = model.runtime_s(spec.battery, state.battery, state.load_w)
    return f"{min(seconds, 99999.0):.0f}"


def _timer(due_at: float, now: float) -> str:
    """Seconds to go; -1 when nothing is under way, as usbhid-ups says it."""
    return "-1" if due_at == NEVER else f"{max(0.0, due_at - now):.0f}"


def _nominal(voltage_full: float) -> float:
    """A lead-acid battery's name plate: full is 13.65 V to each 12 V block."""
    return max(12.0, 12.0 * round(voltage_full / 13.65))


def _variable(name: str, value: str) -> Variable:
    if name not in WRITABLE:
        return Variable(name, value)
    _, least, most = WRITABLE[name]
    return Variable(name, value, rw=True, kind=VarKind.NUMBER, ranges=((f"{least:.0f}", f"{most:.0f}"),))

# SPDX-License-Identifier: GPL-2.0-or-later
"""Eaton's economy and bypass modes: entered only while the bypass input is within its limits.

Facts learned from NUT's drivers/mge-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from dataclasses import dataclass

from ridethrough.drivers.hid.conversions import leading_float, table
from ridethrough.drivers.hid.rows import Context, Conversion

SWITCH_ON = "input.bypass.switch.on"
SWITCH_OFF = "input.bypass.switch.off"
ECO_SWITCH = "input.eco.switchable"
NORMAL_MODE = "vendor:mge-hid:normal"
ECO_MODE_WORD = "vendor:mge-hid:ECO"
ESS_MODE_WORD = "vendor:mge-hid:ESS"


@dataclass(frozen=True, slots=True)
class _Limits:
    """Where a mode's limits stand, and what goes where the device has none (share of the nominal value)."""

    low: str
    high: str
    frequency_range: str
    low_share: float
    high_share: float
    frequency_percent: float


_ECO = _Limits(
    "input.transfer.eco.low", "input.transfer.eco.high", "input.transfer.frequency.eco.range", 0.95, 1.05, 5
)
_BYPASS = _Limits(
    "input.transfer.bypass.low",
    "input.transfer.bypass.high",
    "input.transfer.frequency.bypass.range",
    0.8,
    1.15,
    10,
)
_NEEDED = (
    "input.bypass.voltage",
    "input.bypass.frequency",
    "output.voltage.nominal",
    "output.frequency.nominal",
)


def within(limits: _Limits, context: Context) -> bool:
    """Whether the bypass input may be used; False also where that can't be known."""
    if any(name not in context.variables for name in _NEEDED):
        return False
    voltage, frequency, nominal, nominal_hz = (leading_float(context.variables[name]) for name in _NEEDED)
    low = leading_float(context.variables.get(limits.low))
    high = leading_float(context.variables.get(limits.high))
    percent = leading_float(context.variables.get(limits.frequency_range))
    if low <= 0 or high <= 0:
        low, high = nominal * limits.low_share, nominal * limits.high_share
    spread = nominal_hz / 100 * (percent if percent > 0 else limits.frequency_percent)
    return low <= voltage <= high and nominal_hz - spread <= frequency <= nominal_hz + spread


def _eco(context: Context) -> str | None:
    if within(_ECO, context):
        context.buzzwords.add(ECO_MODE_WORD)
        return "ECO"
    context.variables[ECO_SWITCH] = "normal"
    if all(name in context.variables for name in _NEEDED):
        context.buzzwords.add(NORMAL_MODE)
    return None


def _mode(value: float, context: Context) -> str | None:
    """What the switch of the economy mode shows."""
    number = int(value)
    if number == 0:
        return "normal"
    if number == 1:
        return _eco(context)
    if number == 2:
        context.buzzwords.add(ESS_MODE_WORD)
        return "ESS"
    return None


def _mode_value(text: str | None, context: Context) -> float | None:
    word = (text or "").removeprefix("vendor:mge-hid:")
    return {"normal": 0.0, "ECO": 1.0, "ESS": 2.0}.get(word)


def _bypass(value: float, context: Context) -> str | None:
    if value == 0:
        return "disabled"
    if value != 1:
        return None
    if within(_BYPASS, context):
        return "on"
    context.variables[SWITCH_OFF] = "off"
    return None


def _auto_on(context: Context) -> bool:
    """Both switches are at rest, and the mode may be entered."""
    if context.variables.get(SWITCH_ON) != "disabled":
        return False
    _bypass(1, context)
    if context.variables.get(ECO_SWITCH) != "normal":
        return False
    _eco(context)
    return True


def _auto_off(context: Context) -> bool:
    """Leaves the bypass, then the economy mode; the settings are asked of the engine."""
    if context.variables.get(SWITCH_OFF) != "disabled":
        return False
    context.orders.append((SWITCH_OFF, "off"))
    if context.variables.get(ECO_SWITCH) != "ECO":
        return False
    context.orders.append((ECO_SWITCH, "normal"))
    context.buzzwords.add(NORMAL_MODE)
    return True


def _auto_value(text: str | None, context: Context) -> float:
    """1 enters the economy mode by way of the bypass; what is not allowed now leaves it as it is."""
    if text == "1":
        return float(_auto_on(context))
    return float(not _auto_off(context))


EATON_INPUT_ECO_MODE_ON_OFF = Conversion("economy mode", to_text=_mode, to_value=_mode_value)
EATON_INPUT_BYPASS_MODE_ON = Conversion("bypass on", ((0, "disabled"), (1, "on")), to_text=_bypass)
EATON_INPUT_BYPASS_MODE_OFF = table("bypass off", "disabled", "off")
EATON_INPUT_ECO_MODE_AUTO_ON_OFF = Conversion("automatic economy mode", to_value=_auto_value)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Eaton's batteries: ABM charging and its status words, clock, and readings only some models mean.

Facts learned from NUT's drivers/mge-hid.c (GPL-2.0-or-later).

ABM (advanced battery monitoring) charges in turns, so it tells its own states; while it is on, the plain
Charging and Discharging bits are not used.  Two paths carry the state, with different numbers: the first
one seen after ABM was on counts.
"""

from __future__ import annotations

from datetime import datetime

from ridethrough.drivers.hid.conversions import leading_float, reading, silent
from ridethrough.drivers.hid.rows import Context, Conversion
from ridethrough.drivers.hid.tables.mge_models import Series, series_of

ABM = "abm"  # memory: 1 while ABM is known to be on
ABM_PATH = "abm path"  # memory: "mode" or "status"

_STATES = {
    "mode": {1: "charging", 2: "discharging", 3: "floating", 4: "resting", 6: "off"},
    "status": {1: "charging", 2: "floating", 3: "resting", 4: "discharging", 6: "off"},
}
_WORDS = {"charging": "chrg", "floating": "chrg", "discharging": "dischrg"}
_WITH_VOLTAGE = (Series.EVOLUTION, Series.PULSAR_M, Series.EATON_5P, Series.EATON_9E)


def abm_is_on(context: Context) -> bool:
    """Whether the device has said that ABM is on."""
    return context.memory.get(ABM) == 1


def _note_abm(value: float, context: Context) -> None:
    context.memory[ABM] = int(value)


def _note_path(path: str) -> Conversion:
    """Notes which path tells the state, until ABM is switched off."""

    def note(value: float, context: Context) -> None:
        if abm_is_on(context):
            context.memory.setdefault(ABM_PATH, path)
        else:
            context.memory.pop(ABM_PATH, None)

    return silent(f"abm path {path}", note)


def _state(value: float, context: Context) -> str | None:
    path = context.memory.get(ABM_PATH, "mode")
    return _STATES[str(path)].get(int(value))


def _abm_status(value: float, context: Context) -> str | None:
    if abm_is_on(context):
        return _state(value, context)
    context.variables.pop("battery.charger.status", None)
    return None


def _abm_word(value: float, context: Context) -> str | None:
    """The status word of an ABM state; resting and off say nothing."""
    state = _state(value, context) if abm_is_on(context) else None
    return _WORDS.get(state or "")


def _discharging(value: float, context: Context) -> str:
    return "dischrg" if value == 1 and not abm_is_on(context) else "!dischrg"


def _charging(value: float, context: Context) -> str:
    """A constant-charge model holds the bit while it floats: at 100 % it no longer counts."""
    full = leading_float(context.variables.get("battery.charge")) >= 100
    return "chrg" if value == 1 and not abm_is_on(context) and not full else "!chrg"


def _local(seconds: float, context: Context) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(seconds), context.zone)
    except (ValueError, OverflowError, OSError):
        return None


def _date(value: float, context: Context) -> str | None:
    moment = _local(value, context)
    return f"{moment:%Y/%m/%d}" if moment else None


def _time(value: float, context: Context) -> str | None:
    moment = _local(value, context)
    return f"{moment:%H:%M:%S}" if moment else None


def _seconds(date: str | None, time: str | None, context: Context) -> float | None:
    """Unix seconds for both texts, or None where they are no date and time."""
    try:
        moment = datetime.strptime(f"{date} {time}", "%Y/%m/%d %H:%M:%S")
        return float(int(moment.replace(tzinfo=context.zone).timestamp()))
    except (ValueError, OverflowError, OSError):
        return None


def _date_value(text: str | None, context: Context) -> float | None:
    return _seconds(text, context.variables.get("ups.time"), context)


def _time_value(text: str | None, context: Context) -> float | None:
    return _seconds(context.variables.get("ups.date"), text, context)


def _nominal_voltage(value: float, context: Context) -> str | None:
    """Other series send something else here."""
    series, model = series_of(context)
    if series not in _WITH_VOLTAGE:
        return None
    return f"{12.0 if model == 'Evolution 650' else value:.0f}"


def _voltage(value: float, context: Context) -> str | None:
    return f"{value:.1f}" if series_of(context)[0] in _WITH_VOLTAGE else None


EATON_ABM_ENABLED = silent("abm", _note_abm)
EATON_ABM_PATH_MODE = _note_path("mode")
EATON_ABM_PATH_STATUS = _note_path("status")
EATON_ABM_STATUS = reading("abm status", _abm_status)
EATON_ABM_CHRG_DISCHRG = reading("abm word", _abm_word)
EATON_DISCHARGING = reading("discharging", _discharging)
EATON_CHARGING = reading("charging", _charging)
MGE_DATE = Conversion("date", to_text=_date, to_value=_date_value)
MGE_TIME = Conversion("time", to_text=_time, to_value=_time_value)
MGE_BATTERY_VOLTAGE_NOMINAL = reading("nominal battery voltage", _nominal_voltage)
MGE_BATTERY_VOLTAGE = reading("battery voltage", _voltage)
MGE_BATTERY_CAPACITY = reading("ampere hours", lambda value, context: f"{value / 3600:.2f}")

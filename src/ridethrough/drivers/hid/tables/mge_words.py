# SPDX-License-Identifier: GPL-2.0-or-later
"""Eaton's own words: tables, alarms, and readings that depend on the series or the country.

Facts learned from NUT's drivers/mge-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

import math
import struct

from ridethrough.drivers.hid.conversions import leading_float, leading_int, reading, silent, table
from ridethrough.drivers.hid.rows import Context, Conversion
from ridethrough.drivers.hid.tables.mge_models import Series, series_of

NOMINAL = "nominal output voltage"  # memory: the first one read
_LOW_VOLTAGES = (100, 110, 120, 127)
_US_VOLTAGES = (200, 208)
_EU_VOLTAGES = (220, 230, 240)

EATON_CHARGER_TYPE = table(
    "charger type",
    "None",
    "Extended (CLA)",
    "Large extension",
    "Extra large extension (XL)",
    "ABM",
    "Constant Charge (CC)",
)
EATON_ENABLE_DISABLE = table("enabled", "disabled", "enabled")
EATON_OUTLET_PROTECTION_STATUS = table("outlet protection", "not powered", "not protected", "protected")
OUTLET_ECO_YES_NO = table("outlet eco", "The outlet is not ECO controlled", "The outlet is ECO controlled")
MGE_UPSTYPE = table(
    "type",
    "offline / line interactive",
    "online",
    "online - unitary/parallel",
    "online - parallel with hot standy",
    "online - hot standby redundancy",
    first=1,
)
MGE_SENSITIVITY = table("sensitivity", "normal", "high", "low")
MGE_ONBATT = Conversion("on battery", ((1, "!online"), (0, "online")))
MGE_EMERGENCY_STOP = table("emergency stop", "Emergency stop!", first=1)
MGE_WIRING_FAULT = table("wiring fault", "Wiring fault!", first=1)
MGE_CONFIG_FAILURE = table("configuration failure", "Fatal EEPROM fault!", first=1)
MGE_INVERTER_VOLTHI = table("inverter voltage", "Inverter AC voltage too high!", first=1)
MGE_INVERTER_VOLTLO = table("inverter voltage", "Inverter AC voltage too low!", first=1)
MGE_SHORT_CIRCUIT = table("short circuit", "Output short circuit!", first=1)


def _has_eco_outlets(context: Context) -> bool:
    """Protection Station, Ellipse ECO and 3S (C means to leave out the European 3S, but does not)."""
    return series_of(context)[0] is Series.PEGASUS


def _threshold(value: float, context: Context) -> str | None:
    return f"{value:.0f}" if _has_eco_outlets(context) else None


def _eco_yes_no(value: float, context: Context) -> str | None:
    if not _has_eco_outlets(context):
        return None
    return "yes" if value else "no"


def _eco_value(text: str | None, context: Context) -> float:
    return float(_has_eco_outlets(context) and (text or "").startswith("yes"))


def _single(value: float) -> float:
    """A value in C's single precision: halves must be rounded to the same side."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def _realpower(value: float, context: Context) -> str | None:
    """An estimate from load, nominal power and power factor, for models that do not measure it."""
    load = context.variables.get("ups.load")
    nominal = context.variables.get("ups.power.nominal")
    if load is None or nominal is None:
        return None
    known = context.variables.get("output.powerfactor")
    factor = _single(0.8 if known is None else leading_float(known))
    return str(math.floor(leading_int(load) * 0.01 * leading_int(nominal) * factor + 0.5))


def _settable_voltage(value: float, context: Context) -> str | None:
    """Only the voltages of the group that the first one read belongs to."""
    nominal = int(context.memory.setdefault(NOMINAL, int(value)))
    wanted = int(value)
    both = series_of(context)[0] >= Series.DEFAULT
    if nominal in _LOW_VOLTAGES:
        offered: tuple[int, ...] = _LOW_VOLTAGES
    elif nominal in _US_VOLTAGES:
        offered = _US_VOLTAGES + (_EU_VOLTAGES if both else ())
    elif nominal in _EU_VOLTAGES:
        offered = _EU_VOLTAGES + (_US_VOLTAGES if both else ())
    else:
        offered = (wanted,)
    return f"{value:.0f}" if wanted in offered else None


def _converter_online(value: float, context: Context) -> str | None:
    """Not told while the UPS is off."""
    if "off" in context.status:
        return None
    return "online" if value else "!online"


MGE_POWERFACTOR = reading("power factor", lambda value, context: f"{value / 100:.2f}")
PEGASUS_THRESHOLD = Conversion("outlet threshold", ((10, "10"), (25, "25"), (60, "60")), to_text=_threshold)
PEGASUS_YES_NO = Conversion("outlet eco control", to_text=_eco_yes_no, to_value=_eco_value)
EATON_CHECK_COUNTRY = silent("country")
EATON_COMPUTE_REALPOWER = reading("real power", _realpower)
NOMINAL_OUTPUT_VOLTAGE = Conversion(
    "nominal output voltage",
    tuple((volts, str(volts)) for volts in _US_VOLTAGES + _EU_VOLTAGES + _LOW_VOLTAGES),
    to_text=_settable_voltage,
)
EATON_CONVERTER_ONLINE = reading("converter", _converter_online)

# SPDX-License-Identifier: GPL-2.0-or-later
"""PowerCOM's own conversions: delays packed in two bytes, status bits, a voltage told as text.

Facts learned from NUT's drivers/powercom-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

import re
from bisect import bisect_left

from ridethrough.drivers.hid.conversions import leading_int, masked, reading, scaled, table
from ridethrough.drivers.hid.rows import Context, Conversion

RESTART = 0x0040  # load comes back with the mains
STAY_OFF = 0x0080
VOLTAGE_REPORT = 0xA4
_LAST_VOLTAGE = "battery voltage"  # memory
_VOLTAGE = re.compile(rb"[0-9.]+")
# Longest delays in seconds that the numbers 1 to 18 stand for (Raptor, Smart KING Pro).
_STEPS = (12, 18, 24, 30, 36, 42, 48, 54, 60, 120, 180, 240, 300, 360, 420, 480, 540)


def _swapped(number: int) -> int:
    """Both bytes of a 16 bit number exchanged."""
    return (number & 0xFF) << 8 | number >> 8 & 0xFF


def _low_16(value: float) -> int:
    return int(value) & 0xFFFF


def _old_order(context: Context) -> bool:
    return "powercom_sdcmd_byte_order_fallback" in context.options


def _steps(context: Context) -> bool:
    return "powercom_sdcmd_discrete_delay" in context.options


def _wanted(text: str | None, option: str, variable: str, default: int, context: Context) -> int:
    """Seconds: those given, else of ups.conf, else of the variable, else the default."""
    for given in (text, context.options.get(option), context.variables.get(variable)):
        if given:
            return leading_int(given)
    return default


def _startup_text(value: float, context: Context) -> str:
    return str(60 * _swapped(_low_16(value)))


def _startup_value(text: str | None, context: Context) -> float | None:
    """Whole minutes; the bytes are exchanged except on models with steps."""
    seconds = _wanted(text, "ondelay", "ups.delay.start", 120, context)
    minutes = abs(seconds) // 60
    if seconds < 0 and minutes:
        return None
    return float(minutes if _steps(context) else _swapped(minutes & 0xFFFF))


def _shutdown_text(value: float, context: Context) -> str:
    """Minutes in one byte, seconds in the other."""
    low, high = _low_16(value) & 0xFF, _low_16(value) >> 8
    return str(60 * low + high if _old_order(context) else 60 * high + low)


def _packed(seconds: int, wish: int, context: Context) -> float | None:
    """Minutes and seconds with the wish for afterwards; 0 would mean the longest delay."""
    minutes, seconds = divmod(seconds or 1, 60)
    if minutes > 255:
        return None
    packed = minutes << 8 | seconds | wish
    return float(_swapped(packed) if _old_order(context) else packed)


def _off_delay(text: str | None, context: Context) -> int | None:
    seconds = _wanted(text, "offdelay", "ups.delay.shutdown", 60, context)
    return seconds if 0 <= seconds <= 0xFFFF else None


def _shutdown_value(text: str | None, context: Context) -> float | None:
    seconds = _off_delay(text, context)
    if seconds is None:
        return None
    return float(bisect_left(_STEPS, seconds) + 1) if _steps(context) else _packed(seconds, RESTART, context)


def _stayoff_value(text: str | None, context: Context) -> float | None:
    seconds = _off_delay(text, context)
    return None if seconds is None else _packed(seconds, STAY_OFF, context)


def _battery_voltage(value: float, context: Context) -> str:
    """A report that no descriptor tells of holds ` 13.7 2`; what can't be read leaves the last reading."""
    report = context.report(VOLTAGE_REPORT) or b""
    found = _VOLTAGE.search(report[1:8].partition(b"\0")[0])
    if found and b"." in found[0]:
        context.memory[_LAST_VOLTAGE] = found[0].decode("ascii")
    return str(context.memory.get(_LAST_VOLTAGE, "0.0"))


def _regulating(word: str, pattern: int) -> Conversion:
    """Trim and boost share two bits."""
    return reading(word, lambda value, context: word if int(value) & 0x18 == pattern else f"!{word}")


POWERCOM_STARTUP = Conversion("startup delay", to_text=_startup_text, to_value=_startup_value)
POWERCOM_SHUTDOWN = Conversion("shutdown delay", to_text=_shutdown_text, to_value=_shutdown_value)
POWERCOM_STAYOFF = Conversion("shutdown delay, staying off", to_value=_stayoff_value)
POWERCOM_BEEPER = table("beeper", "enabled", "disabled", first=1)
POWERCOM_VOLTAGE = scaled("quarters", 4, 0)
POWERCOM_UPSFAIL = masked("fan", 0x0001, "fanfail", "!fanfail")
POWERCOM_REPLACEBATT = masked("replace battery", 0x0002, "replacebatt", "!replacebatt")
POWERCOM_TEST = masked("test", 0x0004, "cal", "!cal")
POWERCOM_SHUTDOWNIMM = masked("shutdown", 0x0010, "shutdownimm", "!shutdownimm")
POWERCOM_ONLINE = masked("online", 0x0001, "!online", "online")
POWERCOM_LOWBATT = masked("low battery", 0x0002, "lowbatt", "!lowbatt")
POWERCOM_TRIM = _regulating("trim", 0x08)
POWERCOM_BOOST = _regulating("boost", 0x18)
POWERCOM_OVERLOAD = masked("overload", 0x0020, "overload", "!overload")
POWERCOM_HACK_VOLTAGE = reading("battery voltage", _battery_voltage)

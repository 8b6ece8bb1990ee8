# SPDX-License-Identifier: GPL-2.0-or-later
"""Conversions that several sub-drivers share.

Facts learned from NUT's drivers/usbhid-ups.c (GPL-2.0-or-later).
Status words are internal ("online", "!dischrg"): the engine collects them, then composes `ups.status`.
"""

from __future__ import annotations

import re

from ridethrough.drivers.hid.rows import Context, Conversion, ToText

_INTEGER = re.compile(r"\s*([+-]?[0-9]+)", re.ASCII)
_DATE = re.compile(r"\s*([0-9]{1,4})/\s*([0-9]{1,2})/\s*([0-9]{1,2})", re.ASCII)
_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]{1,18}(?:\.[0-9]*)?|\.[0-9]+))", re.ASCII)
_MAX_DIGITS = 18


def leading_int(text: str | None) -> int:
    """The integer that a text begins with, 0 where it begins with none (C's atol)."""
    found = _INTEGER.match(text or "")
    return int(found[1][:_MAX_DIGITS]) if found else 0


def leading_float(text: str | None) -> float:
    """The decimal number that a text begins with, 0.0 where it begins with none (C's atof)."""
    found = _NUMBER.match(text or "")
    return float(found[1]) if found else 0.0


def flag(word: str, cleared: str | None = None) -> Conversion:
    """A status bit: 1 sets the word, 0 clears it (or sets `cleared`)."""
    return Conversion(word, ((1, word), (0, cleared or f"!{word}")))


def table(name: str, *texts: str, first: int = 0) -> Conversion:
    """A table of texts for consecutive numbers."""
    return Conversion(name, tuple(enumerate(texts, first)))


def reading(name: str, to_text: ToText) -> Conversion:
    """A conversion that can only be read."""
    return Conversion(name, to_text=to_text)


def nonzero(word: str) -> Conversion:
    """A status word set by any value but 0."""
    return reading(word, lambda value, context: word if value else f"!{word}")


def masked(name: str, mask: int, set_word: str, clear_word: str) -> Conversion:
    """A status word for some bits of a field."""
    return reading(name, lambda value, context: set_word if int(value) & mask else clear_word)


def scaled(name: str, factor: float, decimals: int = 1) -> Conversion:
    """A value times a factor."""
    return reading(name, lambda value, context: f"{value * factor:.{decimals}f}")


def scaled_by_memory(name: str, key: str, decimals: int = 1) -> Conversion:
    """A value times the factor that the sub-driver left in the device's memory (1 where there is none)."""

    def to_text(value: float, context: Context) -> str:
        return f"{factor_of(context, key) * value:.{decimals}f}"

    return reading(name, to_text)


def factor_of(context: Context, key: str) -> float:
    """A factor in the device's memory, 1.0 where there is none."""
    return float(context.memory.get(key, 1.0))


def silent(name: str, to_text: ToText | None = None) -> Conversion:
    """Nothing is published; `to_text`, where given, only notes the value in the device's memory."""
    return reading(name, to_text or (lambda value, context: None))


def _date_text(value: float, context: Context) -> str:
    """USB HID power devices 1.1, 4.2.6: (year - 1980) * 512 + month * 32 + day."""
    packed = int(value)
    if packed == 0:
        return "not set"
    return f"{1980 + (packed >> 9):04d}/{packed >> 5 & 15:02d}/{packed & 31:02d}"


def _date_value(text: str | None, context: Context) -> float | None:
    """YYYY/MM/DD packed; None for what is no date of 1980 to 2107."""
    date = parse_date(text)
    if date is None or not 1980 <= date[0] <= 2107:
        return None
    return float((date[0] - 1980) << 9 | date[1] << 5 | date[2])


def parse_date(text: str | None) -> tuple[int, int, int] | None:
    """Year, month and day of YYYY/MM/DD, or None."""
    found = _DATE.match(text or "")
    if not found:
        return None
    year, month, day = (int(part) for part in found.groups())
    return (year, month, day) if month <= 12 and day <= 31 else None


def _string_text(value: float, context: Context) -> str | None:
    return context.string(int(value))


def _celsius(value: float, context: Context) -> str:
    """Kelvin as the standard says, unless the device already sends degrees Celsius."""
    return f"{value - 273.15:.1f}" if 273 <= value <= 373 else f"{value:.1f}"


ONLINE = flag("online", "offline")
DISCHARGING = flag("dischrg")
CHARGING = flag("chrg")
LOWBATT = flag("lowbatt")
OVERLOAD = flag("overload")
REPLACEBATT = flag("replacebatt")
TRIM = flag("trim")
BOOST = flag("boost")
BYPASS_AUTO = flag("bypassauto")
BYPASS_MANUAL = flag("bypassman")
FANFAIL = flag("fanfail")
SHUTDOWNIMM = flag("shutdownimm")
OVERHEAT = flag("overheat")
AWAITINGPOWER = flag("awaitingpower")
COMMFAULT = flag("commfault")
TIMELIMITEXPIRED = flag("timelimitexp")
BATTVOLTLO = flag("battvoltlo")
BATTVOLTHI = flag("battvolthi")
CHARGERFAIL = flag("chargerfail")
FULLYCHARGED = flag("fullycharged", "notfullycharged")
DEPLETED = flag("depleted")
VRANGE = flag("vrange")
FRANGE = flag("frange")
# These two are told the other way round: a device without them has a battery and is on.
OFF = Conversion("off", ((0, "off"), (1, "!off")))
NOBATTERY = Conversion("nobattery", ((1, "!nobattery"), (0, "nobattery")))
ECO_MODE = table("eco mode", "normal", "ecomode", "essmode")

TEST_READ = table(
    "test result",
    "Done and passed",
    "Done and warning",
    "Done and error",
    "Aborted",
    "In progress",
    "No test initiated",
    "Test scheduled",
    first=1,
)
BEEPER = table("beeper", "disabled", "enabled", "muted", first=1)
YES_NO = table("yes or no", "no", "yes")
ON_OFF = table("on or off", "off", "on")

DATE = Conversion("date", to_text=_date_text, to_value=_date_value)
STRINGID = reading("string", _string_text)
DIVIDE_BY_10 = scaled("tenths", 0.1)
DIVIDE_BY_100 = scaled("hundredths", 0.01)
KELVIN_CELSIUS = reading("temperature", _celsius)

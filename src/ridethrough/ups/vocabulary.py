# SPDX-License-Identifier: GPL-2.0-or-later
"""What NUT's variables and commands mean, in our own words (names: NUT's `docs/nut-names.txt`).

Most names are looked up as they are.
The rest are put together: `output.L1-N.voltage` from a measure, a place and a phase,
`outlet.3.delay.start` from an outlet's setting and its number, `device.2.ups.load` from `ups.load`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ridethrough.ups.vocabulary_commands import COMMANDS as _COMMANDS
from ridethrough.ups.vocabulary_commands import OUTLET_COMMANDS
from ridethrough.ups.vocabulary_parts import AMBIENT, CONTACTS, OUTLET, OUTLETS
from ridethrough.ups.vocabulary_power import BATTERY, INPUT, MEASURES, OUTPUT, PLACES
from ridethrough.ups.vocabulary_unit import DEVICE, DRIVER, SERVER, UPS

VARIABLES: Mapping[str, str] = MappingProxyType(
    DEVICE | UPS | INPUT | OUTPUT | BATTERY | AMBIENT | OUTLETS | DRIVER | SERVER
)
COMMANDS: Mapping[str, str] = MappingProxyType(_COMMANDS)

DRIVER_PARAMETER = "A setting of the driver, from ups.conf or its command line"
DRIVER_FLAG = "A flag of the driver, from ups.conf or its command line"
MAX_NAME = 256
_NUMBER = "[0-9]{1,9}"
_PHASE = "l[123]-l[123]|l[123]-n|l[123]|n"
_DEVICE = re.compile(rf"device\.({_NUMBER})\.(.+)")
_AMBIENT = re.compile(rf"ambient\.({_NUMBER})\.(.+)")
_CONTACT = re.compile(rf"ambient\.contacts\.({_NUMBER})\.(.+)")
_OUTLET = re.compile(rf"outlet\.(group\.)?(?:({_NUMBER})\.)?(.+)")
_POINT = re.compile(
    rf"(input|output|battery|ups)(?:\.({_NUMBER}))?(\.bypass|\.servicebypass|\.inverter)?(?:\.({_PHASE}))?\.(.+)"
)


def describe_variable(name: str) -> str | None:
    """A short description of a variable, or None where there is none; letter case does not count."""
    return _describe(name, _variable)


def describe_command(name: str) -> str | None:
    """A short description of an instant command, or None where there is none; letter case does not count."""
    return _describe(name, _command)


def _describe(name: str, look_up: Callable[[str], str | None]) -> str | None:
    """What `look_up` knows, also behind the number of a device in a daisy chain."""
    if len(name) > MAX_NAME:
        return None
    low = name.lower()
    text = look_up(low)
    chained = None if text else _DEVICE.fullmatch(low)
    if chained is None:
        return text
    text = look_up(chained[2])
    return None if text is None else _qualified(text, f"device {chained[1]}")


def _variable(name: str) -> str | None:
    if name in VARIABLES:
        return VARIABLES[name]
    if name.startswith("driver.parameter.") and name != "driver.parameter.":
        return DRIVER_PARAMETER
    if name.startswith("driver.flag.") and name != "driver.flag.":
        return DRIVER_FLAG
    return _ambient(name) or _outlet(name) or _point(name)


def _command(name: str) -> str | None:
    if name in COMMANDS:
        return COMMANDS[name]
    found = _OUTLET.fullmatch(name)
    if found is None or found[3] not in OUTLET_COMMANDS:
        return None
    return OUTLET_COMMANDS[found[3]].format(_outlets(found[1], found[2]))


def _ambient(name: str) -> str | None:
    """One sensor of several, and the dry contacts of any."""
    found = _AMBIENT.fullmatch(name)
    rest = f"ambient.{found[2]}" if found else name
    contact = _CONTACT.fullmatch(rest)
    text = CONTACTS.get(contact[2], "").format(contact[1]) if contact else AMBIENT.get(rest)
    if not text:
        return None
    return _qualified(text, f"sensor {found[1]}") if found and int(found[1]) else text


def _outlet(name: str) -> str | None:
    """One outlet, one group of outlets, or (without a number, or with 0) all of them."""
    found = _OUTLET.fullmatch(name)
    if found is None:
        return None
    group, number, rest = found.groups()
    place = _outlets(group, number)
    key = f"outlet.{'group.' if group else ''}#.{rest}"
    text = OUTLET.get(key) or OUTLET.get(f"outlet.#.{rest}")
    return text.format(place) if text else _measure(rest, f"of {place}")


def _outlets(group: str | None, number: str | None) -> str:
    if not number or not int(number):
        return "the whole set of outlet groups" if group else "the whole set of outlets"
    return f"outlet group {number}" if group else f"outlet {number}"


def _point(name: str) -> str | None:
    """A measured value of an input, an output or the UPS, of one phase or of all."""
    found = _POINT.fullmatch(name)
    if found is None:
        return None
    domain, number, part, phase, rest = found.groups()
    place = PLACES.get(domain + (part or ""))
    if place is None:
        return None
    if number:
        place = f"{place.replace(' the ', ' ')} {number}"
    text = _measure(rest, place) if phase is None else _measure(rest, f"{place}, {_phase(phase)}")
    if text is None and not phase:
        # Settings that only some devices have for each of their inputs.
        text = VARIABLES.get(f"{domain}{part or ''}.{rest}") if number else None
        return None if text is None else _qualified(text, f"{domain} {number}")
    return text


def _phase(word: str) -> str:
    one, _, other = word.upper().partition("-")
    if not other:
        return "neutral" if one == "N" else f"phase {one}"
    return f"phase {one} to {'neutral' if other == 'N' else other}"


def _measure(spec: str, place: str) -> str | None:
    """`voltage.high.warning` at a place, with its unit; None for what is no measure."""
    if spec not in MEASURES:
        return None
    text, unit = MEASURES[spec]
    return f"{text} {place} ({unit})" if unit else f"{text} {place}"


def _qualified(text: str, more: str) -> str:
    """The text with a qualifier in front of the unit that stands in brackets at its end."""
    if not text.endswith(")"):
        return f"{text}, {more}"
    head, _, unit = text.rpartition(" (")
    return f"{head}, {more} ({unit}"

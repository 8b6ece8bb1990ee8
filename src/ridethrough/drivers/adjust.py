# SPDX-License-Identifier: GPL-2.0-or-later
"""What ups.conf lays over a driver's readings: `override.*`, `default.*`, `ignorelb`, and `driver.*`.

A driver drafts what the device says; `publish` turns that into what everybody else is told.
The two are kept apart, so that nothing that was laid over is ever taken for a reading.
Sources: ups.conf(5); behaviour learned from NUT's drivers/main.c and drivers/dstate.c (GPL-2.0-or-later).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ridethrough.config.models import UpsSection
from ridethrough.ups.state import STATUS, Change, Draft, Snapshot
from ridethrough.ups.status import Status
from ridethrough.ups.variables import Variable, VarKind

# (reading, threshold) that decide on LB when `ignorelb` is set; the first pair that is low decides.
LOW_PAIRS: Final = (
    ("battery.charge", "battery.charge.low"),
    ("battery.runtime", "battery.runtime.low"),
)
# Options of every driver that say nothing about the device: they are not shown as driver.parameter.*.
_NOT_SHOWN: Final = frozenset(
    "sdorder maxstartdelay maxretry retrydelay nowait user group debug_min libusb_debug sddelay "
    "reconnect_max_tries reconnect_report_freq allow_killpower pollinterval synchronous".split()
)
_COMMON: Final = _NOT_SHOWN | {"sdcommands"}
# Flags that NUT's common part knows, for every driver.
_COMMON_FLAGS: Final = frozenset({"ignorelb", "nolock"})
# Transition from ups.* to device.*, done once when the driver has started.
_DEVICE_OF: Final = {
    "ups.mfr": "device.mfr",
    "ups.model": "device.model",
    "ups.serial": "device.serial",
}
STATE: Final = "driver.state"
DEBUG: Final = "driver.debug"
ALLOW_KILLPOWER: Final = "driver.flag.allow_killpower"
# The two switches of a driver that runs; the rest of `driver.*` is read-only.
_SWITCHES: Final = frozenset({DEBUG, ALLOW_KILLPOWER})
# What every driver announces besides its own commands.  `driver.exit` is obeyed and not announced, as in C:
# so network clients can't have it.
COMMANDS: Final = frozenset(
    "shutdown.default driver.killpower driver.reload driver.reload-or-error driver.reload-or-exit".split()
)
_INTEGER = re.compile(r"\s*([+-]?\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class DriverInfo:
    """What a driver says of itself, and which options it takes.

    `secret` options are never shown as `driver.parameter.*`.
    """

    name: str
    version: str
    internal: str
    options: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    secret: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Adjustments:
    """What one section lays over its driver's readings."""

    overrides: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    defaults: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    driver: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ignorelb: bool = False
    commands: frozenset[str] = frozenset()


def adjustments(
    section: UpsSection, info: DriverInfo, *, pollinterval_s: float = 2.0, synchronous: str = "auto"
) -> Adjustments:
    """What `section` says, with the `driver.*` variables that a C driver would show for it."""
    overrides: dict[str, str] = {}
    defaults: dict[str, str] = {}
    for key, value in section.options.items():
        head, _, name = key.partition(".")
        if value is None or not name:
            continue
        if head.lower() == "override":
            overrides[name.lower()] = value
        elif head.lower() == "default":
            defaults[name.lower()] = value
    return Adjustments(
        overrides=MappingProxyType(overrides),
        defaults=MappingProxyType(defaults),
        driver=MappingProxyType(_driver_variables(section, info, pollinterval_s, synchronous)),
        ignorelb=section.flag("ignorelb"),
        commands=COMMANDS,
    )


def unknown_options(section: UpsSection, info: DriverInfo) -> tuple[str, ...]:
    """The options of a section that neither NUT's common part nor this driver knows."""
    known = _COMMON | _COMMON_FLAGS | info.options | info.flags
    heads = ("override.", "default.")
    keys = (key for key in section.options if not key.lower().startswith(heads))
    return tuple(key for key in keys if key.lower() not in known)


def _driver_variables(
    section: UpsSection, info: DriverInfo, pollinterval_s: float, synchronous: str
) -> dict[str, str]:
    shown: dict[str, str] = {
        "driver.name": info.name,
        "driver.version": info.version,
        "driver.version.internal": info.internal,
    }
    for key, value in section.options.items():
        low = key.lower()
        if low in _COMMON_FLAGS or (value is None and low in info.flags):
            shown[f"driver.flag.{low}"] = "enabled"
        elif value is not None and low not in _NOT_SHOWN and low not in info.secret:
            shown[f"driver.parameter.{key}"] = value
    shown["driver.parameter.port"] = section.port
    shown["driver.parameter.pollinterval"] = f"{pollinterval_s:g}"
    shown["driver.parameter.synchronous"] = synchronous
    return shown


def begin(draft: Draft) -> None:
    """What every driver starts with; call it once before its first poll."""
    draft.set("device.type", "ups")


def started(draft: Draft, adjust: Adjustments) -> None:
    """Fill `device.*` from `ups.*` as C drivers do; call it once after the first poll that worked."""
    for ups_name, device_name in _DEVICE_OF.items():
        value = adjust.overrides.get(ups_name) or draft.get(ups_name) or adjust.defaults.get(ups_name)
        if value:
            draft.set(device_name, value)


def publish(before: Snapshot, raw: Snapshot, adjust: Adjustments) -> tuple[Snapshot, Change]:
    """What to tell after a driver said `raw`, and how that differs from what was told `before`.

    An override replaces the value and takes the right to write away; a default stands in for what is missing.
    """
    draft = Draft(before)
    wanted: dict[str, Variable] = dict(raw.variables)
    for name, value in adjust.defaults.items():
        wanted.setdefault(name, Variable(name, value))
    for name, value in (*adjust.overrides.items(), *adjust.driver.items()):
        # A driver may have more to say of its own parameters (the mode it found): that stands.
        if name not in adjust.driver or name not in raw.variables:
            number = VarKind.NUMBER if name in _SWITCHES else VarKind.NONE
            wanted[name] = Variable(name, value, rw=name in _SWITCHES, kind=number)
    if adjust.ignorelb and STATUS in wanted:
        status = _own_lb(Status.parse(wanted[STATUS].value), wanted)
        old = wanted[STATUS]
        wanted[STATUS] = Variable(STATUS, str(status), old.rw, old.kind, old.max_length, old.enum, old.ranges)
    for name in draft.names():
        if name not in wanted:
            draft.delete(name)
    for variable in wanted.values():
        draft.put(variable)
    commands = raw.commands | adjust.commands
    for command in before.commands - commands:
        draft.delete_command(command)
    for command in commands:
        draft.add_command(command)
    return draft.commit()


def can_tell_low(snapshot: Snapshot) -> bool:
    """Whether `ignorelb` has a reading with a threshold to decide on; C drivers refuse to start without."""
    return any(snapshot.get(reading) and snapshot.get(low) for reading, low in LOW_PAIRS)


def _own_lb(status: Status, variables: Mapping[str, Variable]) -> Status:
    """The status without the device's LB, and with ours where a reading is below its threshold."""
    kept = Status(tuple(token for token in status.tokens if token.upper() != "LB"))
    for reading, threshold in LOW_PAIRS:
        value, low = variables.get(reading), variables.get(threshold)
        if value is not None and low is not None and _integer(value.value) < _integer(low.value):
            return kept.with_token("LB")
    return kept


def _integer(text: str) -> int:
    """The whole number at the beginning of a text, as C's strtol reads it: 0 where there is none."""
    found = _INTEGER.match(text)
    return int(found.group(1)) if found else 0

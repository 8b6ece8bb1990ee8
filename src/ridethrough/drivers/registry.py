# SPDX-License-Identifier: GPL-2.0-or-later
"""The drivers that there are, and what runs a section of ups.conf.

A new driver is one more line in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from ridethrough import __version__
from ridethrough.config.models import UpsConf, UpsSection
from ridethrough.drivers import adjust
from ridethrough.drivers.adjust import DriverInfo
from ridethrough.drivers.base import Context, Driver
from ridethrough.drivers.dummy.file import DummyFile, Mode, choose_mode
from ridethrough.drivers.dummy.repeater import Repeater
from ridethrough.drivers.external import External
from ridethrough.drivers.runner import MAXAGE_S, Runner
from ridethrough.drivers.simulated import DEFAULTS, SimulatedUps
from ridethrough.drivers.source import OnView, Source

Factory: TypeAlias = Callable[[UpsSection, Context], Driver]
"""Makes a driver of a section.  Nothing is opened yet; DriverError for a section that makes no sense."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A driver that runs in this process."""

    info: DriverInfo
    make: Factory
    about: str
    interval_s: float | None = None
    """The longest poll interval that suits it, unless its section says otherwise."""


def dummy_ups(section: UpsSection, context: Context) -> Driver:
    """A definition file, or a UPS of another server."""
    mode = choose_mode(section.option("mode"), section.port)
    if mode is Mode.REPEATER:
        return Repeater(section.name, section.port)
    return DummyFile(section.name, section.port, mode, context)


KINDS: Final[dict[str, Kind]] = {
    "dummy-ups": Kind(
        DriverInfo(
            name="dummy-ups",
            version=__version__,
            internal="1.0",
            options=frozenset({"mode", "authconf"}),
            flags=frozenset({"repeater_disable_strict_start"}),
        ),
        dummy_ups,
        "Device simulation and repeater driver",
    ),
    "simulated-ups": Kind(
        DriverInfo(name="simulated-ups", version=__version__, internal="1.0", options=frozenset(DEFAULTS)),
        SimulatedUps,
        "UPS on a battery model, moved by a script",
        interval_s=1.0,
    ),
}
FACTORIES: Final[dict[str, Factory]] = {name: kind.make for name, kind in KINDS.items()}


def poll_interval_s(section: UpsSection, conf: UpsConf, kind: Kind) -> float:
    """The section's `pollinterval`, else the global one, no longer than suits the driver."""
    interval_s = conf.pollinterval_s
    if kind.interval_s is not None:
        interval_s = min(interval_s, kind.interval_s)
    own = section.number("pollinterval", interval_s)
    return own if 0 < own < 86400 else interval_s


def make_runner(
    section: UpsSection, conf: UpsConf, context: Context, on_view: OnView, *, maxage_s: float = MAXAGE_S
) -> Runner:
    """A runner for a section whose driver is in `KINDS`.  Raises DriverError, KeyError for another driver."""
    kind = KINDS[section.driver]
    for option in adjust.unknown_options(section, kind.info):
        context.log("warning", f"[{section.name}] {section.driver} has no option '{option}'; it is ignored")
    interval_s = poll_interval_s(section, conf, kind)
    adjustments = adjust.adjustments(
        section,
        kind.info,
        pollinterval_s=interval_s,
        synchronous=section.option("synchronous") or conf.synchronous.value,
    )
    driver = kind.make(section, context)
    return Runner(
        section,
        driver,
        adjustments,
        on_view,
        pollinterval_s=interval_s,
        maxage_s=maxage_s,
        log=context.log,
    )


def make_source(
    section: UpsSection, conf: UpsConf, context: Context, on_view: OnView, *, maxage_s: float = 15.0
) -> Source:
    """What runs a section: our own driver in this process, or the socket of a driver that runs elsewhere.

    Raises DriverError for a section that makes no sense.
    """
    if section.driver in KINDS:
        return make_runner(section, conf, context, on_view, maxage_s=maxage_s)
    return External(section, context.statepath, on_view, maxage_s=maxage_s, log=context.log)

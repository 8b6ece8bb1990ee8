# SPDX-License-Identifier: GPL-2.0-or-later
"""The drivers that there are, and what runs a section of ups.conf.

A new driver is one more line in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ridethrough import __version__
from ridethrough.config.models import UpsConf, UpsSection
from ridethrough.drivers import adjust, usbhid_options
from ridethrough.drivers.adjust import DriverInfo
from ridethrough.drivers.base import Context, Driver, Log
from ridethrough.drivers.dummy.file import DummyFile, Mode, choose_mode
from ridethrough.drivers.dummy.repeater import Repeater
from ridethrough.drivers.external import External
from ridethrough.drivers.lifecycle import Limit
from ridethrough.drivers.orders import Master, Orders, Remake
from ridethrough.drivers.runner import MAXAGE_S, Runner
from ridethrough.drivers.setting import Setting
from ridethrough.drivers.simulated import DEFAULTS, SimulatedUps
from ridethrough.drivers.source import OnView, Source
from ridethrough.drivers.usbhid import UsbhidUps

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
    renewable: frozenset[str] = frozenset()
    """Settings that another instance takes over while the driver runs; see `orders.Remake`."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What its own settings mean, for `-h` and `-L`."""
    alone: bool = False
    """It has not been tried on real devices yet: who wants it starts it by its name, and C's goes first."""


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
        renewable=frozenset({"port", "mode"}),
        settings={
            "mode": "dummy-loop (or dummy), dummy-once, repeater; without it the port tells",
            "authconf": "the nutauth.conf of the repeater: default, none or a path; not obeyed yet",
            "repeater_disable_strict_start": "start even if the server to repeat can't be reached",
        },
    ),
    "simulated-ups": Kind(
        DriverInfo(name="simulated-ups", version=__version__, internal="1.0", options=frozenset(DEFAULTS)),
        SimulatedUps,
        "UPS on a battery model, moved by a script",
        interval_s=1.0,
        settings={
            "capacity_wh": "energy of the full battery, in Wh",
            "load_w": "load in the beginning, in W",
            "nominal_w": "load of 100 %, in W",
            "charge_w": "power of the charger, in W",
            "charge": "charge in the beginning, in %",
            "lowbatt": "low battery below this charge, in %",
            "runtime_low": "low battery below this runtime, in seconds",
            "offdelay": "seconds from shutdown.return to off",
            "ondelay": "seconds from the return of the mains to on",
        },
    ),
    "usbhid-ups": Kind(
        DriverInfo(
            name="usbhid-ups",
            version=__version__,
            internal="1.0",
            options=frozenset(usbhid_options.OPTIONS),
            flags=frozenset(usbhid_options.FLAGS),
        ),
        UsbhidUps,
        "Generic HID driver",
        settings={**usbhid_options.OPTIONS, **usbhid_options.FLAGS},
        alone=True,
    ),
}
FACTORIES: Final[dict[str, Factory]] = {name: kind.make for name, kind in KINDS.items()}


def runs_inside(driver: str) -> bool:
    """Whether `serve` runs a driver of that name itself; else it reads who runs it behind its socket."""
    return driver in KINDS and not KINDS[driver].alone


def poll_interval_s(section: UpsSection, conf: UpsConf, kind: Kind) -> float:
    """The section's `pollinterval`, else the global one, no longer than suits the driver."""
    interval_s = conf.pollinterval_s
    if kind.interval_s is not None:
        interval_s = min(interval_s, kind.interval_s)
    own = section.number("pollinterval", interval_s)
    return own if 0 < own < 86400 else interval_s


def reconnect_limit(section: UpsSection, conf: UpsConf) -> Limit:
    """`reconnect_max_tries` and `reconnect_report_freq`, the section's before the global ones."""
    return Limit(
        int(section.number("reconnect_max_tries", conf.reconnect_max_tries)),
        int(section.number("reconnect_report_freq", conf.reconnect_report_freq)),
    )


def setting_of(section: UpsSection, conf: UpsConf, log: Log) -> Setting:
    """What a section says of its driver, which is in `KINDS`; options that nobody knows are said."""
    kind = KINDS[section.driver]
    for option in adjust.unknown_options(section, kind.info):
        log("warning", f"[{section.name}] {section.driver} has no option '{option}'; it is ignored")
    if section.flag("sddelay"):
        log("info", f"[{section.name}] sddelay is obsolete and does nothing; take it out of ups.conf")
    interval_s = poll_interval_s(section, conf, kind)
    adjustments = adjust.adjustments(
        section,
        kind.info,
        pollinterval_s=interval_s,
        synchronous=section.option("synchronous") or conf.synchronous.value,
    )
    return Setting(adjustments, interval_s, reconnect_limit(section, conf), section.desc)


def make_runner(
    section: UpsSection, conf: UpsConf, context: Context, on_view: OnView, *, maxage_s: float = MAXAGE_S
) -> Runner:
    """A runner for a section whose driver is in `KINDS`.  Raises DriverError, KeyError for another driver."""
    setting = setting_of(section, conf, context.log)
    return Runner(
        section,
        KINDS[section.driver].make(section, context),
        setting.adjustments,
        on_view,
        pollinterval_s=setting.interval_s,
        maxage_s=maxage_s,
        limit=setting.limit,
        log=context.log,
    )


def obeying(runner: Runner, section: UpsSection, conf: UpsConf, context: Context, master: Master) -> Orders:
    """Have a runner obey the orders to `section`."""
    kind = KINDS[section.driver]
    remake = Remake(
        driver=lambda new: kind.make(new, context),
        setting=lambda new, new_conf: setting_of(new, new_conf, context.log),
        renewable=kind.renewable,
    )
    return Orders(runner, section, conf, remake, master, context.log)


def make_source(
    section: UpsSection,
    conf: UpsConf,
    context: Context,
    on_view: OnView,
    *,
    maxage_s: float = 15.0,
    master: Master | None = None,
) -> Source:
    """What runs a section: our own driver in this process, or the socket of a driver that runs elsewhere.

    `master` says how ups.conf is read again.  Raises DriverError for a section that makes no sense.
    """
    if not runs_inside(section.driver):
        return External(section, context.statepath, on_view, maxage_s=maxage_s, log=context.log)
    runner = make_runner(section, conf, context, on_view, maxage_s=maxage_s)
    obeying(runner, section, conf, context, master or Master(lambda: (conf, section)))
    return runner

# SPDX-License-Identifier: GPL-2.0-or-later
"""Which sub-driver takes a USB device, and the ids for udev rules.

The order of the sub-drivers and what each claims is that of NUT's drivers/usbhid-ups.c, usb-common.c and the
claim functions of drivers/*-hid.c (facts learned from there, GPL-2.0-or-later).
Order matters: several makers share a vendor id (06da, 03f0, 0483, 05dd).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ridethrough.drivers.hid.rows import Claim, Context, Match, Subdriver
from ridethrough.drivers.hid.tables.apc import APC
from ridethrough.drivers.hid.tables.arduino import ARDUINO
from ridethrough.drivers.hid.tables.belkin import BELKIN
from ridethrough.drivers.hid.tables.cps import CPS
from ridethrough.drivers.hid.tables.delta_ups import DELTA_UPS
from ridethrough.drivers.hid.tables.ecoflow import ECOFLOW
from ridethrough.drivers.hid.tables.ever import EVER
from ridethrough.drivers.hid.tables.idowell import IDOWELL
from ridethrough.drivers.hid.tables.legrand import LEGRAND
from ridethrough.drivers.hid.tables.liebert import LIEBERT
from ridethrough.drivers.hid.tables.mge import MGE
from ridethrough.drivers.hid.tables.openups import OPENUPS
from ridethrough.drivers.hid.tables.powercom import POWERCOM
from ridethrough.drivers.hid.tables.powervar import POWERVAR
from ridethrough.drivers.hid.tables.salicru import SALICRU
from ridethrough.drivers.hid.tables.tripplite import TRIPPLITE

EXPLORE = Subdriver(key="explore", name="EXPLORE HID 0.2", maker="unknown", matches=(), rows=())
SUBDRIVERS: tuple[Subdriver, ...] = (
    EXPLORE,
    MGE,
    APC,
    ARDUINO,
    BELKIN,
    CPS,
    DELTA_UPS,
    ECOFLOW,
    EVER,
    IDOWELL,
    LEGRAND,
    LIEBERT,
    OPENUPS,
    POWERCOM,
    POWERVAR,
    SALICRU,
    TRIPPLITE,
)
MAX_PATTERN = 1024
_APC_MAKERS = ("APC", "American Power Conversion")
_APC_HASTY = re.compile(r"(?:.* )?(?:BX.*MI|BVK.*M2|BK.*M2[-_]CH)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a USB device says of itself; a string that can't be read is None."""

    vendor_id: int
    product_id: int
    vendor: str | None = None
    product: str | None = None
    serial: str | None = None


@dataclass(frozen=True, slots=True)
class UsbId:
    """A device that some sub-drivers know by its numbers, for udev rules and the device list."""

    vendor_id: int
    product_id: int
    makers: tuple[str, ...]


def find_match(subdriver: Subdriver, identity: Identity) -> Match | None:
    """The sub-driver's entry with both numbers of the device, if there is one."""
    wanted = (identity.vendor_id, identity.product_id)
    return next((one for one in subdriver.matches if (one.vendor_id, one.product_id) == wanted), None)


def claim(subdriver: Subdriver, identity: Identity, options: Mapping[str, str]) -> Claim:
    """What a sub-driver says of a device; `productid` in the options lets it take an unknown product."""
    if subdriver is EXPLORE:
        return Claim.YES if "explore" in options else Claim.NO
    vendor_id = identity.vendor_id
    if all(one.vendor_id != vendor_id for one in subdriver.matches):
        return Claim.NO
    known = find_match(subdriver, identity) is not None
    maker = subdriver.makers.get(vendor_id)
    if maker is not None and (known or maker.any_product):
        return Claim.YES if maker.known(identity.vendor, identity.product) else Claim.NO
    if known:
        return Claim.YES
    if vendor_id in subdriver.strict or (vendor_id, identity.product_id) in subdriver.refused:
        return Claim.NO
    return Claim.YES if "productid" in options else Claim.POSSIBLE


def choose(identity: Identity, options: Mapping[str, str]) -> Subdriver | None:
    """The sub-driver for a device: the one named in the options, else the first that claims it."""
    named = by_name(options.get("subdriver", ""))
    if named is not None:
        return named
    return next((one for one in SUBDRIVERS if claim(one, identity, options) is Claim.YES), None)


def by_name(pattern: str) -> Subdriver | None:
    """The sub-driver that a `subdriver` option means, or None.

    The whole name counts first, then the pattern as a regular expression, then with `.*` behind it; letter
    case does not count in the last two.
    """
    if not pattern or len(pattern) > MAX_PATTERN:
        return None
    exact = next((one for one in SUBDRIVERS if one.name == pattern), None)
    return exact or _by_pattern(pattern) or _by_pattern(f"{pattern}.*")


def _by_pattern(pattern: str) -> Subdriver | None:
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError):
        return None
    return next((one for one in SUBDRIVERS if compiled.fullmatch(one.name)), None)


def default_settings(subdriver: Subdriver, context: Context) -> dict[str, str]:
    """What goes for a device where ups.conf says nothing else; flags have an empty text.

    Call it once, when the device is taken: the setup of its match writes into `context.memory`.
    """
    settings = dict(subdriver.settings)
    identity = Identity(context.vendor_id, context.product_id)
    match = find_match(subdriver, identity)
    if match is not None:
        settings.update(match.settings)
        settings.update(match.setup(context) if match.setup is not None else {})
    if hasty_low_battery(context.vendor, context.product):
        settings["lbrb_log_delay_sec"] = "3"
    return settings


def hasty_low_battery(vendor: str | None, product: str | None) -> bool:
    """APC BX...MI, BVK...M2 and BK...M2-CH tell LB and RB for moments while nothing is wrong.

    Most of them have the firmware's version behind the model, which C forgets here.
    """
    model = (product or "").partition("FW:")[0].strip()
    return vendor in _APC_MAKERS and _APC_HASTY.fullmatch(model) is not None


def refusal(identity: Identity) -> str:
    """Why no sub-driver takes a device, in words, and what to do; "" for devices that are none of ours."""
    device = f"device {identity.vendor_id:04x}:{identity.product_id:04x}"
    for subdriver in SUBDRIVERS:
        other = subdriver.refused.get((identity.vendor_id, identity.product_id))
        if other:
            return f"{device} does not speak HID: use the driver {other!r}"
        if identity.vendor_id in subdriver.quiet or other is not None:
            return ""
    makers = [one.maker for one in SUBDRIVERS if claim(one, identity, {}) is Claim.POSSIBLE]
    if not makers:
        return ""
    return (
        f"{device} is by a known maker ({', '.join(makers)}), but the model is not known: "
        f"to try it all the same, set productid = {identity.product_id:04x} in its section of ups.conf"
    )


def usb_ids() -> tuple[UsbId, ...]:
    """All devices that are known by their numbers, sorted, each once with its possible makers."""
    found: dict[tuple[int, int], list[str]] = {}
    for subdriver in SUBDRIVERS:
        for one in subdriver.matches:
            found.setdefault((one.vendor_id, one.product_id), []).append(subdriver.maker)
    return tuple(UsbId(*numbers, tuple(makers)) for numbers, makers in sorted(found.items()))

# SPDX-License-Identifier: GPL-2.0-or-later
"""From a USB device that has been found to an engine for it: sub-driver, options, repaired descriptor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from ridethrough.drivers.hid.conversions import leading_int
from ridethrough.drivers.hid.descriptor import parse
from ridethrough.drivers.hid.engine import FULL_POLL_S, POLL_INTERVAL_S, Device, Settings
from ridethrough.drivers.hid.matching import Identity, choose, default_settings, refusal
from ridethrough.drivers.hid.repairs import repaired
from ridethrough.drivers.hid.rows import Context


class NotOursError(ValueError):
    """No sub-driver takes the device; the text says why and what to do."""


def adopt(
    identity: Identity,
    descriptor: bytes,
    options: Mapping[str, str],
    *,
    kept: Mapping[str, str] | None = None,
    poll_interval_s: float = POLL_INTERVAL_S,
    zone: tzinfo | None = None,
) -> Device:
    """Make the engine for a device.

    `options` are those of its section in ups.conf, flags with an empty text; what its model needs besides
    (`pollonly`, `usb_hid_rep_index` ...) is in `settings.options` of the device afterwards.  `kept` is
    `Device.kept()` of the engine before a replug.  `zone` is that of the machine, for the clocks of UPSes.
    Raises NotOursError, and DescriptorError where the descriptor has no field.
    """
    subdriver = choose(identity, options)
    if subdriver is None:
        raise NotOursError(
            refusal(identity)
            or f"device {identity.vendor_id:04x}:{identity.product_id:04x} is no UPS that is known here"
        )
    context = Context(
        identity.vendor_id, identity.product_id, identity.vendor, identity.product, identity.serial, zone=zone
    )
    merged = default_settings(subdriver, context) | dict(options)
    context.options = merged
    fields = parse(descriptor)
    if "disable_fix_report_desc" not in merged:
        fields = repaired(fields, subdriver.repairs, identity.vendor_id, identity.product_id)
    settings = Settings(
        pollonly="pollonly" in merged,
        interruptonly="interruptonly" in merged,
        age_s=poll_interval_s,
        full_s=_full_poll_s(merged.get("pollfreq")),
        options=merged,
    )
    device = Device(fields, subdriver, context, settings, kept)
    for problem in fields.problems:
        device.note("debug", f"report descriptor: {problem}")
    return device


def _full_poll_s(text: str | None) -> float:
    """`pollfreq` in seconds; 0 and what is no number mean each poll, as in C."""
    return FULL_POLL_S if text is None else float(max(0, leading_int(text)))

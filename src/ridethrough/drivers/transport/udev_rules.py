# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules that let our group open the UPSes that our tables know (udev(7)).

They are made from those tables, so that a device that is known can be opened.  NUT's own rules open the USB
nodes of the devices only; we read UPSes through their hidraw nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

FILE: Final = "62-ridethrough.rules"
"""After the rules that set defaults (50), before those that act on the tags of a device (73)."""

_HEAD: Final = """\
# UPSes on USB: who may open them.  Written by `ridethrough udev`.
# Put it into /etc/udev/rules.d/{file}, then run:
#   udevadm control --reload && udevadm trigger

ACTION=="remove", GOTO="ridethrough_end"
SUBSYSTEM=="hidraw", GOTO="ridethrough_hidraw"
SUBSYSTEM=="usb", ENV{{DEVTYPE}}=="usb_device", GOTO="ridethrough_usb"
GOTO="ridethrough_end"
"""
_WHOLE_VENDOR: Final = -1
_END: Final = '\nLABEL="ridethrough_end"\n'


def known_group(name: str) -> bool:
    """Whether it can stand in a rule as a group's name."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", name) is not None


def rules(devices: Iterable[tuple[int, int | None, str]], group: str = "nut") -> str:
    """A file of rules for these (vendor id, product id, maker), each once; product None: the whole vendor.

    Raises ValueError for what can't be a group.
    """
    if not known_group(group):
        raise ValueError(f"'{group}' is no name of a group")
    makers: dict[tuple[int, int], str] = {}
    for vendor, product, maker in devices:
        makers.setdefault((vendor, _WHOLE_VENDOR if product is None else product), maker)
    lines = sorted(
        (vendor, product, maker)
        for (vendor, product), maker in makers.items()
        if product == _WHOLE_VENDOR or (vendor, _WHOLE_VENDOR) not in makers
    )
    return (
        _HEAD.format(file=FILE)
        + _part("hidraw", "their reports", "ATTRS", "0660", lines, group)
        + '\nGOTO="ridethrough_end"\n'
        + _part("usb", "a reset, and strings by number", "ATTR", "0664", lines, group)
        + _END
    )


def _part(
    kind: str, why: str, key: str, mode: str, devices: Sequence[tuple[int, int, str]], group: str
) -> str:
    lines = [f'\n# For {why}.\nLABEL="ridethrough_{kind}"']
    before = ""
    for vendor, product, maker in devices:
        if maker != before:
            lines.append(f"# {' '.join(maker.split())}")
            before = maker
        tests = [f'{key}{{idVendor}}=="{vendor:04x}"']
        if product != _WHOLE_VENDOR:
            tests.append(f'{key}{{idProduct}}=="{product:04x}"')
        lines.append(f'{", ".join(tests)}, MODE="{mode}", GROUP="{group}"')
    return "\n".join(lines) + "\n"

# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough udev`: the udev rules that let group nut open the USB UPSes that our drivers know.

ridethrough udev > /etc/udev/rules.d/62-ridethrough.rules
udevadm control --reload && udevadm trigger
"""

from __future__ import annotations

import sys

from ridethrough.cli.arguments import Parser
from ridethrough.drivers.hid.matching import usb_ids
from ridethrough.drivers.transport import udev_rules


def main(argv: list[str]) -> int:
    """Print the rules."""
    parser = Parser("udev", __doc__)
    parser.add_argument("--group", default="nut", help="the group that may open the devices (default: nut)")
    options = parser.parse_args(argv[1:])
    known = ((each.vendor_id, each.product_id, ", ".join(each.makers)) for each in usb_ids())
    try:
        text = udev_rules.rules(known, options.group)
    except ValueError as error:
        print(f"ridethrough udev: {error}", file=sys.stderr)
        return 2
    print(text, end="")
    return 0

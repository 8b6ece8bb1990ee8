# SPDX-License-Identifier: GPL-2.0-or-later
"""What a UPS says of itself on line, on battery, and with a low battery: usage by usage.

Source: USB-IF, Universal Serial Bus Usage Tables for HID Power Devices 1.0, sections 4.1.1 and 4.2.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from ridethrough.drivers.hid.usages import STANDARD


class Power(Enum):
    """The states of the power, by NUT's names."""

    OL = "ol"
    OB = "ob"
    LB = "lb"


def _usages(**values: int) -> Mapping[int, int]:
    return MappingProxyType({STANDARD[name]: value for name, value in values.items()})


# What isn't named for a state is as the profile has it.  Charge is in percent, time in seconds.
STATES: Mapping[Power, Mapping[int, int]] = MappingProxyType(
    {
        Power.OL: _usages(),
        Power.OB: _usages(
            ACPresent=0, Charging=0, FullyCharged=0, Discharging=1, RemainingCapacity=97, RunTimeToEmpty=600
        ),
        Power.LB: _usages(
            ACPresent=0,
            Charging=0,
            FullyCharged=0,
            Discharging=1,
            BelowRemainingCapacityLimit=1,
            RemainingTimeLimitExpired=1,
            RemainingCapacity=8,
            RunTimeToEmpty=60,
        ),
    }
)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Units as types: a number's unit stands in its annotation."""

from __future__ import annotations

from typing import NewType

Seconds = NewType("Seconds", float)
Monotonic = NewType("Monotonic", float)
"""A point on the monotonic clock (CLOCK_BOOTTIME, or the scaled time of a simulation), in seconds."""
Percent = NewType("Percent", float)
Volts = NewType("Volts", float)
Watts = NewType("Watts", float)
WattHours = NewType("WattHours", float)
VoltAmperes = NewType("VoltAmperes", float)
Celsius = NewType("Celsius", float)

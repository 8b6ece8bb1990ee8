# SPDX-License-Identifier: GPL-2.0-or-later
"""Is there power enough?  The sum of the power values of all supplies that are not critical (upsmon(8))."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ridethrough.monitor.critical import Verdict
from ridethrough.monitor.settings import Supply


@dataclass(frozen=True, slots=True)
class Power:
    """The current power value held against MINSUPPLIES."""

    value: int
    minimum: int

    @property
    def enough(self) -> bool:
        """Whether the host may stay up."""
        return self.value >= self.minimum


def power(judged: Iterable[tuple[Supply, Verdict]], minsupplies: int) -> Power:
    """Count the good supplies.  As in C, a UPS is good until it is critical, also one never heard from."""
    value = sum(supply.power_value for supply, verdict in judged if not verdict.critical)
    return Power(value, minsupplies)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What ups.conf says of a driver that runs, and who obeys the orders that are not the driver's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from ridethrough.drivers import adjust
from ridethrough.drivers.adjust import Adjustments
from ridethrough.drivers.lifecycle import NO_LIMIT, Limit
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import EMPTY, Snapshot

NO_LB: Final = (
    "'ignorelb' is set, but neither battery.charge with battery.charge.low nor battery.runtime with"
    " battery.runtime.low is known: set override.battery.charge.low, or take ignorelb away"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """What can change while a driver runs."""

    adjustments: Adjustments
    interval_s: float = 2.0
    limit: Limit = NO_LIMIT
    desc: str = ""


class Ordering(Protocol):
    """What obeys the orders that are meant for whoever runs the driver (see `ridethrough.drivers.orders`)."""

    async def instcmd(self, name: str) -> Outcome | None:
        """Obey a command; None for one that is the driver's own."""

    async def setvar(self, name: str, value: str) -> Outcome | None:
        """Set a switch; None for a variable that is the driver's own."""

    def give_up(self) -> None:
        """The device was lost, and tried for as often as ups.conf allows; must return at once."""


def blind(raw: Snapshot, adjustments: Adjustments) -> bool:
    """Whether `ignorelb` is set over readings that can't tell a low battery: nobody would see it come."""
    return adjustments.ignorelb and not adjust.can_tell_low(adjust.publish(EMPTY, raw, adjustments)[0])

# SPDX-License-Identifier: GPL-2.0-or-later
"""The stories that are played to the guides' hosts.

Whatever is said lasts three polls or more, so that every host sees it, on a busy machine too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

POLL_S: Final = 1
"""POLLFREQ and POLLFREQALERT of all hosts."""


@dataclass(frozen=True, slots=True)
class Say:
    """ups.status for so many seconds; with it goes a battery.charge that makes sense."""

    status: str
    seconds: int

    @property
    def lines(self) -> str:
        """The same for dummy-ups."""
        words = self.status.split()
        charge = 9 if "LB" in words else 60 if "OB" in words else 100
        return f"ups.status: {self.status}\nbattery.charge: {charge}\nTIMER {self.seconds}\n"


@dataclass(frozen=True, slots=True)
class Silence:
    """The driver is gone for so many seconds, or for ever (0); then the UPS is on line at first."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Story:
    """What happens, whose upsd serves it, and what the seconds of timers are divided by.

    The last status stays until all hosts are down, but for those that `stay` up for ever.
    """

    name: str
    moves: tuple[Say | Silence, ...]
    upsd: str
    factor: int = 1
    nocomm_s: int | None = None
    hostsync_s: int = 3
    stay: frozenset[str] = frozenset()

    def acts(self) -> list[tuple[list[Say], int | None]]:
        """What is said without a break, and the seconds of the silence after it, or None."""
        found: list[tuple[list[Say], int | None]] = []
        says: list[Say] = []
        for move in self.moves:
            if isinstance(move, Say):
                says.append(move)
            else:
                found.append((says, move.seconds))
                says = []
        return [*found, (says, None)] if says else found


# Short outages, flapping mains, and all that is no outage; the battery runs low in the end.  The timers are
# those of the guides as written: 30 s and more are not over before they are called off.
VARIED: Final = Story(
    "varied",
    (
        Say("OB DISCHRG", 3),
        Say("OL CHRG", 4),
        Say("OB DISCHRG", 3),
        Say("OL CHRG", 3),
        Say("OB DISCHRG", 3),
        Say("OL CHRG", 4),
        Say("OL RB", 3),
        Say("OL LB", 3),
        Say("OL BYPASS TRIM OVER", 3),
        Say("OL", 3),
        Silence(3),
        Say("OB DISCHRG", 4),
        Say("OB DISCHRG LB", 1),
    ),
    "C",
)


def _long(name: str, outage_s: int, factor: int) -> Story:
    """Part of the guides' seconds: timers run out, the mains is back afterwards; silence; FSD."""
    return Story(
        name,
        (
            Say("OB DISCHRG", outage_s),
            Say("OL CHRG", 5),
            Silence(8),
            Say("OB DISCHRG", 6),
            Say("FSD OB DISCHRG", 1),
        ),
        "ours",
        factor=factor,
        nocomm_s=6,
    )


LONG: Final = _long("long", 8, 10)
# 300 s are over in it as well.
LONGER: Final = _long("longer", 25, 15)
# C 2.8.0 never forgets a calibration that it has seen.
CALIBRATED: Final = Story(
    "calibrated",
    (Say("OL CAL", 4), Say("OL", 4), Say("OB DISCHRG", 4), Say("OB DISCHRG LB", 1)),
    "C",
    stay=frozenset({"C"}),
)
# Long enough for a difference of HOSTSYNC to be seen.
DRIVER_LOST: Final = Story("driver-lost", (Say("OB DISCHRG", 5), Silence(0)), "C", hostsync_s=10)

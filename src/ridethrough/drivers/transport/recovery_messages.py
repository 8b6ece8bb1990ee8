# SPDX-License-Identifier: GPL-2.0-or-later
"""What `recovery` is told, and what it wants done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ridethrough.drivers.transport.base import Fault


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device is plugged in, and the number that the bus gave it this time."""

    port: str
    number: int


# -- events --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """`due_at` has come.  A `hint` (something was plugged in) makes it come early."""

    hint: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """The look has found the device, or the one to begin with.  `words`: what to beware of."""

    place: Place
    name: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Unseen:
    """The look has not found it; `words` say why, if there is more to it than that."""

    words: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """The device was opened.  That alone does not mean that it answers."""


@dataclass(frozen=True, slots=True)
class OpenFailed:
    """It was not opened."""

    fault: Fault
    words: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A request was answered with sense; not `asked`: a report came by itself.

    Such a report is no sign that requests are answered again.
    """

    asked: bool = True


@dataclass(frozen=True, slots=True)
class Failed:
    """A request failed, or the device went.

    `known`: this very request has been answered before.  A device refuses those that it does not have, and
    while it answers others that means nothing.
    """

    fault: Fault
    words: str = ""
    known: bool = True


@dataclass(frozen=True, slots=True)
class ResetDone:
    """The reset is over; `words` if it failed."""

    words: str = ""


Event: TypeAlias = Due | Seen | Unseen | Opened | OpenFailed | Answered | Failed | ResetDone


# -- effects -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """Look which devices are plugged in; bring `Seen` or `Unseen`.  One look at a time is enough."""


@dataclass(frozen=True, slots=True)
class Open:
    """Open what was seen; bring `Opened` or `OpenFailed`."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset it through USB; bring `ResetDone`."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close it; nothing is to be brought."""


@dataclass(frozen=True, slots=True)
class Stale:
    """The readings may not be used from now on."""

    words: str


@dataclass(frozen=True, slots=True)
class Fresh:
    """It answers again: read all of it at once."""


@dataclass(frozen=True, slots=True)
class Say:
    """Tell people.  `level` is info, warning or error."""

    level: str
    text: str


Effect: TypeAlias = Look | Open | Reset | Close | Stale | Fresh | Say

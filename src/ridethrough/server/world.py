# SPDX-License-Identifier: GPL-2.0-or-later
"""All that the verbs of the protocol read and change, in one place; and the words that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ridethrough.protocol import server_lines
from ridethrough.protocol.errors import Err
from ridethrough.server.answers import Answers
from ridethrough.server.effects import Effect, Level, Log, Reaction, Settings
from ridethrough.server.logins import Logins
from ridethrough.server.rights import Rights
from ridethrough.server.session import Session
from ridethrough.server.tracking import TrackingTable
from ridethrough.server.views import Device, Devices

REFUSALS_IN_WINDOW = 60
REFUSALS_WINDOW_S = 60.0


class RefusalLog:
    """Keeps a guesser of passwords from filling the log: at most 60 lines a minute, the rest is counted."""

    def __init__(self) -> None:
        """Begin a quiet minute."""
        self._since = float("-inf")
        self._count = 0

    def line(self, text: str, now: float) -> tuple[Effect, ...]:
        """The refusal as log effects: the line itself, or nothing beyond the bound."""
        lines: list[Effect] = []
        if now - self._since >= REFUSALS_WINDOW_S:
            unsaid = self._count - REFUSALS_IN_WINDOW
            if unsaid > 0:
                lines.append(
                    Log(Level.WARNING, f"{unsaid} more refusals in the minute before were not logged")
                )
            self._since, self._count = now, 0
        self._count += 1
        if self._count <= REFUSALS_IN_WINDOW:
            lines.append(Log(Level.WARNING, text))
        return tuple(lines)


@dataclass(slots=True)
class World:
    """The server's whole state."""

    settings: Settings
    rights: Rights
    tracking: TrackingTable
    devices: Devices
    logins: Logins
    answers: Answers
    refusals: RefusalLog


Handler = Callable[[World, Session, tuple[str, ...], float], Reaction]


def by_sub_verb(
    table: Mapping[str, tuple[Handler, int]],
    world: World,
    session: Session,
    args: tuple[str, ...],
    now: float,
) -> Reaction:
    """Have the handler of `args[0]` answer; the table gives it with the number of words that it needs."""
    known = table.get(args[0].upper()) if args else None
    if known is None or len(args) - 1 < known[1]:
        return refuse(Err.INVALID_ARGUMENT)
    return known[0](world, session, args[1:], now)


def refuse(word: Err) -> Reaction:
    """`ERR <word>`, not kept for others."""
    return Reaction(server_lines.err(word))


def deny(world: World, session: Session, what: str, why: str, now: float) -> Reaction:
    """ACCESS-DENIED for the client, and the reason for the log."""
    text = f"{what} refused to {session.who}: {why}"
    return Reaction(server_lines.err(Err.ACCESS_DENIED), effects=world.refusals.line(text, now))


def find_available(world: World, name: str) -> Device | Reaction:
    """The UPS with fresh readings or WAIT, or the refusal: UNKNOWN-UPS, DRIVER-NOT-CONNECTED, DATA-STALE."""
    device = world.devices.find(name)
    if device is None:
        return refuse(Err.UNKNOWN_UPS)
    if device.withheld is not None:
        return Reaction(server_lines.err(device.withheld), keep=device.name)
    return device


def words_of(reply: str, *, keep: str | None = None) -> Reaction:
    """A plain line as a reply."""
    return Reaction(server_lines.line(reply), keep=keep)

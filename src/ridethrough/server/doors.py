# SPDX-License-Identifier: GPL-2.0-or-later
"""The server's open doors: its listening sockets in the event loop, and how a reload changes them.

C NUT reads LISTEN at its start only.  Here a reload opens what is new before it closes what is gone, touches
nothing that stays, and leaves everything as it was if something can't be had.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from typing import Final

from ridethrough.config.models import Listen
from ridethrough.server.effects import Level
from ridethrough.server.sockets import (
    Families,
    ListenError,
    Opened,
    Place,
    Plan,
    close_all,
    listen_at,
    make_plan,
    open_all,
)

LOOKUP_LIMIT_S: Final = 10.0
_PRIVILEGED: Final = 1024


class Doors:
    """See the head of this file.  `come` is called whenever somebody may be accepted from a socket."""

    def __init__(
        self, families: Families, come: Callable[[socket.socket], None], say: Callable[[Level, str], None]
    ) -> None:
        """Begin without any."""
        self._families = families
        self._come = come
        self._say = say
        self._plan = Plan((), {})
        self._sockets: dict[Place, socket.socket] = {}

    @property
    def bound(self) -> list[tuple[str, int]]:
        """Address and port of every listening socket."""
        return [sock.getsockname()[:2] for sock in self._sockets.values()]

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """All listening sockets; who looks at them must leave them as they are."""
        return tuple(self._sockets.values())

    def open(self, listens: Sequence[Listen], *, allow_some: bool) -> None:
        """Listen on all addresses; afterwards `close` is owed.  Raises ListenError, nothing left open."""
        plan = make_plan(listens, self._families)
        self._take(plan, open_all(plan, allow_some=allow_some))

    async def change(self, listens: Sequence[Listen], *, allow_some: bool) -> None:
        """Listen as these lines say from now on; clients that are here stay.

        Raises ListenError, and then everything is as it was.
        """
        if _keys(listens) == _keys(self._plan.listens) and self._complete():
            return
        try:
            async with asyncio.timeout(LOOKUP_LIMIT_S):
                # The resolver may take long, and everybody else is to be served meanwhile.
                plan = await asyncio.to_thread(make_plan, listens, self._families, self._plan.places)
        except TimeoutError:
            raise ListenError(
                f"the names of LISTEN could not be looked up within {LOOKUP_LIMIT_S:g} s; write addresses"
            ) from None
        before = self.bound
        needed = plan.needed()
        clashing = [
            old
            for old in self._sockets
            if old not in needed and any(new.covers(old) or old.covers(new) for new in needed)
        ]
        if clashing:
            opened = self._swap(plan, clashing, allow_some)
        else:
            opened = open_all(plan, allow_some=allow_some, held=self._sockets)
        self._take(plan, opened)
        for sign, one, other in (("no longer", before, self.bound), ("now", self.bound, before)):
            for host, port in one:
                if (host, port) not in other:
                    self._say(Level.INFO, f"{sign} listening on {host} port {port}")

    def close(self) -> None:
        """Close all."""
        self._shut(tuple(self._sockets))

    def _complete(self) -> bool:
        """Whether nothing is missing: an address that was not there may have come since."""
        return not self._plan.failures and all(place in self._sockets for place in self._plan.needed())

    def _take(self, plan: Plan, opened: Opened) -> None:
        """What was opened is listened on from now on, and what it lacks no more."""
        self._shut(tuple(place for place in self._sockets if place not in opened.sockets))
        for place, sock in opened.sockets.items():
            if place not in self._sockets:
                self._watch(place, sock)
        self._plan = plan
        for warning in opened.warnings:
            self._say(Level.WARNING, warning)

    def _swap(self, plan: Plan, clashing: Sequence[Place], allow_some: bool) -> Opened:
        """A wildcard and an address on one port can't be open at once: close, open, or go back."""
        if os.geteuid() != 0 and any(place.port < _PRIVILEGED for place in clashing):
            where = ", ".join(map(str, clashing))
            raise ListenError(f"only root could take {where} back if this failed; restart upsd for it")
        self._shut(clashing)
        try:
            return open_all(plan, allow_some=allow_some, held=self._sockets)
        except ListenError:
            for place in clashing:
                try:
                    self._watch(place, listen_at(place))
                except OSError as error:
                    self._say(Level.ERROR, f"{place} is lost: {error.strerror}; restart upsd")
            raise

    def _watch(self, place: Place, sock: socket.socket) -> None:
        self._sockets[place] = sock
        asyncio.get_running_loop().add_reader(sock.fileno(), self._come, sock)

    def _shut(self, places: Sequence[Place]) -> None:
        """Close these; who has knocked already is let in first."""
        loop = asyncio.get_running_loop()
        for place in places:
            sock = self._sockets.pop(place)
            loop.remove_reader(sock.fileno())
            self._come(sock)
            close_all([sock])


def _keys(listens: Sequence[Listen]) -> list[tuple[str, int]]:
    return [(listen.host, listen.port) for listen in listens]

# SPDX-License-Identifier: GPL-2.0-or-later
"""A client inside this process: the same bytes as over TCP, without a socket.

The monitor of `ridethrough serve` uses it, so that it is logged in and counted like every other upsmon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ridethrough.server.core import ServerCore
from ridethrough.server.effects import Drop, Effect, Reaction
from ridethrough.server.session import Session


class MemoryChannel:
    """One session in memory.  Set `on_data` and `on_closed` before `open`.

    Answers come by `call_soon`, never from within `write`, as they would from a socket.
    """

    def __init__(
        self, core: ServerCore, carry_out: Callable[[Iterable[Effect]], None], peer: str = "local"
    ) -> None:
        """Prepare; the session begins with `open`.  `carry_out` is the listener's."""
        self._core = core
        self._carry_out = carry_out
        self._peer = peer
        self.where = "the server in this process"
        self._session: Session | None = None
        self.on_data: Callable[[bytes], None] = _ignore
        self.on_closed: Callable[[str], None] = _ignore

    async def open(self) -> None:
        """Begin a session; may be called again after a close."""
        self.close()
        now = asyncio.get_running_loop().time()
        self._session = self._core.open_session(self._peer, now, may_idle=True)

    def write(self, data: bytes) -> None:
        """Send requests; nothing happens if the channel is closed."""
        loop = asyncio.get_running_loop()
        session = self._session
        if session is None:
            return
        reaction = self._core.receive(session, data, loop.time())
        self._answer(session, reaction)
        while reaction.more and session.unread and not reaction.close:
            reaction = self._core.go_on(session, loop.time())
            self._answer(session, reaction)

    def close(self) -> None:
        """End the session; `on_closed` is not called for it."""
        session, self._session = self._session, None
        if session is not None:
            now = asyncio.get_running_loop().time()
            self._carry_out(self._core.close_session(session, now))

    def abort(self) -> None:
        """End the session at once; `on_closed` follows."""
        if self._session is not None:
            self.close()
            asyncio.get_running_loop().call_soon(self.on_closed, "the session was given up")

    def dropped(self, effect: Drop) -> bool:
        """Whether the drop is of this channel's session; if so it is closed and `on_closed` told."""
        if self._session is None or effect.session is not self._session:
            return False
        self._end(effect.reason)
        return True

    def _answer(self, session: Session, reaction: Reaction) -> None:
        loop = asyncio.get_running_loop()
        if reaction.reply:
            loop.call_soon(self._deliver, session, reaction.reply)
        self._carry_out(reaction.effects)
        if reaction.close and self._session is session:
            loop.call_soon(self._end, "the server closed the session")

    def _deliver(self, session: Session, data: bytes) -> None:
        if self._session is session:
            self.on_data(data)

    def _end(self, reason: str) -> None:
        if self._session is not None:
            self._session = None
            self.on_closed(reason)


def _ignore(what: object) -> None:
    """The callback before somebody sets one."""

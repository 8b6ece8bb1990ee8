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
    """One session in memory, a `client.channel.Channel`.  Set `on_data` and `on_closed` before `open`.

    Both are called from the event loop, never from within `write` or `close`, as they would be by a socket.
    """

    def __init__(
        self,
        core: ServerCore,
        carry_out: Callable[[Iterable[Effect]], None],
        peer: str = "local",
        open_ones: set[MemoryChannel] | None = None,
    ) -> None:
        """Prepare; the session begins with `open`.  `carry_out` is the listener's.

        The channel stands in `open_ones` as long as its session lasts.
        """
        self.where = f"the server in this process ({peer})"
        self.on_data: Callable[[bytes], None] = _ignore
        self.on_closed: Callable[[str], None] = _ignore
        self._core = core
        self._carry_out = carry_out
        self._peer = peer
        self._open_ones: set[MemoryChannel] = set() if open_ones is None else open_ones
        self._session: Session | None = None
        # Callbacks that were scheduled for an earlier session find another number here, and do nothing.
        self._opened = 0
        self._told_closed = True

    async def open(self) -> None:
        """Begin a session; may be called again after a close."""
        assert self._session is None, "the channel is open already"
        now = asyncio.get_running_loop().time()
        self._opened += 1
        self._told_closed = False
        self._session = self._core.open_session(self._peer, now, may_idle=True)
        self._open_ones.add(self)

    def write(self, data: bytes) -> None:
        """Send requests; nothing happens if the channel is closed."""
        now = asyncio.get_running_loop().time()
        session = self._session
        if session is None:
            return
        reaction = self._core.receive(session, data, now)
        self._answer(reaction)
        while reaction.more and session.unread:
            reaction = self._core.go_on(session, now)
            self._answer(reaction)

    def close(self) -> None:
        """End the session; `on_closed` follows once the last answer is delivered.  Twice is once."""
        self._end("the connection was closed")

    def abort(self) -> None:
        """The same as `close`: nothing is ever held back here."""
        self._end("the connection was closed")

    def dropped(self, effect: Drop) -> None:
        """The core has dropped a session; if it is this channel's, `on_closed` follows."""
        if self._session is not None and effect.session is self._session:
            self._end(effect.reason)

    def _answer(self, reaction: Reaction) -> None:
        if reaction.reply:
            asyncio.get_running_loop().call_soon(self._deliver, self._opened, reaction.reply)
        self._carry_out(reaction.effects)
        if reaction.close:
            self._end("the server closed the connection")

    def _end(self, reason: str) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        self._open_ones.discard(self)
        loop = asyncio.get_running_loop()
        self._carry_out(self._core.close_session(session, loop.time()))
        loop.call_soon(self._tell_closed, self._opened, reason)

    def _deliver(self, opened: int, data: bytes) -> None:
        if opened == self._opened and not self._told_closed:
            self.on_data(data)

    def _tell_closed(self, opened: int, reason: str) -> None:
        if opened == self._opened and not self._told_closed:
            self._told_closed = True
            self.on_closed(reason)


def _ignore(what: object) -> None:
    """The callback before somebody sets one."""

# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of a NUT server for asyncio: requests may be pipelined, each waits for its own reply.

After a reply that is late, nonsense of the server, or a lost connection the client is closed: all who wait
get a LinkError, and whoever wants to go on makes a new client.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from ridethrough.client import answers
from ridethrough.client.answers import ClientError, LinkError, Refused
from ridethrough.client.channel import Channel, TcpChannel
from ridethrough.protocol import requests
from ridethrough.protocol.client import ClientProtocol, Reply
from ridethrough.protocol.errors import Err, ProtocolError

__all__ = ["AsyncClient", "Channel", "ClientError", "LinkError", "Refused", "TcpChannel"]

REPLY_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0


def _nothing(reason: str) -> None:
    return None


class AsyncClient:
    """One connection to a NUT server over a `Channel`.

    `await open()` first, `await close()` in the end.  All methods raise ClientError, which names host and
    port; the builders of requests raise RequestError.
    """

    def __init__(
        self,
        channel: Channel,
        timeout_s: float = REPLY_TIMEOUT_S,
        on_lost: Callable[[str], None] = _nothing,
    ) -> None:
        """`timeout_s` bounds the wait for each reply; `on_lost` hears why a connection ended unasked."""
        self.where = channel.where
        self._channel = channel
        self._timeout_s = timeout_s
        self._on_lost = on_lost
        self._protocol = ClientProtocol()
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._lost: LinkError | None = LinkError(
            channel.where, "Server disconnected", "open the client first"
        )
        self._gone: asyncio.Event | None = None  # set once the channel is closed

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent."""
        return self._lost is None

    async def open(self) -> None:
        """Connect; raises LinkError."""
        self._channel.on_data = self._data
        self._channel.on_closed = self._closed
        await self._channel.open()
        self._protocol = ClientProtocol()
        self._gone = asyncio.Event()
        self._lost = None

    async def close(self) -> None:
        """Say good-bye, close, and wait until the channel is gone; who waits for a reply gets a LinkError."""
        if self._lost is None:
            self._channel.write(requests.logout())
            self._fail(LinkError(self.where, "Server disconnected", "this client was closed"))
            self._channel.close()
        if self._gone is not None:
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await self._gone.wait()
            except TimeoutError:
                self._channel.abort()

    async def ask(self, request: bytes, timeout_s: float | None = None) -> Reply:
        """Send one request of `protocol.requests`, return its reply; an ERR is returned, not raised.

        Raises LinkError; after a late reply the connection is closed, as later ones could be mistaken for it.
        """
        if self._lost is not None:
            raise LinkError(self.where, self._lost.short, self._lost.advice)
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        waiter: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        try:
            self._protocol.send(request)
        except ProtocolError as error:
            raise LinkError(self.where, "Protocol error", str(error)) from None
        self._waiting.append(waiter)
        self._channel.write(self._protocol.data_to_send())
        try:
            async with asyncio.timeout(limit_s):
                return await waiter
        except TimeoutError:
            advice = "the server is overloaded or hangs; look at it"
            late = LinkError(self.where, f"Read error: no reply in {limit_s:g} s", advice)
            self._cut_off(late)
            raise late from None

    # -- what is asked most --------------------------------------------------------------------

    async def list_ups(self) -> dict[str, str]:
        """The UPSes of the server: name -> description."""
        return answers.pairs(await self.ask(requests.list_ups()), self.where)

    async def list_var(self, ups: str) -> dict[str, str]:
        """All variables of a UPS: name -> value, in the server's order."""
        return answers.pairs(await self.ask(requests.list_var(ups)), self.where)

    async def list_cmd(self, ups: str) -> list[str]:
        """The instant commands of a UPS."""
        return answers.names(await self.ask(requests.list_cmd(ups)), self.where)

    async def get_var(self, ups: str, name: str) -> str:
        """The value of one variable."""
        return answers.value(await self.ask(requests.get_var(ups, name)), self.where, 4)

    async def numlogins(self, ups: str) -> int:
        """How many clients have logged in to a UPS."""
        text = answers.value(await self.ask(requests.get_numlogins(ups)), self.where, 3)
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise ClientError(self.where, "Protocol error", f"NUMLOGINS is not a number: {text[:40]!r}")
        return int(text)

    async def authenticate(self, user: str, password: str) -> None:
        """Name user and password; the server looks at them only with the first request that needs them."""
        for request in (requests.username(user), requests.password(password)):
            answers.accepted(await self.ask(request), self.where)

    async def login(self, ups: str) -> None:
        """Say that this machine draws power from the UPS."""
        answers.accepted(await self.ask(requests.login(ups)), self.where)

    async def primary(self, ups: str) -> None:
        """Ask for the rights of a primary; a server older than NUT 2.8 is asked in its own word."""
        try:
            answers.accepted(await self.ask(requests.primary(ups)), self.where)
        except Refused as refused:
            if refused.err is not Err.UNKNOWN_COMMAND:
                raise
            answers.accepted(await self.ask(requests.primary_of_old_server(ups)), self.where)

    async def fsd(self, ups: str) -> None:
        """Set the forced-shutdown flag."""
        answers.accepted(await self.ask(requests.fsd(ups)), self.where)

    async def instcmd(self, ups: str, name: str, param: str | None = None) -> str:
        """Ask for an instant command; returns the tracking id, or "" when tracking is off."""
        return answers.tracking_id(await self.ask(requests.instcmd(ups, name, param)), self.where)

    async def set_var(self, ups: str, name: str, value: str) -> str:
        """Ask for a new value; returns the tracking id, or "" when tracking is off."""
        return answers.tracking_id(await self.ask(requests.set_var(ups, name, value)), self.where)

    # -- the channel's callbacks ---------------------------------------------------------------

    def _data(self, data: bytes) -> None:
        if self._lost is not None:
            return
        try:
            self._deliver(self._protocol.receive(data))
        except ProtocolError as error:
            self._deliver([reply for reply in error.replies if isinstance(reply, Reply)])
            self._cut_off(LinkError(self.where, "Protocol error", str(error)))

    def _deliver(self, replies: list[Reply]) -> None:
        for reply in replies:
            waiter = self._waiting.popleft()
            if not waiter.done():  # whoever waited may have been cancelled
                waiter.set_result(reply)

    def _closed(self, reason: str) -> None:
        if self._lost is None:
            self._fail(LinkError(self.where, "Server disconnected", reason))
            self._on_lost(reason)
        if self._gone is not None:
            self._gone.set()

    def _cut_off(self, error: LinkError) -> None:
        """The server can't be talked to any more."""
        if self._lost is None:
            self._fail(error)
            self._channel.abort()
            self._on_lost(error.short + "; " + error.advice)

    def _fail(self, error: LinkError) -> None:
        self._lost = error
        waiting, self._waiting = self._waiting, deque()
        for waiter in waiting:
            if not waiter.done():
                waiter.set_exception(LinkError(self.where, error.short, error.advice))

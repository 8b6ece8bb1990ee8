# SPDX-License-Identifier: GPL-2.0-or-later
"""What carries the bytes between an asyncio client and a server: TCP, or something in memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Protocol

from ridethrough.client.addresses import AddressBook
from ridethrough.client.answers import LinkError
from ridethrough.client.target import address

CONNECT_TIMEOUT_S = 10.0
ADDRESS_PATIENCE_S = 1.5
"""How long an address may keep silent while the name has others."""
MAX_UNSENT_BYTES = 256 * 1024


class Channel(Protocol):
    """A two-way stream of bytes to one server.

    The client sets `on_data` and `on_closed` before `open`.
    `on_closed(reason)` is called once at most, after the last `on_data`, and only if `open` has succeeded.
    """

    where: str
    """The server in words: `host:port`."""
    on_data: Callable[[bytes], None]
    on_closed: Callable[[str], None]

    async def open(self) -> None:
        """Connect; raises LinkError in words."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes, or hold them until they can be sent; never blocks."""
        ...

    def close(self) -> None:
        """Send what is held, then close; a second call does nothing."""
        ...

    def abort(self) -> None:
        """Close at once and drop what is held; `on_closed` follows."""
        ...


class TcpChannel(asyncio.Protocol):
    """A `Channel` over TCP; asyncio sets TCP_NODELAY."""

    def __init__(
        self,
        host: str,
        port: int,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        family: int = 0,
        book: AddressBook | None = None,
    ) -> None:
        """Nothing is opened before `open`.  `host` may be a name, an IPv4 or an IPv6 address.

        `family`: socket.AF_INET or AF_INET6 to have only such addresses tried; 0: all.
        `book` remembers addresses for the next channel to the same host; without it the name is looked up.
        """
        self.where = address(host, port)
        self.on_data: Callable[[bytes], None] = lambda data: None
        self.on_closed: Callable[[str], None] = lambda reason: None
        self._host = host
        self._port = port
        self._connect_timeout_s = connect_timeout_s
        self._family = family
        self._book = book
        self._transport: asyncio.Transport | None = None
        self._eof = False
        self._opened = False

    async def open(self) -> None:
        """Connect to the first address that answers; raises LinkError when none does in time."""
        advice = "check that upsd runs there, that it LISTENs on this address and port, and the firewall"
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                await self._connect()
        except TimeoutError:
            seconds = f"{self._connect_timeout_s:g} s"
            raise LinkError(self.where, f"Connection failure: no answer in {seconds}", advice) from None
        except (OSError, UnicodeError) as error:
            raise LinkError(self.where, f"Connection failure: {_reason(error)}", advice) from None
        if self._transport is None:
            advice = "the server closed at once; it may have reached MAXCONN"
            raise LinkError(self.where, "Server disconnected", advice)
        self._opened = True

    async def _connect(self) -> None:
        """To the first address that answers; raises OSError, UnicodeError."""
        loop, book = asyncio.get_running_loop(), self._book
        if book is None:
            await loop.create_connection(lambda: self, self._host, self._port, family=self._family)
            return
        addresses = await book.look_up(self._host, self._family)
        for number, found in enumerate(addresses, 1):
            last = number == len(addresses)
            try:
                # One that swallows everything must not keep the others from being tried.
                async with asyncio.timeout(None if last else ADDRESS_PATIENCE_S):
                    await loop.create_connection(lambda: self, found, self._port, family=self._family)
            except OSError as error:
                if isinstance(error, TimeoutError):
                    book.silent(self._host, found, self._family)
                if last:
                    raise
                continue
            except asyncio.CancelledError:  # The caller's time is up.
                book.silent(self._host, found, self._family)
                raise
            book.worked(self._host, found, self._family)
            return

    def write(self, data: bytes) -> None:
        """Send bytes; a server that does not read them is cut off once too much is held."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            transport.abort()

    def close(self) -> None:
        """Send what is held, then close."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # -- asyncio.Protocol -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop has connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """The loop has read bytes."""
        self.on_data(data)

    def eof_received(self) -> bool:
        """The server has closed its side; ours closes too."""
        self._eof = True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._transport = None
        if exc is not None:
            reason = getattr(exc, "strerror", None) or str(exc)
        else:
            reason = "the server closed the connection" if self._eof else "the connection was closed"
        if self._opened:
            self._opened = False
            self.on_closed(reason)


def _reason(error: OSError | UnicodeError) -> str:
    """An operating error in the system's words; asyncio puts its own, with the address, into strerror."""
    number = getattr(error, "errno", None) or 0
    # Negative numbers are the resolver's; their words are good.
    return os.strerror(number) if number > 0 else getattr(error, "strerror", None) or str(error)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses of servers, remembered: a name server that is down or slow must not cost a reconnection.

In an outage the name server is often among the first to go.  A name that was resolved once keeps its last
addresses until it is resolved to others.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

HUNG_S: Final = 30.0
"""A look-up that takes longer is given up, and another one is begun beside it."""
MAX_HUNG: Final = 4
PATIENCE_S: Final = 1.0
"""How long a name that is known already is looked up before its old addresses are used."""
MAX_ADDRESSES: Final = 8

Resolve = Callable[[str, int], tuple[str, ...]]


def resolve(host: str, family: int) -> tuple[str, ...]:
    """The addresses of a name by the system's resolver, each once.  Blocks; raises OSError, UnicodeError."""
    found = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)
    addresses = [str(address[0]) for _, _, _, _, address in found]
    return tuple(dict.fromkeys(addresses))[:MAX_ADDRESSES]


def is_literal(host: str) -> bool:
    """Whether the host is an address already."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.partition("%")[0])
        except (OSError, UnicodeError):
            continue
        return True
    return False


@dataclass(slots=True)
class _Entry:
    """What is known of one name, and the look-up that is under way."""

    known: tuple[str, ...] = ()
    running: asyncio.Future[tuple[str, ...]] | None = None
    begun_at: float = 0.0
    hung: int = 0


@dataclass(slots=True)
class AddressBook:
    """The names that one program connects to.  Each has one look-up at a time, in a thread of its own;
    one that takes longer than `hung_s` is left to itself.

    The threads are daemons: a resolver that hangs does not keep the program from ending.
    """

    resolver: Resolve = resolve
    patience_s: float = PATIENCE_S
    hung_s: float = HUNG_S
    _entries: dict[tuple[str, int], _Entry] = field(default_factory=dict)

    async def look_up(self, host: str, family: int = 0) -> tuple[str, ...]:
        """The addresses of a host, the one that `worked` last first.

        Waits `patience_s` for a name that is known, and as long as the caller likes for one that is not.
        Raises OSError or UnicodeError for a name that is not known and can't be resolved.
        """
        if is_literal(host):
            return (host,)
        entry = self._entries.setdefault((host, family), _Entry())
        now = asyncio.get_running_loop().time()
        if entry.running is not None and now - entry.begun_at > self.hung_s and entry.hung < MAX_HUNG:
            entry.hung += 1
            entry.running = None
        if entry.running is None:
            entry.begun_at = now
            entry.running = running = self._begin(entry, host, family)
        else:
            running = entry.running
        limit_s = self.patience_s if entry.known else None
        done, _ = await asyncio.wait({running}, timeout=limit_s)
        if done and running.exception() is None:
            return entry.known
        if entry.known:
            return entry.known
        return running.result()

    def worked(self, host: str, address: str, family: int = 0) -> None:
        """A server answered at this address: try it first the next time."""
        entry = self._entries.get((host, family))
        if entry is not None and address in entry.known:
            entry.known = tuple(dict.fromkeys((address, *entry.known)))

    def silent(self, host: str, address: str, family: int = 0) -> None:
        """Nobody answered at this address, not even with a refusal: try it last the next time."""
        entry = self._entries.get((host, family))
        if entry is not None and address in entry.known:
            entry.known = (*(each for each in entry.known if each != address), address)

    def _begin(self, entry: _Entry, host: str, family: int) -> asyncio.Future[tuple[str, ...]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[str, ...]] = loop.create_future()

        def settle(found: tuple[str, ...], error: Exception | None) -> None:
            if entry.running is future:
                entry.running = None
            else:
                entry.hung -= 1
            if error is None and found:
                kept = [address for address in entry.known if address in found]
                entry.known = tuple(dict.fromkeys((*kept, *found)))
                future.set_result(entry.known)
            else:
                future.set_exception(error or OSError(f"{host} has no address"))
                future.exception()  # Nobody may be left to ask for it.

        def work() -> None:
            found, error = tuple[str, ...](), None
            try:
                found = self.resolver(host, family)
            except Exception as raised:
                error = raised
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, found, error)

        try:
            threading.Thread(target=work, name=f"look up {host}", daemon=True).start()
        except RuntimeError as error:  # No thread is to be had: what is known will do.
            loop.call_soon(settle, (), OSError(str(error)))
        return future

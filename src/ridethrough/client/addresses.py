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


@dataclass(slots=True)
class AddressBook:
    """The names that one program connects to.  Each has one look-up at a time, in a thread of its own.

    The threads are daemons: a resolver that hangs does not keep the program from ending.
    """

    resolver: Resolve = resolve
    patience_s: float = PATIENCE_S
    _entries: dict[tuple[str, int], _Entry] = field(default_factory=dict)

    async def look_up(self, host: str, family: int = 0) -> tuple[str, ...]:
        """The addresses of a host, the one that `worked` last first.

        Waits `patience_s` for a name that is known, and as long as the caller likes for one that is not.
        Raises OSError or UnicodeError for a name that is not known and can't be resolved.
        """
        if is_literal(host):
            return (host,)
        entry = self._entries.setdefault((host, family), _Entry())
        if entry.running is None:
            entry.running = self._begin(entry, host, family)
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

    def _begin(self, entry: _Entry, host: str, family: int) -> asyncio.Future[tuple[str, ...]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[str, ...]] = loop.create_future()

        def settle(found: tuple[str, ...], error: Exception | None) -> None:
            entry.running = None
            if error is None and found:
                first = tuple(address for address in entry.known[:1] if address in found)
                entry.known = tuple(dict.fromkeys((*first, *found)))
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

        threading.Thread(target=work, name=f"look up {host}", daemon=True).start()
        return future

# SPDX-License-Identifier: GPL-2.0-or-later
"""The control socket's server: a table of verbs, roles by SO_PEERCRED, and a stream of events.

It never waits for a client.  Each connection has bounds: for what it asks at a time, and for what it leaves
unread.  A slow subscriber has a queue, loses the oldest events, and is told how many.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ridethrough.control.connection import Connection
from ridethrough.control.listening import MODE, open_socket, remove_socket
from ridethrough.control.messages import VERSION, ControlError, RequestError, encode_event
from ridethrough.control.peers import GROUP, OBSERVER, OPERATOR, Peer, default_role, group_id

__all__ = ["OBSERVER", "OPERATOR", "ControlError", "ControlServer", "Handler", "Peer", "RequestError"]

Handler = Callable[[Mapping[str, Any], Peer], Awaitable[Mapping[str, Any]]]
Verbs = Mapping[str, tuple[str, Handler]]

MAX_KEPT: Final = 256  # events that a new subscriber may still have
MAX_CONNECTIONS: Final = 64
RESERVED: Final = 8  # of them, for operators: observers can't lock them out
MAX_PER_OBSERVER: Final = 16  # connections of one uid
MAX_TYPES: Final = 32
BUILT_IN: Final = ("hello", "subscribe")


def _wall() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class ControlServer:
    """Serves `path`.  Await `start`, tell it of events by `publish`, and await `close` at the end.

    `handlers` is the table of verbs: which role each takes, and what answers it.  An operator may do all that
    an observer may.  A handler returns the fields of the reply, or raises RequestError with the words of the
    refusal; whatever else it raises is logged, and answered by one line.
    The default `mode` 0660 and group nut keep strangers out before a byte is read.  0666 lets every local
    user observe; the roles, which are asked of the kernel, still keep all but operators from changing things.
    """

    def __init__(
        self,
        path: str | Path,
        handlers: Verbs,
        *,
        mode: int = MODE,
        group: str = GROUP,
        role_of: Callable[[Peer], str] | None = None,
        wall: Callable[[], str] = _wall,
        log: Callable[[str, str], None] = lambda _level, _text: None,
    ) -> None:
        """`role_of` and `wall` are for tests; `log` is told (level, text)."""
        assert not set(BUILT_IN) & set(handlers), f"{BUILT_IN} are built in"
        self.path = Path(path)
        self.handlers = handlers
        self._mode = mode
        self._group = group_id(group)
        self._role_of = role_of or (lambda peer: default_role(peer, self._group))
        self._wall = wall
        self._log = log
        self._instance = secrets.token_hex(8)
        self._kept: deque[tuple[int, str, bytes]] = deque(maxlen=MAX_KEPT)
        self._seq = 0
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._inode = 0

    async def start(self) -> None:
        """Listen.  Raises ControlError in words: another service answers there, no right, path too long."""
        sock, self._inode = open_socket(self.path, self._mode, self._group)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: Connection(self), sock=sock)

    async def close(self) -> None:
        """Stop listening, close all connections, and remove the socket if it is still this server's."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        for connection in tuple(self._connections):
            connection.close()
        remove_socket(self.path, self._inode)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await server.wait_closed()

    def publish(self, event: Mapping[str, Any]) -> None:
        """Tell all subscribers.  `event` has its kind as "event".  Never waits and never raises."""
        self._seq += 1
        kind = str(event.get("event"))
        try:
            line = self._line(event)
        except ControlError as error:
            self._log("error", f"control socket: an event was left out: {error}")
            return
        self._kept.append((self._seq, kind, line))
        for connection in tuple(self._connections):
            connection.event(kind, line)

    def lost_line(self, count: int) -> bytes:
        """Return the event that tells a subscriber how many it has missed; its "seq" is the latest one."""
        return self._line({"event": "lost", "count": count})

    # -- called by the connections ---------------------------------------------------------------------

    def admit(self, connection: Connection, peer: Peer) -> tuple[str, str | None]:
        """Return the role of a new connection, and why it can't stay, or None."""
        role = self._role_of(peer)
        others = sum(other.peer.uid == peer.uid for other in self._connections)
        room = MAX_CONNECTIONS if role == OPERATOR else MAX_CONNECTIONS - RESERVED
        if len(self._connections) >= room:
            return role, f"{room} connections are open already; close one, or try again later"
        if role != OPERATOR and others >= MAX_PER_OBSERVER:
            return role, f"your user has {others} connections open already; close one"
        self._connections.add(connection)
        return role, None

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        self._connections.discard(connection)

    async def answer(self, connection: Connection, verb: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the fields of the reply to a request; RequestError in words."""
        peer = connection.peer
        if verb == "hello":
            verbs = [name for name, (role, _) in self.handlers.items() if peer.role in (role, OPERATOR)]
            known = sorted([*BUILT_IN, *verbs])
            return {"protocol": VERSION, "role": peer.role, "verbs": known, "instance": self._instance}
        if verb == "subscribe":
            return self._subscribe(connection, args)
        if verb not in self.handlers:
            known = sorted([*BUILT_IN, *self.handlers])
            raise RequestError(f"unknown verb {verb!a}; known here: {', '.join(known)}")
        role, handler = self.handlers[verb]
        if peer.role not in (role, OPERATOR):
            raise RequestError(
                f"{verb} takes an operator, and you (uid {peer.uid}) may only observe; be root, or join the"
                f" group of the service"
            )
        try:
            fields = await handler(args, peer)
            if not isinstance(fields, Mapping):
                raise TypeError(f"it returned {type(fields).__name__}")
            return fields
        except RequestError:
            raise
        except Exception as error:
            self._log("error", f"control socket: {verb} failed: {error!r}")
            raise RequestError(
                f"{verb} failed ({type(error).__name__}); the service's log says more"
            ) from None

    def _subscribe(self, connection: Connection, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send the kept events that the subscriber wants, and all that come from now on."""
        unknown = args.keys() - {"types", "replay", "since", "instance"}
        types, replay, since = args.get("types", []), args.get("replay", MAX_KEPT), args.get("since", 0)
        if unknown:
            raise RequestError(f"subscribe has no field {', '.join(sorted(unknown))}")
        if not isinstance(types, list) or len(types) > MAX_TYPES or not all(type(t) is str for t in types):
            raise RequestError(f'"types" must be a list of at most {MAX_TYPES} kinds of event')
        if type(replay) is not int or type(since) is not int or replay < 0 or since < 0:
            raise RequestError('"replay" and "since" must be whole numbers, 0 or more')
        if args.get("instance", self._instance) != self._instance:
            since = 0  # That was another run of the service: its numbers say nothing here.
        newer = [kept for kept in self._kept if kept[0] > since and (not types or kept[1] in types)]
        chosen = newer[len(newer) - min(replay, len(newer)) :]
        oldest = self._kept[0][0] if self._kept else self._seq + 1
        lost = max(0, oldest - since - 1) if since else 0
        connection.subscribe(frozenset(types), [line for _, _, line in chosen], lost)
        replay_to = chosen[-1][0] if chosen else 0
        return {"instance": self._instance, "seq": self._seq, "replay_to": replay_to}

    def _line(self, event: Mapping[str, Any]) -> bytes:
        timed = event if "t" in event else {**event, "t": round(asyncio.get_running_loop().time(), 3)}
        return encode_event(timed, self._seq, self._wall())

# SPDX-License-Identifier: GPL-2.0-or-later
"""The listening sockets of LISTEN directives (upsd.conf(5)): opened all, or refused in words.

First a plan (which may ask the resolver), then the sockets, so that a reload can keep those that stay.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ridethrough.config.models import Listen
from ridethrough.server.portowner import who_holds_port

BACKLOG = 1024
_MAX_ADDRESSES = 16
_Address = tuple[str | int | bytes, ...]
# A machine without IPv6 says these for ::1, and NUT takes that calmly.
_NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
_WILDCARDS = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}
_LOCAL = ("localhost", "localhost6", "127.0.0.1", "::1")


class Families(Enum):
    """Which IP versions are used: the options -4 and -6 of upsd."""

    BOTH = socket.AF_UNSPEC
    IPV4 = socket.AF_INET
    IPV6 = socket.AF_INET6


class ListenError(Exception):
    """An address can't be listened on; the text names host and port, and who holds it if that can be seen."""


@dataclass(frozen=True, slots=True)
class Place:
    """One address of one LISTEN.  Two that are equal would be the same socket."""

    family: socket.AddressFamily
    address: _Address

    @property
    def port(self) -> int:
        """Its port; 0 is any free one."""
        return int(self.address[1])

    def covers(self, other: Place) -> bool:
        """Whether a socket here takes the other's clients, too: it is the same, or the wildcard."""
        if self == other:
            return True
        wildcard = self.address[0] == _WILDCARDS[self.family]
        return wildcard and self.port != 0 and (self.family, self.port) == (other.family, other.port)

    def __str__(self) -> str:
        return where(str(self.address[0]), self.port)


Key = tuple[str, int]
"""Host and port as a LISTEN writes them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which places the LISTEN lines mean.  `failures`: the lines that could not be understood, in words."""

    listens: tuple[Listen, ...]
    places: Mapping[Key, tuple[Place, ...]]
    failures: tuple[str, ...] = ()

    def needed(self) -> list[Place]:
        """The places without those that another one covers."""
        places = list(dict.fromkeys(place for found in self.places.values() for place in found))
        return [
            place
            for place in places
            if not any(other.covers(place) for other in places if other is not place)
        ]


@dataclass(frozen=True, slots=True)
class Opened:
    """The sockets that listen, and what went wrong for those that were allowed to fail."""

    sockets: Mapping[Place, socket.socket]
    warnings: tuple[str, ...]


def make_plan(
    listens: Sequence[Listen], families: Families, known: Mapping[Key, tuple[Place, ...]] | None = None
) -> Plan:
    """Look up what the LISTEN lines mean; those in `known` are not looked up again.  This may take long."""
    places: dict[Key, tuple[Place, ...]] = {}
    failures: list[str] = []
    for listen in listens:
        key = (listen.host, listen.port)
        try:
            places[key] = (known or {}).get(key) or _places(listen, families)
        except ListenError as error:
            failures.append(str(error))
    return Plan(tuple(listens), places, tuple(failures))


def open_all(
    plan: Plan, *, allow_some: bool = False, held: Mapping[Place, socket.socket] | None = None
) -> Opened:
    """Open every place of the plan but those `held`; the caller owes closing the sockets.

    What another one covers is not opened, and nothing is lost by it (C stops at such a collision, unless it
    is one of localhost).  With `allow_some` (ALLOW_NOT_ALL_LISTENERS) one socket is enough, and the rest
    become warnings.  Raises ListenError otherwise, with nothing left open but what was held.
    """
    held = held or {}
    sockets: dict[Place, socket.socket] = {}
    faults: dict[Place, OSError] = {}
    for place in plan.needed():
        try:
            sockets[place] = held.get(place) or listen_at(place)
        except OSError as error:
            faults[place] = error
    fatal, calm = _judge(plan, sockets, faults)
    if not sockets and not fatal:
        fatal = ["none of the LISTEN addresses is of the IP version asked for; see LISTEN in upsd.conf"]
    if fatal and not (allow_some and sockets):
        close_all(sock for place, sock in sockets.items() if place not in held)
        raise ListenError("; ".join(fatal))
    return Opened(sockets, (*fatal, *calm))


def close_all(sockets: Iterable[socket.socket]) -> None:
    """Close them."""
    for sock in sockets:
        sock.close()


def _judge(
    plan: Plan, opened: Mapping[Place, socket.socket], faults: Mapping[Place, OSError]
) -> tuple[list[str], list[str]]:
    """What can't be had: that which must stop the server, and that which NUT takes calmly."""
    fatal, calm = list(plan.failures), list[str]()
    said = set[Place]()
    for listen in plan.listens:
        places = plan.places.get((listen.host, listen.port), ())
        served = any(other.covers(place) for place in places for other in opened)
        for place in (each for each in faults if any(each.covers(place) for place in places)):
            missing = faults[place].errno in _NO_SUCH_FAMILY
            if place in said or (missing and (served or listen.line == 0)):
                continue
            said.add(place)
            text = _refused(place, faults[place])
            (calm if missing and listen.host in _LOCAL and opened else fatal).append(text)
    return fatal, calm


def _places(listen: Listen, families: Families) -> tuple[Place, ...]:
    """`*` means both wildcards, a name all its addresses."""
    if listen.host == "*":
        wanted = (socket.AF_INET6, socket.AF_INET)
        return tuple(
            Place(family, (_WILDCARDS[family], listen.port))
            for family in wanted
            if families.value in (socket.AF_UNSPEC, family)
        )
    try:
        found = socket.getaddrinfo(
            listen.host, listen.port, families.value, socket.SOCK_STREAM, 0, socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        if families is not Families.BOTH and _is_other_family(listen.host, families):
            return ()
        reason = error.strerror if isinstance(error, socket.gaierror) else "not a host name"
        raise ListenError(
            f"can't listen on {where(listen.host, listen.port)}: {reason}; "
            "give an address of this machine to LISTEN"
        ) from None
    places = [Place(each[0], _short(each[4])) for each in found if each[0] in _WILDCARDS]
    return tuple(dict.fromkeys(places))[:_MAX_ADDRESSES]


def _short(address: _Address) -> _Address:
    """Host and port; the scope of an IPv6 address stays where there is one (`fe80::1%eth0`)."""
    return address if len(address) == 4 and address[3] else address[:2]


def _is_other_family(host: str, families: Families) -> bool:
    other = socket.AF_INET6 if families is Families.IPV4 else socket.AF_INET
    try:
        socket.inet_pton(other, host)
    except OSError:
        return False
    return True


def listen_at(place: Place) -> socket.socket:
    """A listening socket; the caller owes closing it.  Raises OSError."""
    sock = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by accepted sockets on Linux; one answer is one packet, and must not wait for another.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if place.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(place.address)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _refused(place: Place, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        holder = who_holds_port(place.port)
        by = f"by {holder}" if holder else "by another process"
        why = f"the port is already used {by}; stop that, or give LISTEN another port"
    elif error.errno == errno.EADDRNOTAVAIL:
        why = "this machine has no such address; correct LISTEN in upsd.conf"
    elif error.errno == errno.EACCES:
        why = "ports below 1024 need root; give LISTEN another port"
    else:
        why = str(error.strerror)
    return f"can't listen on {place}: {why}"


def where(host: str, port: int) -> str:
    """`host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

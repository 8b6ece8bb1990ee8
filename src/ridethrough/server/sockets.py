# SPDX-License-Identifier: GPL-2.0-or-later
"""The listening sockets of LISTEN directives (upsd.conf(5)): opened all, or refused in words."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from ridethrough.config.models import Listen
from ridethrough.server.portowner import who_holds_port

BACKLOG = 1024
_MAX_ADDRESSES = 16
_Address = tuple[object, ...]
# A machine without IPv6 says these for ::1, and NUT's default LISTEN takes that calmly.
_NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class Families(Enum):
    """Which IP versions are used: the options -4 and -6 of upsd."""

    BOTH = socket.AF_UNSPEC
    IPV4 = socket.AF_INET
    IPV6 = socket.AF_INET6


class ListenError(Exception):
    """An address can't be listened on; the text names host and port, and who holds it if that can be seen."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The sockets that listen, and what went wrong for those that were allowed to fail."""

    sockets: tuple[socket.socket, ...]
    warnings: tuple[str, ...]


def open_all(
    listens: Sequence[Listen], *, families: Families = Families.BOTH, allow_some: bool = False
) -> Opened:
    """Open every LISTEN; the caller owes closing the sockets.

    With `allow_some` (ALLOW_NOT_ALL_LISTENERS) one socket is enough, and the rest become warnings.
    Raises ListenError otherwise, with nothing left open.
    """
    sockets: list[socket.socket] = []
    failures: list[str] = []
    for listen in listens:
        try:
            sockets += _open(listen, families)
        except ListenError as error:
            failures.append(str(error))
    if not sockets and not failures:
        failures.append(
            "none of the LISTEN addresses is of the IP version asked for; see LISTEN in upsd.conf"
        )
    if failures and not (allow_some and sockets):
        for sock in sockets:
            sock.close()
        raise ListenError("; ".join(failures))
    return Opened(tuple(sockets), tuple(failures))


def _open(listen: Listen, families: Families) -> list[socket.socket]:
    """The sockets of one LISTEN: `*` means both wildcards, a name all its addresses."""
    is_default = listen.line == 0
    sockets: list[socket.socket] = []
    missing = ""
    for family, address in _addresses(listen, families):
        try:
            sockets.append(_listen(family, address))
        except OSError as error:
            host = str(address[0])
            if error.errno in _NO_SUCH_FAMILY:
                missing = missing or str(_refused(host, listen.port, error))
                continue
            for sock in sockets:
                sock.close()
            raise _refused(host, listen.port, error) from None
    if not sockets and missing and not is_default:
        raise ListenError(missing)
    return sockets


def _addresses(listen: Listen, families: Families) -> list[tuple[socket.AddressFamily, _Address]]:
    if listen.host == "*":
        wildcards = [(socket.AF_INET6, "::"), (socket.AF_INET, "0.0.0.0")]
        wanted = [each for each in wildcards if families.value in (socket.AF_UNSPEC, each[0])]
        return [(family, (host, listen.port)) for family, host in wanted]
    try:
        found = socket.getaddrinfo(
            listen.host, listen.port, families.value, socket.SOCK_STREAM, 0, socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        if families is not Families.BOTH and _is_other_family(listen.host, families):
            return []
        reason = error.strerror if isinstance(error, socket.gaierror) else "not a host name"
        place = where(listen.host, listen.port)
        raise ListenError(
            f"can't listen on {place}: {reason}; give an address of this machine to LISTEN"
        ) from None
    addresses: list[tuple[socket.AddressFamily, _Address]] = [(each[0], each[4]) for each in found]
    return list(dict.fromkeys(addresses))[:_MAX_ADDRESSES]


def _is_other_family(host: str, families: Families) -> bool:
    other = socket.AF_INET6 if families is Families.IPV4 else socket.AF_INET
    try:
        socket.inet_pton(other, host)
    except OSError:
        return False
    return True


def _listen(family: socket.AddressFamily, address: _Address) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Inherited by accepted sockets on Linux; one answer is one packet, and must not wait for another.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _refused(host: str, port: int, error: OSError) -> ListenError:
    place = where(host, port)
    if error.errno == errno.EADDRINUSE:
        holder = who_holds_port(port)
        by = f"by {holder}" if holder else "by another process"
        return ListenError(
            f"can't listen on {place}: the port is already used {by}; stop that, or give LISTEN another port"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return ListenError(
            f"can't listen on {place}: this machine has no such address; correct LISTEN in upsd.conf"
        )
    if error.errno == errno.EACCES:
        return ListenError(f"can't listen on {place}: ports below 1024 need root; give LISTEN another port")
    return ListenError(f"can't listen on {place}: {error.strerror}")


def where(host: str, port: int) -> str:
    """`host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

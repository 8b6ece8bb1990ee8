# SPDX-License-Identifier: GPL-2.0-or-later
"""`ups@host:port` as NUT's programs and its MONITOR lines write it."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_HOST = "localhost"
DEFAULT_PORT = 3493  # given by IANA to nut
LAST_PORT = 65535


class TargetError(ValueError):
    """A text that is no `ups@host:port`; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Target:
    """One UPS of one server.  `host` stands without the brackets of an IPv6 address."""

    ups: str
    host: str
    port: int

    def __str__(self) -> str:
        """As it is written: `ups@host:port`."""
        return f"{self.ups}@{address(self.host, self.port)}"


def parse_target(text: str) -> Target:
    """Read `ups[@host[:port]]`; the host may be an IPv6 address in brackets (`ups@[::1]:3493`).

    Raises TargetError.
    """
    ups, at, rest = text.partition("@")
    if not ups:
        raise TargetError(f"'{text}' names no UPS; write ups@host or ups@host:port")
    if not at:
        if ":" in ups:
            raise TargetError(f"'{text}' has a port but no host; write ups@host:port")
        return Target(ups, DEFAULT_HOST, DEFAULT_PORT)
    if not rest:
        raise TargetError(f"'{text}' names no host after the @; write ups@host or ups@host:port")
    host, port = parse_address(rest)
    return Target(ups, host, port)


def parse_address(text: str) -> tuple[str, int]:
    """Read `host[:port]` or `[IPv6 address][:port]`; a bare IPv6 address is taken too.

    Raises TargetError.
    """
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise TargetError(f"'{text}' is not an address; write [::1] or [::1]:3493")
        port = rest[1:] if rest else str(DEFAULT_PORT)
    elif text.count(":") > 1:
        host, port = text, str(DEFAULT_PORT)
    else:
        host, colon, port = text.partition(":")
        port = port if colon else str(DEFAULT_PORT)
    if not host:
        raise TargetError(f"'{text}' names no host; write host or host:port")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) <= LAST_PORT):
        raise TargetError(f"'{text}' has no valid port; it is a number from 1 to {LAST_PORT}")
    return host, int(port)


def address(host: str, port: int) -> str:
    """`host:port` for messages, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

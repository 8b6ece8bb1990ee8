# SPDX-License-Identifier: GPL-2.0-or-later
"""Converters: the words behind a directive into a typed value, or `Refused` with what to write instead."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from ridethrough.config.echo import did_you_mean
from ridethrough.config.engine import Convert, Refused, Site

A_MONTH_S = 31 * 24 * 3600
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?![0-9])")
_BOOLEANS: Mapping[str, bool] = {
    "true": True,
    "on": True,
    "yes": True,
    "1": True,
    "false": False,
    "off": False,
    "no": False,
    "0": False,
}


def whole(least: int, most: int, unit: str = "") -> Convert:
    """A whole number within limits. As in C, what follows the digits is ignored, but it is said."""

    def convert(args: tuple[str, ...], site: Site) -> int:
        kind = f"a whole number{' of ' + unit if unit else ''} from {least} to {most}"
        found = _NUMBER.match(args[0].strip())
        if found is None:
            raise Refused(f"{site.show(args[0], (), 'the value')} is not a number", f"write {kind}")
        value = int(found[0])
        if found.end() != len(args[0].strip()):
            site.warn(f"only the {value} of the value is read", f"write {value}, without a unit or fraction")
        if not least <= value <= most:
            raise Refused(f"{value} is out of range", f"write {kind}")
        return value

    return convert


def seconds(least: int = 0, most: int = A_MONTH_S) -> Convert:
    """A time in whole seconds."""
    return whole(least, most, "seconds")


def boolean(args: tuple[str, ...], site: Site) -> bool:
    """true/yes/on or false/no/off in any letter case, or a number: 0 is no, as in C."""
    value = _BOOLEANS.get(args[0].casefold())
    if value is None and (number := _NUMBER.match(args[0])) and args[0][0].isdigit():
        value = int(number[0]) != 0
        site.warn(f"{args[0]} is read as {'yes' if value else 'no'}, as C does", "write yes or no")
    if value is None:
        raise Refused(f"{site.show(args[0], _WORDS, 'the value')} is neither yes nor no", "write yes or no")
    return value


_WORDS = tuple(_BOOLEANS)


def bit(args: tuple[str, ...], site: Site) -> bool:
    """0 or 1. C NUT reads any word here as 0; ours reads yes and no as meant, and says so."""
    if args[0].casefold() not in _BOOLEANS:
        raise Refused(f"{site.show(args[0], _WORDS, 'the value')} is neither yes nor no", "write 0 or 1")
    value = boolean(args, site)
    if args[0] not in ("0", "1"):
        site.warn("C NUT reads any word here as 0", f"write {int(value)}")
    return value


def text(args: tuple[str, ...], site: Site) -> str:
    """One word that is not empty."""
    if not args[0]:
        raise Refused("the value is empty")
    return args[0]


def any_text(args: tuple[str, ...], site: Site) -> str:
    """One word, which may be empty."""
    return args[0]


def path(args: tuple[str, ...], site: Site) -> str:
    """The name of a file or directory; one that is not absolute is suspicious."""
    name = text(args, site)
    if not name.startswith("/"):
        site.warn(
            "the path does not begin with /, so it depends on where the program was started",
            "write it in full",
        )
    return name


def command(args: tuple[str, ...], site: Site) -> str:
    """A command line for a shell: the first word as it is, the others quoted (upsmon.conf(5))."""
    if not args[0]:
        raise Refused("the command is empty")
    if "=" in args[1:]:
        site.warn("an = outside of quotes is a word of its own", 'put the whole command in "quotes"')
    return " ".join((args[0], *map(shlex.quote, args[1:])))


def choice(words: Mapping[str, object]) -> Convert:
    """One of the words of a table, in any letter case; gives the table's value."""

    def convert(args: tuple[str, ...], site: Site) -> object:
        by_fold = {word.casefold(): value for word, value in words.items()}
        if args[0].casefold() not in by_fold:
            known = tuple(words)
            raise Refused(
                f"{site.show(args[0], known, 'the value')} is not one of {', '.join(known)}",
                did_you_mean(args[0], known) or f"write {' or '.join(known)}",
            )
        return by_fold[args[0].casefold()]

    return convert


def split_port(address: str) -> tuple[str, int | None]:
    """`host`, `host:port`, `[v6]` or `[v6]:port` into host and port (None: not given).

    Raises `Refused`.
    """
    if address.startswith("["):
        host, closed, rest = address[1:].partition("]")
        if not closed:
            raise Refused("the ] behind the IPv6 address is missing", "write [ADDRESS]:PORT")
        if rest and not rest.startswith(":"):
            raise Refused("there is text behind the ]", "write [ADDRESS]:PORT")
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = address.partition(":")
        if ":" in port:
            raise Refused("an IPv6 address needs brackets here", "write [ADDRESS] or [ADDRESS]:PORT")
    if not host:
        raise Refused("the host is missing", "write HOST or HOST:PORT")
    return host, port_number(port) if colon else None


def port_number(word: str) -> int:
    """A TCP port. Raises `Refused`."""
    if not (word.isascii() and word.isdigit() and len(word) <= 5 and 1 <= int(word) <= 65535):
        raise Refused("the port is not a number from 1 to 65535", "NUT's port is 3493")
    return int(word)

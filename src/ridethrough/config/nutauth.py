# SPDX-License-Identifier: GPL-2.0-or-later
"""nutauth.conf: users, passwords and TLS settings of clients, by server (nutauth.conf(5)).

Settings above all sections hold for every server; `[@host:port]` and `[user@host:port]` override them.
Reading is pure: included files come through a function.
No message repeats a value of these files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from ridethrough.config.convert import any_text, boolean, path
from ridethrough.config.engine import Convert, Entry, Refused, Site, entries, unknown
from ridethrough.config.problems import Problem, Problems, Severity
from ridethrough.config.secret import Secret

NUT_PORT = 3493
MAX_DEPTH = 8
MAX_FILES = 64

Include = Callable[[str], tuple[bytes | None, list[Problem]]]
PortOf = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class Key:
    """What a section is for. An empty host: all servers; an empty user: whoever logs in."""

    user: str = ""
    host: str = ""
    port: int = 0


EVERYWHERE = Key()


@dataclass(frozen=True, slots=True)
class Account:
    """The settings of one section; None: not said here."""

    user: str | None = None
    password: Secret | None = None
    certpath: str | None = None
    certfile: str | None = None
    certident_name: str | None = None
    certident_pass: Secret | None = None
    sslbackend: str | None = None
    certhost: str | None = None
    certverify: bool | None = None
    forcessl: bool | None = None

    def over(self, below: Account) -> Account:
        """These settings, and `below`'s where nothing is said here."""
        missing = {each.name for each in fields(self) if getattr(self, each.name) is None}
        return replace(self, **{name: getattr(below, name) for name in missing})

    @property
    def needs_tls(self) -> bool:
        """Whether nothing may be sent in the clear: FORCESSL, or CERTVERIFY unless FORCESSL is off."""
        return self.forcessl is True or (self.certverify is True and self.forcessl is not False)


@dataclass(frozen=True, slots=True)
class NutAuth:
    """All sections. `missing`: files that INCLUDE_REQUIRED names and that could not be read."""

    sections: Mapping[Key, Account] = field(default_factory=lambda: MappingProxyType({}))
    missing: tuple[str, ...] = ()

    def find(self, host: str, port: int, user: str | None = None) -> Account:
        """What holds for a server: `[user@host]` over `[@host]` over what stands above all sections.

        With a `user`, a password that stands beside another user's name is left out.
        """
        nothing = Account()
        here = Key("", _host(host), port)
        base = self.sections.get(here, nothing).over(self.sections.get(EVERYWHERE, nothing))
        if user is None:
            return base
        if base.user not in (None, user):
            base = replace(base, password=None)
        own = self.sections.get(replace(here, user=user), nothing)
        return replace(own.over(base), user=user)


def _secret(args: tuple[str, ...], site: Site) -> Secret:
    return Secret(args[0])


def _switch(args: tuple[str, ...], site: Site) -> bool | None:
    return None if args[0] == "-1" else boolean(args, site)


@dataclass(frozen=True, slots=True)
class Setting:
    """How a setting is read. `bare`: the name alone switches it on."""

    field: str
    convert: Convert
    usage: str
    bare: bool = False


_USER = Setting("user", any_text, "USER = NAME")
_PASS = Setting("password", _secret, 'PASS = "PASSWORD"')
SETTINGS: Mapping[str, Setting] = {
    "USER": _USER,
    "USERNAME": _USER,
    "PASS": _PASS,
    "PASSWORD": _PASS,
    "CERTPATH": Setting("certpath", path, "CERTPATH = /etc/nut/certs"),
    "CERTFILE": Setting("certfile", path, "CERTFILE = /etc/nut/client.pem"),
    "CERTIDENT_NAME": Setting("certident_name", any_text, 'CERTIDENT_NAME = "NAME"'),
    "CERTIDENT_PASS": Setting("certident_pass", _secret, 'CERTIDENT_PASS = "PASSWORD"'),
    "SSLBACKEND": Setting("sslbackend", any_text, "SSLBACKEND = openssl"),
    "CERTHOST": Setting("certhost", any_text, "CERTHOST = NAME"),
    "CERTVERIFY": Setting("certverify", _switch, "CERTVERIFY = on", bare=True),
    "FORCESSL": Setting("forcessl", _switch, "FORCESSL = on", bare=True),
}
_ANY_CASE = frozenset({"USER", "USERNAME", "PASS", "PASSWORD"})
_INCLUDES = ("INCLUDE", "INCLUDE_REQUIRED")
_KNOWN = (*SETTINGS, *_INCLUDES)
_HEADER = "write [@HOST], [@HOST:PORT] or [USER@HOST]"


def no_service(name: str) -> int | None:
    """Know no port by its name."""
    return None


def parse_nutauth(
    data: bytes, file: str, include: Include, port_of: PortOf = no_service
) -> tuple[NutAuth, list[Problem]]:
    """Read nutauth.conf. Never raises; what is wrong is in the list.

    `include` gives the bytes of an included file (None: it could not be read) and what is to be said of it;
    `port_of` the number of a port that is written as a service name (None: unknown).
    """
    reader = _Reader(include, port_of)
    reader.read(data, file, EVERYWHERE, 1)
    sections = {key: Account(**values) for key, values in reader.sections.items()}
    return NutAuth(MappingProxyType(sections), tuple(reader.missing)), reader.found


@dataclass(slots=True)
class _Reader:
    """The sections while the files are read, and what was wrong in them."""

    include: Include
    port_of: PortOf
    sections: dict[Key, dict[str, Any]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    found: list[Problem] = field(default_factory=list)
    files: int = 0

    def read(self, data: bytes, file: str, scope: Key, depth: int) -> None:
        """One file; `scope` is the section that it was included into."""
        self.files += 1
        problems = Problems(file)
        here: Key | None = scope
        for entry in entries(data, problems, guarded=True):
            first = entry.words[0]
            if first.startswith("["):
                here = self._header(entry, scope, problems)
            elif here is None:
                continue
            elif first.upper() in _INCLUDES:
                self._include(entry, here, depth, problems)
            else:
                self._set(entry, here, problems)
        self.found += problems.listed()

    def _header(self, entry: Entry, scope: Key, problems: Problems) -> Key | None:
        """The section that begins here; None: the lines below it are left out."""
        left_out = "the lines below this header are left out"
        word = entry.words[0]
        if not word.endswith("]") or len(entry.words) > 1:
            problems.error(entry.line, f"the header cannot be read; {left_out}", _HEADER)
            return None
        try:
            key = section_key(word[1:-1], self.port_of)
        except Refused as refused:
            problems.error(entry.line, f"{refused.message}; {left_out}", refused.hint or _HEADER)
            return None
        if scope not in (EVERYWHERE, key):
            message = "this file was included into another section"
            problems.warn(entry.line, f"{message}; {left_out}", "move the INCLUDE above all sections")
            return None
        self.sections.setdefault(key, {"user": key.user} if key.user else {})
        return key

    def _include(self, entry: Entry, here: Key, depth: int, problems: Problems) -> None:
        word, names = entry.words[0].upper(), [name for name in entry.words[1:] if name != "="]
        required = word == "INCLUDE_REQUIRED"
        if len(names) != 1:
            problems.error(entry.line, f"{word} needs one file name", f"write: {word} /etc/nut/FILE")
            if required:
                self.missing.append("")
            return
        name = path(tuple(names), Site(problems, entry.line, guarded=True))
        if depth >= MAX_DEPTH or self.files >= MAX_FILES:
            message = f"files are included more than {MAX_DEPTH} deep, or more than {MAX_FILES} of them"
            problems.error(entry.line, message, "see whether a file includes itself")
            return
        data, said = self.include(name)
        self.found += said
        if data is not None:
            self.read(data, name, here, depth + 1)
        elif required:
            self.missing.append(name)
            if not said:
                problems.error(
                    entry.line,
                    "the file that INCLUDE_REQUIRED names is missing",
                    "create it, or write INCLUDE",
                )

    def _set(self, entry: Entry, here: Key, problems: Problems) -> None:
        word, line = entry.words[0], entry.line
        setting = SETTINGS.get(word.upper() if word.upper() in _ANY_CASE else word)
        if setting is None:
            unknown(problems, line, word, _KNOWN, guarded=True, what="setting")
            return
        values = entry.words[2:] if entry.words[1:2] == ("=",) else ()
        if len(entry.words) == 1 and setting.bare:
            values = ("1",)
        if len(values) > 1:
            message = f"{word.upper()}: only the first word behind the = counts"
            problems.warn(line, message, f"text with blanks stands in quotes: {setting.usage}")
        if not values:
            wrong = "has no value" if entry.words[1:] in ((), ("=",)) else "takes = and one value"
            problems.error(
                line, f"{word.upper()} {wrong}", f"text with blanks stands in quotes: {setting.usage}"
            )
            return
        if setting is _USER and here.user:
            if values[0] != here.user:
                problems.warn(line, "the header names the user; this line is ignored", "remove it")
            return
        try:
            value = setting.convert(values[:1], Site(problems, line, guarded=True))
        except Refused as refused:
            refused.tell(problems, line, word, setting.usage)
            return
        self.sections.setdefault(here, {})[setting.field] = value


def section_key(title: str, port_of: PortOf = no_service) -> Key:
    """The title of a section, without its brackets, in its full form.

    Raises `Refused`, whose text does not repeat it.
    """
    if title in ("", "_global_defaults"):
        return EVERYWHERE
    user, at, rest = title.partition("@")
    if not at:
        user, rest = "", title
    if ":" in user:
        raise Refused("there is a colon in front of the @", _HEADER)
    if rest.startswith("["):
        host, closed, port = rest[1:].partition("]")
        if not closed or (port and not port.startswith(":")):
            raise Refused("the IPv6 address cannot be read", "write [@[ADDRESS]:PORT]")
        port = port[1:]
    else:
        host, _, port = rest.partition(":")
        if ":" in port:
            raise Refused("an IPv6 address needs brackets here", "write [@[ADDRESS]:PORT]")
    return Key(user, _host(host or "localhost"), _port(port, port_of))


def _host(name: str) -> str:
    return name.casefold()


def _port(text: str, port_of: PortOf) -> int:
    if not text:
        return NUT_PORT
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else port_of(text)
    if number is None or not 1 <= number <= 65535:
        raise Refused("the port is neither a number from 1 to 65535 nor known by name", "NUT's port is 3493")
    return number


def fatal(auth: NutAuth, problems: list[Problem], *, asked_for: bool) -> bool:
    """Whether a client must not go on: a required file is missing, or the one asked for has an error."""
    return bool(auth.missing) or (asked_for and any(each.severity is Severity.ERROR for each in problems))

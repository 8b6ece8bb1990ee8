# SPDX-License-Identifier: GPL-2.0-or-later
"""upsd.users: who may log in, set variables and run instant commands (upsd.users(5), server/user.c).

A right is granted only where it is written without a fault; no message repeats a value of this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from types import MappingProxyType
from typing import Any, NoReturn

from ridethrough.config.convert import choice
from ridethrough.config.echo import did_you_mean, shown
from ridethrough.config.engine import Convert, Obsolete, Refused, Site, entries, unknown
from ridethrough.config.models import ALL_COMMANDS, Role, UpsdUsers, User
from ridethrough.config.problems import Problem, Problems
from ridethrough.config.secret import Secret
from ridethrough.config.sections import Pair, Section, read_sections

ROLES: Mapping[str, Role] = {
    "primary": Role.PRIMARY,
    "secondary": Role.SECONDARY,
    "master": Role.PRIMARY,
    "slave": Role.SECONDARY,
}
_ACTIONS = ("SET", "FSD")
# What `upsmon primary` brings may also stand in `actions`; C NUT names the lead by its old word.
_ROLE_WORDS = {"LOGIN": "LOGIN", "MASTER": "PRIMARY", "PRIMARY": "PRIMARY"}


def _password(args: tuple[str, ...], site: Site) -> Secret:
    if not args[0]:
        raise Refused("the password is empty, so nobody could log in", "write: password = PASSWORD")
    if len(args) > 1:
        # It grants no more than C's upsd does, and who has it in use goes on logging in.
        site.warn(
            "password: only the first word behind the = is the password", 'put one with blanks in "quotes"'
        )
    return Secret(args[0])


def _actions(args: tuple[str, ...], site: Site) -> frozenset[str]:
    found = set()
    for word in (part for arg in args for part in arg.upper().replace(",", " ").split()):
        if word in _ACTIONS:
            found.add(word)
        elif word in _ROLE_WORDS:
            site.warn("what upsmon needs is not set by hand", "write: upsmon primary, or: upsmon secondary")
            found.add(_ROLE_WORDS[word])
        else:
            site.problems.error(
                site.line,
                "unknown action; it is not granted",
                did_you_mean(word, _ACTIONS) or "NUT knows SET and FSD",
            )
    return frozenset(found)


def _commands(args: tuple[str, ...], site: Site) -> frozenset[str]:
    words = [part for arg in args for part in arg.replace(",", " ").split()]
    return frozenset(ALL_COMMANDS if word.upper() == ALL_COMMANDS else word.lower() for word in words)


def role(args: tuple[str, ...], site: Site) -> Role:
    """primary or secondary; NUT's old words are read, too."""
    value = choice(ROLES)(args[:1], site)
    assert isinstance(value, Role)
    return value


def _gone(args: tuple[str, ...], site: Site) -> NoReturn:
    raise Obsolete(
        "NUT has no access lists any more; the line is ignored", "say with LISTEN in upsd.conf where to serve"
    )


@dataclass(frozen=True, slots=True)
class Field:
    """How a field of a user is read. `adds`: each line adds to those before it. `bare`: needs no `=`."""

    field: str
    convert: Convert
    usage: str
    adds: bool = False
    bare: bool = False


FIELDS: Mapping[str, Field] = {
    "password": Field("password", _password, "password = PASSWORD"),
    "actions": Field("actions", _actions, "actions = SET", adds=True),
    "instcmds": Field("instcmds", _commands, "instcmds = ALL", adds=True),
    "upsmon": Field("role", role, "upsmon primary", bare=True),
    "allowfrom": Field("gone", _gone, "upsmon primary", bare=True),
}
_OFFERED = tuple(name for name in FIELDS if name != "allowfrom")


def parse_users(data: bytes, file: str = "upsd.users") -> tuple[UpsdUsers, list[Problem]]:
    """Read upsd.users. Never raises; what is wrong is in the list. Users without a password are left out."""
    problems = Problems(file)
    above, *sections = read_sections(entries(data, problems, guarded=True), problems, guarded=True)
    for pair in above.pairs:
        problems.error(
            pair.line, "this line stands above the first [user]; it is ignored", "write [NAME] above it"
        )
    users: dict[str, User] = {}
    seen: dict[str, int] = {}
    for section in sections:
        name = section.name or ""
        if name in seen:
            problems.error(
                section.line,
                f"{_head(name)} stands on line {seen[name]} already; this second section is left out",
                "join the two sections, or give the second user a name of its own",
            )
            continue
        seen[name] = section.line
        user = _user(name, section, problems)
        if user is not None:
            users[name] = user
    return UpsdUsers(MappingProxyType(users)), problems.listed()


def _head(name: str) -> str:
    return f"[{name}]" if shown(name, "") else "this user"


@dataclass(slots=True)
class _Draft:
    """A user while the lines are read. `faulty`: fields that were written, but wrongly."""

    values: dict[str, Any] = dataclass_field(default_factory=dict)
    lines: dict[str, int] = dataclass_field(default_factory=dict)
    faulty: set[str] = dataclass_field(default_factory=set)


def _user(name: str, section: Section, problems: Problems) -> User | None:
    draft = _Draft()
    for pair in section.pairs:
        _field(pair, draft, problems)
    if "password" not in draft.values:
        if "password" not in draft.faulty:
            problems.error(
                section.line,
                f"{_head(name)} has no password; nobody can log in",
                "write: password = PASSWORD",
            )
        return None
    if len(draft.values) == 1:
        problems.warn(
            section.line,
            f"{_head(name)} may do nothing",
            "write: upsmon primary, upsmon secondary, or instcmds = ALL",
        )
    return User(name=name, line=section.line, **draft.values)


def _field(pair: Pair, draft: _Draft, problems: Problems) -> None:
    """Read one line of a user; what is not written without a fault is not granted."""
    key, line = pair.key.lower(), pair.line
    field = FIELDS.get(key)
    if field is None:
        unknown(problems, line, pair.key, _OFFERED, guarded=True, what="field")
        return
    if not pair.assigned and not (field.bare and pair.values):
        draft.faulty.add(field.field)
        problems.error(line, f"the = behind {key} is missing", f"write: {field.usage}")
        return
    first = draft.lines.get(field.field)
    if first is not None and not field.adds:
        counts = "both count" if field.field == "role" else "the first one counts"
        problems.warn(line, f"{key} stands on line {first} already; {counts}", "remove one of them")
        if field.field == "password":
            return
    try:
        value = field.convert(pair.values, Site(problems, line, guarded=True))
    except Refused as refused:
        draft.faulty.add(field.field)
        refused.tell(problems, line, key, field.usage)
        return
    before = draft.values.get(field.field)
    if field.adds and before is not None:
        value = before | value
    elif before is Role.PRIMARY:
        value = before  # as in C, where a second line only adds rights
    draft.values[field.field] = value
    draft.lines.setdefault(field.field, line)

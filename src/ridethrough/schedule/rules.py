# SPDX-License-Identifier: GPL-2.0-or-later
"""AT lines: which of them a notice meets, and what each asks for (upssched.conf(5))."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ridethrough.config.models import AtRule
from ridethrough.ups.notices import Notice

ANY_UPS = "*"
MAX_SECONDS = 1e9
MAX_NAME = 1024
_SECONDS = re.compile(r"\s*\+?(\d{1,12}(?:\.\d{0,9})?)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Cause:
    """The notice behind a script, as its environment will show it (NOTIFYTYPE, UPSNAME, NOTIFYMSG).

    `type` is free text: a stand-alone upssched passes on types that it does not know, and a shared timer
    joins several with commas.
    """

    type: str
    ups: str
    text: str

    @staticmethod
    def of(notice: Notice | Cause) -> Cause:
        """The cause that a notice is."""
        return notice if isinstance(notice, Cause) else Cause(str(notice.type), notice.ups, notice.text)


NO_CAUSE = Cause("", "", "")
"""Nothing but a person is behind it."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start a timer; `note` says what was odd about its seconds, or is empty."""

    name: str
    seconds: float
    shared: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the timers of a name; `command` (or "") runs only if none was pending.

    `matched`: only what the notice's own UPS had started.
    """

    name: str
    command: str
    matched: bool


@dataclass(frozen=True, slots=True)
class Execute:
    """Run CMDSCRIPT with this command at once."""

    command: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An AT line that asks for nothing that can be done; the text says why."""

    text: str


Action = Start | Cancel | Execute | Refused


class BadSeconds(ValueError):
    """A length of time that no timer can have; the text says why and what to write."""


def read_seconds(text: str) -> tuple[float, str]:
    """The seconds of a timer, and what was odd about them (or "").

    As in C, the number at the beginning counts and what follows is ignored (`30s` is 30).
    Raises `BadSeconds` where there is none: C would run the script at once, which nobody means.
    """
    if text.strip().startswith("-"):
        raise BadSeconds(f"bogus offset for timer, ignoring: {text!a} is less than 0")
    found = _SECONDS.fullmatch(text)
    if found is None:
        raise BadSeconds(f"bogus offset for timer, ignoring: {text!a} is not a number of seconds")
    seconds = float(found.group(1))
    if seconds > MAX_SECONDS:
        raise BadSeconds(f"bogus offset for timer, ignoring: {text!a} seconds are more than 31 years")
    rest = found.group(2).strip()
    note = f"{text!a} is read as {seconds:g} seconds; write the number alone" if rest else ""
    return seconds, note


def matches(rule: AtRule, cause: Cause) -> bool:
    """Whether an AT line is for this notice: the type in any case, the UPS exactly as MONITOR has it or `*`.

    A notice of the host itself (SHUTDOWN, NOPARENT) has no UPS and meets `*` only.
    """
    if rule.notify_type.upper() != cause.type.upper():
        return False
    return rule.ups in (ANY_UPS, cause.ups)


def matching(rules: Iterable[AtRule], cause: Cause) -> list[AtRule]:
    """The AT lines for this notice in the order of the file; all of them are to be carried out."""
    return [rule for rule in rules if matches(rule, cause)]


def action(rule: AtRule) -> Action:
    """What an AT line asks for. What can't be done comes back as `Refused`, never as an exception."""
    command = rule.command.upper()
    name = rule.args[0] if rule.args else ""
    if command not in (
        "START-TIMER",
        "START-TIMER-SHARED",
        "CANCEL-TIMER",
        "CANCEL-TIMER-MATCHED",
        "EXECUTE",
    ):
        return Refused(f"Invalid command: {rule.command}")
    if not name:
        what = "command" if command == "EXECUTE" else "timer name"
        return Refused(
            f"{rule.command} names no {what}: write AT {rule.notify_type} {rule.ups} {rule.command} NAME"
        )
    if len(name) > MAX_NAME:
        return Refused(f"{rule.command}: the name is longer than {MAX_NAME} characters")
    if command == "EXECUTE":
        return Execute(name)
    if command.startswith("CANCEL"):
        instead = rule.args[1] if len(rule.args) > 1 else ""
        return Cancel(name, instead, matched=command.endswith("-MATCHED"))
    try:
        seconds, note = read_seconds(rule.args[1] if len(rule.args) > 1 else "")
    except BadSeconds as bad:
        return Refused(f"{rule.command} {name}: {bad}")
    return Start(name, seconds, command.endswith("-SHARED"), note)


def script_names(rules: Iterable[AtRule]) -> tuple[str, ...]:
    """Every word that CMDSCRIPT may be called with, each once, in the order of the file."""
    names: dict[str, None] = {}
    for rule in rules:
        match action(rule):
            case Start(name=name) | Execute(command=name):
                names[name] = None
            case Cancel(command=name) if name:
                names[name] = None
            case _:
                pass
    return tuple(names)

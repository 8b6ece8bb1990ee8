# SPDX-License-Identifier: GPL-2.0-or-later
"""upssched.conf: what happens when (upssched.conf(5), clients/upssched.c)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ridethrough.config.convert import A_MONTH_S, command, path, whole
from ridethrough.config.echo import did_you_mean
from ridethrough.config.engine import Directive, Keep, Refused, Sheet, Site, read_directives
from ridethrough.config.models import AtRule, UpsschedConf
from ridethrough.config.problems import Problem, Problems
from ridethrough.ups.notices import NotifyType


@dataclass(frozen=True, slots=True)
class Verb:
    """What stands behind one AT command."""

    usage: str
    least: int
    most: int
    timed: bool = False


VERBS: Mapping[str, Verb] = {
    "START-TIMER": Verb("START-TIMER NAME SECONDS", 2, 2, timed=True),
    "START-TIMER-SHARED": Verb("START-TIMER-SHARED NAME SECONDS", 2, 2, timed=True),
    "CANCEL-TIMER": Verb("CANCEL-TIMER NAME [COMMAND]", 1, 2),
    "CANCEL-TIMER-MATCHED": Verb("CANCEL-TIMER-MATCHED NAME [COMMAND]", 1, 2),
    "EXECUTE": Verb("EXECUTE COMMAND", 1, 1),
}
_AT = "AT NOTIFYTYPE UPS "
_TYPES = tuple(NotifyType)
_INTERVAL = whole(0, A_MONTH_S, "seconds")


def at(args: tuple[str, ...], site: Site) -> AtRule:
    """`NOTIFYTYPE UPS COMMAND ARGUMENT ...`."""
    notify_type, ups, word, *rest = args
    if notify_type.upper() not in _TYPES:
        site.problems.error(
            site.line,
            f"{site.show(notify_type)} is not a notify type, so this line never acts",
            did_you_mean(notify_type, _TYPES) or "upsmon.conf(5) lists them under NOTIFYMSG",
        )
    verb = VERBS.get(word)
    if verb is None:
        raise Refused(
            f"{site.show(word)} is not a command",
            did_you_mean(word, VERBS) or f"write one of {', '.join(VERBS)}",
        )
    if len(rest) < verb.least or not all(rest[: verb.least]):
        raise Refused(
            f"{word} needs {verb.least} value{'s' * (verb.least > 1)} behind it", f"write: {_AT}{verb.usage}"
        )
    if len(rest) > verb.most:
        site.warn(f"words behind the values of {word} are ignored", f"write: {_AT}{verb.usage}")
    values = tuple(rest[: verb.most])
    if verb.timed:
        values = (values[0], str(_INTERVAL(values[1:], site)))
    return AtRule(notify_type.upper(), ups, word, values, site.line)


TABLE: Mapping[str, Directive] = {
    "CMDSCRIPT": Directive("cmdscript", command, "CMDSCRIPT /etc/nut/upssched-cmd", most=256),
    "PIPEFN": Directive("pipefn", path, "PIPEFN /run/nut/upssched.pipe"),
    "LOCKFN": Directive("lockfn", path, "LOCKFN /run/nut/upssched.lock"),
    "AT": Directive("rules", at, f"{_AT}START-TIMER NAME SECONDS", least=3, most=256, keep=Keep.EACH),
    "DEBUG_MIN": Directive("debug_min", whole(0, 9), "DEBUG_MIN 0"),
}
_BEFORE_AT = {"cmdscript": "CMDSCRIPT", "pipefn": "PIPEFN", "lockfn": "LOCKFN"}


def parse_upssched(data: bytes, file: str = "upssched.conf") -> tuple[UpsschedConf, list[Problem]]:
    """Read upssched.conf. Never raises; what is wrong is in the list."""
    problems = Problems(file)
    sheet = read_directives(data, TABLE, problems, guarded=False)
    rules: list[AtRule] = sheet.values.pop("rules", [])
    conf = UpsschedConf(**sheet.values, rules=tuple(rules))
    if rules:
        _order(sheet, rules[0].line)
        _repetitions(conf, problems)
    return conf, problems.listed()


def _order(sheet: Sheet, first_at: int) -> None:
    """C NUT acts while it reads: at the first AT it ends if one of the three has not been read by then."""
    for name, word in _BEFORE_AT.items():
        usage = TABLE[word].usage
        if name not in sheet.values:
            sheet.problems.error(first_at, f"AT without {word}", f"write above this line: {usage}")
        elif sheet.line(name) > first_at:
            sheet.problems.error(
                sheet.line(name),
                f"{word} stands below the first AT (line {first_at}); C NUT ends there",
                f"move it above line {first_at}",
            )


def _repetitions(conf: UpsschedConf, problems: Problems) -> None:
    seen: dict[tuple[str, str, str, tuple[str, ...]], int] = {}
    for rule in conf.rules:
        key = (rule.notify_type, rule.ups, rule.command, rule.args)
        if key in seen:
            problems.warn(
                rule.line, f"the same AT as on line {seen[key]}; it acts twice", "remove one of them"
            )
        seen.setdefault(key, rule.line)

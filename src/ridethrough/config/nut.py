# SPDX-License-Identifier: GPL-2.0-or-later
"""nut.conf: assignments as a shell would read them (nut.conf(5)); scripts and systemd source this file."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from types import MappingProxyType

from ridethrough.config.convert import any_text, boolean, choice, whole
from ridethrough.config.echo import did_you_mean, shown
from ridethrough.config.engine import MAX_FILE_BYTES, Directive, Sheet
from ridethrough.config.models import Mode, NutConf
from ridethrough.config.problems import Problem, Problems
from ridethrough.wire.words import decode

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

TABLE: Mapping[str, Directive] = {
    "MODE": Directive("mode", choice({mode.value: mode for mode in Mode}), "MODE=standalone"),
    "UPSD_OPTIONS": Directive("upsd_options", any_text, 'UPSD_OPTIONS="..."'),
    "UPSMON_OPTIONS": Directive("upsmon_options", any_text, 'UPSMON_OPTIONS="..."'),
    "POWEROFF_WAIT": Directive("poweroff_wait", any_text, "POWEROFF_WAIT=15m"),
    "POWEROFF_QUIET": Directive("poweroff_quiet", boolean, "POWEROFF_QUIET=true"),
    "ALLOW_NO_DEVICE": Directive("allow_no_device", boolean, "ALLOW_NO_DEVICE=true"),
    "ALLOW_NOT_ALL_LISTENERS": Directive("allow_not_all_listeners", boolean, "ALLOW_NOT_ALL_LISTENERS=true"),
    "NUT_DEBUG_LEVEL": Directive("debug_level", whole(0, 9), "NUT_DEBUG_LEVEL=0"),
}

# Known to NUT, of no meaning to the model: they reach the programs through the environment.
PASSED_ON = frozenset(
    {
        "NUT_DEBUG_PID",
        "NUT_DEBUG_PROCNAME",
        "NUT_DEBUG_SYSLOG",
        "NUT_IGNORE_CHECKPROCNAME",
        "NUT_IGNORE_NOWAIT",
        "NUT_QUIET_INIT_UPSNOTIFY",
        "NUT_QUIET_INIT_BANNER",
        "NUT_QUIET_INIT_LISTENER",
        "NUT_QUIET_INIT_SSL",
        "NUT_DEFAULT_CONNECT_TIMEOUT",
        "NUT_CONFPATH",
        "NUT_STATEPATH",
        "NUT_PIDPATH",
        "NUT_ALTPIDPATH",
    }
)
_KNOWN = (*TABLE, *sorted(PASSED_ON))


def parse_nut(data: bytes, file: str = "nut.conf") -> tuple[NutConf, list[Problem]]:
    """Read nut.conf. Never raises; what is wrong is in the list."""
    problems = Problems(file)
    sheet = Sheet(problems)
    variables: dict[str, str] = {}
    if len(data) > MAX_FILE_BYTES:
        problems.error(0, f"the file is longer than {MAX_FILE_BYTES} bytes; the rest is not read")
    for number, line in enumerate(decode(data[:MAX_FILE_BYTES]).split("\n"), start=1):
        for name, value in _assignments(line, number, problems):
            variables[name] = value
            if name in TABLE:
                sheet.take(name, TABLE[name], (value,), number)
            elif name not in PASSED_ON:
                problems.warn(number, f"unknown variable {shown(name)}", did_you_mean(name, _KNOWN))
    if "MODE" not in variables:
        problems.warn(
            0, "MODE is not set, so nothing is started", "write MODE=standalone, netserver or netclient"
        )
    return NutConf(**sheet.values, variables=MappingProxyType(variables)), problems.listed()


def _assignments(line: str, number: int, problems: Problems) -> list[tuple[str, str]]:
    """The `NAME=value` words of one line, as a shell splits it; a line that is something else is an error."""
    if "\0" in line:
        problems.error(number, "the line holds a NUL byte", "write it anew")
        return []
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        problems.error(
            number, "a quote or a backslash at the end of the line is left open", 'write NAME="value"'
        )
        return []
    if words[:1] == ["export"]:
        problems.warn(
            number, "export is not understood by everything that reads this file", "write NAME=value"
        )
        del words[0]
    if any(word == "=" or word.startswith("=") or (word.endswith("=") and len(words) > 1) for word in words):
        name = words[0].rstrip("=") if _NAME.fullmatch(words[0].rstrip("=")) else "NAME"
        problems.error(
            number,
            "blanks around the = make a shell run this line as a command",
            f"remove them: {name}=value" if name not in TABLE else f"remove them: {TABLE[name].usage}",
        )
        return []
    found = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not _NAME.fullmatch(name):
            problems.error(number, f"{shown(word)} is no assignment", 'write NAME=value, or NAME="two words"')
            return []
        if "$" in value and "'" not in line:
            problems.warn(
                number, f"{name}: $ is not replaced by everything that reads this file", "write it out"
            )
        found.append((name, value))
    return found

# SPDX-License-Identifier: GPL-2.0-or-later
"""upsmon.conf: what is watched and told, and how this host goes down (upsmon.conf(5), clients/upsmon.c)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ridethrough.config.convert import (
    A_MONTH_S,
    bit,
    boolean,
    command,
    path,
    seconds,
    split_port,
    text,
    whole,
)
from ridethrough.config.echo import did_you_mean
from ridethrough.config.engine import Directive, Keep, Refused, Sheet, Site, read_directives
from ridethrough.config.models import NUT_PORT, CertHost, MonitorLine, Role, UpsmonConf
from ridethrough.config.plausible import judge
from ridethrough.config.problems import Problem, Problems
from ridethrough.config.secret import Secret
from ridethrough.config.upsd import CERTIDENT
from ridethrough.config.users import ROLES
from ridethrough.ups.notices import NotifyFlag, NotifyType

_FLAGS: Mapping[str, NotifyFlag] = {flag: NotifyFlag[flag] for flag in ("SYSLOG", "WALL", "EXEC", "IGNORE")}
_TYPES = tuple(NotifyType)
_TWO_VALUES = (NotifyType.ALARM, NotifyType.OTHER)
_POWER = re.compile(r"[0-9]{1,6}")


def split_system(system: str) -> tuple[str, str, int]:
    """`ups[@host[:port]]` into its parts, as NUT's client library does. Raises `Refused`."""
    ups, at, address = system.partition("@")
    if not ups:
        raise Refused("the UPS before the @ is missing", "write UPS@HOST")
    if not at:
        if ":" in ups:
            raise Refused("there is a port but no host", "write UPS@HOST:PORT")
        return ups, "localhost", NUT_PORT
    if not address:
        raise Refused("the host behind the @ is missing", "write UPS@HOST")
    host, port = split_port(address)
    return ups, host, NUT_PORT if port is None else port


def monitor(args: tuple[str, ...], site: Site) -> MonitorLine:
    """`SYSTEM POWERVALUE USER PASSWORD ROLE`; no word is repeated: the password may stand anywhere."""
    system, power, username, password, kind = args
    ups, host, port = split_system(system)
    if _POWER.fullmatch(power) is None:
        raise Refused(
            "the power value (second) is not a whole number", "write how many power supplies the UPS feeds"
        )
    if not username or not password:
        raise Refused("the user or the password is empty", "write those of upsd.users")
    role = ROLES.get(kind.casefold())
    if role is None:
        site.problems.error(
            site.line,
            "MONITOR: the fifth value is neither primary nor secondary; it is read as secondary, as by C NUT",
            did_you_mean(kind, ROLES, 0.75) or "write primary or secondary",
        )
    return MonitorLine(
        ups, host, port, int(power), username, Secret(password), role or Role.SECONDARY, system, site.line
    )


def _notify_type(word: str, site: Site) -> NotifyType:
    try:
        return NotifyType(word.upper())
    except ValueError:
        hint = did_you_mean(word, _TYPES) or "upsmon.conf(5) lists them under NOTIFYMSG"
        raise Refused(f"unknown notify type {site.show(word, _TYPES, '')}".rstrip(), hint) from None


def notifyflag(args: tuple[str, ...], site: Site) -> tuple[NotifyType, NotifyFlag]:
    """`TYPE FLAG[+FLAG]...`; an unknown flag is left out, and with none left NUT's default stays."""
    kind = _notify_type(args[0], site)
    words = args[1].split("+")
    flags = NotifyFlag.IGNORE
    known = [word for word in words if word in _FLAGS]
    for word in words:
        if word not in _FLAGS:
            hint = did_you_mean(word, _FLAGS) or f"NUT knows {', '.join(_FLAGS)}"
            site.problems.error(
                site.line, f"NOTIFYFLAG {kind}: unknown flag {site.show(word, _FLAGS, '')}".rstrip(), hint
            )
    if not known:
        raise Refused(
            f"no flag of {kind} can be used; it stays as it was", "write: NOTIFYFLAG TYPE SYSLOG+EXEC"
        )
    for word in known:
        flags |= _FLAGS[word]
    if "IGNORE" in known and len(known) > 1:
        site.warn(
            f"NOTIFYFLAG {kind}: IGNORE makes the other flags void", "write IGNORE alone, or leave it out"
        )
        flags = NotifyFlag.IGNORE
    return kind, flags


def notifymsg(args: tuple[str, ...], site: Site) -> tuple[NotifyType, str]:
    """`TYPE "TEXT"`; `%s` stands for the UPS."""
    kind = _notify_type(args[0], site)
    places = re.findall(r"%(.?)", args[1].replace("%%", ""))
    allowed = 2 if kind in _TWO_VALUES else 1
    if any(place != "s" for place in places) or len(places) > allowed:
        site.warn(
            f"NOTIFYMSG {kind}: only %s is replaced, at most {allowed} times", "write %% for a percent sign"
        )
    return kind, args[1]


def _certhost(args: tuple[str, ...], site: Site) -> CertHost:
    split_port(args[0])
    return CertHost(args[0], args[1], bit(args[2:3], site), bit(args[3:4], site))


def _shutdownexit(args: tuple[str, ...], site: Site) -> float | None:
    """yes: at once; no: never; a number: after so many seconds (negative: never)."""
    try:
        delay = (
            whole(-A_MONTH_S, A_MONTH_S, "seconds")(args, site) if args[0].lstrip("+-").isdigit() else None
        )
    except Refused as refused:
        raise Refused(refused.message, "write yes, no, or a number of seconds") from None
    if delay is None:
        return 0 if boolean(args, site) else None
    return delay if delay >= 0 else None


def _seconds(name: str, field: str, least: int, example: int) -> tuple[str, Directive]:
    return name, Directive(field, seconds(least), f"{name} {example}")


TABLE: Mapping[str, Directive] = {
    "MONITOR": Directive(
        "monitors",
        monitor,
        'MONITOR UPS@HOST 1 USER "PASSWORD" primary',
        least=5,
        most=5,
        keep=Keep.EACH,
        exact=True,
    ),
    "MINSUPPLIES": Directive("minsupplies", whole(0, 1000), "MINSUPPLIES 1"),
    "SHUTDOWNCMD": Directive("shutdowncmd", command, 'SHUTDOWNCMD "/sbin/shutdown -h +0"', most=256),
    "NOTIFYCMD": Directive("notifycmd", command, "NOTIFYCMD /sbin/upssched", most=256),
    "POWERDOWNFLAG": Directive("powerdownflag", path, "POWERDOWNFLAG /etc/killpower"),
    "SHUTDOWNEXIT": Directive("shutdownexit", _shutdownexit, "SHUTDOWNEXIT yes"),
    "RUN_AS_USER": Directive("run_as_user", text, "RUN_AS_USER nut"),
    "NOTIFYMSG": Directive("notifymsg", notifymsg, 'NOTIFYMSG TYPE "TEXT"', least=2, most=2, keep=Keep.KEYED),
    "NOTIFYFLAG": Directive(
        "notifyflag", notifyflag, "NOTIFYFLAG TYPE SYSLOG+EXEC", least=2, most=2, keep=Keep.KEYED
    ),
    "CERTPATH": Directive("certpath", path, "CERTPATH /etc/nut/cert"),
    "CERTFILE": Directive("certfile", path, "CERTFILE /etc/nut/upsmon.pem"),
    "CERTIDENT": CERTIDENT,
    "CERTHOST": Directive(
        "certhosts", _certhost, 'CERTHOST HOST "NAME" 1 1', least=4, most=4, keep=Keep.EACH, exact=True
    ),
    "CERTVERIFY": Directive("certverify", bit, "CERTVERIFY 1"),
    "FORCESSL": Directive("forcessl", bit, "FORCESSL 1"),
    "ALARMCRITICAL": Directive("alarmcritical", bit, "ALARMCRITICAL 1"),
    "DEBUG_MIN": Directive("debug_min", whole(0, 9), "DEBUG_MIN 0", any_case=True),
    "POLLFAIL_LOG_THROTTLE_MAX": Directive(
        "pollfail_log_throttle_max", whole(-(10**6), 10**6), "POLLFAIL_LOG_THROTTLE_MAX 100"
    ),
    **dict(
        _seconds(name, field, least, example)
        for name, field, least, example in (
            ("POLLFREQ", "pollfreq_s", 1, 5),
            ("POLLFREQALERT", "pollfreqalert_s", 1, 5),
            ("DEADTIME", "deadtime_s", 1, 15),
            ("HOSTSYNC", "hostsync_s", 0, 15),
            ("FINALDELAY", "finaldelay_s", 0, 5),
            ("NOCOMMWARNTIME", "nocommwarntime_s", 0, 300),
            ("RBWARNTIME", "rbwarntime_s", 0, 43200),
            ("OFFDURATION", "offduration_s", -A_MONTH_S, 30),
            ("OBLBDURATION", "oblbduration_s", -A_MONTH_S, 0),
            ("OVERDURATION", "overduration_s", -A_MONTH_S, -1),
        )
    ),
}


def parse_upsmon(data: bytes, file: str = "upsmon.conf") -> tuple[UpsmonConf, list[Problem]]:
    """Read upsmon.conf. Never raises; what is wrong is in the list."""
    problems = Problems(file)
    sheet = read_directives(data, TABLE, problems, guarded=True)
    values: dict[str, Any] = dict(sheet.values)
    default = UpsmonConf()
    values["monitors"] = _once(sheet)
    values["certhosts"] = tuple(values.get("certhosts", ()))
    values["notifymsg"] = MappingProxyType({**default.notifymsg, **values.get("notifymsg", {})})
    values["notifyflag"] = MappingProxyType({**default.notifyflag, **values.get("notifyflag", {})})
    values["oblbduration_s"] = max(0, values.get("oblbduration_s", 0))
    conf = UpsmonConf(**values)
    judge(conf, sheet)
    return conf, problems.listed()


def _once(sheet: Sheet) -> tuple[MonitorLine, ...]:
    """Each UPS once: C NUT ignores a second MONITOR of the same system."""
    found: dict[tuple[str, str, int], MonitorLine] = {}
    for one in sheet.values.get("monitors", ()):
        key = (one.ups, one.host.casefold(), one.port)
        first = found.setdefault(key, one)
        if first is not one:
            sheet.problems.error(
                one.line,
                f"{one.shown} stands on line {first.line} already; this line is ignored",
                "remove one of them",
            )
    return tuple(found.values())

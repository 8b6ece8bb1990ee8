# SPDX-License-Identifier: GPL-2.0-or-later
"""What only shows when two files are held against each other; both places are named, no password is."""

from __future__ import annotations

from collections.abc import Iterable

from ridethrough.config.echo import did_you_mean, shown
from ridethrough.config.models import (
    LOCAL_HOSTS,
    Mode,
    MonitorLine,
    NutConf,
    Role,
    UpsConf,
    UpsdConf,
    UpsdUsers,
    UpsmonConf,
    UpsschedConf,
    User,
)
from ridethrough.config.problems import Problem, Problems
from ridethrough.ups.notices import NotifyFlag, NotifyType

_ALSO = {Role.PRIMARY: "upsmon primary", Role.SECONDARY: "upsmon secondary"}


def cross_check(
    *,
    nut: NutConf | None = None,
    ups: UpsConf | None = None,
    upsd: UpsdConf | None = None,
    users: UpsdUsers | None = None,
    upsmon: UpsmonConf | None = None,
    upssched: UpsschedConf | None = None,
) -> list[Problem]:
    """Compare the files that were loaded; None stands for one that was not, and is not judged."""
    monitor, sched, main = Problems("upsmon.conf"), Problems("upssched.conf"), Problems("nut.conf")
    if upsmon is not None:
        for line in upsmon.monitors:
            if not _own(line, upsd):
                continue
            if ups is not None:
                _served(line, ups, monitor)
            if users is not None:
                _login(line, users, monitor)
    if upsmon is not None and upssched is not None:
        _rules(upsmon, upssched, sched)
    if nut is not None:
        _mode(nut, ups, upsd, upsmon, main)
    return [*main.listed(), *monitor.listed(), *sched.listed()]


def _own(line: MonitorLine, upsd: UpsdConf | None) -> bool:
    """Whether the server of a MONITOR line is the one that upsd.conf of this host describes."""
    if upsd is None:
        return line.is_local
    hosts = {listen.host.casefold() for listen in upsd.listen}
    own = line.is_local or line.host.casefold() in hosts
    return own and line.port in {listen.port for listen in upsd.listen}


def _served(line: MonitorLine, ups: UpsConf, problems: Problems) -> None:
    if ups.section(line.ups) is not None:
        return
    names = [section.name for section in ups.sections]
    problems.error(
        line.line,
        f"{line.shown} is not in ups.conf",
        did_you_mean(line.ups, names) or "write its [name] in ups.conf, or correct it here",
    )


def _login(line: MonitorLine, users: UpsdUsers, problems: Problems) -> None:
    """Whether the login of a MONITOR line to the own server will be accepted."""
    user = users.users.get(line.username)
    wanted = _ALSO[line.role]
    if user is None:
        problems.error(
            line.line,
            "its user (third value) is not in upsd.users with a password, so the login is refused",
            did_you_mean(line.username, users.users, 0.75)
            or f"write [USER], password = PASSWORD and {wanted} in upsd.users",
        )
        return
    who = shown(line.username, "the user")
    if user.password != line.password:
        problems.error(
            line.line,
            f"the password of {who} is not that of upsd.users:{user.line}, so the login is refused",
            "write the same password in both places",
        )
    if not _may_log_in(line, user):
        problems.error(
            line.line,
            f"{who} (upsd.users:{user.line}) may not log in as {line.role}",
            f"write below that line of upsd.users: {wanted}",
        )


def _may_log_in(line: MonitorLine, user: User) -> bool:
    needed = ("LOGIN", "PRIMARY") if line.role is Role.PRIMARY else ("LOGIN",)
    return all(user.allows(action) for action in needed)


def _rules(upsmon: UpsmonConf, upssched: UpsschedConf, problems: Problems) -> None:
    """Whether the AT rules will ever be reached: upsmon must run upssched for their type and UPS."""
    if not upssched.rules:
        return
    if "upssched" not in upsmon.notifycmd:
        problems.warn(
            upssched.rules[0].line,
            "upsmon.conf does not run upssched, so no AT line acts",
            "write in upsmon.conf: NOTIFYCMD /sbin/upssched",
        )
        return
    systems = [line.system for line in upsmon.monitors]
    silent: set[NotifyType] = set()
    for rule in upssched.rules:
        if rule.ups not in ("*", "", *systems):
            problems.error(
                rule.line,
                f"{shown(rule.ups)} is not the UPS of a MONITOR line, so this line never acts",
                did_you_mean(rule.ups, systems) or "write it as in MONITOR, or * for every UPS",
            )
        if rule.notify_type not in tuple(NotifyType):
            continue
        kind = NotifyType(rule.notify_type)
        if NotifyFlag.EXEC not in upsmon.notifyflag[kind] and kind not in silent:
            silent.add(kind)
            problems.warn(
                rule.line,
                f"upsmon.conf has no EXEC for {kind}, so this line never acts",
                f"write in upsmon.conf: NOTIFYFLAG {kind} SYSLOG+EXEC",
            )


def _mode(
    nut: NutConf, ups: UpsConf | None, upsd: UpsdConf | None, upsmon: UpsmonConf | None, problems: Problems
) -> None:
    """Whether what is configured will be started at all, and be reached."""
    if nut.mode is Mode.NONE and "MODE" in nut.variables:
        if (ups is not None and ups.sections) or (upsmon is not None and upsmon.monitors):
            problems.warn(
                0,
                "MODE is none, so nothing of what is configured is started",
                "write MODE=standalone or netserver",
            )
    elif nut.mode is Mode.NETCLIENT and upsmon is not None:
        for line in upsmon.monitors:
            if line.is_local:
                problems.warn(
                    0,
                    f"MODE is netclient, but upsmon.conf:{line.line} expects a server on this host",
                    "write MODE=standalone or netserver, or name the server's host in MONITOR",
                )
    elif (
        nut.mode is Mode.NETSERVER and upsd is not None and _only_local(listen.host for listen in upsd.listen)
    ):
        problems.warn(
            0,
            "MODE is netserver, but upsd listens to this host only",
            "write in upsd.conf: LISTEN 0.0.0.0 3493, or MODE=standalone",
        )


def _only_local(hosts: Iterable[str]) -> bool:
    return all(host.casefold() in LOCAL_HOSTS for host in hosts)

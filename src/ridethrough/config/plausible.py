# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether upsmon.conf makes sense as a whole: what is missing, and which times cannot work together."""

from __future__ import annotations

from ridethrough.config.engine import Sheet
from ridethrough.config.models import Role, UpsmonConf
from ridethrough.ups.notices import NotifyFlag


def judge(conf: UpsmonConf, sheet: Sheet) -> None:
    """Add to the sheet's problems what no single line shows. Line 0 where a line is missing."""
    _power(conf, sheet)
    _shutdown(conf, sheet)
    _polling(conf, sheet)
    _waiting(conf, sheet)
    _notices(conf, sheet)


def _power(conf: UpsmonConf, sheet: Sheet) -> None:
    problems, line = sheet.problems, sheet.line("minsupplies")
    if not conf.monitors:
        problems.error(0, "no UPS is monitored", "write: MONITOR UPS@HOST 1 USER PASSWORD primary")
    elif conf.power < conf.minsupplies:
        problems.error(
            line,
            f"the power values add up to {conf.power}, less than MINSUPPLIES {conf.minsupplies}",
            "correct the power values in MONITOR, or write MINSUPPLIES 0 to monitor only",
        )
    elif conf.minsupplies == 0 and conf.power > 0:
        problems.warn(
            line,
            "with MINSUPPLIES 0 this host never shuts down, though a UPS feeds it",
            "write MINSUPPLIES 1, or the power value 0 in MONITOR",
        )


def _shutdown(conf: UpsmonConf, sheet: Sheet) -> None:
    if not conf.minsupplies:
        return
    if not conf.shutdowncmd:
        sheet.problems.error(
            sheet.line("shutdowncmd"),
            "no SHUTDOWNCMD, so this host cannot be shut down",
            'write: SHUTDOWNCMD "/sbin/shutdown -h +0"',
        )
    feeding = [one for one in conf.monitors if one.role is Role.PRIMARY and one.power_value]
    if not conf.monitors and not conf.powerdownflag:
        sheet.problems.warn(
            0, "no POWERDOWNFLAG, which a primary needs", "write: POWERDOWNFLAG /etc/killpower"
        )
    if feeding and not conf.powerdownflag:
        sheet.problems.warn(
            feeding[0].line,
            "primary without POWERDOWNFLAG: the UPS is not switched off, and this host may stay off",
            "write: POWERDOWNFLAG /etc/killpower",
        )


def _polling(conf: UpsmonConf, sheet: Sheet) -> None:
    slower = max(conf.pollfreq_s, conf.pollfreqalert_s)
    line = sheet.line("deadtime_s") or sheet.line("pollfreq_s") or sheet.line("pollfreqalert_s")
    if conf.deadtime_s <= slower:
        sheet.problems.warn(
            line,
            f"DEADTIME {conf.deadtime_s:g} is not longer than one poll: a UPS is dead between two polls",
            f"write: DEADTIME {3 * slower:g}",
        )
    elif conf.deadtime_s < 3 * slower:
        sheet.problems.warn(
            line,
            f"DEADTIME {conf.deadtime_s:g} is less than three polls of {slower:g} s",
            f"write: DEADTIME {3 * slower:g}",
        )
    if conf.pollfreqalert_s > conf.pollfreq_s:
        sheet.problems.warn(
            sheet.line("pollfreqalert_s") or sheet.line("pollfreq_s"),
            f"POLLFREQALERT {conf.pollfreqalert_s:g} is slower than POLLFREQ {conf.pollfreq_s:g}",
            f"write: POLLFREQALERT {conf.pollfreq_s:g}",
        )


def _waiting(conf: UpsmonConf, sheet: Sheet) -> None:
    roles = {one.role for one in conf.monitors if one.power_value}
    if Role.PRIMARY in roles and conf.hostsync_s < conf.pollfreqalert_s:
        sheet.problems.warn(
            sheet.line("hostsync_s") or sheet.line("pollfreqalert_s"),
            f"HOSTSYNC {conf.hostsync_s:g} ends before the secondaries have polled",
            f"write: HOSTSYNC {3 * conf.pollfreqalert_s:g} or more",
        )
    if Role.SECONDARY not in roles:
        return
    if conf.finaldelay_s > conf.hostsync_s:
        sheet.problems.warn(
            sheet.line("finaldelay_s") or sheet.line("hostsync_s"),
            f"FINALDELAY {conf.finaldelay_s:g} is longer than HOSTSYNC {conf.hostsync_s:g}: "
            "with the same HOSTSYNC the primary does not wait for this secondary",
            "shorten FINALDELAY, or lengthen HOSTSYNC on all hosts",
        )
    if conf.oblbduration_s > conf.hostsync_s:
        sheet.problems.warn(
            sheet.line("oblbduration_s"),
            f"OBLBDURATION {conf.oblbduration_s:g} makes HOSTSYNC {conf.hostsync_s:g} void on a secondary",
            "make HOSTSYNC longer than OBLBDURATION",
        )


def _notices(conf: UpsmonConf, sheet: Sheet) -> None:
    run = [kind for kind, flags in conf.notifyflag.items() if NotifyFlag.EXEC in flags]
    if run and not conf.notifycmd:
        sheet.problems.warn(
            sheet.line(f"notifyflag/{run[0]}"),
            f"NOTIFYFLAG with EXEC, but there is no NOTIFYCMD ({', '.join(run[:4])})",
            "write: NOTIFYCMD /sbin/upssched",
        )
    if conf.notifycmd and not run:
        sheet.problems.warn(
            sheet.line("notifycmd"),
            "NOTIFYCMD is never run, for no NOTIFYFLAG has EXEC",
            "write: NOTIFYFLAG ONBATT SYSLOG+EXEC, and so for each type that it shall be told",
        )

# SPDX-License-Identifier: GPL-2.0-or-later
"""What the monitor takes from upsmon.conf."""

from __future__ import annotations

from ridethrough.config.model_upsd import Role
from ridethrough.config.model_upsmon import MonitorLine, UpsmonConf
from ridethrough.config.secret import Secret
from ridethrough.monitor.settings import from_conf
from ridethrough.ups.notices import NotifyType


def line(system: str, power_value: int = 1, role: Role = Role.PRIMARY, number: int = 1) -> MonitorLine:
    name, _, host = system.partition("@")
    return MonitorLine(name, host, 3493, power_value, "mon", Secret("pw"), role, system, number)


def test_times_and_roles_are_carried_over() -> None:
    """Each directive arrives under its own name, and the lines in their order."""
    conf = UpsmonConf(
        monitors=(line("a@h", 2), line("b@h", 1, Role.SECONDARY, 9)),
        minsupplies=3,
        pollfreq_s=7,
        pollfreqalert_s=2,
        deadtime_s=21,
        hostsync_s=33,
        finaldelay_s=4,
        shutdownexit=None,
    )
    settings = from_conf(conf)
    assert [(s.ups, s.power_value, s.primary, s.line) for s in settings.supplies] == [
        ("a@h", 2, True, 1),
        ("b@h", 1, False, 9),
    ]
    assert settings.primaries == ("a@h",)
    assert (settings.minsupplies, settings.pollfreq_s, settings.pollfreqalert_s) == (3, 7, 2)
    assert (settings.deadtime_s, settings.hostsync_s, settings.finaldelay_s) == (21, 33, 4)
    assert settings.shutdownexit_s is None
    assert "pw" not in repr(settings)


def test_who_is_only_watched_is_not_logged_in_to() -> None:
    """Power value 0 means no login, but for a primary, and for C's way."""
    conf = UpsmonConf(monitors=(line("a@h", 0, Role.SECONDARY), line("b@h", 0)))
    assert [s.login for s in from_conf(conf).supplies] == [False, True]
    assert [s.login for s in from_conf(conf, strict_c=True).supplies] == [True, True]


def test_a_ups_named_twice_counts_once() -> None:
    """As in C, the first MONITOR line of a UPS stands."""
    settings = from_conf(UpsmonConf(monitors=(line("a@h", 1), line("a@h", 5))))
    assert [s.power_value for s in settings.supplies] == [1]


def test_a_notice_of_the_host_has_no_ups() -> None:
    """SHUTDOWN belongs to no UPS, and a clock's jump says how far."""
    settings = from_conf(UpsmonConf())
    assert settings.notice(NotifyType.SHUTDOWN, "a@h").ups == ""
    jump = settings.notice(NotifyType.SUSPEND_TIMEJUMP_UNEXPECTED, extra="60 seconds")
    assert "by 60 seconds" in jump.text

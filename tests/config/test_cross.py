# SPDX-License-Identifier: GPL-2.0-or-later
"""Two files held against each other: both places named, the password never."""

from __future__ import annotations

from ridethrough.config.cross import cross_check
from ridethrough.config.nut import parse_nut
from ridethrough.config.ups import parse_ups
from ridethrough.config.upsd import parse_upsd
from ridethrough.config.upsmon import parse_upsmon
from ridethrough.config.upssched import parse_upssched
from ridethrough.config.users import parse_users

UPS = "[rack]\ndriver = dummy-ups\nport = x\n"
USERS = "# users\n[mon]\npassword = hunter2\nupsmon primary\n[slow]\npassword = hunter3\nupsmon slave\n"
MONITOR = "MONITOR rack@localhost 1 mon hunter2 primary\n"
AT = "CMDSCRIPT /c\nPIPEFN /p\nLOCKFN /l\nAT ONBATT * EXECUTE x\nAT ONBATT * EXECUTE y\n"


def check(
    *,
    upsmon: str | None = MONITOR,
    ups: str | None = UPS,
    users: str | None = USERS,
    upsd: str | None = "",
    nut: str | None = "MODE=standalone",
    upssched: str | None = None,
) -> list[str]:
    found = cross_check(
        nut=None if nut is None else parse_nut(nut.encode())[0],
        ups=None if ups is None else parse_ups(ups.encode())[0],
        upsd=None if upsd is None else parse_upsd(upsd.encode())[0],
        users=None if users is None else parse_users(users.encode())[0],
        upsmon=None if upsmon is None else parse_upsmon(upsmon.encode())[0],
        upssched=None if upssched is None else parse_upssched(upssched.encode())[0],
    )
    text = [str(problem) for problem in found]
    assert "hunter" not in " ".join(text)
    return text


def test_files_that_fit_give_nothing() -> None:
    """No noise on a good installation; files that are not there are not judged."""
    assert check() == []
    assert check(ups=None, users=None, upsd=None, nut=None) == []
    assert check(upsmon=None) == []
    assert check(upsmon=MONITOR.replace("rack@localhost", "rack@[::1]")) == []
    assert check(upsmon=MONITOR.replace("rack@localhost", "rack")) == []


def test_a_wrong_password_names_both_lines() -> None:
    """A refused login is silent in C NUT; here both places are named."""
    (problem,) = check(upsmon=MONITOR.replace("hunter2", "hunter9"))
    assert problem.startswith("upsmon.conf:1: error: the password of 'mon' is not that of upsd.users:2")


def test_an_unknown_user_is_told_without_its_name() -> None:
    """In a jumbled line the third value may be the password."""
    (problem,) = check(upsmon="MONITOR rack@localhost 1 hunter2 mon primary\n")
    assert "its user (third value) is not in upsd.users" in problem
    (near,) = check(users=USERS.replace("[mon]", "[moni]"))
    assert "did you mean 'moni'?" in near


def test_a_missing_role_names_the_line_to_write() -> None:
    """Rights are never granted silently: the guides' `actions = SET` is not enough to log in."""
    (problem,) = check(users="[mon]\npassword = hunter2\nactions = SET\ninstcmds = ALL\n")
    assert "'mon' (upsd.users:1) may not log in as primary" in problem
    assert "upsmon primary" in problem
    (weaker,) = check(upsmon="MONITOR rack@localhost 1 slow hunter3 primary\n")
    assert "upsd.users:5" in weaker


def test_a_primary_may_log_in_as_secondary() -> None:
    """More right than needed is no fault, nor are the actions set by hand."""
    assert check(upsmon=MONITOR.replace("primary", "secondary")) == []
    assert check(users="[mon]\npassword = hunter2\nactions = LOGIN MASTER FSD\n") == []


def test_a_ups_that_is_not_here_is_told() -> None:
    """The slip of a letter is found."""
    (problem,) = check(upsmon=MONITOR.replace("rack@", "rak@"))
    assert problem == "upsmon.conf:1: error: 'rak@localhost' is not in ups.conf; did you mean 'rack'?"
    (other,) = check(upsmon=MONITOR.replace("rack@", "zzz@"))
    assert "write its [name] in ups.conf" in other


def test_other_servers_are_not_judged() -> None:
    """Another host, or another server on this one, has its own users and UPSes."""
    assert check(upsmon="MONITOR x@other 1 a b primary\n") == []
    assert check(upsmon="MONITOR x@localhost:9999 1 a b primary\n") == []
    assert check(upsmon=MONITOR.replace("localhost", "localhost:9999"), upsd="LISTEN 127.0.0.1 9999") == []
    assert len(check(upsmon="MONITOR x@10.0.0.5 1 a b primary\n", upsd="LISTEN 10.0.0.5")) == 2
    assert len(check(upsmon="MONITOR x@localhost:9999 1 a b primary\n", upsd=None)) == 2


def test_at_rules_that_are_never_reached_are_told() -> None:
    """upsmon must run upssched, with EXEC, for that type and that UPS."""
    run = MONITOR + "NOTIFYCMD /sbin/upssched\n"
    assert check(upssched="CMDSCRIPT /c\n") == []
    (not_run,) = check(upssched=AT)
    assert not_run.startswith("upssched.conf:4: warning: upsmon.conf does not run upssched")
    (no_exec,) = check(upsmon=run, upssched=AT)
    assert "upsmon.conf has no EXEC for ONBATT" in no_exec
    assert "NOTIFYFLAG ONBATT SYSLOG+EXEC" in no_exec
    run += "NOTIFYFLAG ONBATT EXEC\n"
    assert check(upsmon=run, upssched=AT) == []
    assert check(upsmon=run, upssched=AT.replace("*", "rack@localhost")) == []
    assert check(upsmon=run, upssched=AT + "AT NOSUCH * EXECUTE x\n") == []
    (near, _) = check(upsmon=run, upssched=AT.replace("*", "rack@localhst"))
    assert "did you mean 'rack@localhost'?" in near
    (far, _) = check(upsmon=run, upssched=AT.replace("*", "zz"))
    assert "or * for every UPS" in far


def test_a_mode_that_does_not_fit_is_told() -> None:
    """Debian's MODE=none, a client that expects a server, a server that nobody can reach."""
    assert "MODE is none, so nothing" in check(nut="MODE=none")[0]
    assert "MODE is none, so nothing" in check(nut="MODE=none", ups=None)[0]
    assert check(nut="MODE=none", ups="", upsmon="") == []
    assert check(nut="") == []
    assert "upsmon.conf:1 expects a server on this host" in check(nut="MODE=netclient")[0]
    assert check(nut="MODE=netclient", upsmon="MONITOR x@other 1 a b slave\n") == []
    assert "LISTEN 0.0.0.0 3493" in check(nut="MODE=netserver")[0]
    assert check(nut="MODE=netserver", upsd="LISTEN 0.0.0.0") == []

# SPDX-License-Identifier: GPL-2.0-or-later
"""upsmon.conf as C NUT reads it, and better where C is silent."""

from __future__ import annotations

import pytest

from ridethrough.config.engine import Refused
from ridethrough.config.models import CertHost, Role, UpsmonConf
from ridethrough.config.upsmon import parse_upsmon, split_system
from ridethrough.ups.notices import DEFAULT_FLAGS, DEFAULT_MESSAGES, NotifyFlag, NotifyType

MONITOR = "MONITOR u@h 1 me pw primary\n"
REST = 'SHUTDOWNCMD "/sbin/shutdown -h +0"\nPOWERDOWNFLAG /etc/killpower\n'
WHOLE = MONITOR + REST


def read(text: str) -> tuple[UpsmonConf, list[str]]:
    conf, problems = parse_upsmon(text.encode())
    return conf, [str(problem) for problem in problems]


def test_debians_shipped_lines_want_only_a_monitor() -> None:
    """The untouched file of a fresh machine: one thing is truly missing, and that is said."""
    _, problems = read(
        'MINSUPPLIES 1\nSHUTDOWNCMD "/sbin/shutdown -h +0"\nPOLLFREQ 5\nPOLLFREQALERT 5\nHOSTSYNC 15\n'
        "DEADTIME 15\nPOWERDOWNFLAG /etc/killpower\nRBWARNTIME 43200\nNOCOMMWARNTIME 300\nFINALDELAY 5\n"
    )
    assert len(problems) == 1
    assert "no UPS is monitored; write: MONITOR UPS@HOST" in problems[0]


def test_defaults_are_nuts() -> None:
    """What upsmon.conf(5) says about a directive that is not there."""
    conf, problems = read(WHOLE)
    assert problems == []
    assert (conf.minsupplies, conf.pollfreq_s, conf.pollfreqalert_s, conf.deadtime_s) == (1, 5, 5, 15)
    assert (conf.hostsync_s, conf.finaldelay_s, conf.nocommwarntime_s, conf.rbwarntime_s) == (
        15,
        5,
        300,
        43200,
    )
    assert (conf.offduration_s, conf.oblbduration_s, conf.overduration_s) == (30, 0, -1)
    assert (conf.alarmcritical, conf.shutdownexit, conf.pollfail_log_throttle_max) == (True, 0, -1)
    assert dict(conf.notifymsg) == dict(DEFAULT_MESSAGES)
    assert set(conf.notifyflag.values()) == {DEFAULT_FLAGS}
    assert set(conf.notifyflag) == set(NotifyType)


def test_all_directives_are_read() -> None:
    """Typed; passwords stay hidden."""
    conf, problems = read(
        WHOLE + "MONITOR b@[::1]:99 0 me2 'pw2' slave\nMINSUPPLIES 1\nNOTIFYCMD /sbin/upssched\nPOLLFREQ 10\n"
        "POLLFREQALERT 5\nDEADTIME 30\nHOSTSYNC 20\nFINALDELAY 0\nNOCOMMWARNTIME 600\nRBWARNTIME 100\n"
        "POLLFAIL_LOG_THROTTLE_MAX 100\nOFFDURATION -1\nOBLBDURATION -5\nOVERDURATION 10\nALARMCRITICAL 0\n"
        'SHUTDOWNEXIT no\nRUN_AS_USER root\nNOTIFYMSG onbatt "100%% of %s"\nNOTIFYFLAG ONBATT SYSLOG+EXEC\n'
        "NOTIFYFLAG ONLINE IGNORE\nCERTPATH /c\nCERTFILE /f\nCERTIDENT me hunter2\nCERTHOST srv:1 cn 1 0\n"
        "CERTVERIFY 1\nFORCESSL 1\nDEBUG_MIN 3\n"
    )
    assert problems == []
    first, second = conf.monitors
    assert (first.ups, first.host, first.port, first.power_value, first.username) == ("u", "h", 3493, 1, "me")
    assert (first.role, first.system, first.line, first.is_local) == (Role.PRIMARY, "u@h", 1, False)
    assert (second.host, second.port, second.role, second.is_local) == ("::1", 99, Role.SECONDARY, True)
    assert second.system == "b@[::1]:99"
    assert conf.power == 1
    assert (conf.oblbduration_s, conf.offduration_s, conf.overduration_s) == (0, -1, 10)
    assert conf.shutdownexit is None
    assert not conf.alarmcritical
    assert conf.notifymsg[NotifyType.ONBATT] == "100%% of %s"
    assert conf.notifymsg[NotifyType.FSD] == DEFAULT_MESSAGES[NotifyType.FSD]
    assert conf.notifyflag[NotifyType.ONBATT] == NotifyFlag.SYSLOG | NotifyFlag.EXEC
    assert conf.notifyflag[NotifyType.ONLINE] == NotifyFlag.IGNORE
    assert conf.certhosts == (CertHost("srv:1", "cn", True, False),)
    assert conf.certident is not None
    assert "hunter2" not in repr(conf)
    assert "pw" not in repr(conf)


@pytest.mark.parametrize(
    ("line", "value"),
    [("yes", 0), ("true", 0), ("no", None), ("off", None), ("30", 30), ("0", 0), ("-1", None), ("-9", None)],
)
def test_shutdownexit_is_a_word_or_a_delay(line: str, value: float | None) -> None:
    """None: the monitor stays until the system stops it."""
    assert read(f"{WHOLE}SHUTDOWNEXIT {line}\n")[0].shutdownexit == value


def test_a_command_may_stand_in_words() -> None:
    """The three ways of upsmon.conf(5) are one."""
    for line in ('"/sbin/shutdown -h +0"', '"/sbin/shutdown" "-h" "+0"', "/sbin/shutdown -h +0"):
        assert read(f"SHUTDOWNCMD {line}\n")[0].shutdowncmd == "/sbin/shutdown -h +0"


@pytest.mark.parametrize(
    ("system", "parts"),
    [
        ("u", ("u", "localhost", 3493)),
        ("u@h", ("u", "h", 3493)),
        ("u@h:1", ("u", "h", 1)),
        ("u@[::1]", ("u", "::1", 3493)),
        ("u@[::1]:2", ("u", "::1", 2)),
    ],
)
def test_systems_split_as_in_nut(system: str, parts: tuple[str, str, int]) -> None:
    """ups[@host[:port]]."""
    assert split_system(system) == parts


@pytest.mark.parametrize("system", ["", "@h", "u@", "u:1", "u@h:", "u@h:x", "u@::1", "u@[::1"])
def test_bad_systems_are_refused(system: str) -> None:
    """No host is guessed."""
    with pytest.raises(Refused):
        split_system(system)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "MONITOR u@h 1 pw primary",
            "upsmon.conf:1: error: MONITOR has 4 values, not 5; write: MONITOR UPS@HOST 1",
        ),
        ("MONITOR u@h 1 me two words primary", "MONITOR has 6 values, not 5"),
        ("MONITOR u@h one me pw primary", "MONITOR: the power value (second) is not a whole number"),
        ("MONITOR u@h -1 me pw primary", "MONITOR: the power value (second) is not a whole number"),
        ('MONITOR u@h 1 me "" primary', "MONITOR: the user or the password is empty"),
        (
            "MONITOR u@h 1 me pw primry",
            "neither primary nor secondary; it is read as secondary, as by C NUT; did you",
        ),
        ("MONITOR u@h 1 me pw boss", "write primary or secondary"),
        ("MONITOR u@::1 1 me pw primary", "MONITOR: an IPv6 address needs brackets here"),
        ("MONITOR u@h:x 1 me pw primary", "MONITOR: the port is not a number"),
        (WHOLE + MONITOR, "upsmon.conf:4: error: 'u@h' stands on line 1 already; this line is ignored"),
        (MONITOR.replace("@h", "") * 2, "upsmon.conf:2: error: this UPS stands on line 1 already"),
        (
            "POLLFRQ 5",
            "upsmon.conf:1: warning: unknown directive 'POLLFRQ'; the line is ignored; did you mean",
        ),
        ("pollfreq 5", "letter case counts here: write POLLFREQ"),
        ("POLLFREQ = 5", "POLLFREQ takes no '='; write: POLLFREQ 5"),
        ("POLLFREQ 0", "POLLFREQ: 0 is out of range"),
        ("MINSUPPLIES -1", "MINSUPPLIES: -1 is out of range"),
        ("SHUTDOWNEXIT maybe", "SHUTDOWNEXIT: the value is neither yes nor no"),
        ("SHUTDOWNEXIT 99999999999", "SHUTDOWNEXIT: 99999999999 is out of range; write yes, no, or a number"),
        ("ALARMCRITICAL no", "C NUT reads any word here as 0; write 0"),
        ("NOTIFYFLAG ONBAT EXEC", "NOTIFYFLAG: unknown notify type 'ONBAT'; did you mean 'ONBATT'?"),
        ("NOTIFYFLAG DANCING EXEC", "NOTIFYFLAG: unknown notify type; upsmon.conf(5) lists them"),
        ("NOTIFYFLAG ONBATT EXCE", "NOTIFYFLAG ONBATT: unknown flag 'EXCE'; did you mean 'EXEC'?"),
        ("NOTIFYFLAG ONBATT EXCE", "NOTIFYFLAG: no flag of ONBATT can be used; it stays as it was"),
        (
            "NOTIFYFLAG ONBATT QUUX+EXEC",
            "NOTIFYFLAG ONBATT: unknown flag; NUT knows SYSLOG, WALL, EXEC, IGNORE",
        ),
        ("NOTIFYFLAG ONBATT IGNORE+EXEC", "IGNORE makes the other flags void"),
        ("NOTIFYFLAG ONBATT", "NOTIFYFLAG has 1 value, not 2; write: NOTIFYFLAG TYPE SYSLOG+EXEC"),
        (
            "NOTIFYFLAG ONBATT EXEC\nNOTIFYFLAG ONBATT WALL",
            "upsmon.conf:2: warning: NOTIFYFLAG ONBATT stands on line 1",
        ),
        ("NOTIFYMSG ONBATT UPS %s went", 'text with blanks stands in "quotes"'),
        ('NOTIFYMSG ONBATT "%d of %s"', "NOTIFYMSG ONBATT: only %s is replaced, at most 1 times"),
        ('NOTIFYMSG ONBATT "%s and %s"', "at most 1 times"),
        ('NOTIFYMSG ONBATT "100%"', "write %% for a percent sign"),
        ("CERTHOST srv cn 1", "CERTHOST has 3 values, not 4"),
        ("CERTHOST srv:x cn 1 1", "CERTHOST: the port is not a number"),
        ("POWERDOWNFLAG killpower", "the path does not begin with /"),
    ],
)
def test_faults_are_told(text: str, message: str) -> None:
    """Place, fault, remedy."""
    assert any(message in problem for problem in read(text)[1]), read(text)[1]


def test_an_alarm_has_two_places() -> None:
    """ALARM and OTHER name the UPS and what is the matter."""
    assert not any("replaced" in problem for problem in read('NOTIFYMSG ALARM "%s: %s"')[1])


def test_good_flags_count_beside_a_wrong_one() -> None:
    """C NUT would take the good ones; with none left the default is safer than silence."""
    conf, _ = read("NOTIFYFLAG ONBATT EXCE+WALL\nNOTIFYFLAG FSD EXCE\n")
    assert conf.notifyflag[NotifyType.ONBATT] == NotifyFlag.WALL
    assert conf.notifyflag[NotifyType.FSD] == DEFAULT_FLAGS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            WHOLE + "MINSUPPLIES 2",
            "upsmon.conf:4: error: the power values add up to 1, less than MINSUPPLIES 2",
        ),
        ("MONITOR u@h 0 me pw slave", "write MINSUPPLIES 0 to monitor only"),
        (WHOLE + "MINSUPPLIES 0", "with MINSUPPLIES 0 this host never shuts down"),
        (MONITOR, "upsmon.conf: error: no SHUTDOWNCMD, so this host cannot be shut down"),
        (MONITOR, "upsmon.conf:1: warning: primary without POWERDOWNFLAG"),
        (WHOLE + "DEADTIME 5", "upsmon.conf:4: warning: DEADTIME 5 is not longer than one poll"),
        (
            WHOLE + "POLLFREQ 10\nPOLLFREQALERT 5",
            "DEADTIME 15 is less than three polls of 10 s; write: DEADTIME 30",
        ),
        (WHOLE + "POLLFREQ 1", "POLLFREQALERT 5 is slower than POLLFREQ 1"),
        (WHOLE + "HOSTSYNC 1", "HOSTSYNC 1 ends before the secondaries have polled"),
        ("MONITOR u@h 1 me pw slave\nFINALDELAY 60", "FINALDELAY 60 is longer than HOSTSYNC 15"),
        ("MONITOR u@h 1 me pw slave\nOBLBDURATION 60", "OBLBDURATION 60 makes HOSTSYNC 15 void"),
        (
            WHOLE + "NOTIFYFLAG ONBATT EXEC",
            "upsmon.conf:4: warning: NOTIFYFLAG with EXEC, but there is no NOTIFYCMD",
        ),
        (WHOLE + "NOTIFYCMD /sbin/upssched", "upsmon.conf:4: warning: NOTIFYCMD is never run"),
    ],
)
def test_what_no_single_line_shows_is_told(text: str, message: str) -> None:
    """Missing lines, and times that cannot work together."""
    assert any(message in problem for problem in read(text)[1]), read(text)[1]


def test_monitoring_only_is_no_fault() -> None:
    """Power value 0 and MINSUPPLIES 0: notices, and no shutdown."""
    assert read("MONITOR u@h 0 me pw slave\nMINSUPPLIES 0\n")[1] == []

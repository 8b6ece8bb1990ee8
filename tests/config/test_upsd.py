# SPDX-License-Identifier: GPL-2.0-or-later
"""upsd.conf as C NUT reads it."""

from __future__ import annotations

import pytest

from ridethrough.config.models import DEFAULT_LISTEN, CertRequest, Listen, UpsdConf
from ridethrough.config.upsd import parse_upsd


def read(text: str) -> tuple[UpsdConf, list[str]]:
    conf, problems = parse_upsd(text.encode())
    return conf, [str(problem) for problem in problems]


def test_an_empty_file_says_what_the_manual_says() -> None:
    """The defaults of upsd.conf(5); they listen on this host only."""
    conf, problems = read("# nothing\n")
    assert problems == []
    assert conf == UpsdConf()
    assert (conf.maxage_s, conf.trackingdelay_s, conf.maxconn) == (15, 3600, None)
    assert conf.listen == DEFAULT_LISTEN == (Listen("127.0.0.1", 3493, 0), Listen("::1", 3493, 0))


def test_all_directives_are_read() -> None:
    """Typed, with the line where LISTEN stands."""
    conf, problems = read(
        "MAXAGE 25\nTRACKINGDELAY 60\nALLOW_NO_DEVICE true\nALLOW_NOT_ALL_LISTENERS 1\nSTATEPATH /run/n\n"
        "DATAPATH /usr/share/nut\nLISTEN 127.0.0.1 3493\nLISTEN ::\nLISTEN * 1234\nMAXCONN 1024\n"
        'CERTFILE /c.pem\nCERTPATH /certs\nCERTIDENT "my server" "hunter2"\nCERTREQUEST REQUIRE\n'
        "DISABLE_WEAK_SSL yes\ndebug_min 2\n"
    )
    assert problems == []
    assert conf.listen == (Listen("127.0.0.1", 3493, 7), Listen("::", 3493, 8), Listen("*", 1234, 9))
    assert (conf.maxage_s, conf.trackingdelay_s, conf.maxconn, conf.debug_min) == (25, 60, 1024, 2)
    assert (conf.statepath, conf.datapath, conf.certfile, conf.certpath) == (
        "/run/n",
        "/usr/share/nut",
        "/c.pem",
        "/certs",
    )
    assert conf.allow_no_device
    assert conf.allow_not_all_listeners
    assert conf.disable_weak_ssl
    assert conf.certrequest is CertRequest.REQUIRE
    assert conf.certident is not None
    assert (conf.certident.name, conf.certident.password.reveal()) == ("my server", "hunter2")
    assert "hunter2" not in repr(conf)


def test_certrequest_is_a_number_too() -> None:
    """0, 1 and 2 as in C."""
    assert read("CERTREQUEST 1")[0].certrequest is CertRequest.REQUEST


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("LISTEN 0.0.0.0:3493", "upsd.conf:1: error: LISTEN: the port stands behind a blank here"),
        ("LISTEN [::1]:3493", "the port stands behind a blank here"),
        ("LISTEN [::1]", "upsd.conf:1: warning: an IPv6 address has no brackets here"),
        ("LISTEN 0.0.0.0 http", "LISTEN: the port is not a number from 1 to 65535"),
        ("LISTEN", "LISTEN has 0 values, not 1; write: LISTEN ADDRESS [PORT]"),
        ("LISTEN ::1\nLISTEN ::1 3493", "upsd.conf:2: warning: the same LISTEN as on line 1"),
        ("LISTN ::1", "unknown directive 'LISTN'; the line is ignored; did you mean 'LISTEN'?"),
        ("ACCEPT all", "upsd.conf:1: warning: ACCEPT: NUT has no access lists any more; the line is ignored"),
        ("REJECT", "NUT has no access lists any more"),
        ("ACL all 0.0.0.0/0", "NUT has no access lists any more"),
        ("MAXAGE soon", "MAXAGE: the value is not a number"),
        ("MAXAGE 0", "MAXAGE: 0 is out of range"),
        ("CERTREQUEST MAYBE", "CERTREQUEST: the value is not one of NO, REQUEST, REQUIRE, 0, 1, 2"),
        ("CERTIDENT name", 'CERTIDENT has 1 value, not 2; write: CERTIDENT "NAME" "PASSWORD"'),
        ("CERTIDENT name password", "CERTIDENT without CERTPATH or CERTFILE does nothing"),
        ("STATEPATH run", "the path does not begin with /"),
    ],
)
def test_faults_are_told(text: str, message: str) -> None:
    """Place, fault, remedy."""
    assert any(message in problem for problem in read(text)[1]), read(text)[1]


def test_bracketed_addresses_are_read_as_meant() -> None:
    """The address is used, without its brackets."""
    assert read("LISTEN [::1] 99")[0].listen == (Listen("::1", 99, 1),)


def test_old_access_lists_are_told_as_warnings_of_what_counts_now() -> None:
    """They open nothing: the server listens where LISTEN says."""
    assert read("ACCEPT all\n")[0].listen == DEFAULT_LISTEN

# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line as a new user tries it: a mistake is one line, and `status` says yes only to facts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from ridethrough.app.drills import Drill, fingerprint, record
from tests.support.house import Home, home
from tests.support.wait import wait_until

SOON_S = 10.0
SOMEBODY = "nobody" if os.geteuid() == 0 else None


@pytest.fixture
def at_home() -> Iterator[Home]:
    """A configuration that works."""
    with home() as one:
        yield one


@pytest.fixture
def somebody() -> Iterator[Home]:
    """The same for a user who is not root."""
    with home(SOMEBODY) as one:
        yield one


def test_a_directory_that_is_none(at_home: Home) -> None:
    """Missing, or a file: named, with what is wanted."""
    for words, wrong in (("serve", "is not there"), ("check", "is not there")):
        ran = at_home.run(words, "--config", at_home.root / "none")
        assert ran.status == 1
        assert f"{at_home.root / 'none'} {wrong}" in ran.line
        assert "/etc/nut" in ran.line
    ran = at_home.run("serve", "--config", at_home.conf / "ups.conf")
    assert ran.status == 1
    assert "is not a directory" in ran.line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("serve", "--bogus"), "--bogus"),
        (("serve", "--armed"), "--armed needs --config"),
        (("serve", "--armed", "--simulate", "--config", "/etc/nut"), "would shut this host down"),
        (("serve", "--port", "99999"), "0 to 65535"),
        (("serve", "--speed", "fast"), "above 0"),
        (("serve", "--outage", "soon"), "20s"),
        (("serve", "--speed", "2", "--config", "/etc/nut"), "--simulate"),
        (("status", "--bogus"), "--bogus"),
        (("check", "extra"), "extra"),
        (("sim",), "what, value"),
        (("sim", "weather", "off"), "weather"),
        (("statsu",), "did you mean 'status'?"),
        (("serv", "--simulate"), "did you mean 'serve'?"),
    ],
    ids=" ".join,
)
def test_a_mistake_on_the_command_line(at_home: Home, words: tuple[str, ...], told: str) -> None:
    """One line, which names the help, and exit status 2."""
    ran = at_home.run(*words)
    assert ran.status == 2
    assert ran.out == ""
    assert told in ran.line
    assert "help" in ran.line


def test_ridethrough_alone_shows_its_commands(at_home: Home) -> None:
    """Exit status 2, as it did nothing; with `help` it is 0."""
    ran = at_home.run()
    assert (ran.status, ran.out) == (2, "")
    assert "serve " in ran.err
    assert at_home.run("help").status == 0


def test_commands_without_a_serve(at_home: Home) -> None:
    """`sim`, `events` and `status` say that nothing runs, where they looked, and how it is started."""
    for words in (("sim", "mains", "off"), ("events",)):
        ran = at_home.run(*words)
        assert ran.status == 1
        assert str(at_home.state / "ridethrough.sock") in ran.line
        assert "ridethrough serve" in ran.line
    ran = at_home.run("status")
    assert ran.status == 1
    assert f"-> ridethrough serve --config {at_home.conf} --armed" in ran.out
    assert ran.out.splitlines()[-1].startswith("NOT protected")


@pytest.mark.cnut
def test_status_says_yes_only_when_all_is_well(somebody: Home) -> None:
    """Armed, fresh, logged in, hook there (C NUT's), drill passed: 0; one of them missing: 1."""
    with somebody.serving("--armed"):
        wait_until(lambda: somebody.get_var() == 'VAR sim ups.status "OL"', SOON_S, "the UPS")
        ran = somebody.run("status")
        assert ran.status == 1
        assert f"-> ridethrough drill --config {somebody.conf}" in ran.out
        assert ran.out.count("NO ") == 1, ran.out
        records = somebody.root / "records/ridethrough"
        kept = record(somebody.conf, Drill(1e9, True, "passed", fingerprint(somebody.conf)), records)
        fields = json.loads(kept.read_text())
        ran = somebody.run("status")
        assert ran.status == 1
        assert "too old" in ran.out
        for path in (records, kept):
            path.chmod(0o777)
        kept.write_text(json.dumps({**fields, "at": kept.stat().st_mtime}))
        ran = somebody.run("status")
        assert (ran.status, ran.out.splitlines()[-1]) == (0, "protected"), ran.out

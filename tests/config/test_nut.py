# SPDX-License-Identifier: GPL-2.0-or-later
"""nut.conf as a shell reads it."""

from __future__ import annotations

import pytest

from ridethrough.config.engine import MAX_FILE_BYTES
from ridethrough.config.models import Mode, NutConf
from ridethrough.config.nut import parse_nut


def read(text: str) -> tuple[NutConf, list[str]]:
    conf, problems = parse_nut(text.encode())
    return conf, [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        ("MODE=standalone", Mode.STANDALONE),
        ('MODE="netserver"', Mode.NETSERVER),
        ("MODE='netclient' # comment", Mode.NETCLIENT),
        ("  MODE=none\r", Mode.NONE),
        ("MODE=manual", Mode.MANUAL),
    ],
)
def test_the_mode_is_read_with_and_without_quotes(line: str, mode: Mode) -> None:
    """As sh sources it."""
    conf, problems = read(line)
    assert conf.mode is mode
    assert problems == []
    assert mode.serves is (mode in (Mode.STANDALONE, Mode.NETSERVER, Mode.MANUAL))


def test_all_variables_are_read() -> None:
    """What nut.conf(5) names is typed or kept as written, and nothing of it is called unknown."""
    conf, problems = read(
        "# Debian\nMODE=standalone\nUPSD_OPTIONS=\"-4 -q\"\nUPSMON_OPTIONS=''\nPOWEROFF_WAIT=15m\n"
        "POWEROFF_QUIET=true\nALLOW_NO_DEVICE=yes\nALLOW_NOT_ALL_LISTENERS=1\nNUT_DEBUG_LEVEL=2\n"
        "NUT_DEBUG_SYSLOG=stderr\n"
    )
    assert problems == []
    assert conf.upsd_options == "-4 -q"
    assert conf.poweroff_wait == "15m"
    assert (conf.poweroff_quiet, conf.allow_no_device, conf.allow_not_all_listeners) == (True, True, True)
    assert conf.debug_level == 2
    assert conf.variables["NUT_DEBUG_SYSLOG"] == "stderr"


@pytest.mark.parametrize("line", ["MODE = none", "MODE= none", "MODE =none", "export MODE = none", "MODE = "])
def test_blanks_around_the_equals_sign_are_an_error(line: str) -> None:
    """A shell would run it as a command; the right line is given."""
    conf, problems = read(line)
    assert "MODE" not in conf.variables
    assert any(
        "nut.conf:1: error: blanks around the =" in one and "MODE=standalone" in one for one in problems
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("MODE=standalon", "nut.conf:1: error: MODE: 'standalon' is not one of"),
        ("MODE=standalon", "did you mean 'standalone'?"),
        ("MODE=none\nMODES=x", "nut.conf:2: warning: unknown variable 'MODES'; did you mean 'MODE'?"),
        ("mode=none", "unknown variable 'mode'; did you mean 'MODE'?"),
        ("UPSD_OPTIONS=x", "nut.conf: warning: MODE is not set"),
        ("export MODE=none", "nut.conf:1: warning: export is not understood"),
        ('MODE="none', "nut.conf:1: error: a quote or a backslash"),
        ("MODE none", "nut.conf:1: error: 'MODE' is no assignment"),
        ("UPSD_OPTIONS=-4 -q", "nut.conf:1: error: '-q' is no assignment"),
        ("MODE=none\nUPSD_OPTIONS=$X", "nut.conf:2: warning: UPSD_OPTIONS: $ is not replaced"),
        ("MODE=none\nMODE=manual", "nut.conf:2: warning: MODE stands on line 1 already"),
        ("a\0b", "nut.conf:1: error: the line holds a NUL byte"),
        ("A-B = 1", "remove them: NAME=value"),
        ("#" * MAX_FILE_BYTES + "#", "the file is longer than"),
    ],
)
def test_faults_are_told(line: str, message: str) -> None:
    """Place, fault, remedy."""
    assert any(message in problem for problem in read(line)[1])


def test_two_assignments_on_a_line_are_read() -> None:
    """A shell reads both."""
    conf, problems = read("MODE=none UPSD_OPTIONS=-4\n")
    assert (conf.mode, conf.upsd_options, problems) == (Mode.NONE, "-4", [])

# SPDX-License-Identifier: GPL-2.0-or-later
"""upssched.conf as C NUT reads it."""

from __future__ import annotations

import pytest

from ridethrough.config.models import AtRule, UpsschedConf
from ridethrough.config.upssched import parse_upssched

HEAD = "CMDSCRIPT /bin/cmd\nPIPEFN /run/nut/p\nLOCKFN /run/nut/l\n"


def read(text: str) -> tuple[UpsschedConf, list[str]]:
    conf, problems = parse_upssched(text.encode())
    return conf, [str(problem) for problem in problems]


def test_a_good_file_is_read_whole() -> None:
    """All five commands, with and without their optional word."""
    conf, problems = read(
        HEAD + "AT ONBATT * START-TIMER onbatt 30\nAT online u@h CANCEL-TIMER onbatt online\n"
        "AT ONLINE * CANCEL-TIMER-MATCHED t\nAT COMMBAD * START-TIMER-SHARED gone 10\n"
        "AT LOWBATT * EXECUTE stop\n"
        "DEBUG_MIN 1\n"
    )
    assert problems == []
    assert (conf.cmdscript, conf.pipefn, conf.lockfn, conf.debug_min) == (
        "/bin/cmd",
        "/run/nut/p",
        "/run/nut/l",
        1,
    )
    assert conf.rules == (
        AtRule("ONBATT", "*", "START-TIMER", ("onbatt", "30"), 4),
        AtRule("ONLINE", "u@h", "CANCEL-TIMER", ("onbatt", "online"), 5),
        AtRule("ONLINE", "*", "CANCEL-TIMER-MATCHED", ("t",), 6),
        AtRule("COMMBAD", "*", "START-TIMER-SHARED", ("gone", "10"), 7),
        AtRule("LOWBATT", "*", "EXECUTE", ("stop",), 8),
    )


def test_debians_shipped_file_wants_nothing() -> None:
    """Without AT lines nothing is missing."""
    assert read("CMDSCRIPT /bin/upssched-cmd\n")[1] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "AT ONBATT * EXECUTE x",
            "upssched.conf:1: error: AT without CMDSCRIPT; write above this line: CMDSCRIPT",
        ),
        ("AT ONBATT * EXECUTE x", "AT without PIPEFN; write above this line: PIPEFN /run/nut/upssched.pipe"),
        ("AT ONBATT * EXECUTE x", "AT without LOCKFN"),
        (
            "CMDSCRIPT /c\nLOCKFN /l\nAT ONBATT * EXECUTE x\nPIPEFN /p",
            "upssched.conf:4: error: PIPEFN stands below the first AT (line 3); C NUT ends there; move it",
        ),
        (
            HEAD + "AT ONBAT * EXECUTE x",
            "'ONBAT' is not a notify type, so this line never acts; did you mean 'ONBATT'?",
        ),
        (HEAD + "AT ZZZZ * EXECUTE x", "upsmon.conf(5) lists them"),
        (HEAD + "AT ONBATT * START x 3", "AT: 'START' is not a command; did you mean 'START-TIMER'?"),
        (HEAD + "AT ONBATT * ZZ x 3", "write one of START-TIMER, "),
        (
            HEAD + "AT ONBATT * START-TIMER x",
            "START-TIMER needs 2 values behind it; write: AT NOTIFYTYPE UPS START-TIMER",
        ),
        (HEAD + "AT ONBATT * CANCEL-TIMER", "CANCEL-TIMER needs 1 value behind it"),
        (HEAD + 'AT ONBATT * EXECUTE ""', "EXECUTE needs 1 value behind it"),
        (HEAD + "AT ONBATT *", "AT has 2 values, not 3; write: AT NOTIFYTYPE UPS START-TIMER NAME SECONDS"),
        (HEAD + "AT ONBATT * START-TIMER x soon", "AT: 'soon' is not a number"),
        (HEAD + "AT ONBATT * START-TIMER x -5", "AT: -5 is out of range"),
        (HEAD + "AT ONBATT * EXECUTE two words", "words behind the values of EXECUTE are ignored"),
        (
            HEAD + "AT SHUTDOWN * EXECUTE x\nAT SHUTDOWN * EXECUTE x",
            "upssched.conf:5: warning: the same AT as on line 4",
        ),
        ("CMDSCIPT /c", "did you mean 'CMDSCRIPT'?"),
    ],
)
def test_faults_are_told(text: str, message: str) -> None:
    """Place, fault, remedy."""
    assert any(message in problem for problem in read(text)[1]), read(text)[1]


def test_rules_before_their_directives_are_kept() -> None:
    """Ours does not act while it reads, so the order costs nothing but the message."""
    conf, _ = read("AT ONBATT * EXECUTE x\n" + HEAD)
    assert len(conf.rules) == 1


def test_a_time_with_a_unit_is_read_as_c_reads_it() -> None:
    """30s is 30, and it is said."""
    conf, problems = read(HEAD + "AT ONBATT * START-TIMER x 30s\n")
    assert conf.rules[0].args == ("x", "30")
    assert len(problems) == 1

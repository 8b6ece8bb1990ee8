# SPDX-License-Identifier: GPL-2.0-or-later
"""upslog's formats: every escape, what is wrong in a template, one line whatever the values hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.client import logformat
from ridethrough.client.logformat import FormatError, Moment, parse, render, variables

VALUES = {"ups.status": "OL CHRG", "ups.load": "12"}
MOMENT = Moment(
    host="box",
    upshost="su@host:3493",
    pid=77,
    epoch=1_700_000_000,
    shown_time=lambda form: f"<{form}>",
    value=VALUES.get,
)


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("plain", "plain"),
        ("", ""),
        ("100%%", "100%"),
        ("a%tb", "a\tb"),
        ("%HOST% %UPSHOST% %PID% %ETIME%", "box su@host:3493 77 1700000000"),
        ("%host% %Pid%", "box 77"),
        ("%TIME @Y@m@d @H@M@S%", "<%Y%m%d %H%M%S>"),
        ("%VAR ups.load%/%VAR ups.status%", "12/OL CHRG"),
        ("%VAR ups.nothing%", "NA"),
        ("%VARIABLE ups.load%", "12"),
        ("%VAR load%", "INVALID"),
        ("%VAR%", "INVALID"),
        ("%VAR %", "INVALID"),
        ("%TIME%", "INVALID"),
        ("%WHAT% x", "INVALID x"),
        ("a %PID", "a INVALIDPID"),
        ("%", "INVALID"),
        ("%%%PID%%%", "%77%"),
        (logformat.UPSHOST_PREFIX + "%VAR ups.load%", "su@host:3493\t12"),
        (logformat.DEFAULT_FORMAT, "<%Y%m%d %H%M%S> NA NA 12 [OL CHRG] NA NA"),
    ],
)
def test_escapes(template: str, line: str) -> None:
    """Each escape gives what NUT's manual says; what is none gives INVALID and spoils nothing else."""
    assert render(parse(template), MOMENT) == line


def test_what_is_asked_for() -> None:
    """Each variable is asked for once; whether lines tell their UPS is known beforehand."""
    pieces = parse("%VAR ups.load% %VAR ups.status% %VAR ups.load%")
    assert variables(pieces) == ("ups.load", "ups.status")
    assert not logformat.names_upshost(pieces)
    assert logformat.names_upshost(parse("%upshost%"))


def test_one_line() -> None:
    """A newline in a value can't forge a line."""
    moment = Moment("h", "u", 1, 2, str, {"a.b": "x\ny\rz"}.get)
    assert render(parse("%VAR a.b%"), moment) == "x y z"


def test_too_long() -> None:
    """A format without measure is refused in words."""
    with pytest.raises(FormatError, match="4096"):
        parse("x" * 4097)


@settings(max_examples=200)
@given(st.text(alphabet="%VARTIME tab.@\n", max_size=60))
def test_any_template(template: str) -> None:
    """Whatever the template, there is a line, and only one."""
    assert "\n" not in render(parse(template), MOMENT)


@settings(max_examples=100)
@given(st.text(max_size=60).filter(lambda text: not set(text) & set("\r\n")))
def test_literal_text_stands(text: str) -> None:
    """A text with its % doubled comes out as it was."""
    assert render(parse(text.replace("%", "%%")), MOMENT) == text

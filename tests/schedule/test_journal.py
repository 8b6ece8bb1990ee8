# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ridethrough.schedule.journal."""

from __future__ import annotations

import os
import syslog

import pytest

from ridethrough.schedule.journal import Journal, printable


def test_no_text_forges_a_second_line() -> None:
    """Control characters and stray bytes of a message can't fake a log line."""
    assert printable("a\nupssched: \x1b[2Jfake\udcff\u2028é") == "a upssched:  [2Jfake\\xff é"


def test_lines_go_to_syslog_and_stderr_with_the_tag(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`journalctl -t upssched` and the terminal show the same lines."""
    sent: list[tuple[int, str]] = []
    opened: list[str] = []
    monkeypatch.setattr(syslog, "syslog", lambda priority, text: sent.append((priority, text)))
    monkeypatch.setattr(syslog, "openlog", lambda tag, *_: opened.append(tag))
    journal = Journal()
    journal("Event: onbatt ")
    journal("look here", True)
    journal.background(stderr=False)
    journal("quiet")
    assert opened == ["upssched", "upssched"]
    assert sent == [
        (syslog.LOG_INFO, "Event: onbatt "),
        (syslog.LOG_WARNING, "look here"),
        (syslog.LOG_INFO, "quiet"),
    ]
    assert capsys.readouterr().err == "upssched: Event: onbatt \nupssched: look here\n"


@pytest.mark.parametrize(
    ("word", "logged", "kept"), [("stderr", False, True), ("none", False, False), ("", True, False)]
)
def test_the_environment_says_where_lines_go(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str, logged: bool, kept: bool
) -> None:
    """NUT_DEBUG_SYSLOG leaves the system's log out, NUT_DEBUG_PID marks the lines of standard error."""
    sent: list[str] = []
    monkeypatch.setattr(syslog, "syslog", lambda priority, text: sent.append(text))
    monkeypatch.setattr(syslog, "openlog", lambda tag, *_: sent.append(f"open {tag}"))
    journal = Journal(env={"NUT_DEBUG_SYSLOG": word, "NUT_DEBUG_PID": "1"})
    journal("Event: onbatt")
    assert sent == (["open upssched", "Event: onbatt"] if logged else [])
    assert journal.keeps_stderr is kept
    assert capsys.readouterr().err == f"upssched[{os.getpid()}]: Event: onbatt\n"

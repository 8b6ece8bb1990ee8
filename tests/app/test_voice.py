# SPDX-License-Identifier: GPL-2.0-or-later
"""What daemons say: where it goes, in what words, and that nobody ever waits for it."""

from __future__ import annotations

import io
import os
import sys
import syslog
import threading
from collections.abc import Iterator

import pytest

from ridethrough.app.voice import Voice


class Log:
    """The system's log."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        self.opened: list[str] = []
        self.hung = threading.Event()
        self.hung.set()

    def write(self, priority: int, text: str) -> None:
        """syslog(3), which may wait for as long as the log hangs."""
        self.hung.wait(30)
        self.lines.append((priority, text))


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """Takes the place of the system's log."""
    made = Log()
    monkeypatch.setattr(syslog, "syslog", made.write)
    monkeypatch.setattr(syslog, "openlog", lambda name, *_: made.opened.append(name))
    yield made
    made.hung.set()


@pytest.fixture
def stderr(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A standard error with a descriptor, as processes have."""
    with os.fdopen(os.dup(2), "w") as file:
        monkeypatch.setattr(sys, "stderr", file)
        yield


def test_lines_on_standard_error(capsys: pytest.CaptureFixture[str], log: Log) -> None:
    """Each begins with the program; news stand bare, what is worse names its level; no debugging unasked."""
    voice = Voice("upsd", {})
    for level in ("info", "notice", "warning", "error", "critical", "debug", "whatever"):
        voice.say(level, f"it is {level}")
    voice.debug = True
    voice.say("debug", "caf\udce9")
    voice.say("debug", "odd \ud800")
    assert capsys.readouterr().err.splitlines() == [
        "upsd: it is info",
        "upsd: it is notice",
        "upsd: warning: it is warning",
        "upsd: error: it is error",
        "upsd: critical: it is critical",
        "upsd: whatever: it is whatever",
        "upsd: debug: caf\ufffd",
        "upsd: debug: odd ?",
    ]
    assert log.lines == []


def test_the_process_id(capsys: pytest.CaptureFixture[str], log: Log) -> None:
    """NUT_DEBUG_PID, whatever it holds, puts it on every line of standard error; the log has it anyhow."""
    voice = Voice("upsd", {"NUT_DEBUG_PID": ""})
    voice.say("warning", "look")
    voice.detach()
    voice.say("warning", "look")
    assert capsys.readouterr().err == f"upsd[{os.getpid()}]: warning: look\n"
    assert log.lines == [(syslog.LOG_WARNING, "look")]


@pytest.mark.parametrize(
    ("word", "logged", "on_stderr"),
    [
        (None, True, False),
        ("default", True, False),
        ("syslog", True, False),
        ("true", True, False),
        ("stderr", False, True),
        ("none", False, False),
        ("false", False, False),
    ],
)
def test_where_lines_go_once_detached(
    capsys: pytest.CaptureFixture[str], log: Log, word: str | None, logged: bool, on_stderr: bool
) -> None:
    """NUT_DEBUG_SYSLOG says it: to the log, to a standard error that is kept, or nowhere."""
    voice = Voice("upsd", {} if word is None else {"NUT_DEBUG_SYSLOG": word})
    voice.detach()
    voice.say("error", "gone\0wrong")
    assert voice.keeps_stderr is on_stderr
    assert log.lines == ([(syslog.LOG_ERR, "gone?wrong")] if logged else [])
    assert log.opened == (["upsd"] if logged else [])
    assert capsys.readouterr().err == ("upsd: error: gone\0wrong\n" if on_stderr else "")


def test_an_unknown_word_is_said(capsys: pytest.CaptureFixture[str], log: Log) -> None:
    """It counts as none, and the line names what is known."""
    voice = Voice("upsd", {"NUT_DEBUG_SYSLOG": "journal"})
    voice.detach()
    voice.say("info", "here")
    assert "NUT_DEBUG_SYSLOG 'journal' is ignored; it may be: stderr" in capsys.readouterr().err
    assert log.lines == [(syslog.LOG_INFO, "here")]


def test_a_log_that_hangs_stops_nobody(capfd: pytest.CaptureFixture[str], log: Log) -> None:
    """Lines wait for the journal, `say` and the end of the program do not; later they come in order."""
    voice = Voice("upsd", {})
    log.hung.clear()
    with voice.threaded():
        voice.detach()
        for number in range(5):
            voice.say("info", f"{number}")
    voice.say("info", "after the end")
    assert log.lines == []
    log.hung.set()
    with voice.threaded():
        pass
    deadline = threading.Event()
    while len(log.lines) < 5 and not deadline.wait(0.01):
        pass
    assert [text for _, text in log.lines][:5] == ["0", "1", "2", "3", "4"]


def test_lines_before_the_thread_come_out_once_it_begins(
    stderr: None, capfd: pytest.CaptureFixture[str], log: Log
) -> None:
    """A process drops root before it has threads: what was said until then is written, before it detaches."""
    voice = Voice("upsd", {})
    with voice.threaded(begin=False):
        voice.say("info", "as root")
        assert threading.active_count() == 1
        voice.begin()
        voice.out("listing")
        voice.detach()
        assert capfd.readouterr() == ("listing\n", "upsd: as root\n")
        voice.say("info", "in the background")
    assert log.lines == [(syslog.LOG_INFO, "in the background")]


def test_a_failed_start_says_all_it_had_to_say(stderr: None, capfd: pytest.CaptureFixture[str]) -> None:
    """The thread that never began writes at the end."""
    voice = Voice("upsd", {})
    with voice.threaded(begin=False):
        voice.say("error", "no such port")
    assert capfd.readouterr().err == "upsd: error: no such port\n"


def test_without_standard_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that was started without them says nothing, and nothing is written into its other files."""
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "stdout", None)
    voice = Voice("upsd", {})
    voice.say("error", "nobody hears")
    with voice.threaded():
        voice.say("error", "nobody hears")
        voice.out("nobody hears")


def test_a_standard_error_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed one ends nothing."""
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    Voice("upsd", {}).say("error", "nobody hears")

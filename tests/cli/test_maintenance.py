# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough maintenance`, as a person types it, and `upsmon -c fsd` as a script of a notice does."""

from __future__ import annotations

import argparse
import os
import signal
from typing import Any

import pytest

from ridethrough.cli import maintenance, running, upsmon
from ridethrough.cli.maintenance import length, main, shown
from ridethrough.control.client import ControlClient, ControlError

ON: dict[str, Any] = {
    "on": True,
    "left_s": 5400.0,
    "until": "16:30",
    "who": "root (for alice)",
    "reason": "new battery",
    "even_fsd": False,
    "would": "",
}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200),
        ("90min", 5400),
        ("90m", 5400),
        ("1h30m", 5400),
        ("1h30min", 5400),
        ("1.5h", 5400),
        ("30s", 30),
    ],
)
def test_lengths(text: str, seconds: float) -> None:
    """Hours, minutes, both."""
    assert length(text) == seconds


@pytest.mark.parametrize(
    "text", ["2", "", "h", "-2h", "2d", "30m2h", "2h2h", "1e3h", "25h", "0h", "99999h", "inf"]
)
def test_what_is_no_length(text: str) -> None:
    """A number alone is not guessed at, and nothing is without an end or longer than a day."""
    with pytest.raises(argparse.ArgumentTypeError, match=r"2h, 90min|has an end, within 24 h"):
        length(text)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    """What was asked over the control socket; the answers are those of ANSWERS."""
    log: list[tuple[str, dict[str, object]]] = []

    def ask(self: ControlClient, verb: str, /, **args: object) -> dict[str, Any]:
        log.append((verb, args))
        answer = ANSWERS[verb]
        if isinstance(answer, ControlError):
            raise answer
        return answer

    monkeypatch.setattr(ControlClient, "ask", ask)
    monkeypatch.setenv("SUDO_USER", "alice")
    ANSWERS.clear()
    return log


ANSWERS: dict[str, Any] = {}


def test_on(asked: list[tuple[str, dict[str, object]]], capsys: pytest.CaptureFixture[str]) -> None:
    """Until when, what is not held back, and how to end it."""
    ANSWERS["maintenance.on"] = ON
    assert main(["maintenance", "on", "1h30m", "--reason", "new battery"]) == 0
    fields = {"seconds": 5400.0, "reason": "new battery", "even_fsd": False, "for": "alice"}
    assert asked == [("maintenance.on", fields)]
    assert capsys.readouterr().out.splitlines() == [
        "maintenance until 16:30 (another 1 h 30 min) by root (for alice) (new battery)",
        "this host is not shut down, but for FSD, and when a person orders it;"
        " scripts of NOTIFYCMD and upssched run as usual",
        "to end it: ridethrough maintenance off",
    ]


def test_even_fsd_is_asked_for_by_its_name(
    asked: list[tuple[str, dict[str, object]]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody holds FSD back by mistake."""
    ANSWERS["maintenance.on"] = {**ON, "even_fsd": True}
    assert main(["maintenance", "on", "5min", "--even-fsd"]) == 0
    assert asked[0][1]["even_fsd"] is True
    assert "not even for FSD" in capsys.readouterr().out


def test_off(asked: list[tuple[str, dict[str, object]]], capsys: pytest.CaptureFixture[str]) -> None:
    """A shutdown that begins with it is not to be overlooked."""
    ANSWERS["maintenance.off"] = {"on": False, "begun": ""}
    assert main(["maintenance", "off"]) == 0
    assert "SHUTDOWN BEGINS" not in capsys.readouterr().out
    ANSWERS["maintenance.off"] = {"on": False, "begun": "too little power"}
    assert main(["maintenance", "off"]) == 0
    assert "THE SHUTDOWN BEGINS NOW: too little power" in capsys.readouterr().out


def test_status_is_a_question_for_scripts(
    asked: list[tuple[str, dict[str, object]]], capsys: pytest.CaptureFixture[str]
) -> None:
    """0 while it is on, 1 if not, 2 if nobody can say: a script goes on as usual with all but 0."""
    ANSWERS["maintenance.status"] = {**ON, "would": "UPS empty"}
    assert main(["maintenance", "status"]) == 0
    assert "WOULD SHUT DOWN NOW: UPS empty" in capsys.readouterr().out
    ANSWERS["maintenance.status"] = {"on": False}
    assert main(["maintenance", "status"]) == 1
    ANSWERS["maintenance.status"] = ControlError("no service answers")
    assert main(["maintenance", "status"]) == 2
    assert capsys.readouterr().err == "ridethrough maintenance: no service answers\n"
    ANSWERS["maintenance.off"] = ANSWERS["maintenance.status"]
    assert main(["maintenance", "off"]) == 1


@pytest.mark.parametrize("words", [[], ["on"], ["on", "2"], ["on", "2d"], ["of"], ["off", "now"]])
def test_a_mistake_is_one_line(
    asked: list[tuple[str, dict[str, object]]], capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """Exit status 2, one line, and nothing was asked for."""
    with pytest.raises(SystemExit) as ended:
        main(["maintenance", *words])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not asked


def test_shown_of_none() -> None:
    """Nothing on is said plainly."""
    assert shown({"on": False}) == "no maintenance is on"
    assert maintenance.__doc__


# -- `upsmon -c fsd` ---------------------------------------------------------------------------------------


def order(monkeypatch: pytest.MonkeyPatch, script: str, answers: dict[str, Any]) -> tuple[int, int]:
    """`upsmon -c fsd` to this very process; its exit status, and how many signals came."""

    def ask(verb: str, **args: object) -> Any:
        answer = answers[verb]
        if isinstance(answer, Exception):
            raise answer
        return answer

    got: list[int] = []
    monkeypatch.setattr(running, "ask", ask)
    if script:
        monkeypatch.setenv("NOTIFYTYPE", script)
    else:
        monkeypatch.delenv("NOTIFYTYPE", raising=False)
    before = signal.signal(signal.SIGUSR1, lambda number, frame: got.append(number))
    try:
        return upsmon.main(["upsmon", "-c", "fsd", "-P", str(os.getpid())]), len(got)
    finally:
        signal.signal(signal.SIGUSR1, before)


HELD = running.Refused("a maintenance holds back what scripts order")


def test_a_script_is_refused_while_it_is_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1 and one line, which the log of the service then has; no signal."""
    answers = {"maintenance.status": {"on": True}, "fsd": HELD}
    assert order(monkeypatch, "ONBATT", answers) == (1, 0)
    assert capsys.readouterr().err == "upsmon: a maintenance holds back what scripts order\n"


@pytest.mark.parametrize("reply", [{"on": False}, None, running.Refused("too slow"), {}])
def test_in_doubt_a_script_is_obeyed(monkeypatch: pytest.MonkeyPatch, reply: object) -> None:
    """No maintenance, no service, a service that does not answer: the host goes down."""
    assert order(monkeypatch, "ONBATT", {"maintenance.status": reply}) == (0, 1)


def test_a_person_is_not_even_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without NOTIFYTYPE it is somebody's own order: the signal, as with C's."""
    assert order(monkeypatch, "", {}) == (0, 1)

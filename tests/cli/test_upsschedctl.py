# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of `upsschedctl` as a command: with the stand-alone daemon, and with a running service."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from ridethrough.cli import upsschedctl
from tests.support.upssched import CTL, site

RULES = "AT ONBATT * START-TIMER onbatt 60\nAT ONLINE * CANCEL-TIMER onbatt\n"


def test_a_timer_started_by_hand_runs_out() -> None:
    """`upsschedctl start onbatt 1`, as guides have it, starts the daemon and CMDSCRIPT runs in time."""
    with site(RULES) as here:
        ran = here.run([*CTL, "start", "onbatt", "1"])
        assert (ran.status, ran.err) == (0, "")
        assert ran.out == "timer onbatt started; CMDSCRIPT runs with onbatt in 1 seconds\n"
        assert here.wait_calls(1) == ["onbatt|||"]
        here.wait_gone()


def test_list_and_cancel() -> None:
    """Running timers are shown with what is behind them, and can be cancelled by name."""
    with site(RULES) as here:
        assert here.run([*CTL, "list"]).out == "no timer is running\n"
        here.notice("ONBATT", "a@h")
        here.run([*CTL, "start", "onbatt", "120"])
        first, second = here.run([*CTL, "list"]).out.splitlines()
        assert first.startswith("onbatt\t")
        assert first.endswith(" s left\tONBATT a@h")
        assert second.endswith(" s left\tby hand")
        assert here.run([*CTL, "cancel", "onbatt"]).out == "timer onbatt cancelled (2 of this name)\n"
        gone = here.run([*CTL, "cancel", "onbatt"])
        assert (gone.status, gone.err) == (1, "upsschedctl: no timer onbatt is running\n")


def test_a_name_that_no_line_has_is_started_with_a_note() -> None:
    """A misspelt name is noticed: the note lists those that AT lines have."""
    with site(RULES) as here:
        ran = here.run([*CTL, "start", "onbat", "60"])
        assert ran.status == 0
        assert ran.err == "upsschedctl: note: no AT line names onbat; they name: onbatt\n"


@pytest.mark.parametrize(
    "words",
    [[], ["start", "x"], ["list", "x"], ["explode"], ["cancel"], ["start", "x", ""], ["start", "x", "soon"]],
)
def test_wrong_words_start_nothing(words: list[str]) -> None:
    """Wrong words get the usage or the reason, and status 1."""
    with site(RULES) as here:
        ran = here.run([*CTL, *words])
        assert ran.status == 1
        assert ran.err
        assert ran.out == ""
        assert here.daemons() == []


def test_help_and_missing_file() -> None:
    """-h helps; a missing upssched.conf is named."""
    with site(RULES) as here:
        here.conf.unlink()
        assert here.run([*CTL, "-h"]).out.startswith("usage: upsschedctl list")
        ran = here.run([*CTL, "start", "onbatt", "5"])
        assert ran.status == 1
        assert ran.err.startswith(f"upsschedctl: {here.conf}: No such file")


class FakeClient:
    """Stands for the client of the control socket; keeps what it was asked."""

    asked: list[tuple[str, dict[str, object]]]
    reply: dict[str, object]

    def __init__(self, path: Path, timeout_s: float) -> None:
        assert path.name == "ridethrough.sock"

    def ask(self, verb: str, **args: object) -> dict[str, object]:
        FakeClient.asked.append((verb, args))
        if "error" in FakeClient.reply:
            raise ControlErrorForTest(str(FakeClient.reply["error"]))
        return FakeClient.reply


class ControlErrorForTest(Exception):
    """Stands for ControlError."""


class NotRunningForTest(ControlErrorForTest):
    """Stands for NotRunning."""


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[FakeClient]:
    """A state directory with a control socket, and a client that answers as told."""
    (tmp_path / "ridethrough.sock").touch()
    module = types.ModuleType("ridethrough.control.client")
    module.ControlClient = FakeClient  # type: ignore[attr-defined]
    module.ControlError = ControlErrorForTest  # type: ignore[attr-defined]
    module.NotRunning = NotRunningForTest  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ridethrough.control.client", module)
    monkeypatch.setenv("NUT_STATEPATH", str(tmp_path))
    FakeClient.asked, FakeClient.reply = [], {}
    return FakeClient


def test_a_running_service_is_asked_first(
    service: type[FakeClient], capsys: pytest.CaptureFixture[str]
) -> None:
    """With `ridethrough serve` running, its timers are the ones that are started, listed and cancelled."""
    assert upsschedctl.main(["upsschedctl", "start", "onbatt", "5"]) == 0
    service.reply = {"cancelled": 1}
    assert upsschedctl.main(["upsschedctl", "cancel", "onbatt"]) == 0
    service.reply = {"timers": [{"name": "onbatt", "left_s": 4.2, "types": "ONBATT", "upses": "a@h"}]}
    assert upsschedctl.main(["upsschedctl", "list"]) == 0
    assert service.asked == [
        ("timers.start", {"name": "onbatt", "seconds": 5.0}),
        ("timers.cancel", {"name": "onbatt"}),
        ("timers.list", {}),
    ]
    assert capsys.readouterr().out.splitlines() == [
        "timer onbatt started; CMDSCRIPT runs with onbatt in 5 seconds",
        "timer onbatt cancelled",
        "onbatt\t4 s left\tONBATT a@h",
    ]


def test_a_refusal_of_the_service_is_shown(
    service: type[FakeClient], capsys: pytest.CaptureFixture[str]
) -> None:
    """What the service refuses is told in its words, with status 1."""
    service.reply = {"error": "no AT line of upssched.conf has the name 'x'"}
    assert upsschedctl.main(["upsschedctl", "start", "x", "5"]) == 1
    assert capsys.readouterr().err == "upsschedctl: no AT line of upssched.conf has the name 'x'\n"
    service.reply = {"cancelled": 0}
    assert upsschedctl.main(["upsschedctl", "cancel", "x"]) == 1
    assert capsys.readouterr().err == "upsschedctl: no timer x is running\n"

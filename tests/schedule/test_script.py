# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of ridethrough.schedule.script: what CMDSCRIPT is called with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ridethrough.schedule import script as script_module
from ridethrough.schedule.rules import NO_CAUSE, Cause
from ridethrough.schedule.script import Lane, argv, environment
from tests.support.wait import wait_until

CAUSE = Cause("ONBATT", "a@h", "UPS a@h on battery")


def test_the_name_is_one_argument_and_never_shell_text(tmp_path: Path) -> None:
    """A timer's name full of shell characters reaches the script as it is."""
    nasty = '$(touch x); "`rm`" && \\ *'
    assert argv("/etc/nut/upssched-cmd", nasty) == ["/etc/nut/upssched-cmd", nasty]
    assert argv("/bin/sh /etc/nut/cmd -x", nasty) == ["/bin/sh", "/etc/nut/cmd", "-x", nasty]
    line = "/bin/x 'two words'"
    assert argv(line, nasty) == ["/bin/sh", "-c", f'{line} "$1"', "sh", nasty]
    assert argv("/bin/x >/dev/null &", nasty) == ["/bin/sh", "-c", "/bin/x >/dev/null &", "sh", nasty]
    spaced = tmp_path / "my script"
    spaced.touch()
    assert argv(str(spaced), nasty) == [str(spaced), nasty]


def test_the_environment_is_the_causes_alone() -> None:
    """A script never sees the notice of another event."""
    base = {"PATH": "/bin", "NOTIFYTYPE": "OLD", "UPSNAME": "old", "NOTIFYMSG": "old"}
    assert environment(base, NO_CAUSE) == {"PATH": "/bin"}
    assert environment(base, CAUSE) == {
        "PATH": "/bin",
        "NOTIFYTYPE": "ONBATT",
        "UPSNAME": "a@h",
        "NOTIFYMSG": "UPS a@h on battery",
    }


class Bench:
    """A lane whose script writes down how it was called; `now` is moved by hand."""

    def __init__(self, directory: Path, body: str, *, mode: int = 0o755, patience_s: float = 10.0) -> None:
        self.calls = directory / "calls"
        self.script = directory / "cmd"
        self.script.write_text(body.replace("CALLS", str(self.calls)))
        self.script.chmod(mode)
        self.said: list[str] = []
        self.now = 0.0
        self.lane = Lane(str(self.script), os.environ, lambda text, _: self.said.append(text), patience_s)

    def run(self, *names: str) -> list[str]:
        for name in names:
            self.lane.run(name, CAUSE)

        def done() -> bool:
            self.lane.poll(self.now)
            return not self.lane.busy

        wait_until(done, 10, "the scripts")
        return self.calls.read_text().splitlines() if self.calls.exists() else []


RECORD = '#!/bin/sh\necho "$# $1 $NOTIFYTYPE $UPSNAME $NOTIFYMSG" >>CALLS\n'


def test_scripts_run_in_order_with_their_notice(tmp_path: Path) -> None:
    """Scripts run one after another, each with one argument and the notice in its environment."""
    bench = Bench(tmp_path, RECORD)
    assert bench.run("one", "two words") == [
        "1 one ONBATT a@h UPS a@h on battery",
        "1 two words ONBATT a@h UPS a@h on battery",
    ]
    assert bench.said == []
    assert bench.lane.failures == 0


def test_a_script_without_interpreter_line_runs_in_the_shell(tmp_path: Path) -> None:
    """A script that begins without #! works, as it did under C NUT."""
    assert Bench(tmp_path, RECORD.removeprefix("#!/bin/sh\n")).run("one")[0].startswith("1 one ONBATT")


def test_a_failing_script_is_said_as_nut_says_it(tmp_path: Path) -> None:
    """A script's exit status and the signal that ended it are in the log."""
    bench = Bench(tmp_path, '#!/bin/sh\n[ "$1" = killed ] && kill -9 $$\nexit 3\n')
    bench.run("fails", "killed")
    assert bench.said == [
        f"exec_cmd({bench.script} 'fails') returned 3",
        f"exec_cmd({bench.script} 'killed') terminated with signal 9",
    ]


def test_a_script_that_cannot_start_is_said_and_the_next_runs(tmp_path: Path) -> None:
    """A script without the x bit is named with the remedy; nothing else is held up."""
    bench = Bench(tmp_path, RECORD, mode=0o644)
    assert bench.run("one", "two") == []
    failure = (
        f"Execute command failure: {bench.script} 'one': Permission denied; make it executable (chmod 755)"
    )
    assert bench.said[0] == failure
    assert bench.lane.failures == 2
    missing = Lane(str(tmp_path / "none"), {}, lambda text, _: bench.said.append(text))
    missing.run("three", NO_CAUSE)
    missing.poll(0)
    assert bench.said[-1].endswith("none 'three': No such file or directory")
    assert not missing.busy


def test_without_cmdscript_the_command_is_named(tmp_path: Path) -> None:
    """A command that can't be run because CMDSCRIPT is missing is not lost in silence."""
    said: list[str] = []
    lane = Lane("", {}, lambda text, _: said.append(text))
    lane.run("onbatt", NO_CAUSE)
    assert said == ["No CMDSCRIPT defined, cannot execute command: onbatt"]
    assert not lane.busy
    assert lane.failures == 1


def test_a_script_that_hangs_does_not_hold_up_the_next_for_long(tmp_path: Path) -> None:
    """After its patience the lane goes on with the next script, and leaves the other to end by itself."""
    bench = Bench(tmp_path, '#!/bin/sh\n[ "$1" = hang ] && exec sleep 20\necho "$1" >>CALLS\n')
    bench.lane.run("hang", CAUSE)
    bench.lane.run("next", CAUSE)
    bench.lane.poll(0)
    bench.lane.poll(9.9)
    pid = bench.lane._current.pid if bench.lane._current else 0
    bench.now = 10.0
    assert bench.run() == ["next"]
    assert bench.said == [
        f"{bench.script} 'hang' has not ended after 10 s; it goes on, and is no longer waited for"
    ]
    assert bench.lane.running
    os.kill(pid, 15)
    wait_until(lambda: bench.lane.poll(10) or not bench.lane.running, 10, "end of the hanging script")


def test_the_queue_of_scripts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of notices is refused in words at a limit."""
    monkeypatch.setattr(script_module, "MAX_WAITING", 2)
    said: list[str] = []
    lane = Lane("/none", {}, lambda text, _: said.append(text))
    for name in ("one", "two", "three"):
        lane.run(name, NO_CAUSE)
    assert said == ["2 scripts wait already; not executed: three"]

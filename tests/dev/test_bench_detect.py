# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev bench detect`: its clock takes the time of every script, and its table shows what was measured."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

from bench import _detect
from bench._detect import LOST, LOW, Clock, Kind
from bench.detect import ALONE, PAIRS, late, rows
from tools.imports import ROOT

C, SERVE, LONE_C, LONE_SERVE = PAIRS[0], PAIRS[2], ALONE[0], ALONE[2]


def test_a_script_stops_the_clock_once(tmp_path: Path) -> None:
    """The time is that of the first run, and a host's notices are told apart from each other's."""
    clock = Clock(tmp_path / "marks")
    script = clock.script(tmp_path / "s", "g1", "primary", "$NOTIFYTYPE")
    began = time.monotonic()
    for kind in ("ONBATT", "LOWBATT", "ONBATT"):
        subprocess.run([script, "some text"], env={"NOTIFYTYPE": kind}, check=True, timeout=10)
    ended = time.monotonic()
    first, second = (clock.wait(("g1", "primary", kind)) for kind in ("ONBATT", "LOWBATT"))
    clock.close()
    assert began < first < second < ended


def test_a_script_that_never_runs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the benchmark in words."""
    monkeypatch.setattr(_detect, "LIMIT_S", 0.05)
    clock = Clock(tmp_path / "marks")
    with pytest.raises(AssertionError, match="g1 primary SHUTDOWNCMD: never run"):
        clock.wait(("g1", "primary", "SHUTDOWNCMD"))
    clock.close()


def _times(lost_s: float, low_s: float, kind: Kind) -> dict[tuple[str, str], list[float]]:
    found = {(LOST, "primary"): [lost_s] * 3, (LOW, "primary"): [low_s] * 3}
    return found | ({(LOST, "secondary"): [1.0], (LOW, "secondary"): [1.0]} if kind.secondary else {})


def test_the_table_compares_each_with_c() -> None:
    """Milliseconds and the ratio to C's median; a primary that is alone is compared with C's that is."""
    kinds = (C, SERVE, LONE_C, LONE_SERVE)
    lines = rows(kinds, [_times(0.5, 1.0, C), _times(0.005, 0.75, SERVE)] + [_times(9, 0.4, LONE_C)] * 2)
    shown = {line[:4]: line[4:] for line in lines}
    assert shown[LOST, "NOTIFYCMD", "primary", SERVE.name] == ("3", "5", "5", "0.01")
    assert shown[LOW, "SHUTDOWNCMD", "primary", SERVE.name] == ("3", "750", "750", "0.75")
    assert shown[LOW, "SHUTDOWNCMD", "primary, alone", LONE_SERVE.name] == ("3", "400", "400", "1.00")
    assert len(lines) == 10
    assert not late(lines)


def test_a_serve_that_is_slower_than_c_fails() -> None:
    """The exit status says so; a secondary is a host of its own and proves nothing about `serve`."""
    kinds = (C, SERVE, LONE_C, LONE_SERVE)
    lines = rows(kinds, [_times(0.5, 1.0, C), _times(0.5, 1.1, SERVE)] + [_times(9, 0.4, LONE_C)] * 2)
    assert late(lines)
    assert not late([line for line in lines if line[2] == "secondary"])


@pytest.mark.slow
@pytest.mark.cnut
@pytest.mark.timeout(150)
def test_it_measures_all_kinds() -> None:
    """`./dev bench detect 1` prints a line for each kind and event, whatever the machine is busy with."""
    done = subprocess.run(
        [ROOT / "dev", "bench", "detect", "1"], capture_output=True, text=True, check=False, timeout=140
    )
    assert done.returncode in (0, 1), done.stderr
    found = re.findall(r"^\| (?:mains lost|OB LB) .*\| 1 \| (\d+) +\| (\d+) ", done.stdout, re.MULTILINE)
    assert len(found) == 19, done.stdout

# SPDX-License-Identifier: GPL-2.0-or-later
"""The record of the last drill."""

from __future__ import annotations

from pathlib import Path

import pytest

from ridethrough.app.drills import Drill, fingerprint, last_drill, record, record_directory


def test_a_drill_counts_for_the_files_it_was_made_with(tmp_path: Path) -> None:
    """Change one directive and the drill is void: a proof of yesterday's files proves nothing."""
    config, records = tmp_path / "nut", tmp_path / "records" / "deep"
    config.mkdir()
    (config / "upsmon.conf").write_text("MINSUPPLIES 1\n")
    assert last_drill(config, records) is None
    drill = Drill(1000.0, True, "down 40 s before the battery is empty", fingerprint(config))
    record(config, drill, records)
    assert last_drill(config, records) == drill
    (config / "upsmon.conf").write_text("MINSUPPLIES 2\n")
    assert last_drill(config, records) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"at": "x", "ok": 1}', "\x00"])
def test_a_damaged_record_is_no_drill(tmp_path: Path, text: str) -> None:
    """Only what can be read counts."""
    path = record(tmp_path, Drill(1.0, True, "", fingerprint(tmp_path)), tmp_path)
    path.write_text(text)
    assert last_drill(tmp_path, tmp_path) is None


def test_records_have_a_place_without_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user's own drills are kept in the user's own directories."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert record_directory() == tmp_path / "ridethrough"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert record_directory() == tmp_path / ".local/state/ridethrough"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert str(record_directory()) == "/var/lib/ridethrough"
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "given"))
    assert record_directory() == tmp_path / "given"

# SPDX-License-Identifier: GPL-2.0-or-later
"""A drill of a user's own files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ridethrough.app.bus import Event
from ridethrough.app.drills import last_drill
from ridethrough.cli import drill as command
from ridethrough.config.load import load
from ridethrough.sim.drill import Verdict, rehearse

FILES = {
    "nut.conf": "MODE=standalone\n",
    "ups.conf": "[eaton]\n driver = usbhid-ups\n port = auto\n",
    "upsd.conf": "",
    "upsd.users": "[mon]\n password = right\n upsmon primary\n",
    "upsmon.conf": "MONITOR eaton@localhost 1 mon right primary\nSHUTDOWNCMD /bin/true\n"
    "POWERDOWNFLAG /etc/killpower\nNOTIFYFLAG ONBATT EXEC\nNOTIFYCMD /usr/local/bin/tell\n",
}


def install(directory: Path, **changes: str) -> Path:
    """Write the files, `upsmon_conf="..."` in place of upsmon.conf's text."""
    for name, text in FILES.items():
        (directory / name).write_text(changes.get(name.replace(".", "_"), text))
    return directory


def play(directory: Path) -> tuple[Verdict, list[Event]]:
    events: list[Event] = []
    return rehearse(load(directory), events.append), events


def test_good_files_pass_and_nothing_is_run(tmp_path: Path) -> None:
    """From the lost mains to SHUTDOWNCMD, with what would have been run, in order."""
    verdict, events = play(install(tmp_path))
    assert verdict.ok
    assert verdict.text.startswith("SHUTDOWNCMD 5 s after low battery, with ")
    assert [event["text"] for event in events if event["event"] == "would"] == [
        "would run NOTIFYCMD: /usr/local/bin/tell 'UPS eaton@localhost on battery' (NOTIFYTYPE=ONBATT)",
        "would write POWERDOWNFLAG /etc/killpower",
        "would run SHUTDOWNCMD: /bin/true",
    ]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"upsd_users": "[mon]\n password = other\n upsmon primary\n"}, "login refused"),
        ({"upsd_users": "[mon]\n password = right\n"}, "login refused"),
        (
            {"upsmon_conf": "MONITOR eaton@localhost 1 mon right primary\nSHUTDOWNCMD /bin/true\n"},
            "POWERDOWNFLAG would not have been written",
        ),
        (
            {"upsmon_conf": "MONITOR eaton@localhost 1 mon right primary\n"},
            "SHUTDOWNCMD would not have been run",
        ),
        ({"upsmon_conf": "MONITOR eaton@localhost 0 mon right primary\n"}, "no MONITOR line that feeds"),
        ({"upsmon_conf": ""}, "no MONITOR line that feeds"),
    ],
)
def test_each_fault_fails_the_drill_in_words(tmp_path: Path, changes: dict[str, str], fault: str) -> None:
    """What would have failed in the night fails today."""
    verdict, _ = play(install(tmp_path, **changes))
    assert not verdict.ok
    assert any(fault in each for each in verdict.faults)


def test_a_host_that_only_monitors_another_can_be_drilled(tmp_path: Path) -> None:
    """A secondary: its server is taken to be as its MONITOR line has it."""
    install(
        tmp_path,
        nut_conf="MODE=netclient\n",
        upsmon_conf="MONITOR eaton@192.0.2.1 1 mon right secondary\nSHUTDOWNCMD /bin/true\n",
    )
    verdict, events = play(tmp_path)
    assert verdict.ok, verdict
    assert "would run SHUTDOWNCMD: /bin/true" in [event.get("text") for event in events]
    assert not any("POWERDOWNFLAG" in str(event.get("text")) for event in events)


def test_the_command_records_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """status reads the record; a changed file voids it."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    config = tmp_path / "nut"
    config.mkdir()
    install(config)
    assert command.main(["drill", "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert "mains lost" in out
    assert "the drill has passed: SHUTDOWNCMD 5 s after low battery" in out
    found = last_drill(config)
    assert found is not None
    assert found.ok
    (path,) = (tmp_path / "state").iterdir()
    assert json.loads(path.read_text())["verdict"] == found.verdict
    (config / "upsmon.conf").write_text(FILES["upsmon.conf"].replace("right", "wrong"))
    assert last_drill(config) is None
    assert command.main(["drill", "--quiet", "--config", str(config)]) == 1
    out = capsys.readouterr().out
    assert "the drill has FAILED" in out
    assert "wrong" not in out
    assert "mains lost" not in out


def test_a_directory_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line."""
    assert command.main(["drill", "--config", str(tmp_path / "none")]) == 1
    assert "is not a directory" in capsys.readouterr().err

# SPDX-License-Identifier: GPL-2.0-or-later
"""`./dev run --simulate`: the README's transcript, as a process."""

from __future__ import annotations

import re
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from ridethrough.client.blocking import Client
from tests.support.procs import Process, started

SERVE = (sys.executable, "-m", "ridethrough.cli.main", "serve")
STORY = (
    r"OL, battery 100 %",
    r"mains lost",
    r"primary +ONBATT: UPS sim@localhost on battery",
    r"OB DISCHRG, battery 60 %",
    r"LOWBATT: UPS sim@localhost battery is low",
    r"set FSD \(forced shutdown\) on UPS \[sim\]",
    r"secondary +FSD: UPS sim@localhost",
    r"secondary +SHUTDOWN",
    r"secondary@127\.0\.0\.1 logged out",
    r"primary +SHUTDOWN",
    r"primary +dry-run, would write POWERDOWNFLAG",
    r"primary +dry-run, would run SHUTDOWNCMD: systemctl poweroff",
    r"sim +the UPS cuts the load",
)


def serve(tmp_path: Path, *arguments: str) -> AbstractContextManager[Process]:
    return started([*SERVE, "--port", "0", "--state-dir", str(tmp_path / "state"), *arguments], name="serve")


def port_of(output: str) -> int:
    found = re.search(r"it serves on 127\.0\.0\.1:(\d+)", output)
    assert found is not None, output
    return int(found[1])


def test_one_outage_from_the_mains_to_the_load(tmp_path: Path) -> None:
    """Every line of the story, in order, exit status 0; the times only grow."""
    with serve(tmp_path, "--simulate", "--speed", "600", "--outage", "20s") as process:
        assert process.wait(50) == 0, process.output()
        output = process.output()
    at = 0
    for line in STORY:
        found = re.compile(line).search(output, at)
        assert found is not None, f"{line!r} is missing or out of order in:\n{output}"
        at = found.end()
    assert output.count("would run SHUTDOWNCMD") == 2
    assert "running SHUTDOWNCMD" not in output, "a dry run must not say that it ran something"
    assert "Traceback" not in output
    seconds = [int(m) * 60 + int(s) for m, s in re.findall(r"^ +(\d+):(\d\d) ", output, re.MULTILINE)]
    assert seconds == sorted(seconds)


def test_a_short_outage_ends_well(tmp_path: Path) -> None:
    """The mains is back in time: nobody goes down."""
    with serve(tmp_path, "--speed", "100", "--outage", "0.5s") as process:
        assert process.wait(50) == 0, process.output()
        output = process.output()
    assert "the outage is over; nobody had to go down" in output
    assert "ONLINE: UPS sim@localhost on line power" in output
    assert "SHUTDOWNCMD" not in output


def test_any_nut_client_can_read_it_meanwhile(tmp_path: Path) -> None:
    """The printed port is a real NUT server; the simulated mains is moved over the control socket."""
    state = str(tmp_path / "state")
    with serve(tmp_path, "--speed", "5") as process:
        output = process.wait_output("move it with: ridethrough sim mains off", 20)
        with Client("127.0.0.1", port_of(output), 10) as client:
            assert client.get_var("sim", "ups.status") == "OL"
            assert client.list_ups() == {"sim": "Simulated UPS"}
            move = [sys.executable, "-m", "ridethrough.cli.main", "sim", "mains", "off", "--state-dir", state]
            with started(move, name="sim") as moved:
                assert moved.wait(20) == 0, moved.output()
            process.wait_output("ONBATT: UPS sim@localhost on battery", 20)
            assert client.get_var("sim", "ups.status") == "OB DISCHRG"
        process.send_signal(15)
        assert process.wait(20) == 0
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.cnut
def test_c_clients_read_it_too(tmp_path: Path) -> None:
    """Debian's upsc lists the simulated UPS."""
    with serve(tmp_path) as process:
        output = process.wait_output("move it with", 20)
        with started(["upsc", f"sim@localhost:{port_of(output)}"], name="upsc") as upsc:
            assert upsc.wait(20) == 0, upsc.output()
            assert "ups.status: OL" in upsc.output()
            assert "device.model: " in upsc.output()


def test_status_of_a_simulation_names_commands_that_can_be_typed(tmp_path: Path) -> None:
    """The built-in configuration is in no directory: what is to be done next is said for the real one."""
    state = tmp_path / "state"
    env = {"NUT_CONFPATH": str(tmp_path / "nut")}
    (tmp_path / "nut").mkdir()
    status = [sys.executable, "-m", "ridethrough.cli.main", "status", "--state-dir", str(state)]
    with serve(tmp_path) as process:
        process.wait_output("move it with", 20)
        with started(status, env=env, name="status") as asked:
            assert asked.wait(20) == 1
            told = asked.output()
    assert "this is a simulation" in told
    assert f"-> ridethrough serve --config {tmp_path / 'nut'} --armed" in told
    assert "built-in" not in told

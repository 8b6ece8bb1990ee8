# SPDX-License-Identifier: GPL-2.0-or-later
"""Our dummy-ups behind C upsd, and C dummy-ups behind our `External` source: both as with their own kind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ridethrough.config.models import UpsSection
from ridethrough.drivers.adjust import COMMANDS
from ridethrough.drivers.external import External
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Freshness
from tests.support import cnut
from tests.support.drivers import Watch
from tests.support.our_driver import command, environment, our_dummy_ups
from tests.support.procs import started
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut

DEV = r"""
# an office UPS
ups.status: OL CHRG
ups.mfr: Example Power
ups.model: Smart 700
ups.contacts: the \"office\" \# 1
ups.serial: "A  B"
ups.load: 22
battery.charge: 87.5
battery.charge.low: 10
device.mfr: Another
foo.bar: a=b
driver.name: nonsense
"""
SECTION = ("ignorelb", 'desc = "An office"', "mode = dummy-once")
WAIT_S = 15.0
UNLIKE = ("driver.version", "driver.state", "driver.debug", "driver.flag.allow_killpower")


def variables(server: cnut.CUpsd, ups: str) -> dict[str, str]:
    """What C upsc shows, without the versions of the driver, and what C 2.8.0 does not tell yet."""
    lines = cnut.c_tool("upsc", server.target(ups)).stdout.decode().splitlines()
    pairs = (line.split(": ", 1) for line in lines)
    return {name: value for name, value in pairs if not name.startswith(UNLIKE)}


def outcome(done: subprocess.CompletedProcess[bytes], ups: str) -> tuple[int, bytes, bytes]:
    """What a tool said and how it ended, whatever the UPS is called."""
    name = ups.encode()
    return done.returncode, done.stdout.replace(name, b"UPS"), done.stderr.replace(name, b"UPS")


def test_ours_behind_c_upsd_shows_what_cs_own_shows(tmp_path: Path) -> None:
    """For the same definition file C upsc reads the same of both; SET, INSTCMD and staleness work as well."""
    with (
        cnut.state_directory() as state,
        our_dummy_ups(tmp_path, "ours", DEV, state, section=SECTION) as ours,
    ):
        sections = {"theirs": SECTION}
        with cnut.c_upsd(
            tmp_path, {"theirs": DEV}, statepath=state, sections=sections, others={"ours": "dummy-ups"}
        ) as server:
            expected = variables(server, "theirs")
            expected["driver.parameter.port"] = str(ours.dev_file)
            assert variables(server, "ours") == expected
            assert expected["device.mfr"] == "Example Power"

            words = ("-u", "admin", "-p", "secret", "-w", "-t", "10")
            tools = (
                ("upsrw", "-s", "battery.charge=33", *words),
                ("upsrw", "-s", f"ups.mfr={'x' * 40}", *words),
            )
            for tool, *options in tools:
                done = [cnut.c_tool(tool, *options, server.target(ups)) for ups in ("ours", "theirs")]
                assert outcome(done[0], "ours") == outcome(done[1], "theirs"), (tool, *options)
            assert variables(server, "ours")["battery.charge"] == "33"
            done = [
                cnut.c_tool("upscmd", *words, server.target(ups), "load.off") for ups in ("ours", "theirs")
            ]
            assert outcome(done[0], "ours") == outcome(done[1], "theirs")
            assert done[0].stderr == b"ERR UNKNOWN\n"

            lists: list[list[str]] = []
            for ups in ("ours", "theirs"):
                shown = [cnut.c_tool(*words, server.target(ups)) for words in (("upsrw",), ("upscmd", "-l"))]
                lists += [done.stdout.decode().splitlines() for done in shown]
            assert set(lists[2]) <= set(lists[0])
            assert "[driver.flag.allow_killpower]" in lists[0]
            ours_only = {line.split(" - ")[0] for line in set(lists[1]) - set(lists[3])}
            assert ours_only - {"Instant commands supported on UPS [ours]:"} == COMMANDS

            ours.dev_file.write_text("ups.status: OB LB\n")
            wait_until(lambda: variables(server, "ours")["ups.status"] == "OB", WAIT_S, "the changed file")
            ours.dev_file.unlink()
            wait_until(
                lambda: b"Data stale" in cnut.c_tool("upsc", server.target("ours")).stderr, WAIT_S, "stale"
            )


def test_our_repeater_of_a_c_upsd(tmp_path: Path) -> None:
    """Repeater mode over TCP shows what C upsc shows of the UPS, less the other driver's own variables."""
    with cnut.c_upsd(tmp_path, {"u": DEV}) as server:
        port = f"port={server.target('u')}"
        done = subprocess.run(
            [*command("dummy-ups"), "-s", "rep", "-x", port, "-u", "root", "-d", "1"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        dump = done.stdout.replace("\\", "")  # what must be escaped is: C upsc shows it plain
        pairs = dict(line.split(": ", 1) for line in dump.splitlines()[1:])
        shown = variables(server, "u")
        assert pairs["driver.parameter.mode"] == "repeater"
        assert {name: value for name, value in pairs.items() if not name.startswith("driver.")} == {
            name: value for name, value in shown.items() if not name.startswith("driver.")
        }


def test_each_takes_the_place_of_the_other(tmp_path: Path) -> None:
    """Started for the same UPS, our driver ends C's, which knows no driver.exit, and C's ends ours."""
    with cnut.c_dummy_ups(tmp_path, "u", DEV) as theirs:
        env = environment(theirs.confpath, theirs.statepath)
        argv = [*command("dummy-ups"), "-a", "u", "-u", "root"]
        with started([*argv, "-FF"], env=env, name="our dummy-ups") as ours:
            ours.wait_output(f"runs already (pid {theirs.process.pid}): it is told to exit", WAIT_S)
            ours.wait_output("listening on", WAIT_S)
            assert theirs.process.wait(WAIT_S) in (0, -signal.SIGTERM)
            done = subprocess.run(
                [cnut.DRIVER_DIRECTORY / "dummy-ups", "-a", "u", "-u", "root"],
                env={**os.environ, **env},
                capture_output=True,
                text=True,
                timeout=40,
                check=True,
            )
            assert "Duplicate driver instance detected" in done.stderr
            assert ours.wait(WAIT_S) == 0
        stop = [*command("dummy-ups"), "-a", "u", "-c", "exit"]
        subprocess.run(stop, env={**os.environ, **env}, check=True, timeout=30)
        wait_until(lambda: not (theirs.statepath / "dummy-ups-u.pid").exists(), WAIT_S, "C's to end")


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for something another process does."""
    for _ in range(int(WAIT_S / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"waited {WAIT_S:g} s in vain for: {what}")


def test_a_c_driver_behind_our_source(tmp_path: Path) -> None:
    """A C dummy-ups shows all it has, obeys SET, refuses a command, and is DISCONNECTED when it ends."""
    watch = Watch()
    with cnut.c_dummy_ups(tmp_path, "u", DEV) as driver:
        section = UpsSection("u", "dummy-ups", "auto", "An office")

        async def scene() -> None:
            source = External(section, driver.statepath, watch.on_view, log=watch.log)
            source.start()
            await until(lambda: source.view.freshness is Freshness.FRESH, "the first dump")
            snapshot = source.view.snapshot
            assert snapshot.get("ups.contacts") == 'the "office" # 1'
            assert snapshot.get("device.mfr") == "Example Power"
            assert snapshot.variables["ups.mfr"].type_words() == "RW STRING:32"
            assert snapshot.commands == {"load.off"}
            assert await source.setvar("ups.model", 'new "one"') is Outcome.HANDLED
            assert source.view.snapshot.get("ups.model") == 'new "one"'
            assert await source.instcmd("load.off") is Outcome.UNKNOWN
            driver.process.end()
            await until(lambda: source.view.freshness is Freshness.DISCONNECTED, "the driver's end")
            await source.stop()

        asyncio.run(scene())
    assert not [line for line in watch.lines if "ignored" in line]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Guide 003's timers and dispatcher, as written: on the virtual clock, and as real processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ridethrough.config.upssched import parse_upssched
from ridethrough.schedule.rules import Cause
from ridethrough.schedule.script import environment
from ridethrough.schedule.shell import Scheduler
from tests.guides import guide003
from tests.guides.guide003 import Guide003
from tests.support.vloop import run_virtual
from tests.support.wait import wait_until

EXPIRED = "-t upssched ONBATT timer expired"
TRIGGERED = "-t upssched Triggering cluster shutdown"
UNKNOWN = "-t upssched Unknown upssched-cmd: earlyshutdown"


@pytest.fixture
def guide() -> Iterator[Guide003]:
    """The guide's files in a directory with a short path; its timer daemon is ended afterwards."""
    with tempfile.TemporaryDirectory(prefix="rt-") as directory:
        installed = guide003.install(Path(directory), 3493)
        try:
            yield installed
        finally:
            for pid in daemons(installed):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not daemons(installed), 10, "the end of the timer daemon")


def daemons(guide: Guide003) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if (
                entry.name.isdigit()
                and f"NUT_CONFPATH={guide.etc}".encode() in (entry / "environ").read_bytes()
            ):
                found.append(int(entry.name))
    return found


def run(guide: Guide003, *words: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        env={**os.environ, **guide.environment(), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def replay(guide: Guide003, *story: tuple[float, str, str]) -> list[tuple[float, str]]:
    """Send (time, NOTIFYTYPE, UPSNAME) on the virtual clock through the guide's files and dispatcher.

    Gives (virtual time, what the dispatcher logged).
    """
    conf, problems = parse_upssched((guide.etc / "upssched.conf").read_bytes())
    assert problems == []
    logged: list[tuple[float, str]] = []

    def call(name: str, cause: Cause) -> None:
        env = environment({**os.environ, **guide.environment()}, cause)
        subprocess.run([conf.cmdscript, name], env=env, check=True, timeout=20)

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def script(name: str, cause: Cause) -> None:
            began = loop.time()
            await loop.run_in_executor(None, call, name, cause)
            logged.append((began, guide.logged[len(logged)]))

        scheduler = Scheduler(conf, script, lambda *_: None)
        running = asyncio.create_task(scheduler.run())
        for at, kind, ups in story:
            await asyncio.sleep(at - loop.time())
            scheduler.notice(Cause(kind, ups, f"{ups} {kind}"))
        await asyncio.sleep(1000)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    run_virtual(main())
    return logged


UPS = "cyberpower@localhost"


@pytest.mark.parametrize(
    ("story", "logged"),
    [
        pytest.param([(0, "ONBATT", UPS)], [(30, EXPIRED), (300, UNKNOWN)], id="nobody comes"),
        pytest.param([(0, "ONBATT", UPS), (29, "ONLINE", UPS)], [], id="back before 30 s"),
        pytest.param([(0, "ONBATT", UPS), (299, "ONLINE", UPS)], [(30, EXPIRED)], id="back before 300 s"),
        pytest.param(
            [(0, "ONBATT", UPS), (12, "LOWBATT", UPS), (13, "ONLINE", UPS)],
            [(12, TRIGGERED)],
            id="low battery",
        ),
        pytest.param([(5, "SHUTDOWN", "")], [(5, TRIGGERED)], id="shutdown, a notice without UPS"),
        pytest.param(
            [(0, "ONBATT", UPS), (10, "ONLINE", UPS), (20, "ONBATT", UPS), (55, "ONLINE", UPS)],
            [(50, EXPIRED)],
            id="the second outage begins anew",
        ),
    ],
)
def test_the_guides_timers_on_the_virtual_clock(
    guide: Guide003, story: list[tuple[float, str, str]], logged: list[tuple[float, str]]
) -> None:
    """The guide's upssched.conf and dispatcher, unedited, do at 30 s, at 300 s and at once what they say.

    At 300 s the guide itself fails: its dispatcher has no case for `earlyshutdown`, and logs that.
    """
    assert replay(guide, *story) == logged
    shutdowns = ["--reason nut_lowbat"] if (TRIGGERED in [text for _, text in logged]) else []
    assert guide.cluster_shutdowns == shutdowns


def test_the_guides_own_test_commands_work(guide: Guide003) -> None:
    """`upssched test ONBATT cyberpower` and `upsschedctl start`, which C never had, do as the guide says."""
    tested = run(guide, guide.upssched, "test", "ONBATT", "cyberpower")
    assert tested.returncode == 0
    assert [line.partition(": ")[2] for line in tested.stdout.splitlines()] == [
        f"AT ONBATT * START-TIMER onbatt 30: starts timer onbatt; after 30 seconds runs"
        f" {guide.etc}/upssched-cmd onbatt",
        f"AT ONBATT * START-TIMER earlyshutdown 300: starts timer earlyshutdown; after 300 seconds runs"
        f" {guide.etc}/upssched-cmd earlyshutdown",
    ]
    listed = run(guide, guide.upsschedctl, "list").stdout.splitlines()
    assert [line.split("\t")[0] for line in listed] == ["onbatt", "earlyshutdown"]
    assert run(guide, guide.upsschedctl, "cancel", "earlyshutdown").returncode == 0
    assert run(guide, guide.upsschedctl, "cancel", "onbatt").returncode == 0
    assert run(guide, guide.upsschedctl, "start", "onbatt", "1").returncode == 0
    wait_until(lambda: guide.logged == [EXPIRED], 10, "the timer started by hand")
    wait_until(lambda: not daemons(guide), 10, "the end of the timer daemon")


def test_low_battery_reaches_the_shutdown_program_at_once(guide: Guide003) -> None:
    """LOWBATT runs the guide's own program through upssched and dispatcher before upssched returns."""
    ran = run(guide, guide.upssched, "UPS cyberpower battery is low", NOTIFYTYPE="LOWBATT", UPSNAME=UPS)
    assert ran.returncode == 0
    assert guide.logged == [TRIGGERED]
    assert guide.cluster_shutdowns == ["--reason nut_lowbat"]
    assert daemons(guide) == []


@pytest.mark.slow
def test_the_thirty_seconds_really_run(guide: Guide003) -> None:
    """The guide's 30 s timer as real processes; the 300 s one is called off when the mains is back."""
    began = time.monotonic()
    assert run(guide, guide.upssched, "on battery", NOTIFYTYPE="ONBATT", UPSNAME=UPS).returncode == 0
    wait_until(lambda: bool(guide.logged), 45, "the 30 s timer")
    assert 29.9 < time.monotonic() - began < 40
    assert guide.logged == [EXPIRED]
    assert run(guide, guide.upssched, "on line", NOTIFYTYPE="ONLINE", UPSNAME=UPS).returncode == 0
    wait_until(lambda: not daemons(guide), 10, "the end of the timer daemon")
    assert guide.logged == [EXPIRED]


def test_the_fixture_holds_the_lines_of_the_guide() -> None:
    """Each block that is replayed stands in the guide letter by letter."""
    text = guide003.guide_text()
    if text is None:
        pytest.skip("the guide itself is not beside the checkout")
    for block in guide003.BLOCKS:
        assert block in text

# SPDX-License-Identifier: GPL-2.0-or-later
"""dummy-ups on files: modes, re-reading, setting, and files that are no good."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ridethrough.config.models import UpsConf
from ridethrough.drivers.adjust import COMMANDS
from ridethrough.drivers.base import DriverError
from ridethrough.drivers.dummy.file import Mode, choose_mode
from ridethrough.drivers.registry import make_runner
from ridethrough.drivers.runner import Runner
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Freshness
from tests.support.drivers import Watch, section
from tests.support.vloop import run_virtual


@pytest.mark.parametrize(
    ("mode", "port", "expected"),
    [
        (None, "a.dev", Mode.ONCE),
        (None, "a.seq", Mode.LOOP),
        (None, "a.txt", Mode.DUMMY),
        (None, "ups@host", Mode.REPEATER),
        ("dummy-loop", "a.dev", Mode.LOOP),
        ("dummy-once", "a.seq", Mode.ONCE),
        ("dummy", "a.dev", Mode.LOOP),
        ("dummy-once", "with@sign.dev", Mode.ONCE),
    ],
)
def test_the_mode(mode: str | None, port: str, expected: Mode) -> None:
    """The written mode wins; else the port's form decides, as in the newest NUT."""
    assert choose_mode(mode, port) is expected


def test_a_wrong_mode_is_refused() -> None:
    """A mode that there is not is refused with the words that there are."""
    with pytest.raises(DriverError, match="dummy-loop, dummy-once"):
        choose_mode("dummy-twice", "a.dev")


def scene(
    tmp_path: Path,
    text: bytes,
    story: Callable[[Runner, Path], Awaitable[None]],
    *,
    port: str = "d.dev",
    conf: str = "",
) -> Watch:
    """Run `story` beside a dummy-ups on a file with `text`."""
    watch, file = Watch(), tmp_path / port
    file.write_bytes(text)

    async def act() -> None:
        runner = make_runner(section(conf, port=port), UpsConf(), watch.context(tmp_path), watch.on_view)
        runner.start()
        await runner.first()
        await story(runner, file)
        await runner.stop()

    run_virtual(act())
    return watch


def write(file: Path, text: str) -> None:
    """Write a file."""
    file.write_text(text)


def rewrite(file: Path, text: str) -> None:
    """Write a file anew with another time stamp, however coarse the clock of the file system is."""
    before = file.stat().st_mtime_ns
    file.write_text(text)
    os.utime(file, ns=(before + 1_000_000, before + 1_000_000))


def test_an_empty_file_gives_the_basic_set(tmp_path: Path) -> None:
    """Without a definition there are maker, model, status OL, and load.off, which does nothing."""

    async def story(runner: Runner, file: Path) -> None:
        snapshot = runner.view.snapshot
        assert snapshot.get("ups.status") == "OL"
        assert snapshot.get("device.mfr") == "Dummy Manufacturer"
        assert snapshot.get("driver.parameter.mode") == "dummy-once"
        assert snapshot.commands == {"load.off", *COMMANDS}
        assert await runner.instcmd("load.off") is Outcome.UNKNOWN

    scene(tmp_path, b"", story)


def test_once_keeps_what_clients_set_until_the_file_changes(tmp_path: Path) -> None:
    """dummy-once keeps a set value over many polls, and reads the file again when its stamp changes."""

    async def story(runner: Runner, file: Path) -> None:
        assert await runner.setvar("battery.charge", "42") is Outcome.HANDLED
        assert await runner.setvar("ups.status", "OB LB") is Outcome.HANDLED
        assert await runner.setvar("ups.model", "") is Outcome.HANDLED
        await asyncio.sleep(60.0)
        snapshot = runner.view.snapshot
        assert (snapshot.get("battery.charge"), snapshot.get("ups.status")) == ("42", "OB LB")
        assert "ups.model" not in snapshot.variables
        rewrite(file, "battery.charge: 91\n")  # as long as before
        await asyncio.sleep(2.0)
        assert runner.view.snapshot.get("battery.charge") == "91"

    scene(tmp_path, b"battery.charge: 90\n", story)


def test_a_loop_forgets_what_clients_set(tmp_path: Path) -> None:
    """dummy-loop shows a set value, and forgets it with the next pass."""

    async def story(runner: Runner, file: Path) -> None:
        assert await runner.setvar("battery.charge", "42") is Outcome.HANDLED
        assert runner.view.snapshot.get("battery.charge") == "42"
        await asyncio.sleep(2.5)
        assert runner.view.snapshot.get("battery.charge") == "90"

    scene(tmp_path, b"battery.charge: 90\n", story, port="d.seq")


def test_a_sequence_changes_at_its_timers(tmp_path: Path) -> None:
    """TIMER is kept to the second, whatever the poll interval, and the file loops."""

    async def story(runner: Runner, file: Path) -> None:
        await asyncio.sleep(13.0)

    text = b"ups.status: OL\nTIMER 3\nups.status: OB\nTIMER 2.5\n"
    watch = scene(tmp_path, text, story, port="d.seq", conf="pollinterval = 60")
    assert watch.history[:5] == [
        (0.0, "fresh", "OL"),
        (3.0, "fresh", "OB"),
        (5.5, "fresh", "OL"),
        (8.5, "fresh", "OB"),
        (11.0, "fresh", "OL"),
    ]


def test_names_that_may_not_be_set(tmp_path: Path) -> None:
    """The driver's and the server's variables, and what is no name, are refused."""

    async def story(runner: Runner, file: Path) -> None:
        assert await runner.setvar("driver.name", "x") is Outcome.INVALID
        assert await runner.setvar("server.info", "x") is Outcome.INVALID
        assert await runner.setvar("no name", "x") is Outcome.UNKNOWN

    scene(tmp_path, b"", story)


def test_random_bytes(tmp_path: Path) -> None:
    """A file of rubbish is one clear line, nothing is shown as fresh, and a good file heals it."""

    async def story(runner: Runner, file: Path) -> None:
        assert runner.view.freshness is Freshness.WAITING
        rewrite(file, "ups.status: OB\n")
        await asyncio.sleep(5.0)
        assert runner.view.snapshot.get("ups.status") == "OB"

    rubbish = bytes(range(256)) * 8
    watch = scene(tmp_path, rubbish, story)
    assert "d.dev is not a definition file" in watch.lines[0]
    assert watch.lines[0].isprintable()
    assert len(watch.lines) == 2


def test_a_wrong_line_does_not_hide_the_rest(tmp_path: Path) -> None:
    """What can be read of a file is shown, and what can't is told with its line."""

    async def story(runner: Runner, file: Path) -> None:
        assert runner.view.snapshot.get("ups.load") == "7"

    watch = scene(tmp_path, b"what is this\nups.load: 7\n", story)
    assert len(watch.lines) == 1
    assert "d.dev:1: " in watch.lines[0]


def test_a_file_that_goes_away_is_stale(tmp_path: Path) -> None:
    """Values whose file is gone are not shown as fresh for more than two polls."""

    async def story(runner: Runner, file: Path) -> None:
        os.unlink(file)
        await asyncio.sleep(4.0)
        assert runner.view.freshness is Freshness.STALE
        write(file, "ups.load: 2\n")
        await asyncio.sleep(5.0)
        assert runner.view.freshness is Freshness.FRESH
        assert runner.view.snapshot.get("ups.load") == "2"

    watch = scene(tmp_path, b"ups.load: 1\n", story)
    assert "cannot open" in watch.lines[0]


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    """A named pipe as definition file can't block the program."""
    os.mkfifo(tmp_path / "p.dev")
    watch = Watch()

    async def act() -> None:
        runner = make_runner(section(port="p.dev"), UpsConf(), watch.context(tmp_path), watch.on_view)
        runner.start()
        assert "no plain file" in str(await runner.first())
        await runner.stop()

    run_virtual(act())

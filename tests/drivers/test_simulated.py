# SPDX-License-Identifier: GPL-2.0-or-later
"""simulated-ups: its script, its options, and the whole driver behind a runner on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.config.models import UpsConf
from ridethrough.drivers.base import DriverError
from ridethrough.drivers.registry import make_runner
from ridethrough.drivers.runner import Runner
from ridethrough.drivers.simulated import SimulatedUps, spec_of
from ridethrough.drivers.simulated_core import Charge, Load, Mains
from ridethrough.drivers.simulated_script import Cue, event_of, parse
from ridethrough.ups.commands import Outcome
from ridethrough.wire.words import encode
from tests.support.drivers import Watch, section
from tests.support.vloop import run_virtual


def test_a_script() -> None:
    """Lines are sorted by time, lines of one time keep their order, and comments are skipped."""
    text = b"# an outage\nat 25 mains on\nat 5 mains off\nload 300\nat 5 charge 50\n"
    cues, problems = parse(text, "sim.script")
    assert problems == ()
    assert cues == (
        Cue(0.0, Load(300.0)),
        Cue(5.0, Mains(False)),
        Cue(5.0, Charge(50.0)),
        Cue(25.0, Mains(True)),
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("at soon mains off", "needs seconds"),
        ("at 5", "needs seconds"),
        ("mains maybe", "'on' or 'off'"),
        ("mains", "takes one word"),
        ("load heavy", "needs watts"),
        ("charge 200", "percentage"),
        ("explode now", "write one of: mains, load, charge"),
        ("\x1b[31m\udcff now", "no '[31m?'"),
    ],
)
def test_wrong_lines_of_a_script(line: str, words: str) -> None:
    """A wrong line is told with file and line and costs only itself."""
    cues, problems = parse(encode(f"load 1\n{line}\n"), "s")
    assert len(cues) == 1
    assert len(problems) == 1
    assert problems[0].startswith("s:2: ")
    assert words in problems[0]


def test_a_file_that_is_no_script_is_told_in_few_lines() -> None:
    """Thousands of wrong lines are twenty problems and a count."""
    _, problems = parse(b"x y\n" * 5000, "s")
    assert len(problems) == 21
    assert problems[-1] == "s: 4980 more lines are wrong"


@settings(max_examples=50)
@given(st.binary(max_size=500))
def test_random_scripts_never_raise(data: bytes) -> None:
    """Any bytes are read, or told as problems."""
    parse(data, "s")


def test_control_verbs_are_those_of_the_script() -> None:
    """What `ridethrough sim` sends is read by the same table."""
    assert event_of("mains", ["off"]) == Mains(False)
    with pytest.raises(ValueError, match="no 'dance'"):
        event_of("dance", [])


@pytest.mark.parametrize(
    "text", ["capacity_wh = 0", "load_w = heavy", "lowbatt = 200", "nominal_w = 0", "charge_w = -1"]
)
def test_impossible_options_are_refused_by_name(text: str) -> None:
    """A figure that makes no UPS is a DriverError that names the section."""
    with pytest.raises(DriverError, match=r"^\[u\] "):
        spec_of(section(text, driver="simulated-ups", port="auto"))


def scene(
    tmp_path: Path,
    story: Callable[[Runner, Watch, list[tuple[bool, float]]], Awaitable[None]],
    conf: str = "",
    script: str | None = None,
) -> Watch:
    """Run `story` beside a simulated UPS whose clock begins at 1000."""
    watch: Watch = Watch()
    outputs: list[tuple[bool, float]] = []
    port = "auto"
    if script is not None:
        port = "sim.script"
        (tmp_path / port).write_text(script)

    async def act() -> None:
        context = replace(watch.context(tmp_path), on_output=lambda on, at: outputs.append((on, at)))
        it = section(conf, driver="simulated-ups", port=port)
        runner = make_runner(it, UpsConf(), context, watch.on_view)
        runner.start()
        await runner.first()
        await story(runner, watch, outputs)
        await runner.stop()

    run_virtual(act(), start=1000.0)
    return watch


def test_a_scripted_outage_is_told_to_the_second(tmp_path: Path) -> None:
    """Each cue shows at its own time, between polls too, and the low point when it is reached."""

    async def story(runner: Runner, watch: Watch, outputs: list[tuple[bool, float]]) -> None:
        await asyncio.sleep(300.0)

    watch = scene(
        tmp_path,
        story,
        conf="capacity_wh = 10\nload_w = 300\npollinterval = 30",
        script="at 5.5 mains off\nat 250.25 mains on\n",
    )
    told = [
        (round(view.changed_at - 1000, 2), view.snapshot.get("ups.status"))
        for view, change in zip(watch.views, watch.changes, strict=True)
        if change.status_added
    ]
    assert told[0] == (0.0, "OL")
    assert told[1] == (5.5, "OB DISCHRG")
    assert told[2][1] == "OB DISCHRG LB"
    assert 60 < told[2][0] < 180
    assert told[3] == (pytest.approx((told[2][0] - 5.5) / 0.8 + 5.5, abs=0.1), "OFF")


def test_the_load_is_cut_and_comes_back(tmp_path: Path) -> None:
    """shutdown.return over the runner: the cut and the return are told with their exact times."""

    async def story(runner: Runner, watch: Watch, outputs: list[tuple[bool, float]]) -> None:
        assert runner.control("mains", ["off"]) == "u: mains off"
        await asyncio.sleep(0.1)
        assert runner.view.snapshot.get("ups.status") == "OB DISCHRG"
        assert await runner.setvar("ups.delay.shutdown", "7") is Outcome.HANDLED
        assert await runner.instcmd("shutdown.return") is Outcome.HANDLED
        await asyncio.sleep(20.0)
        assert runner.view.snapshot.get("ups.status") == "OFF"
        runner.control("mains", ["on"])
        await asyncio.sleep(40.0)
        assert outputs == [(False, pytest.approx(1007.1)), (True, pytest.approx(1050.1))]
        assert runner.view.snapshot.status.tokens[0] == "OL"
        with pytest.raises(ValueError, match="'on' or 'off'"):
            runner.control("mains", ["perhaps"])

    scene(tmp_path, story)


def test_methods_for_the_simulator(tmp_path: Path) -> None:
    """`mains` and `set_load` move the UPS; the next poll shows it."""

    async def story(runner: Runner, watch: Watch, outputs: list[tuple[bool, float]]) -> None:
        driver = runner.driver
        assert isinstance(driver, SimulatedUps)
        driver.mains(False)
        driver.set_load(450.0)
        runner.poke()
        await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        assert runner.view.snapshot.get("ups.load") == "50"
        assert "OB" in runner.view.snapshot.status

    scene(tmp_path, story)


def test_polls_every_second_by_default(tmp_path: Path) -> None:
    """Without a `pollinterval` of its own a simulated UPS is polled each second."""

    async def story(runner: Runner, watch: Watch, outputs: list[tuple[bool, float]]) -> None:
        await asyncio.sleep(10.5)
        assert runner.polls == 11
        assert runner.view.snapshot.get("driver.parameter.pollinterval") == "1"

    scene(tmp_path, story)


def test_a_missing_script_is_told(tmp_path: Path) -> None:
    """A script that is not there keeps the UPS from starting, in one line with its path."""
    watch = Watch()

    async def act() -> None:
        it = section(driver="simulated-ups", port="none.script")
        runner = make_runner(it, UpsConf(), watch.context(tmp_path), watch.on_view)
        runner.start()
        assert "none.script" in str(await runner.first())
        await runner.stop()

    run_virtual(act())
    assert len(watch.lines) == 1

# SPDX-License-Identifier: GPL-2.0-or-later
"""What has failed once must not leave a host without protection for good."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ridethrough.app.bus import Event
from ridethrough.app.house import STILL_UP_S, House
from ridethrough.schedule import core
from tests.app.test_house import FILES, mains, play, texts

NEVER_READ = "[odd]\n driver = simulated-ups\n port = auto\n nominal_w = 0\n"


@pytest.mark.parametrize("more", ["", NEVER_READ], ids=["all are read", "one is never read"])
def test_an_armed_host_that_survives_its_shutdown_is_protected_again(tmp_path: Path, more: str) -> None:
    """`shutdown -c`, or a SHUTDOWNCMD that did nothing: serve ends, and its restart clears FSD and flag."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        mains(house, on=False)
        await asyncio.sleep(1800)
        assert house.monitor_ended.is_set()
        await asyncio.sleep(3600)
        assert not house.failed.is_set(), "while the outage lasts nothing is begun anew"
        mains(house, on=True)
        await asyncio.sleep(STILL_UP_S - 60)
        assert not house.failed.is_set()
        await asyncio.sleep(120)
        assert house.failed.is_set()

    events = play(tmp_path, main, armed=True, ups_conf=FILES["ups.conf"] + more)
    assert any("still up" in text for text in texts(events, "log"))


def test_a_fault_of_the_schedule_costs_no_timer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer that shuts down early runs out, though the schedule's first step has failed."""
    really, ticks = core.step, list[core.Event]()

    def step(state: core.State, event: core.Event, now: float) -> tuple[core.State, core.Effects]:
        if isinstance(event, core.Tick) and not ticks:
            ticks.append(event)
            raise ValueError("a defect")
        return really(state, event, now)

    monkeypatch.setattr(core, "step", step)

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        mains(house, on=False)
        await asyncio.sleep(45)

    events = play(tmp_path, main)
    assert ticks
    assert any("CMDSCRIPT: /bin/true 'early'" in text for text in texts(events, "would"))
    assert any("the schedule (upssched) failed and begins anew" in text for text in texts(events, "log"))

# SPDX-License-Identifier: GPL-2.0-or-later
"""The maintenance mode in the whole house: outages on a virtual clock, orders over the control socket."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ridethrough.app import report
from ridethrough.app.bus import Event
from ridethrough.app.house import House
from ridethrough.app.maintenance import wall_text, who
from ridethrough.app.protected import LocalFacts, answers
from ridethrough.app.requests import handlers
from ridethrough.control.client import ControlClient, ControlError
from ridethrough.control.server import OBSERVER, OPERATOR, Peer, RequestError
from tests.app.test_house import FILES, mains, play, texts

PEER = Peer(uid=0, gid=0, pid=1, role="operator")
FACTS = LocalFacts("/etc/nut", 0, "/hook", 3.0, "down in time", True)
OUTAGE_S = 1800.0
"""Longer than the battery of `FILES` lasts."""
LOUD = {
    "upsmon_conf": FILES["upsmon.conf"] + "NOTIFYFLAG OTHER EXEC\nNOTIFYFLAG NOTOTHER EXEC\n",
    "upssched_conf": FILES["upssched.conf"] + "AT OTHER * EXECUTE held\nAT NOTOTHER * EXECUTE over\n",
}


async def ask(house: House, verb: str, **fields: Any) -> Any:
    return await handlers(house)[verb][1](fields, PEER)


def commands(events: list[Event]) -> list[str]:
    return [text for text in texts(events, "would") if "SHUTDOWNCMD" in text]


def fsd(house: House) -> bool:
    assert house.serving is not None
    device = house.serving.core.device("sim")
    assert device is not None
    return device.fsd


@pytest.mark.parametrize("armed", [True, False])
def test_an_outage_passes_over_a_host_in_maintenance(tmp_path: Path, armed: bool) -> None:
    """Notices and scripts, but no FSD and no SHUTDOWNCMD; the line comes back and nothing was lost."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        reply = await ask(house, "maintenance.on", seconds=7200, reason="new battery", **{"for": "alice"})
        assert reply["on"]
        assert reply["who"] == "root (for alice)"
        mains(house, on=False)
        await asyncio.sleep(OUTAGE_S)
        assert not commands(events)
        assert not fsd(house)
        notices = [event for event in events if event["event"] == "notice"]
        assert {"ONBATT", "LOWBATT", "OTHER"} <= {event["type"] for event in notices}
        assert "SHUTDOWN" not in {event["type"] for event in notices}
        held = [event["text"] for event in notices if "would shut down now" in event["text"]]
        assert "by root (for alice) (new battery)" in held[0]
        assert "would run CMDSCRIPT: /bin/true 'early' (NOTIFYTYPE=ONBATT)" in texts(events, "would")
        assert "would run CMDSCRIPT: /bin/true 'held' (NOTIFYTYPE=OTHER)" in texts(events, "would")
        (row,) = [row for row in answers(report.status(house), FACTS) if row.command.endswith("off")]
        assert not row.ok
        assert "would shut down now" in row.detail
        mains(house, on=True)
        await asyncio.sleep(60)
        assert (await ask(house, "maintenance.status"))["would"] == ""
        assert (await ask(house, "maintenance.off"))["begun"] == ""
        await asyncio.sleep(60)
        assert not commands(events)
        assert "would run CMDSCRIPT: /bin/true 'over' (NOTIFYTYPE=NOTOTHER)" in texts(events, "would")
        assert "on" not in [row.command for row in answers(report.status(house), FACTS)]

    play(tmp_path, main, armed=armed, **LOUD)
    assert not (tmp_path / "maintenance.json").exists()


def test_it_ends_by_itself_and_the_shutdown_begins(tmp_path: Path) -> None:
    """On battery at the end: warned, told, and down as ever."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        await ask(house, "maintenance.on", seconds=OUTAGE_S)
        mains(house, on=False)
        await asyncio.sleep(OUTAGE_S - 10)
        assert not commands(events)
        said = [event["text"] for event in events if event["event"] == "notice"]
        assert sum("maintenance ends in" in text for text in said) == 2
        await asyncio.sleep(60)
        assert len(commands(events)) == 1
        assert "NOTOTHER" in [event["type"] for event in events if event["event"] == "notice"]
        with pytest.raises(RequestError, match="has begun already"):
            await ask(house, "maintenance.on", seconds=60)

    play(tmp_path, main, armed=True)


def test_a_restart_does_not_end_it(tmp_path: Path) -> None:
    """serve is killed or restarted in the middle of it: held back all the same, and told again."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        await ask(house, "maintenance.on", seconds=2 * OUTAGE_S, reason="swap")
        mains(house, on=False)
        await asyncio.sleep(60)
        await house.close()
        assert (tmp_path / "maintenance.json").stat().st_mode & 0o777 == 0o600
        again = House(house.blueprint, house.bus, house.actions, handlers)
        try:
            await again.open()
            mains(again, on=False)
            await asyncio.sleep(OUTAGE_S)
            reply = await ask(again, "maintenance.status")
            assert (reply["on"], reply["reason"]) == (True, "swap")
            assert reply["would"]
            assert not commands(events)
            assert any("maintenance goes on" in text for text in texts(events, "notice"))
            await asyncio.sleep(OUTAGE_S)
            assert len(commands(events)) == 1
        finally:
            await again.close()

    play(tmp_path, main, armed=True)
    assert not (tmp_path / "maintenance.json").exists()


def test_a_broken_file_is_no_maintenance(tmp_path: Path) -> None:
    """In doubt the host is protected, and it is said why."""
    (tmp_path / "maintenance.json").write_text("{}")

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        assert not (await ask(house, "maintenance.status"))["on"]
        mains(house, on=False)
        await asyncio.sleep(OUTAGE_S)
        assert len(commands(events)) == 1

    events = play(tmp_path, main)
    assert any("maintenance.json is not taken" in text for text in texts(events, "log"))


def test_a_simulation_leaves_no_file(tmp_path: Path) -> None:
    """Its clock is not the machine's."""

    async def main(house: House, events: list[Event]) -> None:
        await house.close()
        game = House(replace(house.blueprint, simulated=True), house.bus, house.actions, handlers)
        try:
            await game.open()
            await asyncio.sleep(5)
            assert (await ask(game, "maintenance.on", seconds=60))["on"]
        finally:
            await game.close()
        assert not (tmp_path / "maintenance.json").exists()

    play(tmp_path, main)


def test_a_person_is_obeyed_and_a_script_is_not(tmp_path: Path) -> None:
    """`fsd` on the control socket with the type of a notice is a script's; without, a person's."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        await ask(house, "maintenance.on", seconds=600)
        with pytest.raises(RequestError, match="maintenance holds back what scripts order"):
            await ask(house, "fsd", script="ONBATT")
        await asyncio.sleep(30)
        assert not commands(events)
        assert any("the script of ONBATT orders" in text for text in texts(events, "notice"))
        await ask(house, "fsd")
        await asyncio.sleep(30)
        assert len(commands(events)) == 1

    play(tmp_path, main, armed=True)


def test_without_a_maintenance_a_script_is_obeyed(tmp_path: Path) -> None:
    """Many an upssched-cmd ends with `upsmon -c fsd`: that is its right."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        await ask(house, "fsd", script="ONBATT")
        await asyncio.sleep(30)
        assert len(commands(events)) == 1

    play(tmp_path, main)


def test_nonsense_is_refused_in_words(tmp_path: Path) -> None:
    """No length, no number, too long, nothing to end: one sentence each, and no maintenance."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        for fields, words in (
            ({}, "its length in seconds"),
            ({"seconds": "2h"}, "its length in seconds"),
            ({"seconds": True}, "its length in seconds"),
            ({"seconds": 0}, "is none"),
            ({"seconds": -5}, "is none"),
            ({"seconds": 1e300}, "at most 24 h"),
            ({"seconds": 60, "reason": 7}, "is a text"),
        ):
            with pytest.raises(RequestError, match=words):
                await ask(house, "maintenance.on", **fields)
        with pytest.raises(RequestError, match="no maintenance is on"):
            await ask(house, "maintenance.off")
        assert await ask(house, "maintenance.status") == {"on": False}

    play(tmp_path, main)


def test_who_monitors_nothing_has_nothing_to_hold(tmp_path: Path) -> None:
    """A mere server says so."""

    async def main(house: House, events: list[Event]) -> None:
        for verb in ("maintenance.on", "maintenance.off", "maintenance.status"):
            with pytest.raises(RequestError, match="nothing is monitored here"):
                await ask(house, verb, seconds=60)
        assert report.status(house)["maintenance"] == {"on": False}

    play(tmp_path, main, upsmon_conf="MINSUPPLIES 0\n")


def test_over_the_socket_the_kernel_says_who(tmp_path: Path) -> None:
    """The uid of the peer is named, not what it claims; orders take an operator, looking does not."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        roles = {verb: role for verb, (role, _) in handlers(house).items() if "maintenance" in verb}
        assert roles == {
            "maintenance.on": OPERATOR,
            "maintenance.off": OPERATOR,
            "maintenance.status": OBSERVER,
        }
        client = ControlClient(tmp_path / "ridethrough.sock")
        reply = await asyncio.to_thread(client.ask, "maintenance.on", seconds=60, who="mallory")
        assert reply["who"] == who(replace(PEER, uid=os.getuid()), None)
        assert "mallory" not in str(events)
        with pytest.raises(ControlError, match="at most 24 h"):
            await asyncio.to_thread(client.ask, "maintenance.on", seconds=90_000)
        client.close()

    play(tmp_path, main)


def test_names(tmp_path: Path) -> None:
    """A user of this machine by name, any other by number; sudo's user behind it, made harmless."""
    passwd = tmp_path / "passwd"
    passwd.write_text("root:x:0:0::/:/bin/sh\nbroken\nalice:x:1000:1000::/:/bin/sh\n")
    alice, nobody = replace(PEER, uid=1000), replace(PEER, uid=7)
    assert who(PEER, "alice", passwd) == "root (for alice)"
    assert who(alice, "alice", passwd) == "alice"
    assert who(nobody, "", passwd) == "uid 7"
    assert who(PEER, "a\nb", passwd) == "root"
    assert who(PEER, 7, passwd) == "root"
    assert who(PEER, None, tmp_path / "none") == "uid 0"


def test_the_end_as_people_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """HH:MM today, with the day tomorrow."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        noon = 1_767_268_800.0  # Thu 2026-01-01 12:00 UTC
        assert wall_text(noon, 5400) == "13:30"
        assert wall_text(noon, 43_200) == "Fri 00:00"
    finally:
        monkeypatch.undo()
        time.tzset()

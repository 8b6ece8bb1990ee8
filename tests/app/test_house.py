# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole house on a virtual clock: real stages, a simulated UPS, nothing run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ridethrough.app import report
from ridethrough.app.arming import dry_helper, helper_config
from ridethrough.app.blueprint import Blueprint
from ridethrough.app.bus import Bus, Event
from ridethrough.app.house import CALM_S, House
from ridethrough.app.protected import LocalFacts, answers
from ridethrough.app.requests import handlers
from ridethrough.config.load import load
from ridethrough.control.server import Peer, RequestError
from ridethrough.drivers.runner import Runner
from ridethrough.drivers.simulated import SimulatedUps
from ridethrough.privsep.dry import DryHelper
from tests.support.vloop import run_virtual

FILES = {
    "ups.conf": "[sim]\n driver = simulated-ups\n port = auto\n capacity_wh = 20\n pollinterval = 1\n",
    "upsd.conf": "LISTEN 127.0.0.1 {port}\n",
    "upsd.users": "[mon]\n password = right\n upsmon primary\n",
    "upsmon.conf": "MONITOR sim@localhost:{port} 1 mon {password} primary\nSHUTDOWNCMD /bin/true\n"
    "POWERDOWNFLAG /nowhere/killpower\nNOTIFYCMD /sbin/upssched\nNOTIFYFLAG ONBATT EXEC\n"
    "NOTIFYFLAG ONLINE EXEC\n",
    "upssched.conf": "CMDSCRIPT /bin/true\nPIPEFN /nowhere/p\nLOCKFN /nowhere/l\n"
    "AT ONBATT * START-TIMER early 30\nAT ONLINE * CANCEL-TIMER early\n",
}
FACTS = LocalFacts("/etc/nut", 0, "/hook", 3.0, "down in time", True)
Main = Callable[[House, list[Event]], Awaitable[None]]
PEER = Peer(uid=0, gid=0, pid=1, role="operator")


def play(
    tmp_path: Path, main: Main, password: str = "right", armed: bool = False, **changes: str
) -> list[Event]:
    """Open a house with these files, run `main` in it, close it; gives every event."""
    for name, text in FILES.items():
        given = changes.get(name.replace(".", "_"), text)
        (tmp_path / name).write_text(given.replace("{port}", "39993").replace("{password}", password))
    config = load(tmp_path)
    assert config.upsd is not None
    listen = tuple(replace(each, port=0) for each in config.upsd.listen)
    monitors = config.upsmon
    assert monitors is not None
    lines = tuple(replace(line, port=0) for line in monitors.monitors)
    config = replace(
        config, upsd=replace(config.upsd, listen=listen), upsmon=replace(monitors, monitors=lines)
    )
    events: list[Event] = []

    async def inside() -> None:
        loop = asyncio.get_running_loop()
        bus = Bus(loop.time)
        bus.listen(events.append)
        actions = dry_helper(helper_config(config, {}), bus, "this host")
        house = House(Blueprint(config, tmp_path, armed=armed), bus, actions, handlers)
        try:
            await house.open()
            await main(house, events)
        finally:
            await house.close()

    run_virtual(inside())
    return events


def mains(house: House, on: bool) -> None:
    assert house.serving is not None
    source = house.serving.sources["sim"]
    assert isinstance(source, Runner)
    source.control("mains", ["on" if on else "off"])


def texts(events: list[Event], kind: str, field: str = "text") -> list[str]:
    return [event[field] for event in events if event["event"] == kind]


def notices(events: list[Event]) -> list[str]:
    return texts(events, "notice", "type")


def test_a_driver_commit_reaches_the_monitor_at_once(tmp_path: Path) -> None:
    """Inside serve nobody waits for POLLFREQ: ONBATT follows the lost mains within the poke's gap."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(12)
        lost = asyncio.get_running_loop().time()
        mains(house, on=False)
        await asyncio.sleep(1)
        noticed = next(event["t"] for event in events if event.get("type") == "ONBATT")
        assert noticed - lost < 0.5

    play(tmp_path, main)


def test_timers_run_in_the_house_and_are_cancelled_by_the_mains(tmp_path: Path) -> None:
    """NOTIFYCMD upssched is the schedule of this process; 29 s are not 30."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        mains(house, on=False)
        await asyncio.sleep(29)
        assert house.scheduler is not None
        assert [timer.name for timer in house.scheduler.list()] == ["early"]
        mains(house, on=True)
        await asyncio.sleep(60)
        assert not house.scheduler.list()
        assert not texts(events, "would")
        mains(house, on=False)
        await asyncio.sleep(31)
        assert texts(events, "would") == ["would run CMDSCRIPT: /bin/true 'early' (NOTIFYTYPE=ONBATT)"]

    play(tmp_path, main)


def test_notices_of_the_host_itself_meet_a_star(tmp_path: Path) -> None:
    """SHUTDOWN, NOPARENT and a sleep have no UPS: `AT ... *` is for them, `AT ... UPS` is not."""
    rules = "".join(
        f"AT {kind} {ups} EXECUTE {kind.lower()}-{name}\n"
        for kind in ("SHUTDOWN", "NOPARENT", "SUSPEND_STARTING", "SUSPEND_FINISHED")
        for ups, name in (("*", "any"), ("sim@localhost:39993", "sim"))
    )

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        house.sleeps(True)
        house.sleeps(False)
        house.helper_is_gone("it has died")
        assert house.monitor is not None
        house.monitor.user_fsd()
        await asyncio.sleep(60)

    flags = "".join(f"NOTIFYFLAG {kind} EXEC\n" for kind in ("SHUTDOWN", "NOPARENT"))
    flags += "NOTIFYFLAG SUSPEND_STARTING EXEC\nNOTIFYFLAG SUSPEND_FINISHED EXEC\n"
    events = play(
        tmp_path,
        main,
        upsmon_conf=FILES["upsmon.conf"] + flags,
        upssched_conf=f"CMDSCRIPT /bin/true\nPIPEFN /nowhere/p\nLOCKFN /nowhere/l\n{rules}",
    )
    ran = [text.split("'")[1] for text in texts(events, "would") if "CMDSCRIPT" in text]
    assert ran == ["suspend_starting-any", "suspend_finished-any", "noparent-any", "shutdown-any"]


def test_strict_c_counts_in_serve_and_after_a_reload(tmp_path: Path) -> None:
    """`strict_c = true` of ridethrough.toml reaches the monitor of serve."""
    (tmp_path / "ridethrough.toml").write_text("strict_c = true\n")

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(1)
        assert house.monitor is not None
        assert house.monitor.strict_c
        (tmp_path / "ridethrough.toml").unlink()
        await house.reload()
        assert not house.monitor.strict_c

    play(tmp_path, main)


def test_a_dry_run_begins_anew_when_the_line_has_held(tmp_path: Path) -> None:
    """A rehearsal with the plug pulled leaves no FSD behind, and the next outage is told again."""

    async def outage(house: House) -> None:
        mains(house, on=False)
        await asyncio.sleep(1800)
        assert house.monitor_ended.is_set()
        mains(house, on=True)
        await asyncio.sleep(CALM_S + 30)
        assert house.serving is not None
        device = house.serving.core.device("sim")
        assert device is not None
        assert not device.fsd

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        for count in (1, 2):
            await outage(house)
            assert notices(events).count("SHUTDOWN") == count
            commands = [text for text in texts(events, "would") if "SHUTDOWNCMD" in text]
            assert commands == ["would run SHUTDOWNCMD: /bin/true"] * count
            await asyncio.sleep(3600)  # the battery is charged

    play(tmp_path, main)


def test_a_wrong_password_is_loud_and_in_the_status(tmp_path: Path) -> None:
    """Not a word of the password, but the line to look at."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(10)
        (row,) = report.monitors(house)
        assert not row["logged_in"]
        assert "ACCESS-DENIED" in row["why"]
        assert "compare upsmon.conf:1 with section [mon] of upsd.users" in row["why"]
        # What `ridethrough status` judges by: its exit status is 0 only if every answer is yes.
        (login,) = [row for row in answers(report.status(house), FACTS) if "login on sim@" in row.question]
        assert not login.ok
        assert "compare upsmon.conf:1" in login.detail

    events = play(tmp_path, main, password="wr0ng")
    told = [event["text"] for event in events if event.get("type") == "OTHER"]
    assert len(told) == 1
    assert "upsmon.conf:1" in told[0]
    assert not any("wr0ng" in str(event) for event in events)


def test_a_broken_section_costs_only_itself(tmp_path: Path) -> None:
    """The other UPS is served, the broken one is named with its line and is never fresh."""
    both = FILES["ups.conf"] + "[odd]\n driver = simulated-ups\n port = auto\n nominal_w = 0\n"

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(30)
        found = {row["ups"]: row for row in report.devices(house)}
        assert found["sim"]["freshness"] == "fresh"
        assert found["odd"]["freshness"] in ("disconnected", "stale", "waiting")
        assert "nominal_w" in found["odd"]["why"]

    play(tmp_path, main, ups_conf=both)


def test_a_monitor_that_fails_ends_serve_loudly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alive but protecting nobody is the one state that must not be."""

    async def broken(self: object) -> int:
        raise RuntimeError("a defect")

    monkeypatch.setattr("ridethrough.app.house.Monitor.run", broken)

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.wait_for(house.failed.wait(), 10)

    events = play(tmp_path, main)
    assert any(
        event.get("level") == "critical" and "NOT protected" in event["text"] and "a defect" in event["text"]
        for event in events
    )


def test_reload_takes_a_good_file_and_refuses_a_bad_one(tmp_path: Path) -> None:
    """A typo in the evening must not cost the protection of the night."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        before = house.blueprint.config
        (tmp_path / "upsmon.conf").write_text("MONITOR sim@localhost 1 mon\n")
        await house.reload()
        assert house.blueprint.config is before
        assert any("the configuration in force stays" in text for text in texts(events, "log"))
        good = FILES["upsmon.conf"].replace("{port}", "39993").replace("{password}", "right")
        (tmp_path / "upsmon.conf").write_text(good + "POLLFREQ 7\n")
        await house.reload()
        assert house.blueprint.config.upsmon is not None
        assert house.blueprint.config.upsmon.pollfreq_s == 7

    play(tmp_path, main)


def test_a_reload_puts_new_at_lines_in_force(tmp_path: Path) -> None:
    """SIGHUP puts a changed upssched.conf in force; a faulty one leaves the old one there, and says so."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        path = tmp_path / "upssched.conf"
        scheduler = house.scheduler
        assert scheduler is not None
        old = path.read_text()

        async def does() -> str:
            return str(scheduler.control("timers.notice", {"type": "COMMOK", "ups": "x"}))

        path.write_text(old + "AT COMMOK * START-TIMER early 77\nAT COMMOK * STRAT-TIMER early 5\n")
        await house.reload()
        assert "early 77" not in await does()
        said = texts(events, "log")
        assert any("upssched.conf" in text and "STRAT-TIMER" in text for text in said)
        assert any("the configuration in force stays" in text for text in said)
        path.write_text(old + "AT COMMOK * START-TIMER early 77\n")
        await house.reload()
        assert "after 77 seconds" in await does()
        path.unlink()
        await house.reload()
        assert "after 77 seconds" in await does()
        assert sum("the configuration in force stays" in text for text in texts(events, "log")) == 2

    play(tmp_path, main)


def test_what_may_be_asked_over_the_control_socket(tmp_path: Path) -> None:
    """Each verb answers, and refuses nonsense in words."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        verbs = {name: handler for name, (_, handler) in handlers(house).items()}

        async def ask(verb: str, **fields: Any) -> Any:
            return await verbs[verb](fields, PEER)

        status = await ask("status")
        assert (status["armed"], status["simulated"], status["helper"]) == (False, False, True)
        assert [row["ups"] for row in status["devices"]] == ["sim"]
        assert "off" in (await ask("sim", what="mains", value="off"))["text"]
        with pytest.raises(RequestError, match="known: sim"):
            await ask("sim", ups="nobody", what="mains", value="off")
        with pytest.raises(RequestError, match=r"watts|number|load"):
            await ask("sim", what="load", value="much")
        await asyncio.sleep(2)
        assert [timer["name"] for timer in (await ask("timers.list"))["timers"]] == ["early"]
        assert (await ask("timers.cancel", name="early"))["cancelled"] == 1
        with pytest.raises(RequestError, match="no AT line"):
            await ask("timers.start", name="never", seconds=5)
        await ask("fsd")
        await asyncio.sleep(10)
        assert "would run SHUTDOWNCMD: /bin/true" in texts(events, "would")

    play(tmp_path, main)


def test_stages_are_closed_in_reverse_and_leave_nothing(tmp_path: Path) -> None:
    """The control socket is gone, the port is free, no task is left."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(2)
        assert (tmp_path / "ridethrough.sock").exists()
        assert isinstance(house.actions, DryHelper)

    events = play(tmp_path, main)
    assert not (tmp_path / "ridethrough.sock").exists()
    assert [event["name"] for event in events if event["event"] == "stage"] == [
        "control",
        "server",
        "schedule",
        "monitor",
    ]


@pytest.mark.parametrize(("armed", "wanted"), [(True, ["would run SHUTDOWNCMD: /bin/true"]), (False, [])])
def test_a_stop_during_a_real_shutdown_waits_for_shutdowncmd(
    tmp_path: Path, armed: bool, wanted: list[str]
) -> None:
    """The host does not stay up on a dying battery because serve was ended; a dry run ends at once."""

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(5)
        assert house.monitor is not None
        house.monitor.user_fsd()
        await asyncio.sleep(1)
        assert notices(events)[-1] == "SHUTDOWN"

    events = play(tmp_path, main, armed=armed)
    assert [text for text in texts(events, "would") if "SHUTDOWNCMD" in text] == wanted


@pytest.mark.parametrize(("opens_in_s", "told"), [(2.0, []), (8.0, ["COMMBAD", "COMMOK"])])
def test_a_start_is_no_lost_communication(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opens_in_s: float, told: list[str]
) -> None:
    """A driver that takes a moment to open makes no COMMBAD at every start; one that takes long does."""
    really = SimulatedUps.open

    async def slowly(self: SimulatedUps) -> None:
        await asyncio.sleep(opens_in_s)
        await really(self)

    monkeypatch.setattr(SimulatedUps, "open", slowly)

    async def main(house: House, events: list[Event]) -> None:
        await asyncio.sleep(60)
        assert notices(events) == told

    play(tmp_path, main)

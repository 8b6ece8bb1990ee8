# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's shell against a scripted server: outages, commands, flags, reloads."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ridethrough.config.model_upsd import Role
from ridethrough.config.model_upsmon import UpsmonConf
from ridethrough.monitor import core
from ridethrough.monitor.core import MonitorState
from ridethrough.monitor.messages import Effect, Event, Level, LogDecision, Polled
from ridethrough.monitor.shell import Monitor, tcp_link
from ridethrough.ups.notices import Notice, NotifyFlag, NotifyType
from tests.support.fake_upsd import FakeUpsd
from tests.support.monitor_play import Output, line, play, seconds
from tests.support.vloop import run_virtual


def test_an_outage_ends_with_shutdowncmd() -> None:
    """On battery, low, FSD, a secondary leaves, SHUTDOWN, FINALDELAY, the flag, SHUTDOWNCMD, exit 0."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        server.others = 1
        await seconds(6)
        server.say("OB DISCHRG")
        await seconds(5)
        server.variables["battery.charge"] = "8"
        server.say("OB LB DISCHRG")
        await seconds(7)
        assert monitor.shutting_down
        assert "shutdown" not in output.whats
        server.others = 0
        await seconds(10)

    server, output = play(script)
    assert output.whats == [
        "ONBATT",
        "LOWBATT",
        "FSD",
        "SHUTDOWN_HOSTSYNC",
        "SHUTDOWN",
        "flag",
        "shutdown",
    ]
    told = {what: at for at, what in output.happened}
    assert told["SHUTDOWN"] == pytest.approx(18.3, abs=0.4)
    assert told["shutdown"] - told["SHUTDOWN"] == pytest.approx(5.0, abs=0.11)
    assert server.variables["ups.status"] == "FSD OB LB DISCHRG"
    assert server.lines[-1][1] == "LOGOUT"
    assert any("[ups.status OB LB DISCHRG, battery.charge 8]" in text for text in output.lines)
    assert any(text == f"UPS su700@127.0.0.1:{server.port} battery is low" for text in output.walls)


def test_a_flag_that_can_not_be_written_does_not_keep_the_host_up() -> None:
    """POWERDOWNFLAG fails: it is said, and SHUTDOWNCMD is run."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(1)
        monitor.user_fsd()
        await seconds(10)

    _, output = play(script, output=Output(flag_fails=True))
    assert output.whats[-2:] == ["flag", "shutdown"]
    assert "error: POWERDOWNFLAG failed: read-only file system" in output.lines


def test_flags_decide_where_a_notice_goes() -> None:
    """NOTIFYFLAG: EXEC reaches the hook, SYSLOG the log, WALL the terminals, IGNORE none of them."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(1)
        server.say("OB LB")
        await seconds(5)
        monitor.user_fsd()
        await seconds(1)

    flags = {
        NotifyType.ONBATT: NotifyFlag.EXEC,
        NotifyType.LOWBATT: NotifyFlag.IGNORE,
        NotifyType.SHUTDOWN: NotifyFlag.SYSLOG | NotifyFlag.EXEC,
    }
    server = FakeUpsd(variables={"ups.status": "OL"})
    _, output = play(script, server=server, conf=UpsmonConf(notifyflag=flags), role=Role.SECONDARY)
    assert output.whats[:2] == ["ONBATT exec", "LOWBATT"]
    assert [text for text in output.lines if text.startswith("notice: ")] == [
        "notice: Auto logout and shutdown proceeding"
    ]
    assert output.walls == []


def test_a_stop_during_a_shutdown_waits_for_shutdowncmd() -> None:
    """As in C, TERM during FINALDELAY does not leave the host up with a low battery."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(1)
        monitor.user_fsd()
        await seconds(2)
        monitor.stop()
        assert "shutdown" not in output.whats

    _, output = play(script, role=Role.SECONDARY)
    assert output.whats == ["SHUTDOWN", "shutdown"]


def test_a_reload_replaces_only_what_changed() -> None:
    """A changed MONITOR line is connected anew, an unchanged one stays; a new UPS is watched at once."""
    kept, changed, added, output = (
        FakeUpsd(ups="kept"),
        FakeUpsd(ups="changed"),
        FakeUpsd(ups="added"),
        Output(),
    )
    changed.users["mon"] = "new"

    async def world() -> None:
        for server in (kept, changed, added):
            await server.start()
        monitor = Monitor(UpsmonConf(monitors=(line(kept), line(changed))), tcp_link, output)
        running = asyncio.create_task(monitor.run())
        await seconds(2)
        monitor.reload(UpsmonConf(monitors=(line(kept), line(changed, password="new"), line(added))))
        await seconds(2)
        assert [seen.logged_in for seen in monitor.summary()] == [True, True, True]
        monitor.reload(UpsmonConf(monitors=(line(kept),)))
        await seconds(2)
        assert [seen.ups for seen in monitor.summary()] == [line(kept).system]
        assert added.logged_in == set()
        monitor.stop()
        await running
        for server in (kept, changed, added):
            await server.stop()

    run_virtual(world())
    assert len(kept.asked("LOGIN")) == 1
    assert len(changed.asked("LOGIN")) == 2


def test_a_reload_of_strict_c_logs_in_where_c_does() -> None:
    """A secondary's line with power value 0 says the same as before, and is connected anew all the same."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(6)
        lines = (line(server, Role.SECONDARY, value=0),)
        for strict_c, logins in ((False, 0), (True, 1), (True, 1), (None, 1)):
            monitor.reload(UpsmonConf(minsupplies=0, monitors=lines), strict_c=strict_c)
            await seconds(6)
            assert len(server.asked("LOGIN")) == logins

    play(script, role=Role.SECONDARY, value=0, conf=UpsmonConf(minsupplies=0))


class BrokenOutput(Output):
    """A log on a full disk and terminals that are gone: everything raises but the shutdown itself."""

    def notice(self, notice: Notice, flags: NotifyFlag) -> None:
        raise OSError("no space left on device")

    def log(self, level: Level, text: str) -> None:
        raise BrokenPipeError

    def wall(self, text: str) -> None:
        raise OSError("no terminals")

    def decision(self, decision: LogDecision) -> None:
        raise BrokenPipeError


def test_a_broken_log_costs_no_shutdown() -> None:
    """Whatever fails on the way, FSD, flag and SHUTDOWNCMD are carried out."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(1)
        server.say("OB LB")
        await seconds(20)

    server = FakeUpsd(variables={"ups.status": "OL"})
    server, output = play(script, server=server, output=BrokenOutput())
    assert output.whats == ["flag", "shutdown"]
    assert server.asked("FSD")


def test_a_ups_that_can_not_be_judged_is_a_lost_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect at what one UPS says: people are told, and silence since `OB` brings the host down."""
    really = core.step

    def step(state: MonitorState, event: Event, now: float) -> tuple[MonitorState, tuple[Effect, ...]]:
        if isinstance(event, Polled) and "LB" in event.status:
            raise ValueError("a defect")
        return really(state, event, now)

    monkeypatch.setattr(core, "step", step)

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(7)
        server.say("OB")
        await seconds(5)
        server.say("OB LB")
        await seconds(10)
        assert output.whats == ["ONBATT", "COMMBAD"]
        await seconds(30)

    _, output = play(script)
    assert output.whats[-2:] == ["flag", "shutdown"]
    assert any("what it says can't be judged: ValueError('a defect')" in text for text in output.lines)


@pytest.mark.parametrize("fails", [False, True])
def test_the_exit_status_tells_whether_shutdowncmd_was_started(fails: bool) -> None:
    """0 after a shutdown that was started; 1 if it could not be, so that the service is started again."""

    class Failing(Output):
        async def shutdown(self) -> None:
            await super().shutdown()
            if fails:
                raise OSError("the helper has ended")

    async def world() -> int:
        server = FakeUpsd(variables={"ups.status": "FSD OB LB"})
        await server.start()
        monitor = Monitor(UpsmonConf(monitors=(line(server, Role.SECONDARY),)), tcp_link, Failing())
        status = await monitor.run()
        await server.stop()
        return status

    assert run_virtual(world()) == int(fails)


def test_announcing_what_the_core_can_not_know() -> None:
    """NOPARENT is a notice like any other."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(1)
        monitor.announce(NotifyType.NOPARENT)

    assert play(script)[1].whats == ["NOPARENT"]


def test_a_refused_login_is_logged_whatever_notifyflag_says() -> None:
    """With NOTIFYFLAG OTHER IGNORE nothing is run, nobody is called; the log has the error, repeated."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(650)

    conf = UpsmonConf(notifyflag={NotifyType.OTHER: NotifyFlag.IGNORE})
    _, output = play(script, password="wrong", conf=conf)
    errors = [text for text in output.lines if text.startswith("error: UPS su700") and "refused" in text]
    assert len(errors) == 3
    assert output.walls == []


def test_a_secondary_that_leaves_is_seen_at_once() -> None:
    """Told by its own server, a primary in HOSTSYNC counts without waiting for its next look."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        server.others = 1
        await seconds(1)
        monitor.logins_changed("su700")
        assert server.asked("GET NUMLOGINS") == []
        monitor.user_fsd()
        await seconds(3.3)
        asked = len(server.asked("GET NUMLOGINS"))
        server.others = 0
        monitor.logins_changed("stranger")
        monitor.logins_changed("su700")
        await seconds(0.05)
        assert len(server.asked("GET NUMLOGINS")) == asked + 1
        assert output.whats[-1] == "SHUTDOWN"

    play(script)


def test_a_line_that_moved_in_the_file_is_the_same_line() -> None:
    """A comment above a MONITOR line costs no connection; a new DEADTIME counts without one."""
    server, output = FakeUpsd(), Output()

    async def world() -> None:
        await server.start()
        monitor = Monitor(UpsmonConf(monitors=(line(server),)), tcp_link, output)
        running = asyncio.create_task(monitor.run())
        await seconds(2)
        monitor.reload(UpsmonConf(monitors=(replace(line(server), line=99),), deadtime_s=30), strict_c=True)
        await seconds(6)
        server.hang = True
        await seconds(13)
        # Polls at 0, 2 (the reload), 7 and 12 s; the limit of an answer is a third of the new DEADTIME.
        assert monitor.summary()[0].fresh
        await seconds(2)
        assert not monitor.summary()[0].fresh
        monitor.stop()
        await running
        await server.stop()

    run_virtual(world())
    assert len(server.asked("LOGIN")) == 1


def test_a_waking_polls_at_once() -> None:
    """What was known is old: it is shown as not fresh, and asked for without waiting for POLLFREQ."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(6.5)
        monitor.sleep_starting()
        monitor.sleep_finished()
        assert not monitor.summary()[0].fresh
        await seconds(0.1)
        assert monitor.summary()[0].fresh
        assert server.asked("GET VAR su700 ups.status")[-1] == pytest.approx(6.5, abs=0.1)

    _, output = play(script)
    assert output.whats == ["SUSPEND_STARTING", "SUSPEND_FINISHED"]

# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor's shell against a scripted server, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest

from ridethrough.config.model_upsd import Role
from ridethrough.config.model_upsmon import MonitorLine, UpsmonConf
from ridethrough.config.secret import Secret
from ridethrough.monitor.messages import Level, LogDecision
from ridethrough.monitor.shell import Monitor, reply_limit_s, tcp_link
from ridethrough.ups.notices import Notice, NotifyFlag, NotifyType
from tests.support.fake_upsd import FakeUpsd
from tests.support.vloop import run_virtual


@dataclass
class Output:
    """Writes down everything the monitor wants done, with the time."""

    happened: list[tuple[float, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    walls: list[str] = field(default_factory=list)
    flag_fails: bool = False

    def _note(self, what: str) -> None:
        self.happened.append((round(asyncio.get_running_loop().time(), 1), what))

    def notice(self, notice: Notice, flags: NotifyFlag) -> None:
        self._note(f"{notice.type} exec" if NotifyFlag.EXEC in flags else f"{notice.type}")

    def wall(self, text: str) -> None:
        self.walls.append(text)

    def log(self, level: Level, text: str) -> None:
        self.lines.append(f"{level}: {text}")

    def decision(self, decision: LogDecision) -> None:
        self.lines.append(f"{decision.level}: {decision}")

    async def powerdownflag(self) -> None:
        self._note("flag")
        if self.flag_fails:
            raise OSError("read-only file system")

    async def shutdown(self) -> None:
        self._note("shutdown")

    @property
    def whats(self) -> list[str]:
        return [what for _, what in self.happened]


def line(
    server: FakeUpsd, role: Role = Role.PRIMARY, password: str = "secret", value: int = 1
) -> MonitorLine:
    system = f"{server.ups}@127.0.0.1:{server.port}"
    return MonitorLine(server.ups, "127.0.0.1", server.port, value, "mon", Secret(password), role, system, 3)


def play(
    script: Callable[[FakeUpsd, Monitor, Output], Awaitable[None]],
    *,
    server: FakeUpsd | None = None,
    role: Role = Role.PRIMARY,
    password: str = "secret",
    value: int = 1,
    conf: UpsmonConf | None = None,
    output: Output | None = None,
) -> tuple[FakeUpsd, Output]:
    """Run a monitor beside a script that moves the server; the monitor is stopped when the script ends."""
    server, output = server or FakeUpsd(), output or Output()

    async def world() -> None:
        await server.start()
        lines = (line(server, role, password, value),)
        monitor = Monitor(replace(conf or UpsmonConf(), monitors=lines), tcp_link, output)
        running = asyncio.create_task(monitor.run())
        try:
            await script(server, monitor, output)
        finally:
            monitor.stop()
            await running
            await server.stop()

    run_virtual(world())
    return server, output


async def seconds(number: float) -> None:
    await asyncio.sleep(number)


def test_login_and_polls() -> None:
    """USERNAME, PASSWORD, LOGIN, PRIMARY once; then the status every POLLFREQ; LOGOUT at the end."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(21)
        (seen,) = monitor.summary()
        assert (seen.fresh, seen.logged_in, seen.status, seen.refused) == (True, True, "OL", "")

    server, output = play(script)
    asked = [text for _, text in server.lines]
    assert asked[:5] == [
        "USERNAME mon",
        "PASSWORD secret",
        "LOGIN su700",
        "PRIMARY su700",
        "GET VAR su700 ups.status",
    ]
    assert asked[-1] == "LOGOUT"
    assert [round(at) for at in server.asked("GET VAR su700 ups.status")] == [0, 5, 10, 15, 20]
    assert len(server.asked("GET VAR su700 battery.charge")) == 5
    assert len(server.asked("GET VAR su700 battery.runtime")) == 1  # not supported: not asked again
    assert "info: logged in to UPS su700@127.0.0.1" in "\n".join(output.lines)
    assert output.happened == []


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


def test_a_wrong_password_is_loud_and_still_watches() -> None:
    """ACCESS-DENIED: OTHER with the lines to compare, readings go on, and a corrected user is taken."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(8)
        (seen,) = monitor.summary()
        assert seen.fresh
        assert not seen.logged_in
        assert "ACCESS-DENIED" in seen.refused
        server.users["mon"] = "other"
        await seconds(60)
        (seen,) = monitor.summary()
        assert (seen.logged_in, seen.refused) == (True, "")

    _, output = play(script, password="other")
    assert output.whats == ["OTHER"]
    (text,) = [text for text in output.lines if "login refused" in text]
    assert "upsmon.conf:3" in text
    assert "[mon] of upsd.users" in text
    assert "other" not in text


def test_a_refused_role_is_named() -> None:
    """LOGIN accepted and PRIMARY refused: the role is named, the login counts."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(3)
        (seen,) = monitor.summary()
        assert seen.logged_in
        assert seen.refused.startswith("the role of primary ACCESS-DENIED")

    play(script, server=FakeUpsd(may_be_primary=False))


def test_an_old_server_is_asked_in_its_own_word() -> None:
    """A server without PRIMARY is asked for MASTER."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(3)
        assert monitor.summary()[0].logged_in

    server, _ = play(script, server=FakeUpsd(knows_primary=False))
    assert server.asked("MASTER")


def test_power_value_0_is_only_watched() -> None:
    """A secondary with power value 0 never logs in, and FSD does not concern it."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        server.say("FSD OB LB")
        await seconds(60)

    conf = UpsmonConf(minsupplies=0)
    server, output = play(script, role=Role.SECONDARY, value=0, conf=conf)
    assert server.asked("LOGIN") == []
    assert output.whats == ["FSD", "ONBATT", "LOWBATT"]


@pytest.mark.parametrize(
    ("word", "kind"), [("DATA-STALE", "data stale"), ("DRIVER-NOT-CONNECTED", "driver not connected")]
)
def test_a_ups_behind_a_server_that_lost_it(word: str, kind: str) -> None:
    """An ERR for the status is a failed poll: COMMBAD, and COMMOK when it is back."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(1)
        server.error = word
        await seconds(10)
        (seen,) = monitor.summary()
        assert (seen.fresh, seen.failure) == (False, kind)
        server.error = ""
        await seconds(5)

    assert play(script)[1].whats == ["COMMBAD", "COMMOK"]


def test_a_server_that_goes_and_comes_back() -> None:
    """A connection that is lost is made anew at the next poll, with a new login."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(1)
        await server.stop()
        await seconds(20)
        assert not monitor.summary()[0].logged_in
        await server.start()
        await seconds(6)
        assert monitor.summary()[0].logged_in

    assert play(script)[1].whats == ["COMMBAD", "COMMOK"]


def test_a_hanging_server_is_given_up_in_bounded_time() -> None:
    """A server that takes the question and never answers: COMMBAD in time, critical after DEADTIME."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        server.say("OB")
        await seconds(1)
        server.hang = True
        await seconds(50)

    _, output = play(script)
    told = {what: at for at, what in output.happened}
    assert told["COMMBAD"] == pytest.approx(10.0, abs=0.1)
    # The last word at 0 s, DEADTIME 15, then FSD's limit 5, HOSTSYNC 15, FINALDELAY 5.
    assert told["shutdown"] == pytest.approx(40.0, abs=0.2)


def test_one_hanging_server_delays_no_other_ups() -> None:
    """Two UPSes: the first one's server hangs, the second is polled every 5 s as before."""
    first, second, output = FakeUpsd(hang=True), FakeUpsd(ups="other"), Output()

    async def world() -> None:
        await first.start()
        await second.start()
        conf = UpsmonConf(monitors=(line(first), line(second)))
        monitor = Monitor(conf, tcp_link, output)
        running = asyncio.create_task(monitor.run())
        await seconds(21)
        monitor.stop()
        assert await running == 0
        await first.stop()
        await second.stop()

    run_virtual(world())
    assert [round(at) for at in second.asked("GET VAR other ups.status")] == [0, 5, 10, 15, 20]
    assert output.whats == ["COMMBAD"]


def test_a_poke_polls_at_once_and_not_without_end() -> None:
    """News of a UPS is polled at once; a storm of news is held to one poll each 0.2 s."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(2)
        monitor.poke("su700")
        await seconds(0.05)
        assert len(server.asked("GET VAR su700 ups.status")) == 2
        for _ in range(100):
            monitor.poke(f"su700@127.0.0.1:{server.port}")
            await seconds(0.01)
        monitor.poke("stranger")

    server, _ = play(script)
    assert 5 <= len(server.asked("GET VAR su700 ups.status")) <= 9


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


def test_announcing_what_the_core_can_not_know() -> None:
    """NOPARENT is a notice like any other."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(1)
        monitor.announce(NotifyType.NOPARENT)

    assert play(script)[1].whats == ["NOPARENT"]


@pytest.mark.parametrize(("deadtime", "limit"), [(15, 5), (1, 2), (600, 10)])
def test_reply_limit(deadtime: float, limit: float) -> None:
    """A server may take a third of DEADTIME, within 2 to 10 s."""
    assert reply_limit_s(deadtime) == limit

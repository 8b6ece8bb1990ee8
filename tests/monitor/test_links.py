# SPDX-License-Identifier: GPL-2.0-or-later
"""One link: login, polls, refusals, and servers that fail in all ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ridethrough.config.model_upsd import Role
from ridethrough.config.model_upsmon import UpsmonConf
from ridethrough.monitor.links import is_of
from ridethrough.monitor.shell import Monitor, reply_limit_s, tcp_link
from tests.support.fake_upsd import FakeUpsd
from tests.support.monitor_play import Output, line, play, seconds
from tests.support.vloop import run_virtual


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


def test_a_driver_that_starts_anew_costs_no_reading() -> None:
    """While the server says WAIT no variable is there; once the driver has told all, they are asked again."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(1)
        all_of_them = dict(server.variables)
        server.variables = {"ups.status": "WAIT"}
        await seconds(6)
        server.variables = all_of_them
        await seconds(5)
        at, last = [each for each in server.lines if "battery.charge" in each[1]][-1]
        assert at > 7, last

    assert play(script)[1].whats == []


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


def test_urgent_news_wait_for_no_gap_and_are_bounded() -> None:
    """A status that changes just after a poll is polled at once; without end it is held to the gap again."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(5.02)
        server.say("OB DISCHRG")
        monitor.poke("su700", urgent=True)
        await seconds(0.02)
        assert output.whats == ["ONBATT"]
        await seconds(4)
        before = len(server.asked("GET VAR su700 ups.status"))
        for _ in range(100):
            monitor.poke("su700", urgent=True)
            await seconds(0.01)
        assert 5 <= len(server.asked("GET VAR su700 ups.status")) - before <= 9

    play(script)


def test_news_during_a_poll_are_not_lost() -> None:
    """What changes while the answer is under way is polled at once, and not only after POLLFREQ."""

    @dataclass
    class Overtaken(FakeUpsd):
        news: Callable[[], None] | None = None

        def _answer(self, words: list[str], user: dict[str, str], writer: asyncio.StreamWriter) -> str:
            answer = super()._answer(words, user, writer)
            if words[-1] == "battery.charge" and self.news is not None:
                news, self.news = self.news, None
                news()
            return answer

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        def news() -> None:
            server.variables["battery.charge"] = "8"
            server.say("OB LB")
            monitor.poke("su700")

        assert isinstance(server, Overtaken)
        await seconds(1)
        server.news = news
        await seconds(5)

    _, output = play(script, server=Overtaken())
    told = {what: at for at, what in output.happened}
    assert told["LOWBATT"] == pytest.approx(5.2, abs=0.11)


def test_a_password_that_can_not_be_sent_is_a_refusal_in_words() -> None:
    """A line break in a password is named; nothing of the password is shown."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(1)
        assert "line break" in monitor.summary()[0].refused

    _, output = play(script, password="two\nlines")
    assert "two" not in "".join(output.lines)


def test_a_server_that_refuses_fsd() -> None:
    """FSD refused: it is said, tried again at each poll, and the host goes down all the same."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        server.others = 1
        await seconds(1)
        server.say("OB LB")
        await seconds(40)

    server = FakeUpsd(variables={"ups.status": "OL"}, may_fsd=False)
    server, output = play(script, server=server)
    assert output.whats[-2:] == ["flag", "shutdown"]
    assert len(server.asked("FSD")) > 1
    assert any("FSD could not be set" in text and "access denied" in text.lower() for text in output.lines)


def test_a_slow_server_that_forgets_fsd_is_told_again() -> None:
    """The logins are counted four times a second: who answers more slowly is polled all the same."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        server.others, server.thinks_s = 1, 0.3
        await seconds(6)
        server.say("OB LB")
        await seconds(12)
        assert len(server.asked("FSD")) == 1
        server.variables["ups.status"] = "OB LB"  # It was started anew.
        await seconds(20)
        assert len(server.asked("FSD")) == 2
        assert len(server.asked("GET NUMLOGINS")) > 30
        server.thinks_s = 0.0
        await seconds(2)

    play(script, conf=UpsmonConf(hostsync_s=60.0))


@pytest.mark.parametrize(("deadtime", "limit"), [(15, 5), (1, 2), (600, 10)])
def test_reply_limit(deadtime: float, limit: float) -> None:
    """A server may take a third of DEADTIME, within 2 to 10 s."""
    assert reply_limit_s(deadtime) == limit


def test_vendors_words_are_asked_for_at_each_poll() -> None:
    """A driver has ups.mode.buzzwords only while a mode is on: it is asked again though it was not there."""

    async def script(server: FakeUpsd, monitor: Monitor, output: Output) -> None:
        await seconds(6)
        server.variables["ups.mode.buzzwords"] = "vendor:eaton:HE"
        await seconds(5)
        del server.variables["ups.mode.buzzwords"]
        await seconds(5)

    assert play(script)[1].whats == ["ECO", "NOTECO"]


def test_a_ups_that_the_server_does_not_have_is_a_refused_login() -> None:
    """UNKNOWN-UPS: OTHER with what to correct beside COMMBAD; taken as soon as the server has it."""
    server, output = FakeUpsd(), Output()

    async def world() -> None:
        await server.start()
        monitor = Monitor(UpsmonConf(monitors=(line(server),)), tcp_link, output)
        server.ups = "renamed"
        running = asyncio.create_task(monitor.run())
        await seconds(3)
        assert "UNKNOWN-UPS" in monitor.summary()[0].refused
        assert "has no UPS 'su700'" in monitor.summary()[0].advice
        server.ups = "su700"
        await seconds(12)
        (seen,) = monitor.summary()
        assert (seen.logged_in, seen.refused, seen.advice) == (True, "", "")
        monitor.stop()
        await running
        await server.stop()

    run_virtual(world())
    assert output.whats == ["OTHER", "COMMBAD", "COMMOK"]
    assert any("UNKNOWN-UPS" in text and "correct upsmon.conf:3" in text for text in output.lines)


@pytest.mark.parametrize(
    ("ups", "system", "same"),
    [
        ("su", "su@host", True),
        ("SU", "su@host:3493", True),
        ("su@HOST", "SU@host", True),
        ("su", "sun@host", False),
        ("host", "su@host", False),
    ],
)
def test_news_of_a_ups_by_any_of_its_names(ups: str, system: str, same: bool) -> None:
    """The server's name has no host, MONITOR's has one, and neither has a case."""
    assert is_of(ups, system) is same

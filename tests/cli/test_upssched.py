# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of `upssched` as a command."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ridethrough import __version__
from ridethrough.control.peers import OBSERVER, OPERATOR, Peer
from ridethrough.control.server import ControlServer
from tests.support.upssched import CTL, OURS, site
from tests.support.wait import wait_until

RULES = "AT ONBATT * START-TIMER onbatt 60\nAT ONBATT * EXECUTE now\nAT ONLINE * CANCEL-TIMER onbatt\n"


def test_test_says_what_each_line_does_and_does_it() -> None:
    """`upssched test ONBATT cyberpower`, as guides have it, says what each AT line does, and does it."""
    with site(RULES) as here:
        ran = here.run([*OURS, "test", "onbatt", "cyberpower"])
        assert ran.status == 0
        assert ran.out.splitlines() == [
            f"upssched.conf:4: AT ONBATT * START-TIMER onbatt 60:"
            f" starts timer onbatt; after 60 seconds runs {here.script} onbatt",
            f"upssched.conf:5: AT ONBATT * EXECUTE now: runs {here.script} now at once",
        ]
        assert here.calls == ["now|ONBATT|cyberpower|test of onbatt cyberpower"]
        listed = here.run([*OURS, "-l"])
        assert listed.status == 0
        name, _, left, *rest = listed.out.rstrip("\n").split("\t")
        assert name == "onbatt"
        assert 50 <= int(left) <= 60
        assert rest == ["ONBATT", "cyberpower", "test of onbatt cyberpower"]


class Service:
    """A control socket that answers `timers.notice`, in a thread."""

    def __init__(self, path: Path, *, armed: bool = True, role: str = OPERATOR) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self.armed = armed
        self.loop = asyncio.new_event_loop()
        verbs = {"timers.notice": (OPERATOR, self.notice)}
        self.server = ControlServer(path, verbs, role_of=lambda _: role)
        self.thread = threading.Thread(target=self.loop.run_forever)

    async def notice(self, args: Mapping[str, Any], peer: Peer) -> Mapping[str, Any]:
        self.asked.append(args)
        return {"lines": ["line 4: starts a timer", "\x1b[2J"], "armed": self.armed}

    def __enter__(self) -> Service:
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.server.start(), self.loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.server.close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


def test_test_acts_through_a_running_service() -> None:
    """With a service there the test is its business: its answer is shown, and no daemon is started."""
    with site(RULES) as here, Service(here.directory / "ridethrough.sock") as service:
        ran = here.run([*OURS, "test", "onbatt", "cyberpower"])
        assert (ran.status, ran.err) == (0, "")
        assert ran.out == "line 4: starts a timer\n [2J\n"
        assert service.asked == [{"type": "ONBATT", "ups": "cyberpower", "text": "test of onbatt cyberpower"}]
        assert (here.calls, here.daemons()) == ([], [])
        # -n asks nobody, and does nothing.
        assert len(here.run([*OURS, "test", "-n", "ONBATT", "cyberpower"]).out.splitlines()) == 2
        assert len(service.asked) == 1
        service.armed = False
        dry = here.run([*OURS, "test", "ONBATT"])
        assert dry.status == 0
        assert "runs without --armed" in dry.err


def test_a_service_that_refuses_is_not_passed_by() -> None:
    """Whoever may not change the service's timers does not get timers beside them."""
    with site(RULES) as here, Service(here.directory / "ridethrough.sock", role=OBSERVER) as service:
        ran = here.run([*OURS, "test", "ONBATT", "cyberpower"])
        assert (ran.status, ran.out) == (1, "")
        assert ran.err.startswith("upssched: ")
        assert (service.asked, here.calls, here.daemons()) == ([], [], [])


def test_a_socket_left_by_a_crash_is_no_service() -> None:
    """Where nobody answers any more, the stand-alone daemon does it."""
    with site(RULES) as here, socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(here.directory / "ridethrough.sock"))
        dead.close()
        ran = here.run([*OURS, "test", "ONBATT", "cyberpower"])
        assert ran.status == 0
        assert here.names == ["now"]
        assert here.run([*CTL, "list"]).out.startswith("onbatt\t")


def test_test_can_only_say() -> None:
    """`upssched test -n` changes nothing."""
    with site(RULES) as here:
        ran = here.run([*OURS, "test", "-n", "ONBATT", "cyberpower"])
        assert (ran.status, len(ran.out.splitlines()), here.calls, here.daemons()) == (0, 2, [], [])
        nothing = here.run([*OURS, "test", "SHUTDOWN"])
        assert nothing.out.startswith("no AT line of upssched.conf is for SHUTDOWN: nothing is done\n")


def test_a_message_called_test_is_a_message() -> None:
    """upsmon may pass any text, `test` too."""
    with site("AT ONBATT * EXECUTE now\n") as here:
        assert here.run([*OURS, "test"], NOTIFYTYPE="ONBATT", UPSNAME="a@h").status == 0
        assert here.calls == ["now|ONBATT|a@h|test"]


def test_message_and_environment_are_passed_whole() -> None:
    """Quotes, dollars, newlines and bytes that are no UTF-8 reach the script as upsmon sent them."""
    text = 'UPS "a" says $(touch x); `y` \\ # é \udcff\n\tand 5 % more: ' + 400 * "x"
    with site("AT ALARM * EXECUTE now\nAT ALARM * START-TIMER later 0\n") as here:
        script = here.script.read_text()
        here.script.write_text(script + f'printf %s "$MINE" >>{here.directory}/mine\n')
        assert here.run([*OURS, text], NOTIFYTYPE="ALARM", UPSNAME="a@h", MINE="é$'").status == 0
        here.wait_calls(4)
        assert "\n".join(here.calls) == f"now|ALARM|a@h|{text}\nlater|ALARM|a@h|{text}"
        wait_until(lambda: (here.directory / "mine").read_text() == 2 * "é$'", 5, "the environment")
        assert not (here.directory / "x").exists()


def test_by_hand_without_environment_it_says_how_it_is_used() -> None:
    """Run by hand it explains itself in two lines, without traceback."""
    with site(RULES) as here:
        ran = here.run(OURS)
        assert ran.status == 1
        assert ran.out == ""
        assert ran.err.splitlines() == [
            "upssched: environment variables UPSNAME and NOTIFYTYPE must be set:"
            " upsmon runs this as its NOTIFYCMD",
            "upssched: to try a notice by hand: upssched test ONBATT myups@localhost",
        ]


@pytest.mark.parametrize("words", [["test", "ONBATT", "a", "b", "c"], ["-x"], ["test", "-n"]])
def test_wrong_words_are_answered_in_one_line(words: list[str]) -> None:
    """A wrong option or a wrong number of words gets one line and status 1."""
    with site(RULES) as here:
        ran = here.run([*OURS, *words])
        assert ran.status == 1
        assert len(ran.err.splitlines()) == 1


def test_help_and_version() -> None:
    """-h and -V answer without configuration and with status 0."""
    with site(RULES) as here:
        here.conf.unlink()
        shown = here.run([*OURS, "-h"])
        assert shown.status == 0
        assert "upssched test [-n] NOTIFYTYPE UPS" in shown.out
        assert here.run([*OURS, "--help"]).out == shown.out
        assert here.run([*OURS, "-V"]).out == f"upssched (Ridethrough {__version__})\n"


@pytest.mark.parametrize("words", [["message"], ["-l"], ["test", "ONBATT", "a"]])
def test_a_missing_file_is_named(words: list[str]) -> None:
    """Without upssched.conf the line says which file, and what to do."""
    with site(RULES) as here:
        here.conf.unlink()
        ran = here.run([*OURS, *words], NOTIFYTYPE="ONBATT", UPSNAME="a@h")
        assert ran.status == 1
        assert ran.err.startswith(f"upssched: {here.conf}: No such file or directory; write one")
        assert len(ran.err.splitlines()) == 1


def test_each_fault_is_named_with_its_line_and_the_rest_works() -> None:
    """A broken line costs itself only; the log has its file and line."""
    with site("AT ONBATT * STRAT-TIMER x 5\nAT ONBATT * EXECUTE now\nNONSENSE\n") as here:
        ran = here.run([*OURS, "message"], NOTIFYTYPE="ONBATT", UPSNAME="a@h")
        assert f"upssched: {here.conf}:4: error:" in ran.err
        assert f"upssched: {here.conf}:6:" in ran.err
        assert here.names == ["now"]


def test_listing_without_daemon_says_that_nothing_runs() -> None:
    """-l with no timer is one line and status 1, as in C."""
    with site(RULES) as here:
        ran = here.run([*OURS, "-l"])
        assert (ran.status, ran.out, ran.err) == (1, "", "upssched: no timer is running\n")

# SPDX-License-Identifier: GPL-2.0-or-later
"""The helper's client in a real loop with a real helper, and the dry run."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ridethrough.privsep import client as client_module
from ridethrough.privsep import spawn
from ridethrough.privsep.actions import Actions
from ridethrough.privsep.client import DirectHelper, Helper
from ridethrough.privsep.config import HelperConfig, passed_on
from ridethrough.privsep.dry import DryHelper
from ridethrough.privsep.errors import HelperError, HelperGone, HelperRefused
from ridethrough.privsep.spawn import find_python, spawn_helper
from ridethrough.ups.notices import Notice, NotifyType

SELF = "root" if os.geteuid() == 0 else None
NOTICE = Notice(NotifyType.ONBATT, "a@h", "UPS a on battery")


class Told(list[tuple[str, str]]):
    """What was logged."""

    def log(self, level: str, text: str) -> None:
        """Keep it."""
        self.append((level, text))


@asynccontextmanager
async def helping(told: Told, **options: Any) -> AsyncIterator[Helper]:
    """A helper that was started before the loop's work, and is closed in the end."""
    spawned = spawn_helper(HelperConfig(**{"run_as_user": SELF, **options}), sys.executable)
    helper = await Helper.attach(spawned, told.log, on_gone=lambda why: told.log("gone", why))
    try:
        yield helper
    finally:
        await helper.close()
        spawned.process.wait(15)


def test_deeds_are_done(tmp_path: Path) -> None:
    """Notices, scripts, flag, capsule, actions: exit statuses come back, and files are there on return."""

    async def run() -> None:
        told = Told()
        flag = tmp_path / "flag"
        options: dict[str, Any] = {
            "notifycmd": "exit 3 #",
            "cmdscript": "/bin/echo",
            "cmdscript_names": ("onbatt",),
            "powerdownflag": str(flag),
            "capsule_directory": str(tmp_path),
            "capsules": {"a": {}},
            "actions": {1: ("/bin/true",)},
        }
        async with helping(told, **options) as helper:
            actions: Actions = helper
            assert actions.alive == (True, "")
            assert await actions.notify(NOTICE) == 3
            assert await actions.cmdscript("onbatt", NOTICE) == 0
            assert await actions.action(1) == 0
            await actions.write_powerdownflag()
            assert flag.exists()
            await actions.clear_powerdownflag()
            assert not flag.exists()
            await actions.killpower(["a"])
            assert os.listdir(tmp_path) == ["killpower.capsule"]
            await actions.ping()
        assert ("warning", "NOTIFYCMD for ONBATT ended with status 3") in told
        assert ("info", "CMDSCRIPT onbatt wrote: onbatt") in told

    asyncio.run(run())


def test_refusals_and_failures_are_raised_in_words(tmp_path: Path) -> None:
    """What can't be done is an error that says why; the helper is alive afterwards."""

    async def run() -> None:
        async with helping(Told(), powerdownflag="/no/where/flag") as helper:
            with pytest.raises(HelperRefused, match="no NOTIFYCMD is configured"):
                await helper.notify(NOTICE)
            with pytest.raises(HelperRefused, match="no SHUTDOWNCMD is configured"):
                await helper.shutdown()
            with pytest.raises(HelperRefused, match="not among the names"):
                await helper.cmdscript("x", NOTICE)
            with pytest.raises(HelperError, match=r"WRITE_POWERDOWNFLAG: .*/no/where"):
                await helper.write_powerdownflag()
            await helper.ping()

    asyncio.run(run())


def test_shutdown_returns_when_it_was_started(tmp_path: Path) -> None:
    """It does not wait for the end of SHUTDOWNCMD; how that ended is logged, loudly if it failed."""

    async def run() -> None:
        told = Told()
        async with helping(
            told, shutdowncmd=f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; exit 5"
        ) as helper:
            await helper.shutdown()
            assert told == []
            with pytest.raises(HelperRefused, match="run once"):
                await helper.shutdown()
            (tmp_path / "go").touch()
            await until(lambda: bool(told))
            assert told == [("error", "SHUTDOWNCMD ended with status 5: this host may not be shutting down")]

    asyncio.run(run())


def test_many_notices_at_once_are_answered_each(tmp_path: Path) -> None:
    """Replies find their requests; what is over the helper's bounds is refused and not lost in silence."""

    async def run() -> None:
        async with helping(Told(), cmdscript="exit $NOTIFYMSG #", cmdscript_names=("x",)) as helper:
            notices = [replace(NOTICE, text=str(number)) for number in range(60)]
            assert await asyncio.gather(*(helper.cmdscript("x", notice) for notice in notices)) == [
                *range(60)
            ]

    asyncio.run(run())


def test_a_helper_that_dies_is_told_once_and_every_call_fails(tmp_path: Path) -> None:
    """What waits fails at once with words, what comes later too, and `on_gone` was called."""

    async def run() -> None:
        told = Told()
        async with helping(told, notifycmd="sleep 60;", shutdowncmd="true") as helper:
            waiting = asyncio.ensure_future(helper.notify(NOTICE))
            await asyncio.sleep(0)
            assert helper._spawned is not None
            os.kill(helper._spawned.process.pid, signal.SIGKILL)
            with pytest.raises(HelperGone, match="can't shut the host down until it is restarted"):
                await waiting
            with pytest.raises(HelperGone, match="until it is restarted"):
                await helper.shutdown()
            assert [level for level, _ in told] == ["gone"]
            alive, why = helper.alive
            assert not alive
            assert "restarted" in why

    asyncio.run(run())


def test_a_helper_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call has a limit, after which it says so; a shutdown goes ahead of all that still waits."""

    async def run() -> None:
        monkeypatch.setattr(client_module, "ANSWER_LIMIT_S", 0.2)
        monkeypatch.setattr(client_module, "MAX_OUTBOX", 3)
        async with helping(Told(), shutdowncmd="true") as helper:
            assert helper._spawned is not None
            process, sock = helper._spawned.process, helper._spawned.sock
            process.send_signal(signal.SIGSTOP)
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
                asked = [asyncio.ensure_future(helper.ping()) for _ in range(40)]
                asked.append(asyncio.ensure_future(helper.shutdown()))
                errors = await asyncio.gather(*asked, return_exceptions=True)
                words = {str(error) for error in errors}
                assert "the helper did not answer PING within 0.2 s" in words
                assert "the helper does not read; PING was not asked" in words
                assert "the helper did not answer SHUTDOWN within 0.2 s" in words
                assert b'"verb": 1}' in helper._outbox[0]
            finally:
                process.send_signal(signal.SIGCONT)
            await until(lambda: not helper._outbox)
            monkeypatch.setattr(client_module, "ANSWER_LIMIT_S", 10)
            with pytest.raises(HelperRefused, match="run already"):
                await helper.shutdown()

    asyncio.run(run())


async def until(predicate: Any) -> None:
    """Wait in the loop, for at most ten seconds."""
    for _ in range(500):
        if predicate():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("waited ten seconds in vain")


def test_direct_runs_as_this_user_and_says_so() -> None:
    """Without root there is no RUN_AS_USER: that is a warning, and commands run as who started it."""

    async def run() -> None:
        told = Told()
        helper = DirectHelper(HelperConfig(run_as_user="somebody", notifycmd="id -u;"), told.log)
        await helper.start()
        try:
            assert await helper.notify(NOTICE) == 0
        finally:
            await helper.close()
        assert "not as RUN_AS_USER somebody" in told[0][1]
        assert told[1] == ("info", f"NOTIFYCMD for ONBATT wrote: {os.geteuid()}")

    asyncio.run(run())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root looks RUN_AS_USER up")
def test_an_unknown_user_is_found_before_anything_starts() -> None:
    """The error names the user and the file."""
    with pytest.raises(HelperError, match=r"RUN_AS_USER 'no-such-user' is not a user .* upsmon\.conf"):
        spawn_helper(HelperConfig(run_as_user="no-such-user"), sys.executable)


def test_a_helper_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Python, a configuration it refuses, a program that ends at once: words, and nothing is left open."""
    with pytest.raises(HelperError, match=r"can't be started: /no/python: No such file"):
        spawn_helper(HelperConfig(run_as_user=SELF), "/no/python")
    with pytest.raises(HelperError, match=r"does not start: .*not the JSON object"):
        spawn_helper(HelperConfig(run_as_user=SELF, cmdscript_names=(1,)), sys.executable)  # type: ignore[arg-type]
    (tmp_path / "empty.py").touch()
    monkeypatch.setattr(spawn, "PROGRAM", tmp_path / "empty.py")
    with pytest.raises(HelperError, match="did not become ready"):
        spawn_helper(HelperConfig(run_as_user=SELF), sys.executable)


def test_an_abandoned_helper_ends() -> None:
    """Whoever spawned it and then fails to start the rest can let it go."""
    spawned = spawn_helper(HelperConfig(run_as_user=SELF), sys.executable)
    spawned.abandon()
    assert spawned.process.returncode == 0


def test_the_system_python_is_taken_if_it_is_new_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """It belongs to root; an old one, or none, is passed over for the one that runs this."""
    assert find_python() in (spawn.SYSTEM_PYTHON, sys.executable)
    monkeypatch.setattr(spawn, "SYSTEM_PYTHON", "/no/python")
    assert find_python() == sys.executable
    monkeypatch.undo()
    monkeypatch.setattr(spawn, "OLDEST_PYTHON", (99, 0))
    assert find_python() == sys.executable


def test_only_what_nut_needs_is_passed_on() -> None:
    """The environment of the service does not leak into commands."""
    env = {"NUT_CONFPATH": "/c", "TZ": "UTC", "LD_PRELOAD": "x", "SECRET": "y"}
    assert passed_on(env) == {"NUT_CONFPATH": "/c", "TZ": "UTC"}


def test_a_dry_run_tells_and_does_nothing(tmp_path: Path) -> None:
    """Each deed is one line; what the real helper would refuse is refused in the same words."""

    async def run() -> None:
        told: list[str] = []
        config = HelperConfig(
            shutdowncmd=f"touch {tmp_path}/down",
            notifycmd="/bin/notify",
            cmdscript="/bin/script",
            cmdscript_names=("x",),
            powerdownflag=str(tmp_path / "flag"),
            actions={1: ("/bin/act", "now")},
        )
        dry: Actions = DryHelper(config, told.append)
        assert await dry.notify(NOTICE) == await dry.cmdscript("x", NOTICE) == await dry.action(1) == 0
        assert await dry.wall("hello") == 0
        await dry.write_powerdownflag()
        await dry.clear_powerdownflag()
        await dry.killpower(["a", "b"])
        await dry.shutdown()
        assert told == [
            "would run NOTIFYCMD: /bin/notify 'UPS a on battery' (NOTIFYTYPE=ONBATT)",
            "would run CMDSCRIPT: /bin/script 'x' (NOTIFYTYPE=ONBATT)",
            "would run action 1: /bin/act now",
            "would tell all who are logged in: hello",
            f"would write POWERDOWNFLAG {tmp_path}/flag",
            f"would clear a stale POWERDOWNFLAG {tmp_path}/flag",
            "would write the killpower capsule for a, b",
            f"would run SHUTDOWNCMD: touch {tmp_path}/down",
        ]
        assert os.listdir(tmp_path) == []
        assert dry.alive == (False, "a dry run: commands are shown and not run")
        nothing = DryHelper(HelperConfig(), told.append)
        for deed in (
            dry.shutdown(),
            dry.cmdscript("y", NOTICE),
            dry.action(2),
            nothing.notify(NOTICE),
            nothing.shutdown(),
            nothing.write_powerdownflag(),
        ):
            with pytest.raises(HelperRefused):
                await deed
        await dry.ping()
        await dry.close()

    asyncio.run(run())

# SPDX-License-Identifier: GPL-2.0-or-later
"""The control socket's stream of events: subscribers, slow ones, limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from ridethrough.control.connection import MAX_QUEUE
from ridethrough.control.messages import MAX_REQUEST
from ridethrough.control.server import (
    MAX_CONNECTIONS,
    MAX_KEPT,
    MAX_PER_OBSERVER,
    OBSERVER,
    OPERATOR,
    RESERVED,
)
from tests.support.control_bench import served, virtual
from tests.support.vloop import run_virtual


@virtual
async def test_a_subscriber_is_told_of_events_after_its_reply(tmp_path: Path) -> None:
    """Reply first, then what was kept, then what is new; each with number, wall time and monotonic time."""
    async with served(tmp_path) as bench:
        bench.server.publish({"event": "notice", "ups": "a@h", "t": 1.5})
        client = await bench.client()
        reply = await client.ask(do="subscribe")
        assert (reply["ok"], reply["seq"], reply["replay_to"]) == (True, 1, 1)
        bench.server.publish({"event": "log", "text": "x"})
        kept, new = await client.read(), await client.read()
        assert kept == {"v": 1, "event": "notice", "seq": 1, "at": "noon", "t": 1.5, "ups": "a@h"}
        assert (new["event"], new["seq"], type(new["t"])) == ("log", 2, float)


@virtual
async def test_a_subscriber_may_choose(tmp_path: Path) -> None:
    """Kinds, how much of the past, and from which number on."""
    async with served(tmp_path) as bench:
        for number in range(1, 7):
            bench.server.publish({"event": "even" if number % 2 == 0 else "odd", "n": number})
        client = await bench.client()
        reply = await client.ask(do="subscribe", types=["even"], replay=2)
        assert reply["replay_to"] == 6
        assert [(await client.read())["n"], (await client.read())["n"]] == [4, 6]
        bench.server.publish({"event": "odd", "n": 7})
        bench.server.publish({"event": "even", "n": 8})
        assert (await client.read())["n"] == 8
        again = await bench.client()
        instance = reply["instance"]
        await again.ask(do="subscribe", since=7, instance=instance)
        assert (await again.read())["n"] == 8
        stranger = await bench.client()
        await stranger.ask(do="subscribe", since=7, instance="of another run")
        assert (await stranger.read())["n"] == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"types": "notice"},
        {"types": [1]},
        {"types": ["x"] * 33},
        {"replay": -1},
        {"replay": "1"},
        {"since": True},
        {"sinse": 4},
    ],
)
def test_a_wrong_subscription_is_refused(tmp_path: Path, fields: dict[str, object]) -> None:
    """Misspelt or ill-typed fields are told, and nothing is subscribed."""

    async def run() -> None:
        async with served(tmp_path) as bench:
            client = await bench.client()
            reply = await client.ask(do="subscribe", **fields)
            assert reply["ok"] is False
            assert reply["error"]
            bench.server.publish({"event": "log"})
            assert (await client.ask(do="echo"))["ok"] is True

    run_virtual(run())


@virtual
async def test_a_slow_subscriber_loses_the_oldest_and_is_told(tmp_path: Path) -> None:
    """The publisher never waits; the slow one later gets a count, then the newest; a quick one gets all."""
    async with served(tmp_path) as bench:
        slow, quick = await bench.client(), await bench.client()
        await slow.ask(do="subscribe")
        await quick.ask(do="subscribe")
        slow.writer.transport.pause_reading()
        total, text = 2000, "x" * 1000
        got = 0
        for number in range(total):
            bench.server.publish({"event": "log", "n": number, "text": text})
            assert (await quick.read())["n"] == number
            got += 1
        assert got == total
        slow.writer.transport.resume_reading()
        seen, lost = list[int](), 0
        while not seen or seen[-1] != total - 1:
            event = await slow.read()
            if event["event"] == "lost":
                assert seen[-1] + 1 + event["count"] == total - MAX_QUEUE
                lost += event["count"]
            else:
                seen.append(event["n"])
        assert lost > 0
        assert lost + len(seen) == total
        assert seen == sorted(seen)


@virtual
async def test_what_is_older_than_the_kept_events_is_counted(tmp_path: Path) -> None:
    """An observer that comes back too late is told how many it missed."""
    async with served(tmp_path) as bench:
        for number in range(1, MAX_KEPT + 11):
            bench.server.publish({"event": "log", "n": number})
        client = await bench.client()
        instance = (await client.ask(do="hello"))["instance"]
        await client.ask(do="subscribe", since=4, instance=instance)
        assert (await client.read())["count"] == 6
        assert (await client.read())["n"] == 11


@virtual
async def test_an_event_that_can_not_be_written_is_logged(tmp_path: Path) -> None:
    """`publish` never raises: what is told by the stages can't hurt them."""
    async with served(tmp_path) as bench:
        bench.server.publish({"event": "log", "text": object()})
        bench.server.publish({"event": "log", "text": "x" * MAX_REQUEST})
        bench.server.publish({"text": "of no kind"})
        assert len(bench.logged) == 3
        assert all(text.startswith("control socket: an event was left out") for text in bench.logged)


@virtual
async def test_observers_can_not_lock_out_an_operator(tmp_path: Path) -> None:
    """One uid may observe so many times; all observers together leave room for operators."""
    roles = {"now": OBSERVER}
    async with served(tmp_path, role_of=lambda peer: roles["now"]) as bench:
        for _ in range(MAX_PER_OBSERVER):
            assert (await (await bench.client()).ask(do="echo"))["ok"] is True
        reply = await (await bench.client()).read()
        assert reply["error"] == f"your user has {MAX_PER_OBSERVER} connections open already; close one"
        roles["now"] = OPERATOR
        for _ in range(MAX_CONNECTIONS - MAX_PER_OBSERVER - RESERVED):
            assert (await (await bench.client()).ask(do="echo"))["ok"] is True
        roles["now"] = OBSERVER
        refused = await bench.client()
        assert "connections are open already" in (await refused.read())["error"]
        assert await refused.closed()
        roles["now"] = OPERATOR
        assert (await (await bench.client()).ask(do="echo"))["ok"] is True

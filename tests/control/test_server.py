# SPDX-License-Identifier: GPL-2.0-or-later
"""The control socket's server on real sockets and a virtual clock."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ridethrough.control.connection import MAX_OUTSTANDING, MAX_QUEUE, MAX_UNREAD
from ridethrough.control.messages import MAX_REPLY, MAX_REQUEST, ControlError
from ridethrough.control.peers import Peer, default_role, peer_of
from ridethrough.control.server import (
    MAX_CONNECTIONS,
    MAX_KEPT,
    MAX_PER_OBSERVER,
    OBSERVER,
    OPERATOR,
    RESERVED,
    ControlServer,
    RequestError,
)
from tests.support.vloop import run_virtual

Fields = Mapping[str, Any]


async def echo(args: Fields, peer: Peer) -> Fields:
    """Answer with what was asked."""
    return {"args": dict(args), "role": peer.role}


async def refuse(args: Fields, peer: Peer) -> Fields:
    """Refuse in words."""
    raise RequestError("there is no UPS 'x'")


async def crash(args: Fields, peer: Peer) -> Fields:
    """A defect."""
    raise KeyError("secret detail")


async def wait(args: Fields, peer: Peer) -> Fields:
    """Take long."""
    await asyncio.sleep(3600)
    return {}


async def huge(args: Fields, peer: Peer) -> Fields:
    """Answer more than a line may have."""
    return {"a": "x" * MAX_REPLY}


async def large(args: Fields, peer: Peer) -> Fields:
    """Answer as much as a line may have."""
    return {"a": "x" * (MAX_REPLY - 100)}


VERBS = {
    "echo": (OBSERVER, echo),
    "set": (OPERATOR, echo),
    "refuse": (OBSERVER, refuse),
    "crash": (OBSERVER, crash),
    "wait": (OBSERVER, wait),
    "huge": (OBSERVER, huge),
    "large": (OBSERVER, large),
}


class Client:
    """A raw client: lines out, objects in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, **message: object) -> None:
        """Write a request of version 1 with id 1, unless told otherwise."""
        self.writer.write(json.dumps({"v": 1, "id": 1, **message}).encode() + b"\n")

    async def read(self) -> dict[str, Any]:
        """Read one object."""
        line = await asyncio.wait_for(self.reader.readline(), 60)
        assert line, "the server has closed"
        message: dict[str, Any] = json.loads(line)
        return message

    async def ask(self, **message: object) -> dict[str, Any]:
        """Ask, and read one object."""
        self.send(**message)
        return await self.read()

    async def closed(self) -> bool:
        """Whether the server closes without a further word."""
        with contextlib.suppress(ConnectionResetError):
            return await asyncio.wait_for(self.reader.read(), 60) == b""
        return True


class Bench:
    """A running server and its log."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.path, self.logged, self.clients = path, list[str](), list[Client]()
        options.setdefault("wall", lambda: "noon")
        self.server = ControlServer(path, VERBS, log=lambda _level, text: self.logged.append(text), **options)

    async def client(self) -> Client:
        """Connect a client."""
        client = Client(*await asyncio.open_unix_connection(self.path, limit=MAX_REPLY))
        self.clients.append(client)
        return client


@contextlib.asynccontextmanager
async def served(path: Path, **options: Any) -> AsyncIterator[Bench]:
    """A server that is closed in the end, and its clients too."""
    bench = Bench(path / "r.sock", **options)
    await bench.server.start()
    try:
        yield bench
    finally:
        await bench.server.close()
        for client in bench.clients:
            client.writer.close()
            with contextlib.suppress(OSError):
                await client.writer.wait_closed()


def virtual(test: Callable[[Path], Any]) -> Callable[[Path], None]:
    """Run an async test on the virtual clock."""

    def run(tmp_path: Path) -> None:
        run_virtual(test(tmp_path))

    run.__doc__ = test.__doc__
    return run


@virtual
async def test_a_verb_is_answered(tmp_path: Path) -> None:
    """The reply has the id of the request and the handler's fields; root and the own user are operators."""
    async with served(tmp_path) as bench:
        client = await bench.client()
        reply = await client.ask(id=7, do="echo", ups="a\udcff")
        assert reply == {"v": 1, "id": 7, "ok": True, "args": {"ups": "a\udcff"}, "role": OPERATOR}


@virtual
async def test_hello_says_what_may_be_asked(tmp_path: Path) -> None:
    """An observer is shown its own verbs only."""
    async with served(tmp_path, role_of=lambda peer: OBSERVER) as bench:
        reply = await (await bench.client()).ask(do="hello")
        assert reply["role"] == OBSERVER
        assert reply["verbs"] == ["crash", "echo", "hello", "huge", "large", "refuse", "subscribe", "wait"]


@virtual
async def test_an_observer_may_not_change_things(tmp_path: Path) -> None:
    """The refusal says what it takes, and the handler is not reached."""
    async with served(tmp_path, role_of=lambda peer: OBSERVER) as bench:
        reply = await (await bench.client()).ask(do="set")
        assert reply["ok"] is False
        assert reply["error"].startswith(
            f"set takes an operator, and you (uid {os.getuid()}) may only observe"
        )


@virtual
async def test_each_failure_has_its_words(tmp_path: Path) -> None:
    """Refused, unknown, broken and oversized: one reply each, no detail leaks, and the connection lives."""
    async with served(tmp_path) as bench:
        client = await bench.client()
        assert (await client.ask(do="refuse"))["error"] == "there is no UPS 'x'"
        assert (await client.ask(do="fly"))["error"].startswith("unknown verb 'fly'; known here: crash, echo")
        broken = await client.ask(do="crash")
        assert broken["error"] == "crash failed (KeyError); the service's log says more"
        assert "secret detail" in bench.logged[0]
        assert "a line may have 1048576" in (await client.ask(do="huge"))["error"]
        assert (await client.ask(do="echo"))["ok"] is True


@virtual
async def test_another_version_is_refused_in_words(tmp_path: Path) -> None:
    """An old command against a new service, or the reverse, says so instead of guessing."""
    async with served(tmp_path) as bench:
        reply = await (await bench.client()).ask(v=2, id=5, do="echo")
        assert (reply["id"], reply["ok"]) == (5, False)
        assert "version 1 of the control protocol is spoken here" in reply["error"]


@virtual
async def test_a_line_of_a_megabyte_is_refused_and_not_held(tmp_path: Path) -> None:
    """It is refused once, before its end; the next request of the same connection is answered."""
    async with served(tmp_path) as bench:
        client = await bench.client()
        client.writer.write(b"x" * 1024 * 1024)
        reply = await client.read()
        assert reply["error"] == "a request may have 65536 bytes; this one had more"
        client.writer.write(b"\n\r\n")
        assert (await client.ask(id=2, do="echo"))["id"] == 2


@virtual
async def test_requests_that_wait_are_bounded_and_do_not_block_others(tmp_path: Path) -> None:
    """A slow verb holds up neither its own connection nor the end of the server."""
    async with served(tmp_path) as bench:
        client = await bench.client()
        for number in range(MAX_OUTSTANDING - 1):
            client.send(id=number, do="wait")
        assert (await client.ask(id=100, do="echo"))["id"] == 100
        client.send(id=101, do="wait")
        refused = await client.ask(id=102, do="echo")
        assert "16 requests of this connection wait" in refused["error"]


@virtual
async def test_who_leaves_replies_unread_is_cut_off(tmp_path: Path) -> None:
    """A client that asks and never reads costs bounded memory."""
    async with served(tmp_path) as bench:
        client = await bench.client()
        client.writer.transport.pause_reading()
        other = await bench.client()
        for number in range(3 * MAX_UNREAD // MAX_REPLY):
            client.send(id=number, do="large")
            await asyncio.sleep(1)
        assert (await other.ask(do="echo"))["ok"] is True
        assert len(bench.server._connections) == 1


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


def test_roles_by_what_the_kernel_says() -> None:
    """Root, the own user and members of the group are operators; others observe."""
    own = os.geteuid()
    assert default_role(Peer(1, 0, 0), 105) == OPERATOR
    assert default_role(Peer(1, own, own), None) == OPERATOR
    assert default_role(Peer(1, 4711, 100, frozenset({100, 105})), 105) == OPERATOR
    assert default_role(Peer(1, 4711, 100, frozenset({100})), 105) == OBSERVER
    assert default_role(Peer(1, 4711, 0, frozenset({0})), None) == OBSERVER


def test_the_peer_is_asked_of_the_kernel() -> None:
    """Process, user and groups are this process's own on its own socket pair."""
    with contextlib.ExitStack() as stack:
        one, two = (stack.enter_context(end) for end in socket.socketpair())
        assert two
        peer = peer_of(one)
    assert (peer.pid, peer.uid, peer.gid) == (os.getpid(), os.geteuid(), os.getegid())
    assert peer.groups >= {os.getegid()}


@virtual
async def test_the_socket_has_its_rights_from_the_first_moment(tmp_path: Path) -> None:
    """0660 by default, what was asked for otherwise; it is gone when the server is closed."""
    async with served(tmp_path, mode=0o666) as bench:
        assert stat.S_IMODE(bench.path.stat().st_mode) == 0o666
    assert os.listdir(tmp_path) == []
    async with served(tmp_path) as bench:
        assert stat.S_IMODE(bench.path.stat().st_mode) == 0o660


@virtual
async def test_a_socket_left_over_from_a_crash_is_replaced(tmp_path: Path) -> None:
    """Nobody listens on it, so a restart needs no hand."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "r.sock"))
        dead.listen(1)
    async with served(tmp_path) as bench:
        assert (await (await bench.client()).ask(do="echo"))["ok"] is True


@virtual
async def test_a_living_service_is_not_pushed_aside(tmp_path: Path) -> None:
    """The second server names the socket and gives up; the first one goes on."""
    async with served(tmp_path) as bench:
        with pytest.raises(ControlError, match=r"r\.sock: another ridethrough answers there"):
            await ControlServer(bench.path, VERBS).start()
        assert (await (await bench.client()).ask(do="echo"))["ok"] is True


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing/r.sock", "create the directory"),
        ("file", "something else than a socket is there"),
        ("x" * 120, "path is too long"),
        ("file/r.sock", "Not a directory"),
    ],
)
def test_a_place_that_will_not_do_is_named(tmp_path: Path, name: str, words: str) -> None:
    """One line says which path and what to do; a file that is no socket is not touched."""
    (tmp_path / "file").write_text("precious")
    with pytest.raises(ControlError, match=words) as caught:
        run_virtual(ControlServer(tmp_path / name, {}).start())
    assert str(tmp_path / name) in str(caught.value)
    assert (tmp_path / "file").read_text() == "precious"
    assert os.listdir(tmp_path) == ["file"]


@virtual
async def test_closing_ends_every_connection(tmp_path: Path) -> None:
    """Subscribers, slow verbs and idle clients see the end at once; a new server's socket stays."""
    async with served(tmp_path) as bench:
        idle, subscriber, waiting = [await bench.client() for _ in range(3)]
        await subscriber.ask(do="subscribe")
        waiting.send(do="wait")
        await asyncio.sleep(1)
        bench.path.unlink()
        bench.path.write_text("another's")
        await bench.server.close()
        for client in (idle, subscriber, waiting):
            assert await client.closed()
        assert bench.path.read_text() == "another's"
        await bench.server.close()

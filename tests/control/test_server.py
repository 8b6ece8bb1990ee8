# SPDX-License-Identifier: GPL-2.0-or-later
"""The control socket's server on real sockets and a virtual clock: requests and replies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from pathlib import Path

import pytest

from ridethrough.control.connection import MAX_OUTSTANDING, MAX_UNREAD
from ridethrough.control.messages import MAX_REPLY, ControlError
from ridethrough.control.peers import Peer, default_role, peer_of
from ridethrough.control.server import (
    OBSERVER,
    OPERATOR,
    ControlServer,
)
from tests.support.control_bench import VERBS, served, virtual
from tests.support.vloop import run_virtual


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

# SPDX-License-Identifier: GPL-2.0-or-later
"""The clients of the control socket, against the real server in a thread."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ridethrough.control.client import ControlClient, ControlError, NotRunning, subscribe
from ridethrough.control.peers import Peer
from ridethrough.control.server import OBSERVER, ControlServer, RequestError
from tests.support.wait import wait_until

SYSTEM_PYTHON = "/usr/bin/python3"  # a virtual environment may be closed to strangers


class Service:
    """A server in its own thread and loop."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.path = path
        self.loop = asyncio.new_event_loop()
        verbs = {"echo": (OBSERVER, self.echo), "hang": (OBSERVER, self.hang)}
        self.server = ControlServer(path, verbs, **options)
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.run(self.server.start())

    async def echo(self, args: Mapping[str, Any], peer: Peer) -> Mapping[str, Any]:
        """Publish an event before the reply, and answer; refuse what says so."""
        self.server.publish({"event": "echoed"})
        if "refuse" in args:
            raise RequestError("not today")
        return {"args": dict(args)}

    async def hang(self, args: Mapping[str, Any], peer: Peer) -> Mapping[str, Any]:
        """Never answer."""
        await asyncio.sleep(3600)
        return {}

    def run(self, deed: Any) -> Any:
        """Do something in the loop of the server."""
        return asyncio.run_coroutine_threadsafe(deed, self.loop).result(10)

    def publish(self, **event: object) -> None:
        """Publish an event from the loop of the server."""
        self.loop.call_soon_threadsafe(self.server.publish, event)

    def stop(self) -> None:
        """End it, and the thread."""
        self.run(self.server.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A running service."""
    running = Service(tmp_path / "r.sock")
    try:
        yield running
    finally:
        running.stop()


def test_asking_gives_the_fields_of_the_reply(service: Service) -> None:
    """One connection serves many requests, also with fields called as the arguments of `ask`."""
    with ControlClient(service.path) as client:
        assert client.ask("echo", ups="a", verb="x", self="y")["args"] == {
            "ups": "a",
            "verb": "x",
            "self": "y",
        }
        assert client.ask("echo")["args"] == {}


def test_a_refusal_is_raised_in_its_own_words(service: Service) -> None:
    """The text is the server's, and the connection goes on."""
    with ControlClient(service.path) as client:
        with pytest.raises(ControlError, match=r"^not today$"):
            client.ask("echo", refuse=1)
        with pytest.raises(ControlError, match="unknown verb 'fly'"):
            client.ask("fly")
        assert client.ask("echo") == {"args": {}}


def test_the_kept_events_end_where_the_present_begins(service: Service) -> None:
    """Without `follow` the kept events are yielded, and then it ends; also when there is none of a kind."""
    for number in range(5):
        service.publish(event="tick", n=number)
    with ControlClient(service.path) as client:
        assert [event["n"] for event in client.events(follow=False)] == [0, 1, 2, 3, 4]
        assert [event["n"] for event in client.events(follow=False, replay=2)] == [3, 4]
        assert list(client.events(["none of this kind"], follow=False)) == []


def test_following_goes_on_until_the_service_ends(service: Service) -> None:
    """New events are yielded as they come, and the end is an error in words."""
    with ControlClient(service.path) as client:
        stream = client.events(replay=0)
        service.loop.call_later(0.05, service.server.publish, {"event": "tick", "n": 1})
        assert next(stream)["n"] == 1
        service.run(service.server.close())
        with pytest.raises(ControlError, match="the service has closed the connection"):
            next(stream)


def test_events_do_not_hide_a_reply(service: Service) -> None:
    """A subscriber that asks something gets the reply, whatever is told in between."""
    with ControlClient(service.path) as client:
        service.publish(event="tick")
        stream = client.events()
        next(stream)
        assert client.ask("echo")["args"] == {}
        assert next(stream)["event"] == "echoed"


def test_a_service_that_hangs_is_given_up(service: Service) -> None:
    """After the time limit there is an error in words, and the next use is a new connection."""
    with ControlClient(service.path, timeout_s=0.1) as client:
        with pytest.raises(ControlError, match=r"no answer in 0\.1 s; the service may hang"):
            client.ask("hang")
        assert client.ask("echo") == {"args": {}}


def test_no_service_is_said(tmp_path: Path) -> None:
    """Without a socket, and with one that nobody listens on, the command to start it is named."""
    with pytest.raises(NotRunning, match="start it with: ridethrough serve"):
        ControlClient(tmp_path / "r.sock").ask("status")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "r.sock"))
    with pytest.raises(NotRunning, match="does not run here"):
        ControlClient(tmp_path / "r.sock").ask("status")
    with pytest.raises(ControlError, match="path too long"):
        ControlClient(tmp_path / ("x" * 200)).ask("status")


@pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists(SYSTEM_PYTHON), reason="needs root to become somebody else"
)
@pytest.mark.parametrize(("mode", "words"), [(0o660, b"PermissionError"), (0o666, b"")])
def test_a_stranger_is_kept_out_by_the_mode(mode: int, words: bytes) -> None:
    """With 0660 a user who is not in the group can't even connect; with 0666 everybody can."""
    probe = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)  # pytest's own directories would keep a stranger out
        service = Service(Path(directory) / "r.sock", mode=mode, group="no such group")
        try:
            argv = [SYSTEM_PYTHON, "-I", "-S", "-c", probe, str(service.path)]
            result = subprocess.run(
                argv, user=65534, group=65534, extra_groups=[], cwd="/", capture_output=True, check=False
            )
        finally:
            service.stop()
    assert words in result.stderr
    assert (result.returncode == 0) is (mode == 0o666)


def test_the_stream_for_observers(service: Service) -> None:
    """In asyncio: where it stands, the kept events, the new ones, and an error at the end of the service."""
    service.publish(event="tick", n=1)

    async def observe() -> list[dict[str, Any]]:
        stream = subscribe(service.path, ["tick"])
        seen = [await anext(stream), await anext(stream)]
        service.publish(event="other")
        service.publish(event="tick", n=2)
        seen.append(await anext(stream))
        asyncio.run_coroutine_threadsafe(service.server.close(), service.loop)
        with pytest.raises(ControlError, match="closed the connection"):
            await anext(stream)
        return seen

    seen = asyncio.run(asyncio.wait_for(observe(), 20))
    assert [(event["event"], event.get("n")) for event in seen] == [
        ("subscribed", None),
        ("tick", 1),
        ("tick", 2),
    ]
    assert seen[0]["instance"]
    assert seen[0]["seq"] == 1


def test_the_stream_says_why_it_can_not_begin(service: Service, tmp_path: Path) -> None:
    """No service, and a refused subscription, are errors in words."""

    async def first(path: Path, **options: Any) -> object:
        stream = subscribe(path, **options)
        try:
            return await anext(stream)
        finally:
            await stream.aclose()

    with pytest.raises(ControlError, match="does not run here"):
        asyncio.run(first(tmp_path / "none"))
    with pytest.raises(ControlError, match='"replay"'):
        asyncio.run(first(service.path, replay=-1))


def test_the_blocking_client_is_light(service: Service) -> None:
    """A command that asks one thing does not load asyncio."""
    program = f"""
import sys
from ridethrough.control.client import ControlClient
assert ControlClient({str(service.path)!r}).ask("echo", n=1) == {{"args": {{"n": 1}}}}
print("asyncio" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("False\n", "")


def test_a_client_that_goes_away_is_forgotten(service: Service) -> None:
    """Its place is free again for others."""
    client = ControlClient(service.path)
    client.ask("echo")
    assert len(service.server._connections) == 1
    client.close()
    wait_until(lambda: not service.server._connections, 5, "the connection to be forgotten")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the blocking client against a scripted server on the loopback."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from ridethrough.client.blocking import Client, LinkError, Refused
from ridethrough.protocol import requests
from ridethrough.protocol.client import Line
from ridethrough.protocol.errors import Err
from tests.support.lineserver import line_server
from tests.support.ports import free_port
from tests.support.wait import wait_until

SCRIPT = {
    b"LIST UPS\n": b'BEGIN LIST UPS\nUPS su "A box"\nEND LIST UPS\n',
    b"LIST VAR su\n": b'BEGIN LIST VAR su\nVAR su b.c "1"\nVAR su a.b "2"\nEND LIST VAR su\n',
    b"LIST RW su\n": b'BEGIN LIST RW su\nRW su a.b "2"\nEND LIST RW su\n',
    b"LIST CMD su\n": b"BEGIN LIST CMD su\nCMD su load.off\nEND LIST CMD su\n",
    b"LIST CLIENT su\n": b"BEGIN LIST CLIENT su\nCLIENT su ::1\nEND LIST CLIENT su\n",
    b"GET VAR su a.b\n": b'VAR su a.b "x \\"y\\""\n',
    b"GET VAR su b.c\n": b"ERR DATA-STALE\n",
    b"USERNAME joe\n": b"OK\n",
    b"PASSWORD secret\n": b"OK\n",
    b"SET TRACKING ON\n": b"OK\n",
    b"INSTCMD su load.off 5\n": b"OK TRACKING 1-a\n",
    b'SET VAR su a.b "7"\n': b"OK\n",
    b"LOGOUT\n": b"OK Goodbye\n",
}


def test_everything_asked_is_answered() -> None:
    """Each method sends its request and gives its value; good-bye is said at the end."""
    with line_server(SCRIPT) as server:
        with Client(server.host, server.port) as client:
            assert client.list_ups() == {"su": "A box"}
            assert list(client.list_var("su").items()) == [("b.c", "1"), ("a.b", "2")]
            assert client.list_rw("su") == {"a.b": "2"}
            assert client.list_cmd("su") == ["load.off"]
            assert client.list_client("su") == ["::1"]
            assert client.get_var("su", "a.b") == 'x "y"'
            client.authenticate("joe", "secret")
            client.set_tracking(True)
            assert client.instcmd("su", "load.off", "5") == "1-a"
            assert client.set_var("su", "a.b", "7") == ""
        wait_until(lambda: server.seen[-1] == b"LOGOUT\n", 5, "LOGOUT")


def test_refusals_name_host_and_port() -> None:
    """ERR is an error with its word and the server's place, and the connection goes on."""
    with line_server(SCRIPT) as server, Client(server.host, server.port) as client:
        with pytest.raises(Refused, match=f"127.0.0.1:{server.port}: data stale") as caught:
            client.get_var("su", "b.c")
        assert caught.value.err is Err.DATA_STALE
        assert client.get_var("su", "a.b") == 'x "y"'


def test_ipv6() -> None:
    """An IPv6 server is reached, and named with brackets."""
    try:
        with line_server(SCRIPT, "::1") as server, Client("::1", server.port) as client:
            assert client.where == f"[::1]:{server.port}"
            assert client.list_cmd("su") == ["load.off"]
    except OSError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")


def test_a_server_that_is_not_there() -> None:
    """A refused connection is one error in words: place, reason, what to check."""
    port = free_port()
    with pytest.raises(LinkError, match=f"127.0.0.1:{port}: connection failure: Connection refused; check"):
        Client("127.0.0.1", port).connect()


@pytest.mark.parametrize("host", ["no such host.invalid", "\u00eb" * 70, "x..y"])
def test_a_name_that_is_none(host: str) -> None:
    """A name that can't be looked up is an error in words, whatever it looks like."""
    with pytest.raises(LinkError, match="no such host"):
        Client(host, 3493).connect()


def test_a_silent_server_costs_no_more_than_the_timeout() -> None:
    """A server that does not answer is given up after the timeout, and the connection is closed."""
    with line_server(lambda line: b"") as server, Client(server.host, server.port, timeout_s=0.1) as client:
        with pytest.raises(LinkError, match="timed out"):
            client.ask(requests.ver())
        with pytest.raises(LinkError, match="connect anew"):
            client.ask(requests.ver())


def test_a_server_that_hangs_up() -> None:
    """A close instead of an answer is an error in NUT's words."""
    with line_server(lambda line: None) as server, Client(server.host, server.port) as client:
        with pytest.raises(LinkError, match=r"server disconnected|read error") as caught:
            client.ask(requests.ver())
        assert str(server.port) in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "text"),
    [(b"x" * 200_000, "longer than"), (b"OK\nOK\n", "nobody asked"), (b'VAR "\n', "can't be read")],
)
def test_a_server_that_talks_nonsense_is_cut_off(answer: bytes, text: str) -> None:
    """Floods and garbage are an error in words, and the connection is closed."""
    with line_server(lambda line: answer) as server, Client(server.host, server.port) as client:
        with pytest.raises(LinkError, match=text):
            client.ask(requests.ver())
        assert client._socket is None


def test_a_closed_client_can_connect_anew() -> None:
    """`connect` after `close` is a new connection; closing twice is no error."""
    with line_server(SCRIPT) as server:
        client = Client(server.host, server.port)
        for _ in range(2):
            client.connect()
            assert client.ask(requests.get_var("su", "a.b")) == Line(("VAR", "su", "a.b", 'x "y"'))
            client.close()
            client.close()
        assert len(server.links) == 2


def test_small_requests_are_not_held_back() -> None:
    """TCP_NODELAY is set."""
    with line_server(SCRIPT) as server, Client(server.host, server.port) as client:
        assert client._socket is not None
        assert client._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_imports_stay_light() -> None:
    """Starting a command that uses it loads neither asyncio nor logging nor argparse."""
    code = (
        "import sys, ridethrough.cli.upsc, ridethrough.cli.upscmd, ridethrough.cli.upsrw; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=30)
    heavy = {"asyncio", "logging", "argparse", "json", "getpass", "ssl", "subprocess", "pathlib"}
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, check=True, timeout=30
    )
    loaded = set(done.stdout.decode().split()) - set(bare.stdout.decode().split())
    assert not heavy & loaded

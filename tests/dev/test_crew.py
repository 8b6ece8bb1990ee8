# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of several hosts lean on: the rows, the driver that says what it is told, the proxy."""

from __future__ import annotations

import itertools
import socket
import threading
from pathlib import Path

import pytest

from tests.support.crew import ROWS
from tests.support.cutting_proxy import cutting_proxy
from tests.support.live_driver import live_driver
from tests.support.ports import LOOPBACK
from tests.support.wait import wait_until

LIMIT_S = 10.0


def test_every_pair_of_programs_is_in_some_row() -> None:
    """Whichever two of the five are chosen, C's or ours: some row has both as chosen."""
    fields = ("upsd", "primary", "one", "two", "upssched")
    for left, right in itertools.combinations(fields, 2):
        found = {(getattr(row, left), getattr(row, right)) for row in ROWS}
        assert found == set(itertools.product(("C", "ours"), repeat=2)), (left, right)
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_a_live_driver_says_what_it_is_told(tmp_path: Path) -> None:
    """The dump has the newest values, and a change comes by itself, its status last."""
    with live_driver(tmp_path / "s") as ups, socket.socket(socket.AF_UNIX) as server:
        ups.say("OB", battery_charge="50")
        server.connect(str(tmp_path / "s"))
        server.sendall(b"PING\nDUMPALL\n")
        with server.makefile("rb") as lines:
            assert lines.readline() == b"PONG\n"
            dump = [lines.readline() for _ in range(6)]
            assert dump[-2:] == [b"DATAOK\n", b"DUMPDONE\n"]
            assert {b'SETINFO battery.charge "50"\n', b'SETINFO ups.status "OB"\n'} < set(dump)
            ups.say("OB LB", battery_charge="9")
            changes = [lines.readline(), lines.readline()]
            assert changes == [b'SETINFO battery.charge "9"\n', b'SETINFO ups.status "OB LB"\n']
            ups.close()
            assert lines.readline() == b""


def test_a_proxy_passes_on_holds_and_cuts() -> None:
    """Held, nothing gets through until it is mended; cut, the client and every new one sees its end."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        threading.Thread(target=_echo, args=(listener,), daemon=True).start()
        with cutting_proxy(listener.getsockname()[1]) as proxy, _client(proxy.port) as client:
            client.sendall(b"a")
            assert client.recv(9) == b"a"
            proxy.hold()
            client.sendall(b"b")
            client.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.recv(9)
            proxy.mend()
            client.settimeout(LIMIT_S)
            assert client.recv(9) == b"b"
            proxy.cut()
            wait_until(lambda: client.recv(9) == b"", LIMIT_S, "the end")
            with _client(proxy.port) as other:
                assert other.recv(9) == b""
            proxy.mend()
            with _client(proxy.port) as other:
                other.sendall(b"c")
                assert other.recv(9) == b"c"
        listener.shutdown(socket.SHUT_RDWR)


def _client(port: int) -> socket.socket:
    return socket.create_connection((LOOPBACK, port), LIMIT_S)


def _echo(listener: socket.socket) -> None:
    """Each connection in its turn."""
    while True:
        try:
            link, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_echo_one, args=(link,), daemon=True).start()


def _echo_one(link: socket.socket) -> None:
    with link:
        while data := link.recv(9):
            link.sendall(data)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes beyond one request: counted logins, the FSD latch, results that are forgotten, a full server."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ridethrough.ups.state import Snapshot
from ridethrough.ups.variables import Variable, VarKind
from tests.support.cnut import CUpsd, c_upsd, state_directory
from tests.support.fakedriver import fake_driver
from tests.support.our_upsd import OurUpsd, converse, our_upsd
from tests.support.ports import LOOPBACK
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut

WAIT_S = 15.0
PATIENCE_S = 1.0
VARIABLES = (Variable("ups.status", "OL"), Variable("ups.id", "x", True, VarKind.STRING, 16))
SNAPSHOT = Snapshot({each.name: each for each in VARIABLES}, frozenset({"beeper.mute"}))
MONITOR = b"USERNAME monuser\nPASSWORD pass\n"
ADMIN = b"USERNAME admin\nPASSWORD secret\n"
Pair = tuple[CUpsd, OurUpsd]


@contextlib.contextmanager
def both(directory: Path, *, c_conf: Sequence[str], our_conf: Sequence[str]) -> Iterator[Pair]:
    """C's upsd and ours over one driver, each with further lines of upsd.conf."""
    with contextlib.ExitStack() as parts:
        state = parts.enter_context(state_directory())
        parts.enter_context(fake_driver(state / "fake-ups", SNAPSHOT))
        c = parts.enter_context(
            c_upsd(directory, {}, others={"ups": "fake"}, statepath=state, upsd_conf=c_conf)
        )
        ours = parts.enter_context(our_upsd(directory, {"ups": "fake"}, state, upsd_conf=our_conf))
        asked = [b"GET VAR ups ups.id\n"]
        wait_until(lambda: b'"x"' in converse(ours.port, asked)[0], WAIT_S, "the first dump")
        yield c, ours


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both with a TRACKINGDELAY of a second."""
    conf = ["TRACKINGDELAY 1"]
    with both(tmp_path_factory.mktemp("sessions"), c_conf=conf, our_conf=conf) as made:
        yield made


class Client:
    """A connection that stays."""

    def __init__(self, port: int) -> None:
        self.link = socket.create_connection((LOOPBACK, port), timeout=PATIENCE_S)

    def ask(self, request: bytes, answers: int = 1) -> bytes:
        """So many lines; b"" once the server has closed, or says nothing for `PATIENCE_S`."""
        got = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            self.link.sendall(request)
            while got.count(b"\n") < answers and (data := self.link.recv(65536)):
                got += data
        return got

    def closed_at_once(self) -> bool:
        """Whether the server closes it without having been asked."""
        with contextlib.suppress(TimeoutError):
            try:
                return self.link.recv(1) == b""
            except ConnectionError:
                return True
        return False


def served(port: int) -> bool:
    """Whether a newcomer is answered."""
    client = Client(port)
    try:
        return client.ask(b"PROTVER\n") == b"1.3\n"
    finally:
        client.link.close()


def test_logins_are_counted_and_listed_as_by_c(pair: Pair) -> None:
    """NUMLOGINS and LIST CLIENT follow logins, a logout, and a connection that is just gone."""

    def story(port: int) -> list[bytes]:
        clients = [Client(port) for _ in range(3)]
        told = [clients[0].ask(MONITOR + b"LOGIN ups\n", 3), clients[1].ask(MONITOR + b"LOGIN UPS\n", 3)]
        told.append(clients[2].ask(b"GET NUMLOGINS ups\n"))
        told.append(clients[2].ask(b"LIST CLIENT ups\n", 4))
        told.append(clients[0].ask(b"LOGOUT\n"))
        wait_until(lambda: clients[2].ask(b"GET NUMLOGINS ups\n").endswith(b" 1\n"), WAIT_S, "the logout")
        clients[1].link.close()
        wait_until(lambda: clients[2].ask(b"GET NUMLOGINS ups\n").endswith(b" 0\n"), WAIT_S, "the end")
        told.append(clients[2].ask(b"LIST CLIENT ups\n", 2))
        for client in clients:
            client.link.close()
        return told

    c, ours = pair
    own = story(ours.port)
    assert own == story(c.port)
    assert own[2] == b"NUMLOGINS ups 2\n"
    assert own[3].count(b"CLIENT ups 127.0.0.1\n") == 2


def test_a_result_is_forgotten_after_trackingdelay(pair: Pair) -> None:
    """GET TRACKING tells SUCCESS to whoever asks with tracking on, and ERR UNKNOWN after TRACKINGDELAY."""
    for server in pair:
        client = Client(server.port)
        assert client.ask(ADMIN + b"SET TRACKING ON\n", 3) == b"OK\nOK\nOK\n"
        ids = [
            client.ask(ask).split()[-1] for ask in (b"SET VAR ups ups.id y\n", b"INSTCMD ups beeper.mute\n")
        ]
        asked = [b"GET TRACKING " + each + b"\n" for each in ids]
        wait_until(
            lambda c=client, a=asked: [c.ask(each) for each in a] == [b"SUCCESS\n"] * 2, WAIT_S, "results"
        )
        wait_until(
            lambda c=client, a=asked: [c.ask(each) for each in a] == [b"ERR UNKNOWN\n"] * 2, WAIT_S, "the end"
        )
        client.link.close()


def test_fsd_stands_first(pair: Pair) -> None:
    """FSD is put before the status, not behind it, in GET and in LIST."""
    told = [
        converse(
            server.port,
            [*MONITOR.splitlines(True), b"FSD ups\n", b"GET VAR ups ups.status\n", b"LIST VAR ups\n"],
        )
        for server in pair
    ]
    assert told[0] == told[1]
    assert told[0][3] == b'VAR ups ups.status "FSD OL"\n'
    assert b'VAR ups ups.status "FSD OL"\n' in told[0][4]


def test_beyond_maxconn_c_hangs_and_ours_refuses(tmp_path: Path) -> None:
    """Listed difference: C counts UPS and LISTEN, too, and lets a newcomer hang; we close it at once."""
    with both(tmp_path, c_conf=["MAXCONN 4"], our_conf=["MAXCONN 2"]) as pair:
        for server, refuses in zip(pair, (False, True), strict=True):
            first = [Client(server.port) for _ in range(2)]
            assert [each.ask(b"PROTVER\n") for each in first] == [b"1.3\n"] * 2
            late = Client(server.port)
            assert late.closed_at_once() is refuses
            assert first[0].ask(b"PROTVER\n") != b""
            first[1].link.close()
            if refuses:
                wait_until(lambda s=server: served(s.port), WAIT_S, "a free place")
            for client in (*first, late):
                client.link.close()


def test_out_of_descriptors_c_spins_and_ours_refuses(pair: Pair) -> None:
    """Listed difference: without a free descriptor C lets a newcomer hang and spins; we close it, calmly."""
    spent: list[float] = []
    for server, refuses in zip(pair, (False, True), strict=True):
        pid = server.process.pid
        old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        # The lowest number that is free is the next to be given out: from here on there is none.
        used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
        free = next(number for number in range(1000) if number not in used)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, old[1]))
        try:
            late, before = Client(server.port), _cpu_s(pid)
            assert late.closed_at_once() is refuses
            assert late.ask(b"PROTVER\n") == b""
            time.sleep(PATIENCE_S)
            spent.append(_cpu_s(pid) - before)
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
        late.link.close()
        wait_until(lambda s=server: served(s.port), WAIT_S, "service again")
    assert spent[1] < spent[0], "CPU seconds of C and ours"
    assert "no file descriptors are left" in pair[1].process.output()


def _cpu_s(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver socket: a hostile server before a driver, and a hostile driver before the whole server.

What a driver has said goes on: dumped anew it is the same state, and a network client reads the same values.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from ridethrough.protocol import requests
from ridethrough.protocol.client import Block, ClientProtocol
from ridethrough.protocol.driver import Commit, DriverClient, DriverSession, Unknown, dump
from ridethrough.protocol.driver_fold import MAX_COMMANDS, MAX_NAME, MAX_VARIABLES
from ridethrough.protocol.driver_side import REQUEST_LIMITS
from ridethrough.protocol.server_side import DRIVER_LIMITS
from ridethrough.server.core import ServerCore
from ridethrough.ups.state import EMPTY, DeviceView, Freshness, Snapshot
from ridethrough.ups.units import Monotonic
from tests.support.fuzzing import try_inputs
from tests.support.mutation import chunks, mutated
from tests.support.server_core import settings, users

REQUESTS = (
    b"PING\nDUMPALL\nDUMPSTATUS\nGETPID\n",
    b"DUMPVALUE ups.status\nINSTCMD load.off\nINSTCMD shutdown.return 30 TRACKING id-1\n",
    b'SET ups.id "a \\"b\\" \\# c" TRACKING 1bd31808-cb49-4aec-9d75-d056e6f018d2\nNOBROADCAST\n',
    b"BROADCAST 1\nBROADCAST 0\nBROADCAST\nLOGOUT\n",
)
STATE = (
    b'SETINFO ups.status "OL CHRG"\nSETINFO ups.id "15\\" rack \\#2"\nSETFLAGS ups.id RW STRING\n',
    b"SETINFO ups.id x\nSETAUX ups.id 16\nSETAUX ups.id 0\n",
    b'SETINFO a "x"\nADDENUM a "y z"\nADDRANGE a 10 20\nDELENUM a "y z"\nDELRANGE a 10 20\n',
    b'SETINFO A "x"\nSETFLAGS a RW NUMBER\nDELINFO A\n',
    b'SETINFO ups.model "15" unescaped #2"\nADDCMD load.off\nADDCMD test.battery.start\nDELCMD load.off\n',
    b"DATAOK\nDUMPDONE\nPONG\nPID 4711\nTRACKING id-1 0\nDATASTALE\n",
    b'SETINFO b "1"\nDATAOK\nDUMPDONE\nDELINFO b\nSETINFO c "2"\nOK Goodbye\n',
    b"SETINFO ups.status OB\nSETAUX ups.status 99999999999999999999\nSETAUX ups.status -5\n",
)
END = b"\nDATAOK\nDUMPDONE\n"
ROOM = 2000  # Escaped, values and names up to this length fit into the lines of every reader.

Case = tuple[bytes, Sequence[bytes], bytes, Sequence[bytes]]


def make(rng: random.Random) -> Case:
    """What a server sends, and what a driver says, both also in pieces."""
    asked = mutated(rng, REQUESTS)
    said = b"".join(mutated(rng, STATE) for _ in range(rng.randrange(1, 4))) + rng.choice((b"", END))
    return asked, chunks(rng, asked), said, chunks(rng, said)


def attempt(case: Case) -> None:
    """Both sides, then the way on."""
    asked, asked_pieces, said, said_pieces = case
    assert session(asked_pieces) == session([asked]), "the pieces matter to the driver"
    snapshot = folded(said_pieces)
    assert snapshot == folded([said]), "the pieces matter to the server"
    if all(len(name) + len(each.value) < ROOM for name, each in snapshot.variables.items()):
        again = folded([dump(snapshot, stale=False)])
        assert dict(again.variables) == dict(snapshot.variables), "a dump is not what was folded"
        assert again.commands == snapshot.commands
        serve(snapshot)


def session(pieces: Sequence[bytes]) -> list[object]:
    """The requests that a driver reads."""
    one = DriverSession()
    found: list[object] = []
    for piece in pieces:
        found += one.receive(piece)
        assert one._stream.pending <= REQUEST_LIMITS.max_line_bytes
    assert all(len(each.text) < 500 for each in found if isinstance(each, Unknown))
    return found


def folded(pieces: Sequence[bytes]) -> Snapshot:
    """What a server has taken from a driver's lines, within bounds; a commit only after a whole dump."""
    client = DriverClient(15.0, 0.0)
    last = EMPTY
    for now, piece in enumerate(pieces):
        for event in client.receive(piece, float(now)):
            if isinstance(event, Commit):
                assert event.change
                last = event.snapshot
        client.tick(float(now))
        assert client._stream.pending <= DRIVER_LIMITS.max_line_bytes
        assert client.deadline() > now
    assert client.snapshot == last
    assert len(last.variables) <= MAX_VARIABLES
    assert len(last.commands) <= MAX_COMMANDS
    assert all(0 < len(name) <= MAX_NAME for name in (*last.variables, *last.commands))
    assert len(client.last_ignored) <= 80
    return last


def serve(snapshot: Snapshot) -> None:
    """A network client reads from our server what the driver said, value by value."""
    core = ServerCore(users(), settings(), [("u", "")])
    core.update(DeviceView("u", "", snapshot, Freshness.FRESH, Monotonic(0.0)))
    link = core.open_session("192.0.2.1", 0.0)
    client = ClientProtocol()
    for request in (requests.list_var("u"), requests.list_rw("u"), requests.list_cmd("u")):
        client.send(request)
    replies = client.receive(core.receive(link, client.data_to_send(), 0.0).reply)
    var, rw, cmd = (reply.rows for reply in replies if isinstance(reply, Block))
    values = {name: each.value for name, each in snapshot.variables.items()}
    assert {tuple(row) for row in var} == set(values.items())
    assert {row[0] for row in rw} == {name for name, each in snapshot.variables.items() if each.rw}
    assert {row[0] for row in cmd} == snapshot.commands


def fuzz(rng: random.Random, deadline: float) -> int:
    """Run until the deadline."""
    return try_inputs(rng, deadline, make, attempt)

# SPDX-License-Identifier: GPL-2.0-or-later
"""A snapshot, its dump as C drivers write it, and a server's side that holds it."""

from __future__ import annotations

from ridethrough.protocol import driver
from ridethrough.protocol.driver import DriverClient
from ridethrough.ups.state import Snapshot
from ridethrough.ups.variables import Variable, VarKind

VARIABLES = (
    Variable("ups.status", "OL"),
    Variable("ups.id", 'a "b" \\ #c', True, VarKind.STRING, 16),
    Variable("input.transfer.low", "98", True, VarKind.NUMBER, 0, ("95", "h i"), (("90", "100"),)),
)
SNAPSHOT = Snapshot({variable.name: variable for variable in VARIABLES}, frozenset({"load.on", "load.off"}))
DUMP = (
    b'SETINFO input.transfer.low "98"\n'
    b'ADDENUM input.transfer.low "95"\n'
    b'ADDENUM input.transfer.low "h i"\n'
    b"ADDRANGE input.transfer.low 90 100\n"
    b"SETFLAGS input.transfer.low RW NUMBER\n"
    b'SETINFO ups.id "a \\"b\\" \\\\ \\#c"\n'
    b"SETAUX ups.id 16\n"
    b"SETFLAGS ups.id RW STRING\n"
    b'SETINFO ups.status "OL"\n'
    b"ADDCMD load.off\n"
    b"ADDCMD load.on\n"
)


def connected(maxage_s: float = 15.0) -> DriverClient:
    """A server's side that has asked for the dump at time 0."""
    client = DriverClient(maxage_s, 0.0)
    assert client.data_to_send() == b"DUMPALL\n"
    return client


def fresh() -> DriverClient:
    """A server's side with the snapshot above."""
    client = connected()
    client.receive(driver.dump(SNAPSHOT, stale=False), 0.0)
    return client

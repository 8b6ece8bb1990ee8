# SPDX-License-Identifier: GPL-2.0-or-later
"""The client's side of the network protocol: whatever a server sends, replies or one `ProtocolError`."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ridethrough.protocol import requests
from ridethrough.protocol.client import REPLY_LIMITS, Block, ClientProtocol, Fail, Line, Ok, Reply
from ridethrough.protocol.errors import ProtocolError
from tests.support.fuzzing import try_inputs
from tests.support.mutation import chunks, mutated
from tests.support.server_replies import ADMIN, PLAIN

CORPUS = (
    *(PLAIN[line] for line in PLAIN if line.startswith(("GET VAR", "LIST")) or len(line) < 8),
    *ADMIN.values(),
    PLAIN["LIST VAR su700"] + PLAIN["LIST UPS"] + b"OK\n",
    b"OK TRACKING 1bd31808-cb49-4aec-9d75-d056e6f018d2\nPENDING\nSUCCESS\n",
    b"ERR DATA-STALE\nERR DRIVER-NOT-CONNECTED\nERR\nERR NO-SUCH-WORD at all\n",
)
ASKED = (
    requests.get_var("su700", "ups.status"),
    requests.list_var("su700"),
    requests.list_ups(),
    requests.login("su700"),
    requests.instcmd("su700", "load.off"),
)

Case = tuple[tuple[bytes, ...], bytes, Sequence[bytes]]


def make(rng: random.Random) -> Case:
    """What is asked, what is answered, and the answer in pieces."""
    data = b"".join(mutated(rng, CORPUS) for _ in range(rng.randrange(1, 4)))
    return tuple(rng.choices(ASKED, k=rng.randrange(6))), data, chunks(rng, data)


def converse(asked: Sequence[bytes], pieces: Sequence[bytes]) -> tuple[list[Reply], str]:
    """The replies up to the error, and the error in words (or "")."""
    protocol = ClientProtocol()
    for line in asked:
        protocol.send(line)
    assert protocol.data_to_send() == b"".join(asked)
    replies: list[Reply] = []
    for piece in pieces:
        try:
            replies += protocol.receive(piece)
        except ProtocolError as error:
            return replies + list(error.replies), str(error)
        assert protocol._stream.pending <= REPLY_LIMITS.max_line_bytes
        assert protocol.outstanding == len(asked) - len(replies)
    try:
        protocol.receive_eof()
    except ProtocolError as error:
        return replies, str(error)
    return replies, ""


def attempt(case: Case) -> None:
    """Only `ProtocolError`, in few words; the same replies however the bytes are cut."""
    asked, data, pieces = case
    replies, error = converse(asked, [data])
    assert (replies, error) == converse(asked, pieces), "the pieces matter"
    assert len(replies) <= len(asked)
    assert all(isinstance(reply, Ok | Fail | Line | Block) for reply in replies)
    assert len(error) < 1000
    assert error or len(replies) == len(asked)


def fuzz(rng: random.Random, deadline: float) -> int:
    """Run until the deadline."""
    return try_inputs(rng, deadline, make, attempt)

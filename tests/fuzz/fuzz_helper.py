# SPDX-License-Identifier: GPL-2.0-or-later
"""The privileged helper: each packet gets one answer in words and no deed; the core reads any reply.

The helper here has no command and no file configured, so that whatever it accepts can do nothing.
"""

from __future__ import annotations

import contextlib
import json
import random
from typing import Any, cast

from ridethrough.privsep import helper
from ridethrough.privsep.messages import (
    MAX_TEXT,
    OWN_ID,
    MessageError,
    State,
    Verb,
    decode_reply,
    encode_request,
    shorten,
    type_field,
    ups_field,
)
from ridethrough.wire.words import decode
from tests.support.fuzzing import try_inputs
from tests.support.mutation import mutated

REQUESTS = (
    encode_request(1, Verb.NOTIFYCMD, type="ONBATT", ups="su700@localhost", text="UPS su700 on battery"),
    encode_request(2, Verb.CMDSCRIPT, name="onbatt", type="ONBATT,LOWBATT", ups="a@h,b@h", text="caf\udce9"),
    encode_request(3, Verb.SHUTDOWN),
    encode_request(4, Verb.ACTION, number=7),
    encode_request(5, Verb.KILLPOWER, names=["su700", "b"]),
    encode_request(6, Verb.PING),
    encode_request(7, Verb.WRITE_POWERDOWNFLAG),
    encode_request(8, Verb.CLEAR_POWERDOWNFLAG),
    encode_request(9, Verb.WALL, text="battery low\n"),
)
REPLIES = (
    b'{"v": 1, "id": 3, "state": "started", "exit": null, "text": ""}',
    b'{"v": 1, "id": 3, "state": "done", "exit": -15, "text": "last \\udce9 words"}',
    b'{"v": 1, "id": 0, "state": "refused", "exit": null, "text": "no"}',
)
FIELDS = ("type", "ups", "text", "name", "number", "names")
NOTHING: dict[str, Any] = {
    **dict.fromkeys(helper.TEXTS),
    "cmdscript_names": [],
    "notify_limit_s": 1.0,
    "actions": {},
    "capsules": {},
    "environment": {},
    "run_as": None,
}

Case = tuple[bytes, bytes, str]


class Socket:
    """Gives one packet, and keeps what is answered."""

    def __init__(self) -> None:
        """Nothing to read yet."""
        self.packet = b""
        self.sent: list[bytes] = []

    def recv(self, size: int) -> bytes:
        """The packet, cut as the kernel would."""
        return self.packet[:size]

    def send(self, data: bytes, _flags: int) -> int:
        """Keep it."""
        self.sent.append(data)
        return len(data)


def make(rng: random.Random) -> Case:
    """A packet to the helper (never an empty one: that is the end), one to the core, and a text."""
    packet = shaped(rng) if rng.random() < 0.5 else mutated(rng, REQUESTS)
    return packet or b"?", mutated(rng, REPLIES), decode(mutated(rng, REQUESTS))


def shaped(rng: random.Random) -> bytes:
    """A request that is JSON, with another value in one or two of its fields."""
    message = json.loads(rng.choice(REQUESTS))
    for key in rng.choices([*message, "more"], k=rng.randrange(1, 3)):
        text = decode(mutated(rng, (b"ONBATT", b"su700@localhost", b"a,b", b"-x", b"on battery")))
        values = (
            None,
            True,
            -1,
            2,
            1.5,
            1 << 31,
            1 << 70,
            "",
            "\ud800",
            [],
            ["su700", 3],
            [text] * 65,
            {"a": []},
        )
        message[key] = text if rng.random() < 0.5 else rng.choice(values)
    return json.dumps(message).encode("ascii")


class Bench:
    """One helper for all packets."""

    def __init__(self) -> None:
        """It says that it is ready."""
        self.socket = Socket()
        self.helper = helper.Helper(cast(Any, self.socket), NOTHING)
        assert decode_reply(self.socket.sent.pop()).id == OWN_ID

    def attempt(self, case: Case) -> None:
        """Both ways, and the fields alone."""
        packet, reply, text = case
        self.obey(packet)
        with contextlib.suppress(MessageError):
            decode_reply(reply)
        for key in FIELDS:
            try:
                value = json.loads(packet.decode("ascii"))
            except (ValueError, RecursionError):
                value = text
            harmless(key, value)
            harmless(key, text)
        self.core_side(text)

    def obey(self, packet: bytes) -> None:
        """One answer, and only PING is done."""
        self.socket.packet = packet
        self.helper.receive()
        answer = decode_reply(self.socket.sent.pop())
        assert not self.socket.sent
        assert self.helper.open
        assert answer.state is State.REFUSED or answer.text == "ready", answer
        assert len(answer.text) < 2 * MAX_TEXT

    @staticmethod
    def core_side(text: str) -> None:
        """What the core makes of a text is taken by the helper."""
        assert helper.check("type", type_field(text)) == type_field(text)
        assert helper.check("ups", ups_field(text)) == ups_field(text)
        helper.check("text", shorten(text))


def harmless(key: str, value: object) -> None:
    """`check` refuses, or gives what fits a command line and an environment."""
    try:
        found = helper.check(key, value)
    except (helper.Refused, UnicodeError):
        return  # What stands for no bytes is an UnicodeError here, which `receive` answers in words.
    for word in found if isinstance(found, list) else [found]:
        assert helper.CONTROL.search(word) is None
        assert len(word.encode("utf-8", "surrogateescape")) <= MAX_TEXT
        assert key in ("text", "name") or not word.startswith("-")


def fuzz(rng: random.Random, deadline: float) -> int:
    """Run until the deadline."""
    return try_inputs(rng, deadline, make, Bench().attempt)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The core's end of the helper's socket, and scripts for the helper to run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ridethrough.privsep.config import HelperConfig
from ridethrough.privsep.messages import MAX_MESSAGE, Reply, State, Verb, decode_reply, encode_request
from ridethrough.privsep.spawn import SpawnedHelper, spawn_helper

# A helper of root runs notices only for a user that is named; any other helper can't become somebody else.
SELF = "root" if os.geteuid() == 0 else None
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


class Core:
    """The other end of the socket: writes packets, collects replies."""

    def __init__(self, config: HelperConfig, python: str = sys.executable) -> None:
        self.spawned: SpawnedHelper = spawn_helper(config, python)
        self.sock = self.spawned.sock
        self.sock.settimeout(10)
        self.number = 0
        self.seen: list[Reply] = []

    def send(self, verb: Verb, **fields: object) -> int:
        """Ask, and return the id of the request."""
        self.number += 1
        self.sock.send(encode_request(self.number, verb, **fields))
        return self.number

    def wait(self, number: int, *states: State) -> Reply:
        """Return the reply to a request in one of `states` (or the last one), reading what comes."""
        while True:
            for reply in self.seen:
                if reply.id == number and reply.state in (states or (State.DONE, State.REFUSED)):
                    return reply
            self.seen.append(decode_reply(self.sock.recv(MAX_MESSAGE)))

    def ask(self, verb: Verb, **fields: object) -> Reply:
        """Ask, and return the last reply."""
        return self.wait(self.send(verb, **fields))

    def raw(self, data: bytes) -> Reply:
        """Send any bytes, and return the refusal."""
        self.seen = [reply for reply in self.seen if reply.id]
        self.sock.send(data)
        return self.wait(0)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The helper's process."""
        return self.spawned.process

    def end(self) -> None:
        """Close the socket, and see the helper end."""
        self.sock.close()
        try:
            self.process.wait(15)
        finally:
            self.process.kill()


Start = Callable[..., Core]


def script(path: Path, text: str) -> str:
    """Write an executable script."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


NOTICE: dict[str, object] = {"type": "ONBATT", "ups": "su700@localhost:3493", "text": "UPS su700 on battery"}

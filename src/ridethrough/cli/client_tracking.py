# SPDX-License-Identifier: GPL-2.0-or-later
"""INSTCMD and SET VAR as `upscmd` and `upsrw` send them, and waiting for the driver's own result.

Source: NUT's upscmd(8), upsrw(8).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from ridethrough.cli.client_args import Stop, say
from ridethrough.client import answers
from ridethrough.client.blocking import Client, Refused
from ridethrough.protocol import requests
from ridethrough.protocol.client import Fail, Reply
from ridethrough.wire.words import join

TRACKING_TIMEOUT_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
ONLY_ACCEPTED = (
    "The server has accepted this; whether the device did it was not awaited (-w does that)."
    " NUT_QUIET_OK_NOTRACKING=true hides this line.\n"
)


def accept(client: Client, request: bytes, follow_s: float | None, what: str) -> None:
    """Send INSTCMD or SET VAR and print its outcome on standard error, as NUT's programs do.

    With `follow_s` the server is asked to track it, and the driver's own result is awaited that long.
    """
    if follow_s is not None:
        refusal = _refusal(client.ask(requests.set_tracking(True)), client.where)
        if refusal:
            raise Stop(1, f"Enabling {what} status tracking failed. upsd answered: {refusal}\n")
    reply = client.ask(request)
    refusal = _refusal(reply, client.where)
    if refusal:
        raise Stop(1, f"Unexpected response from upsd: {refusal}\n")
    text = answers.accepted(reply, client.where)
    word, _, tracking_id = text.partition(" ")
    if follow_s is None or word != "TRACKING":
        say(f"OK {text}".rstrip() + "\n")
        # Scripts get the bytes that they know from older programs; people get an explanation.
        if sys.stderr.isatty() and os.environ.get("NUT_QUIET_OK_NOTRACKING") != "true":
            say(ONLY_ACCEPTED)
        return
    say(follow(client, tracking_id, follow_s) + "\n")


def follow(
    client: Client,
    tracking_id: str,
    timeout_s: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Ask until a tracked command is done; returns `SUCCESS` or `ERR ...`.

    Raises Stop when it takes longer than `timeout_s`.
    """
    deadline = clock() + timeout_s
    pause = FIRST_PAUSE_S
    while True:
        reply = client.ask(requests.get_tracking(tracking_id))
        text = f"ERR {reply.text}" if isinstance(reply, Fail) else join(answers.words(reply, client.where))
        if text != "PENDING":
            return text
        left = deadline - clock()
        if left <= 0:
            raise Stop(1, f"Can't receive status tracking information: timeout ({client.where})\n")
        sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE_S)


def _refusal(reply: Reply, where: str) -> str:
    """The ERR of a reply with place and advice, or ""."""
    if not isinstance(reply, Fail):
        return ""
    return f"ERR {reply.text} ({where}): {Refused(where, reply).advice}"

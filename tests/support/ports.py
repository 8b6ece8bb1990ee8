# SPDX-License-Identifier: GPL-2.0-or-later
"""Free TCP ports for tests, on the loopback interface only."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
FIRST = 10_000
TRIES = 100
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port(host: str = LOOPBACK) -> int:
    """Return a TCP port that nothing listens on at `host`.

    Nothing reserves it: whoever asked should listen on it soon, and retry with another one if a
    stranger was faster.  It is none of those that outgoing connections are given, so that only
    another test could be that stranger.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(TRIES):
        port = random.randrange(FIRST, _first_outgoing())
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
            # As servers do.  Without it they could not have the port as long as a child of this process,
            # forked at this very moment by another thread, has not begun its own program.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return port
    raise AssertionError(f"{TRIES} ports of {host} were tried, and none is free")


def _first_outgoing() -> int:
    """The first port that the kernel may give to an outgoing connection."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        first = int(RANGE.read_text().split()[0])
        if first > FIRST + TRIES:
            return first
    return 32_768

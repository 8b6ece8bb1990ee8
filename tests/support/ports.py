# SPDX-License-Identifier: GPL-2.0-or-later
"""Free TCP ports for tests, on the loopback interface only."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def free_port(host: str = LOOPBACK) -> int:
    """Return a TCP port that nothing listens on at `host`.

    Nothing reserves it: whoever asked should listen on it soon, and retry with another one if a
    stranger was faster.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port

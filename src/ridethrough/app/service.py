# SPDX-License-Identifier: GPL-2.0-or-later
"""What the service manager is told (sd_notify(3), sd_watchdog_enabled(3)), without a library.

The message is one datagram to $NOTIFY_SOCKET; where that is not set, nothing is said.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping


class Notifier:
    """Speaks to the service manager. Nothing it does can fail the caller: an unheard word is only lost."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog_s(environ)

    @property
    def managed(self) -> bool:
        """Whether there is a service manager, which starts anew what has ended with a failure."""
        return self._address is not None

    def ready(self, status: str) -> None:
        """The start is complete."""
        self._say(f"READY=1\nSTATUS={_one_line(status)}\nMAINPID={os.getpid()}")

    def reloading(self) -> None:
        """The files are being read again; `ready` is owed after it, whatever became of it."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._say(f"RELOADING=1\nMONOTONIC_USEC={now}")

    def status(self, status: str) -> None:
        """A line for `systemctl status`."""
        self._say(f"STATUS={_one_line(status)}")

    def alive(self) -> None:
        """Pat the watchdog; owed every `watchdog_s / 2` seconds while that is above 0."""
        self._say("WATCHDOG=1")

    def stopping(self) -> None:
        """The stop has begun."""
        self._say("STOPPING=1")

    def _say(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)
                sock.sendto(message.encode(), self._address)
        except OSError:
            return  # the manager is not listening; that must never stop the monitor


def _address(text: str) -> str | None:
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """The watchdog's time in seconds, 0 when it is not meant for this process."""
    pid = environ.get("WATCHDOG_PID", "")
    if pid and pid != str(os.getpid()):
        return 0.0
    usec = environ.get("WATCHDOG_USEC", "")
    return int(usec) / 1e6 if usec.isascii() and usec.isdigit() else 0.0


def _one_line(text: str) -> str:
    return " ".join(text.split())

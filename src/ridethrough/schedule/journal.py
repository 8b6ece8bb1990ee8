# SPDX-License-Identifier: GPL-2.0-or-later
"""The log of the stand-alone upssched: stderr, and syslog with its tag (`journalctl -t upssched`)."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import syslog
from collections.abc import Mapping

from ridethrough.config.environment import TO_STDERR, TO_SYSLOG, log_target, shows_pid

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def printable(text: str) -> str:
    """Text that can't forge a second log line: control characters become spaces, stray bytes are escaped."""
    plain = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _CONTROL.sub(" ", plain)


class Journal:
    """Writes log lines. `stderr` may be switched off, as the background process does."""

    def __init__(
        self, tag: str = "upssched", *, stderr: bool = True, env: Mapping[str, str] = os.environ
    ) -> None:
        """Obeys NUT_DEBUG_SYSLOG and NUT_DEBUG_PID of `env` (nut.conf(5))."""
        self.tag = tag
        self.stderr = stderr
        self.keeps_stderr = log_target(env) == TO_STDERR
        self._syslog = log_target(env) == TO_SYSLOG
        self._pid = shows_pid(env)
        if self._syslog:
            syslog.openlog(tag, syslog.LOG_PID, syslog.LOG_DAEMON)

    def background(self, *, stderr: bool) -> None:
        """Let go of the descriptor of syslog before a background process closes all that it has inherited."""
        self.stderr = stderr
        if self._syslog:
            syslog.closelog()
            syslog.openlog(self.tag, syslog.LOG_PID, syslog.LOG_DAEMON)

    def __call__(self, text: str, warning: bool = False) -> None:
        """Write one line; a log that can't be written never stops anything."""
        line = printable(text)
        if self._syslog:
            syslog.syslog(syslog.LOG_WARNING if warning else syslog.LOG_INFO, line)
        if self.stderr and sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):
                encoding = sys.stderr.encoding or "ascii"
                safe = line.encode(encoding, "backslashreplace").decode(encoding)
                pid = f"[{os.getpid()}]" if self._pid else ""
                print(f"{self.tag}{pid}: {safe}", file=sys.stderr, flush=True)

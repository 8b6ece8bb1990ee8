# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of upssched's part of `serve` in the system's log, under the tag that guides look for.

`journalctl -t upssched` shows them as it shows those of a stand-alone upssched.
"""

from __future__ import annotations

import syslog
from collections.abc import Callable
from functools import partial
from typing import Final

from ridethrough.app.bus import Event
from ridethrough.app.voice import PRIORITIES
from ridethrough.schedule.journal import printable

TAG: Final = "upssched"
PREFIX: Final = f"{TAG}: "

Do = Callable[[Callable[[], None]], None]
"""Has something done by a thread that may wait (`Printer.do`)."""


def listener(do: Do) -> Callable[[Event], None]:
    """What the bus is to tell its events to; nothing else of this process may use syslog(3)."""
    syslog.openlog(TAG, syslog.LOG_PID | syslog.LOG_NDELAY, syslog.LOG_DAEMON)
    return partial(_hear, do)


def _hear(do: Do, event: Event) -> None:
    if event["event"] == "log" and event["text"].startswith(PREFIX):
        level, text = event["level"], event["text"].removeprefix(PREFIX)
    elif event["event"] == "ran" and event["what"] == "CMDSCRIPT" and event["status"]:
        level, text = "warning", f"exec_cmd(CMDSCRIPT '{event['command']}') returned {event['status']}"
    else:
        return
    do(partial(syslog.syslog, PRIORITIES.get(level, syslog.LOG_ERR), printable(text)))

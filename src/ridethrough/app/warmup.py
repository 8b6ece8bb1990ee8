# SPDX-License-Identifier: GPL-2.0-or-later
"""What Python would import only when it is first needed, imported while that is still possible.

Once root was dropped this Python may be out of reach: one that lies below root's home can't be read by `nut`.
And during an outage nothing may depend on a disk any more.
"""

from __future__ import annotations

import codecs
import concurrent.futures.thread
import traceback
from typing import Final

ENCODINGS: Final = ("ascii", "idna", "latin-1", "utf-8")
"""asyncio and socket encode host names with idna; pid files and /proc are read and written as ascii."""

LAZY: Final = (concurrent.futures.thread.ThreadPoolExecutor, traceback.TracebackException)
"""The event loop looks names up in a thread pool; a fault is written with its traceback."""


def warm_up() -> None:
    """Load every codec that is looked up by name later; owed before root is dropped."""
    for name in ENCODINGS:
        codecs.lookup(name)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for something outside of this process, with a deadline instead of a hopeful sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

POLL_S = 0.02

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], timeout_s: float, what: str) -> T:
    """Poll `predicate` every 20 ms until it is truthy, and return its value.

    It is asked at least once, and once more after the deadline, so that a stalled machine does not
    fail a promise that was kept.  Raises AssertionError naming `what` otherwise.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        late = time.monotonic() >= deadline
        value = predicate()
        if value:
            return value
        if late:
            raise AssertionError(f"waited {timeout_s:g} s in vain for: {what}")
        time.sleep(POLL_S)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The loop of a fuzz driver."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable, Iterator
from typing import Never, TypeVar

Input = TypeVar("Input")

LIMIT_S = 5.0
"""Seconds of processor time for one input: more is a hang to whoever waits for the process."""


def try_inputs(
    rng: random.Random,
    deadline: float,
    make: Callable[[random.Random], Input],
    attempt: Callable[[Input], object],
    limit_s: float = LIMIT_S,
) -> int:
    """Try inputs from `make(rng)` until the deadline (of `time.monotonic`), at least one; return how many.

    Whatever `attempt` raises goes through, with the input as a note, so that it becomes a test case.
    An input that takes longer than `limit_s` is a TimeoutError.  Call it from the main thread.
    """
    count = 0
    with _alarm(limit_s) as wind:
        while count == 0 or time.monotonic() < deadline:
            value = make(rng)
            wind()
            try:
                attempt(value)
            except Exception as error:
                error.add_note(f"input number {count + 1}: {value!r}")
                raise
            count += 1
    return count


@contextlib.contextmanager
def _alarm(limit_s: float) -> Iterator[Callable[[], object]]:
    """Raise TimeoutError once `limit_s` of processor time have passed since the alarm was wound up."""

    def ring(_number: int, _frame: object) -> Never:
        raise TimeoutError(f"one input took more than {limit_s:g} s")

    before = signal.signal(signal.SIGVTALRM, ring)
    try:
        yield lambda: signal.setitimer(signal.ITIMER_VIRTUAL, limit_s)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

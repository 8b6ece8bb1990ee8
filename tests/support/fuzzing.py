# SPDX-License-Identifier: GPL-2.0-or-later
"""The loop of a fuzz driver."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

Input = TypeVar("Input")


def try_inputs(
    rng: random.Random,
    deadline: float,
    make: Callable[[random.Random], Input],
    attempt: Callable[[Input], object],
) -> int:
    """Try inputs from `make(rng)` until the deadline (of `time.monotonic`), at least one; return how many.

    Whatever `attempt` raises goes through, with the input as a note, so that it becomes a test case.
    """
    count = 0
    while count == 0 or time.monotonic() < deadline:
        value = make(rng)
        try:
            attempt(value)
        except Exception as error:
            error.add_note(f"input number {count + 1}: {value!r}")
            raise
        count += 1
    return count

# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for something that may hang, and may not even obey when it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

CANCEL_LIMIT_S: Final = 0.5


class Hung(Exception):
    """It did not come back in time; it was cancelled, and left behind if it did not obey."""


async def bounded(work: Coroutine[Any, Any, T], limit_s: float) -> T:
    """The result of `work`, or what it raised; Hung if there is none after `limit_s` seconds.

    Unlike `asyncio.timeout` it returns even when `work` swallows its cancellation.
    """
    task = asyncio.get_running_loop().create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=limit_s)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_LIMIT_S)
        raise
    if not done:
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_LIMIT_S)
        task.add_done_callback(_forget)
        raise Hung
    return task.result()


def _forget(task: asyncio.Task[Any]) -> None:
    """Take notice of a late end, so that asyncio does not complain of an exception nobody has seen."""
    if not task.cancelled():
        task.exception()

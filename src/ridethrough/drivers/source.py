# SPDX-License-Identifier: GPL-2.0-or-later
"""What `app` starts for every section of ups.conf, wherever the driver runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Change, DeviceView

OnView: TypeAlias = Callable[[DeviceView, Change], None]
"""Told of every commit that changed something, and of every change of freshness (with an empty Change).
It must not block."""


class Source(Protocol):
    """A UPS as the rest of the program sees it."""

    def start(self) -> None:
        """Begin.  Call it once, inside a running loop; `stop` is owed."""

    async def stop(self) -> None:
        """End, within a bounded time.  The view is DISCONNECTED afterwards."""

    @property
    def view(self) -> DeviceView:
        """What is known now."""

    async def instcmd(self, name: str, param: str | None = None) -> Outcome:
        """Run an instant command; a source that can't reach its driver says FAILED."""

    async def setvar(self, name: str, value: str) -> Outcome:
        """Set a variable; a source that can't reach its driver says FAILED."""

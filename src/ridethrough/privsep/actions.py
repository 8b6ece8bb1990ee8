# SPDX-License-Identifier: GPL-2.0-or-later
"""What the core may have done to the host, as an interface: by the helper, by nobody, or by a dry run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

Log = Callable[[str, str], None]  # level ("info", "warning", "error") and text


class Cause(Protocol):
    """A notice, or several behind one timer: a shared timer joins types and names with commas."""

    @property
    def type(self) -> str:
        """NOTIFYTYPE."""

    @property
    def ups(self) -> str:
        """UPSNAME, as in MONITOR; empty for a notice of the host itself."""

    @property
    def text(self) -> str:
        """The message."""


class Actions(Protocol):
    """Each call raises `HelperError` in words if the deed could not be done."""

    async def notify(self, notice: Cause) -> int:
        """Run NOTIFYCMD, and return its exit status when it has ended."""

    async def cmdscript(self, name: str, notice: Cause) -> int:
        """Run CMDSCRIPT with one of the names of the AT rules, and return its exit status."""

    async def wall(self, text: str) -> int:
        """Tell everybody who is logged in, and return wall's exit status."""

    async def action(self, number: int) -> int:
        """Run an action of the plan's table, and return its exit status."""

    async def shutdown(self) -> None:
        """Start SHUTDOWNCMD; it is run once in the life of the helper.  Returns when it was started."""

    async def write_powerdownflag(self) -> None:
        """Write POWERDOWNFLAG; on return it is on the disk."""

    async def clear_powerdownflag(self) -> None:
        """Remove a POWERDOWNFLAG of an earlier shutdown; nothing happens if there is none."""

    async def killpower(self, names: Iterable[str]) -> None:
        """Write the killpower capsule for these UPSes; on return it is on the disk."""

    async def ping(self) -> None:
        """Return if the helper answers."""

    @property
    def alive(self) -> tuple[bool, str]:
        """Whether a shutdown could be run by it, and if not, why."""

    async def close(self) -> None:
        """Let the helper end; what it has started goes on."""

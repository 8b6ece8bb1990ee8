# SPDX-License-Identifier: GPL-2.0-or-later
"""The dry run: `Actions` that do nothing and tell what they would have done."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ridethrough.privsep.actions import Cause
from ridethrough.privsep.config import HelperConfig
from ridethrough.privsep.errors import HelperRefused


class DryHelper:
    """Runs nothing.  `report` is told each deed in one line, which begins with "would "."""

    def __init__(self, config: HelperConfig, report: Callable[[str], None]) -> None:
        """Refuse what the real helper would refuse for this configuration."""
        self.config = config
        self._report = report
        self._shut_down = False

    async def notify(self, notice: Cause) -> int:
        """Tell what NOTIFYCMD would have been run with."""
        self._run("NOTIFYCMD", self.config.notifycmd, notice.text, f" (NOTIFYTYPE={notice.type})")
        return 0

    async def cmdscript(self, name: str, notice: Cause) -> int:
        """Tell what CMDSCRIPT would have been run with."""
        if name not in self.config.cmdscript_names:
            raise HelperRefused(f"{name!a} is not among the names of upssched.conf")
        self._run("CMDSCRIPT", self.config.cmdscript, name, f" (NOTIFYTYPE={notice.type})")
        return 0

    async def wall(self, text: str) -> int:
        """Tell what would have been written to all terminals."""
        self._report(f"would tell all who are logged in: {text}")
        return 0

    async def action(self, number: int) -> int:
        """Tell which action would have been run."""
        if not (argv := self.config.actions.get(number)):
            raise HelperRefused(f"action {number} is not in the plan's table")
        self._report(f"would run action {number}: {' '.join(argv)}")
        return 0

    async def shutdown(self) -> None:
        """Tell what SHUTDOWNCMD is, once."""
        if self._shut_down:
            raise HelperRefused("SHUTDOWNCMD was run already; it is run once")
        command = (self.config.shutdowncmd or "").strip()
        if not command:
            raise HelperRefused("no SHUTDOWNCMD is configured: this host can't be shut down")
        self._shut_down = True
        self._report(f"would run SHUTDOWNCMD: {command}")

    def rearm(self) -> None:
        """Forget that SHUTDOWNCMD was told: the outage it was for is over."""
        self._shut_down = False

    async def write_powerdownflag(self) -> None:
        """Tell which POWERDOWNFLAG would have been written."""
        self._report(f"would write POWERDOWNFLAG {self._flag()}")

    async def clear_powerdownflag(self) -> None:
        """Tell which POWERDOWNFLAG would have been cleared."""
        self._report(f"would clear a stale POWERDOWNFLAG {self._flag()}")

    async def killpower(self, names: Iterable[str]) -> None:
        """Tell which UPSes would have been prepared to be switched off."""
        self._report(f"would write the killpower capsule for {', '.join(names)}")

    async def ping(self) -> None:
        """Return: a dry run is always well."""

    @property
    def alive(self) -> tuple[bool, str]:
        """Never: nothing is run, so nothing protects this host."""
        return False, "a dry run: commands are shown and not run"

    async def close(self) -> None:
        """Return: there is nothing to end."""

    def _flag(self) -> str:
        if not self.config.powerdownflag:
            raise HelperRefused("no POWERDOWNFLAG is configured")
        return self.config.powerdownflag

    def _run(self, directive: str, command: str | None, argument: str, more: str) -> None:
        if not (command or "").strip():
            raise HelperRefused(f"no {directive} is configured")
        self._report(f"would run {directive}: {command} {argument!r}{more}")

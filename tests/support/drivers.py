# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers for tests: one that does as it is told, and recorders of what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ridethrough.config.models import UpsSection
from ridethrough.config.ups import parse_ups
from ridethrough.drivers.base import Context, DriverError
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Change, DeviceView, Draft


def section(text: str = "", name: str = "u", driver: str = "dummy-ups", port: str = "x.dev") -> UpsSection:
    """A section of ups.conf with further lines `text`."""
    conf, problems = parse_ups(f'[{name}]\ndriver = {driver}\nport = "{port}"\n{text}\n'.encode())
    assert not [str(problem) for problem in problems], problems
    return conf.sections[0]


class Watch:
    """Keeps every view and every line of the log."""

    def __init__(self) -> None:
        self.views: list[DeviceView] = []
        self.changes: list[Change] = []
        self.lines: list[str] = []

    def on_view(self, view: DeviceView, change: Change) -> None:
        """For `on_view`."""
        self.views.append(view)
        self.changes.append(change)

    def log(self, level: str, text: str) -> None:
        """For `log`."""
        self.lines.append(f"{level}: {text}")

    def context(self, directory: Path) -> Context:
        """A context whose directories are `directory`."""
        return Context(confpath=directory, statepath=directory, log=self.log)

    @property
    def history(self) -> list[tuple[float, str, str]]:
        """(time, freshness, ups.status) of every view."""
        return [
            (round(view.changed_at, 3), view.freshness.value, view.snapshot.get("ups.status"))
            for view in self.views
        ]


class ToldDriver:
    """Shows `values`; fails, hangs or raises as it is told."""

    def __init__(self, **values: str) -> None:
        self.values = {name.replace("__", "."): value for name, value in values.items()}
        self.error: Exception | None = None
        self.open_error: Exception | None = None
        self.hang_s = 0.0
        self.stubborn = False
        self.calls: list[str] = []
        self.busy = 0
        self.most_busy = 0

    async def _work(self, name: str) -> None:
        self.calls.append(name)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            if self.hang_s:
                try:
                    await asyncio.sleep(self.hang_s)
                except asyncio.CancelledError:
                    if not self.stubborn:
                        raise
                    await asyncio.sleep(self.hang_s)
        finally:
            self.busy -= 1

    async def open(self) -> None:
        """See Driver."""
        await self._work("open")
        if self.open_error is not None:
            raise self.open_error

    async def poll(self, draft: Draft, now: float) -> None:
        """See Driver."""
        await self._work("poll")
        if self.error is not None:
            raise self.error
        for name, value in self.values.items():
            draft.set(name, value)
        draft.add_command("beeper.mute")

    async def instcmd(self, name: str, param: str | None) -> Outcome:
        """See Driver."""
        await self._work(f"{name} {param}")
        return Outcome.HANDLED if name == "beeper.mute" else Outcome.UNKNOWN

    async def setvar(self, name: str, value: str) -> Outcome:
        """See Driver."""
        await self._work(f"set {name}")
        if value == "raise":
            raise DriverError("[u] the device refused it")
        self.values[name] = value
        return Outcome.HANDLED

    async def close(self) -> None:
        """See Driver."""
        self.calls.append("close")


class MovableDriver(ToldDriver):
    """One that `control` moves, and that wakes by itself."""

    wakes: float | None = None

    def control(self, verb: str, args: Sequence[str]) -> str:
        """See Controllable."""
        self.values["ups.status"] = " ".join(args)
        return f"did {verb}"

    def wake_at(self) -> float | None:
        """See Wakeful."""
        return self.wakes

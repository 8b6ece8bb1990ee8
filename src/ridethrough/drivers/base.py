# SPDX-License-Identifier: GPL-2.0-or-later
"""What a driver is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Draft

Log = Callable[[str, str], None]
"""`log(level, text)` with level `debug`, `info`, `warning` or `error`."""


def no_log(level: str, text: str) -> None:
    """A log for those who need none."""


class DriverError(Exception):
    """The device can't be opened or read; its readings become stale.

    The text names the device and says what to do.
    """


class Away(DriverError):
    """The device is not to be had just now, and the driver is getting it back by itself.

    So it is not closed and no pause is made: it is polled again after the poll interval, or when it wakes.
    """

    def __init__(self, words: str, *, at_once: bool) -> None:
        """`at_once`: what was read is stale now, and `words` were logged.  Else it is forgiven some times."""
        super().__init__(words)
        self.at_once = at_once


class Driver(Protocol):
    """One device.  The runner calls one method at a time, each within a time limit, and never after `close`
    without `open` before.

    `open` and `poll` raise `DriverError`; anything else they raise is treated likewise, as a fault of the
    driver.  `poll` gets a draft of what the driver itself said last, changes what has changed, and does not
    commit.  After a command or SET that was HANDLED the runner polls at once.
    """

    async def open(self) -> None:
        """Open the device.  What was opened before and not closed is closed first."""

    async def poll(self, draft: Draft, now: float) -> None:
        """Read the device into `draft`; `now` is the loop's time in seconds."""

    async def instcmd(self, name: str, param: str | None) -> Outcome:
        """Run an instant command."""

    async def setvar(self, name: str, value: str) -> Outcome:
        """Set a variable in the device."""

    async def close(self) -> None:
        """Let go of the device; never raises."""


@runtime_checkable
class Wakeful(Protocol):
    """A driver that knows when something will happen, and wants to be polled then."""

    def wake_at(self) -> float | None:
        """The loop's time of the next thing that happens by itself, or None."""


@runtime_checkable
class Lively(Protocol):
    """A driver that hears of its device between polls."""

    def attach(self, wake: Callable[[], None]) -> None:
        """`wake` has it polled as soon as possible; called before `open`."""


async def begin(driver: Driver, wake: Callable[[], None]) -> None:
    """Open a driver; one that is lively is told how to have itself polled."""
    if isinstance(driver, Lively):
        driver.attach(wake)
    await driver.open()


@runtime_checkable
class Controllable(Protocol):
    """A driver that the control socket may move (`sim mains off`)."""

    def control(self, verb: str, args: Sequence[str]) -> str:
        """Do it, and say in one line what was done.  Raises ValueError in words."""


def _no_env() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Context:
    """Where a driver lives."""

    confpath: Path
    statepath: Path
    log: Log = no_log
    on_output: Callable[[bool, float], None] | None = None
    """Told when a simulated UPS switches its output: (on, loop's time)."""
    env: Mapping[str, str] = field(default_factory=_no_env)

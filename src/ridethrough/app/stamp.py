# SPDX-License-Identifier: GPL-2.0-or-later
"""That SHUTDOWNCMD was asked for, in a file that outlives the monitor but not the boot.

A monitor that is killed behind its SHUTDOWNCMD and started again finds the outage as it was.  Without this
it would order the host down a second time, and clear the POWERDOWNFLAG that the first one has written: the
UPS would not be switched off, and nothing would start the host when the mains returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from ridethrough.app.upkeep import boot_id
from ridethrough.monitor.shutdown import ASK_AGAIN_S, is_held

FILE_NAME: Final = "shutdown.stamp"
MAX_BYTES: Final = 200
WRITE_LIMIT_S: Final = 1.0

Log = Callable[[str, str], None]


async def clear_unless_stopping(
    stamp: Stamp | None, log: Log, clear: Callable[[], Awaitable[None]], goes_down: Callable[[], bool]
) -> asyncio.Task[None] | None:
    """Clear the POWERDOWNFLAG of an earlier shutdown, but not of one that is under way.

    If a stamp says so, it is cleared later, when the host is still up then; the caller cancels the task.
    """
    loop = asyncio.get_running_loop()
    asked_at = None if stamp is None else stamp.read(loop.time())
    if stamp is None or asked_at is None:
        await clear()
        return None
    log("critical", stamp.said(asked_at, loop.time()))

    async def later() -> None:
        await asyncio.sleep(asked_at + ASK_AGAIN_S - loop.time())
        if not goes_down():
            await clear()

    return asyncio.create_task(later(), name="stale flag")


class Stamp:
    """The file.  Nothing here raises: what can't be written or trusted is said, and counts as no stamp."""

    def __init__(self, path: Path, log: Log, boot: Callable[[], str] = boot_id) -> None:
        """`path` must be in a directory that this user may write, best one that a boot empties."""
        self._path = path
        self._log = log
        self._boot = boot()

    def read(self, now: float) -> float | None:
        """When SHUTDOWNCMD was asked for in this boot, if it may still be stopping this host; else None.

        Times are those of CLOCK_BOOTTIME.
        """
        try:
            boot, at = self._trusted().split()
            asked_at = float(at)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self._log("warning", f"{self._path} is not taken for a stamp of a shutdown: {error}")
            return None
        return asked_at if self._boot and boot == self._boot and is_held(asked_at, now) else None

    async def write(self, now: float) -> None:
        """Note that SHUTDOWNCMD is asked for now.  A dead disk costs a second, not the shutdown."""
        if not self._boot:
            return
        written = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work() -> None:
            try:
                self._write(f"{self._boot} {now:.3f}\n")
                outcome = ""
            except OSError as error:
                outcome = error.strerror or str(error)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._written, written, outcome)

        try:
            threading.Thread(target=work, daemon=True, name="stamp").start()
        except RuntimeError as error:  # No thread is to be had: that must not cost the host its shutdown.
            self._written(written, str(error))
        try:
            async with asyncio.timeout(WRITE_LIMIT_S):
                await written.wait()
        except TimeoutError:
            self._log("warning", f"{self._path} was not written within {WRITE_LIMIT_S:g} s; going on")

    def remove(self) -> None:
        """SHUTDOWNCMD was not run after all."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def said(self, asked_at: float, now: float) -> str:
        """A stamp that counts, in words."""
        again_s = asked_at + ASK_AGAIN_S - now
        return (
            f"SHUTDOWNCMD was run {now - asked_at:.0f} s ago, before this start: it is not run again, and"
            f" POWERDOWNFLAG stays, for another {again_s:.0f} s; if the shutdown was cancelled, remove"
            f" {self._path} and restart"
        )

    def _written(self, written: asyncio.Event, why: str) -> None:
        written.set()
        if why:
            self._log("warning", f"{self._path} can't be written: {why}; going on without it")

    def _trusted(self) -> str:
        fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode) or info.st_uid not in (0, os.geteuid()) or info.st_mode & 0o022:
                raise ValueError(f"it is not a file that only root or uid {os.geteuid()} may write")
            return file.read(MAX_BYTES).decode("ascii")

    def _write(self, text: str) -> None:
        draft = self._path.with_name(f".{self._path.name}.new")
        draft.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(draft, flags, 0o600), "w", encoding="ascii") as file:
            file.write(text)
        draft.replace(self._path)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The maintenance of this host in a file, so that a restart of `serve` does not end it.

It counts only until the next boot, in seconds of the clock that runs since then.  A file that can't be
trusted or understood is no maintenance: in doubt this host is protected.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from ridethrough.monitor.maintenance import LONGEST_S, MAX_REASON, MAX_WHO
from ridethrough.monitor.messages import Maintenance

FILE_NAME: Final = "maintenance.json"
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
VERSION: Final = 1
MAX_BYTES: Final = 8192
MAX_WRITERS: Final = 4
CLOSE_LIMIT_S: Final = 2.0
TYPES: Final = {
    "since": float,
    "until": float,
    "until_text": str,
    "who": str,
    "reason": str,
    "even_fsd": bool,
}


class Untrusted(Exception):
    """The file is no maintenance; the text says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """What stands in the file: a maintenance, and the boot whose clock it counts by."""

    boot: str
    maintenance: Maintenance


def boot_id(path: Path = BOOT_ID) -> str:
    """The name of this boot, or empty where the system has none."""
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def read(path: Path) -> Record | None:
    """What the file holds, None if there is no file.  Raises Untrusted for all that we have not written."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Untrusted(f"it can't be opened: {error.strerror}") from None
    with open(fd, "rb") as file:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode) or info.st_uid not in (0, os.geteuid()) or info.st_mode & 0o022:
            raise Untrusted(f"it is not a file that only root or uid {os.geteuid()} may write")
        data = file.read(MAX_BYTES + 1)
    return decoded(data)


def decoded(data: bytes) -> Record:
    """The record in the bytes of the file.  Raises Untrusted for anything else than `encoded` makes."""
    try:
        fields = json.loads(data.decode("ascii"))
        if len(data) > MAX_BYTES or fields.pop("v") != VERSION:
            raise Untrusted("it is of another version")
        boot = fields.pop("boot")
        right = {name: type(value) for name, value in fields.items()} == TYPES
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Untrusted("it is broken") from None
    if not right or not isinstance(boot, str):
        raise Untrusted("it lacks a field, or has one of the wrong type")
    found = Maintenance(**fields)
    texts = len(found.who) <= MAX_WHO and len(found.reason) <= MAX_REASON and len(found.until_text) <= MAX_WHO
    if not 0 < found.until - found.since <= LONGEST_S or not texts:
        raise Untrusted("its times or texts are none that a maintenance has")
    return Record(boot, found)


def encoded(record: Record) -> bytes:
    """The bytes of the file."""
    fields = asdict(record.maintenance)
    fields |= {"since": float(fields["since"]), "until": float(fields["until"])}
    return json.dumps({"v": VERSION, "boot": record.boot, **fields}).encode("ascii") + b"\n"


def write(path: Path, record: Record | None) -> None:
    """Write the file in one step, for this user alone, or remove it.  Raises OSError."""
    if record is None:
        path.unlink(missing_ok=True)
        return
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(draft, flags, 0o600), "wb") as file:
        file.write(encoded(record))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


class Upkeep:
    """Remembers the maintenance of a monitor.  `keep` never waits: the disk may be dead that night."""

    def __init__(
        self, path: Path | None, log: Callable[[str, str], None], boot: Callable[[], str] = boot_id
    ) -> None:
        """Without a path (a simulation, whose clock is not the machine's) only this process remembers."""
        self.current: Maintenance | None = None
        self._path = path
        self._log = log
        self._boot = boot() if path is not None else ""
        self._lock = threading.Lock()
        self._writers: list[threading.Thread] = []

    def resume(self, now: float) -> None:
        """Take up what was on before a restart; what is over is handed on as over, so that it is told."""
        if self._path is None:
            return
        try:
            record = read(self._path)
            if record is not None and record.boot == self._boot and record.maintenance.since > now:
                raise Untrusted("it begins in the future")
        except Untrusted as why:
            self._log("critical", f"{self._path} is not taken, there is no maintenance: {why}")
            self._forget()
            return
        if record is None:
            return
        self.current = record.maintenance
        if not self._boot or record.boot != self._boot:
            who, until = record.maintenance.who, record.maintenance.until_text
            text = f"this host was started anew: the maintenance of {who} until {until} is over"
            self._log("critical", text)
            self.current = replace(record.maintenance, since=now - 1, until=now)

    def keep(self, maintenance: Maintenance | None) -> None:
        """Remember it, or (None) forget it."""
        self.current = maintenance
        if self._path is None:
            return
        if maintenance is not None and not self._boot:
            self._log("warning", "this system names no boot: a restart of the service ends the maintenance")
            return
        self._writers = [each for each in self._writers if each.is_alive()]
        if len(self._writers) >= MAX_WRITERS:
            self._log("error", f"{self._path} can't be written: the disk does not answer")
            return
        loop = asyncio.get_running_loop()

        def tell(text: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._log, "error", text)

        writer = threading.Thread(target=partial(self._store, tell), daemon=True, name="maintenance")
        self._writers.append(writer)
        writer.start()

    def close(self) -> None:
        """Wait shortly for what is being written.  The monitor has ended: nothing else waits."""
        for each in self._writers:
            each.join(CLOSE_LIMIT_S / MAX_WRITERS)

    def _store(self, tell: Callable[[str], None]) -> None:
        """Whoever writes last writes what counts at that moment."""
        assert self._path is not None
        with self._lock:
            wanted = self.current
            try:
                write(self._path, None if wanted is None else Record(self._boot, wanted))
            except OSError as error:
                tell(f"{self._path} can't be written, a restart forgets what was ordered: {error.strerror}")

    def _forget(self) -> None:
        assert self._path is not None
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

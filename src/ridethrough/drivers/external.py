# SPDX-License-Identifier: GPL-2.0-or-later
"""A driver in another process, C or ours, behind its socket: a `Source` over NUT's sock-protocol.

The readings are fresh only while the socket is open, the driver has said DATAOK, and something was heard
within MAXAGE.  A connection that ends makes them DISCONNECTED at once; it is tried again every second:
that costs next to nothing, and a driver that was restarted in an outage is heard of in time.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ridethrough.config.models import UpsSection
from ridethrough.drivers import unixpath
from ridethrough.drivers.base import Log, no_log
from ridethrough.drivers.source import OnView
from ridethrough.protocol.driver import Commit, DriverClient, DriverEvent, FreshnessChanged, TrackingDone
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import EMPTY, Change, DeviceView, Freshness, Snapshot
from ridethrough.ups.units import Monotonic

OUTCOME_LIMIT_S: Final = 10.0
CONNECT_LIMIT_S: Final = 3.0
RECONNECT_S: Final = 1.0
READ_BYTES: Final = 65536
FLOOD_PAUSE_S: Final = 0.05
MAX_WAITING: Final = 64
MAX_UNSENT_BYTES: Final = 262_144


class External:
    """See `ridethrough.drivers.source.Source`."""

    def __init__(
        self,
        section: UpsSection,
        statepath: Path,
        on_view: OnView,
        *,
        maxage_s: float = 15.0,
        outcome_limit_s: float = OUTCOME_LIMIT_S,
        log: Log = no_log,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self.name = section.name
        self.path = unixpath.socket_path(statepath, section.driver, section.name)
        self._on_view = on_view
        self._maxage_s = maxage_s
        self._limit_s = outcome_limit_s
        self._log = log
        self._new_id = new_id
        self._task: asyncio.Task[None] | None = None
        self._client: DriverClient | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}
        self._reported = ""
        self._ignored = 0
        self._view = DeviceView(section.name, section.desc, EMPTY, Freshness.DISCONNECTED, Monotonic(0.0))

    @property
    def view(self) -> DeviceView:
        """What is known now."""
        return self._view

    def start(self) -> None:
        """Begin to connect."""
        assert self._task is None, "a source is started once"
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"socket of {self.name}")

    async def stop(self) -> None:
        """Let go of the socket; the driver itself runs on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1.0)

    async def instcmd(self, name: str, param: str | None = None) -> Outcome:
        """Pass a command on, and wait for what became of it; FAILED if the driver does not say so in time."""
        return await self._ask(lambda client, tracking: client.instcmd(name, param, tracking))

    async def setvar(self, name: str, value: str) -> Outcome:
        """Pass a SET on, and wait for what became of it; FAILED if the driver does not say so in time."""
        return await self._ask(lambda client, tracking: client.set_var(name, value, tracking))

    async def _ask(self, queue: Callable[[DriverClient, str], None]) -> Outcome:
        client = self._client
        if client is None or len(self._waiting) >= MAX_WAITING:
            return Outcome.FAILED
        tracking = self._new_id()
        waiting: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[tracking] = waiting
        queue(client, tracking)
        self._send()
        try:
            async with asyncio.timeout(self._limit_s):
                return await waiting
        except TimeoutError:
            self._log("error", f"[{self.name}] {self.path}: no answer within {self._limit_s:g} s")
            return Outcome.FAILED
        finally:
            self._waiting.pop(tracking, None)

    # -- the connection ------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(CONNECT_LIMIT_S):
                    reader, writer = await asyncio.open_unix_connection(str(self.path))
            except (OSError, TimeoutError) as error:
                self._report(self._why_not(error))
            else:
                try:
                    await self._talk(reader, writer)
                except Exception as error:
                    # A defect of this program costs the connection, and not the UPS for ever.
                    self._report(f"fault in the program: {type(error).__name__}: {error}")
            await asyncio.sleep(RECONNECT_S)

    def _why_not(self, error: OSError) -> str:
        reason = error.strerror or "no answer"
        todo = f"start the driver: upsdrvctl start {self.name}"
        if isinstance(error, PermissionError):
            todo = "let the user of this service open it (run the driver as the same user)"
        return f"cannot connect to the driver's socket {self.path}: {reason}; {todo}"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Live with one connection to its end."""
        loop = asyncio.get_running_loop()
        client = DriverClient(self._maxage_s, loop.time())
        self._client, self._writer = client, writer
        # Nothing of a former connection is kept: the driver may be another one by now.
        self._tell(EMPTY, Change(), Freshness.WAITING)
        try:
            while True:
                self._send()
                try:
                    async with asyncio.timeout_at(client.deadline()):
                        data = await reader.read(READ_BYTES)
                except TimeoutError:
                    self._take(client.tick(loop.time()))
                    continue
                if not data:
                    self._report(f"the driver has closed its socket {self.path}")
                    break
                self._take(client.receive(data, loop.time()))
                self._say_ignored(client)
                if len(data) == READ_BYTES:
                    # A flood: the others in this loop, the monitor first, get most of the time.
                    await asyncio.sleep(FLOOD_PAUSE_S)
        except OSError as error:
            self._report(f"lost the driver's socket {self.path}: {error.strerror}")
        finally:
            self._client = self._writer = None
            writer.transport.abort()
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_result(Outcome.FAILED)
            self._tell(self._view.snapshot, Change(), Freshness.DISCONNECTED)

    def _send(self) -> None:
        if self._client is None or self._writer is None:
            return
        self._writer.write(self._client.data_to_send())
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._report(f"the driver behind {self.path} does not read what it is asked")
            self._writer.transport.abort()

    def _take(self, events: list[DriverEvent]) -> None:
        for event in events:
            match event:
                case Commit(snapshot, change):
                    self._tell(snapshot, change, self._view.freshness)
                case FreshnessChanged(freshness):
                    if freshness is Freshness.FRESH:
                        self._reported = ""
                    self._tell(self._view.snapshot, Change(), freshness)
                case TrackingDone(tracking, outcome):
                    waiting = self._waiting.get(tracking)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(outcome)
                case _:
                    pass

    def _tell(self, snapshot: Snapshot, change: Change, freshness: Freshness) -> None:
        if not change and freshness is self._view.freshness:
            return
        now = Monotonic(asyncio.get_running_loop().time())
        self._view = DeviceView(self._view.name, self._view.desc, snapshot, freshness, now)
        self._on_view(self._view, change)

    def _report(self, reason: str) -> None:
        """Say why there is no connection, once for each reason."""
        if reason != self._reported:
            self._reported = reason
            self._log("error", f"[{self.name}] {reason}")

    def _say_ignored(self, client: DriverClient) -> None:
        """Say that the driver sent what makes no sense: the first time, then at each doubling."""
        if client.ignored.bit_length() > self._ignored.bit_length():
            self._log("warning", f"[{self.name}] {self.path}: ignored a line: {client.last_ignored}")
        self._ignored = client.ignored

# SPDX-License-Identifier: GPL-2.0-or-later
"""dummy-ups in `repeater` mode: shows a UPS of another server as if it were here (NUT's dummy-ups(8)).

`port = ups@host[:port]`.  All variables but `driver.*` are mirrored, read-only, and one that the server has
no longer goes away here as well.  When the server can't be reached or says ERR, the readings become stale.
Commands and SETs are not passed on, as with C dummy-ups.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final

from ridethrough.client.aio import AsyncClient, Channel, ClientError, TcpChannel
from ridethrough.client.target import TargetError, parse_target
from ridethrough.drivers.base import DriverError
from ridethrough.drivers.dummy.file import Mode
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Draft

# Below the runner's limit for one call, so that the reason is told in words.
CONNECT_LIMIT_S: Final = 4.0
REPLY_LIMIT_S: Final = 4.0


def tcp(host: str, port: int) -> Channel:
    """The channel to a server."""
    return TcpChannel(host, port, CONNECT_LIMIT_S)


class Repeater:
    """The driver; see `ridethrough.drivers.base.Driver`."""

    def __init__(self, name: str, port: str, channel: Callable[[str, int], Channel] = tcp) -> None:
        """Raises DriverError when `port` names no UPS of a server."""
        self._name = name
        try:
            self._target = parse_target(port)
        except TargetError as error:
            raise DriverError(f"[{name}] port: {error}") from None
        self._channel = channel
        self._client: AsyncClient | None = None
        self._mirrored: frozenset[str] = frozenset()

    async def open(self) -> None:
        """Connect to the server."""
        await self.close()
        client = AsyncClient(self._channel(self._target.host, self._target.port), REPLY_LIMIT_S)
        try:
            await client.open()
        except ClientError as error:
            raise DriverError(f"[{self._name}] repeating {self._target}: {error}") from None
        self._client = client

    async def poll(self, draft: Draft, now: float) -> None:
        """Ask for all variables."""
        if self._client is None:
            raise DriverError(f"[{self._name}] repeating {self._target}: not connected")
        try:
            variables = await self._client.list_var(self._target.ups)
        except ClientError as error:
            raise DriverError(f"[{self._name}] repeating {self._target}: {error}") from None
        for name in self._mirrored - variables.keys():
            draft.delete(name)
        mirrored = {name: value for name, value in variables.items() if not name.startswith("driver.")}
        for name, value in mirrored.items():
            draft.set(name, value)
        draft.set("driver.parameter.mode", Mode.REPEATER)
        self._mirrored = frozenset(mirrored)

    async def instcmd(self, name: str, param: str | None) -> Outcome:
        """Not passed on."""
        return Outcome.UNKNOWN

    async def setvar(self, name: str, value: str) -> Outcome:
        """Not passed on."""
        return Outcome.INVALID

    async def close(self) -> None:
        """Log out."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(ClientError):
                await client.close()

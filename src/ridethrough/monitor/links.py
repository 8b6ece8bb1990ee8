# SPDX-License-Identifier: GPL-2.0-or-later
"""One link for each MONITOR line: connect, log in, poll, and do what the core asks of the server.

Each link is a task of its own and every wait in it is bounded, so a server that hangs delays nobody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from ridethrough.client.aio import AsyncClient, ClientError, Refused
from ridethrough.config.model_upsmon import MonitorLine
from ridethrough.monitor.life import BUZZWORDS, awaits
from ridethrough.monitor.messages import (
    Event,
    FailKind,
    FsdAcknowledged,
    FsdFailed,
    LoggedIn,
    LoggedOut,
    LoginCount,
    LoginRefused,
    Polled,
    PollFailed,
)
from ridethrough.monitor.settings import Supply
from ridethrough.protocol import requests
from ridethrough.protocol.client import Fail, Line, Reply
from ridethrough.protocol.errors import Err, RequestError
from ridethrough.ups.status import Status

STATUS: Final = "ups.status"
READINGS: Final = ("battery.charge", "battery.runtime", "ups.load")
"""What stands beside a decision in the log; asked in the same breath as the status."""
ALARM: Final = "ups.alarm"
COME_AND_GO: Final = frozenset({ALARM, *BUZZWORDS})
"""Variables that a driver has only at times: not to have one now is no reason not to ask again."""

LOGIN_RETRY_S: Final = 60.0
"""A refused login is tried again this often: upsd.users may have been corrected and reloaded."""
POKE_GAP_S: Final = 0.2
"""A driver that commits without end must not make the link poll without end."""
URGENT_POLLS: Final = 3
"""So many urgent polls may follow each other without a gap; each is granted anew after POKE_GAP_S."""

FAIL_KINDS: Mapping[Err, FailKind] = MappingProxyType(
    {
        Err.DATA_STALE: FailKind.STALE,
        Err.DRIVER_NOT_CONNECTED: FailKind.NOT_CONNECTED,
        Err.UNKNOWN_UPS: FailKind.UNKNOWN_UPS,
        Err.VAR_NOT_SUPPORTED: FailKind.EMPTY,
    }
)
NOT_ABOUT_LOGIN = frozenset({Err.DATA_STALE, Err.DRIVER_NOT_CONNECTED})
"""Answers to LOGIN that say something about the UPS; the poll will tell it."""


class Link:
    """The monitor's side of one connection.  `run` it as a task; the other methods never block."""

    def __init__(
        self,
        line: MonitorLine,
        supply: Supply,
        connect: Callable[[MonitorLine], AsyncClient],
        post: Callable[[Event], None],
        interval_s: Callable[[], float],
        limit: Callable[[], float],
    ) -> None:
        """`connect` makes a client that is not open yet; `limit` bounds opening it and each reply, in s."""
        self.ups = line.system
        self._line = line
        self._supply = supply
        self._connect = connect
        self._post = post
        self._interval_s = interval_s
        self._limit = limit
        self._client: AsyncClient | None = None
        self._logged_in = False
        self._login_again_at: float | None = None
        self._unknown: set[str] = set()
        self._poll_at = 0.0
        self._polled_at = float("-inf")
        self._spent_until = float("-inf")
        self._urgent = False
        self._fsd_wanted = self._count_wanted = self._leaving = False
        self._wake = asyncio.Event()

    # -- what the monitor asks ------------------------------------------------------------------

    def poke(self, urgent: bool = False) -> None:
        """Poll as soon as possible: there is news.  Urgent news, of the status, wait for no gap."""
        now = asyncio.get_running_loop().time()
        spent_until = max(self._spent_until, now)
        if urgent and spent_until - now <= (URGENT_POLLS - 1) * POKE_GAP_S:
            self._spent_until = spent_until + POKE_GAP_S
            self._urgent = True
            self._poll_at = now
        else:
            self._poll_at = min(self._poll_at, self._polled_at + POKE_GAP_S)
        self._wake.set()

    def set_fsd(self) -> None:
        """Tell the server FSD; `FsdAcknowledged` or `FsdFailed` is posted."""
        self._fsd_wanted = True
        self._wake.set()

    def count_logins(self) -> None:
        """Ask for NUMLOGINS; `LoginCount` is posted if there is an answer."""
        self._count_wanted = True
        self._wake.set()

    def leave(self) -> None:
        """Log out and end."""
        self._leaving = True
        self._wake.set()

    # -- the task ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the link alive until `leave`, or until cancelled.

        It may be run again after an exception.
        """
        # A poll that a defect ended has set no time for the next one.
        self._poll_at = min(self._poll_at, asyncio.get_running_loop().time())
        try:
            while not self._leaving:
                await self._one_thing()
        finally:
            await self._drop()

    async def _one_thing(self) -> None:
        """What is most urgent; or wait for it."""
        now = asyncio.get_running_loop().time()
        self._wake.clear()
        if self._fsd_wanted:
            self._fsd_wanted = False
            await self._tell_fsd()
        elif now >= self._poll_at:
            self._poll_at, self._urgent = math.inf, False
            await self._poll()
            self._polled_at = asyncio.get_running_loop().time()
            # Whoever poked during the poll may have news that its answer overtook.
            gap_s = 0.0 if self._urgent else POKE_GAP_S
            poked_at = max(self._poll_at, self._polled_at + gap_s)
            self._poll_at = min(self._polled_at + self._interval_s(), poked_at)
        elif self._count_wanted:
            # After the poll: a slow server is counted without end, and may have forgotten FSD meanwhile.
            self._count_wanted = False
            await self._count()
        else:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_at - now):
                    await self._wake.wait()

    @property
    def _limit_s(self) -> float:
        return self._limit()

    async def _open(self) -> AsyncClient:
        """The open client, logged in if it may; raises ClientError."""
        now = asyncio.get_running_loop().time()
        if self._client is not None and self._login_again_at is not None and now >= self._login_again_at:
            await self._drop()  # A connection takes one user name; the next try needs a new one.
        if self._client is not None and self._client.is_open:
            return self._client
        await self._drop()
        client = self._client = self._connect(self._line)
        self._unknown.clear()
        try:
            async with asyncio.timeout(self._limit_s):
                await client.open()
                await self._log_in(client)
        except TimeoutError:
            await self._drop()
            advice = "the server is overloaded or hangs; look at it"
            raise ClientError(client.where, f"no answer in {self._limit_s:g} s", advice) from None
        except ClientError:
            await self._drop()
            raise
        return client

    async def _log_in(self, client: AsyncClient) -> None:
        """Authenticate, LOGIN, and ask for the role; a refusal is posted, a broken link raised."""
        self._login_again_at = None
        now = asyncio.get_running_loop().time()
        counted = False
        try:
            if self._line.username:
                await client.authenticate(self._line.username, self._line.password.reveal())
            if not self._supply.login:
                return
            await client.login(self._line.ups)
            counted = True
            if self._supply.primary:
                await client.primary(self._line.ups)
        except Refused as refused:
            about_login = refused.err not in NOT_ABOUT_LOGIN
            soon = not about_login or refused.err is Err.UNKNOWN_UPS  # An upsd that starts, or is reloaded.
            self._login_again_at = now + (self._interval_s() if soon else LOGIN_RETRY_S)
            if about_login:
                role = "the role of primary " if counted else ""
                why = f"{role}{refused.text}: {refused.err.text}"
                self._post(LoginRefused(self.ups, why, counted, refused.err))
        except RequestError as error:
            self._login_again_at = now + LOGIN_RETRY_S
            self._post(LoginRefused(self.ups, str(error), counted))
        else:
            self._post(LoggedIn(self.ups))
        self._logged_in = counted

    async def _poll(self) -> None:
        try:
            client = await self._open()
        except ClientError as error:
            self._post(PollFailed(self.ups, FailKind.UNREACHABLE, str(error)))
            return
        names = [STATUS, *(name for name in READINGS if name not in self._unknown), *BUZZWORDS]
        try:
            status, *others = await self._ask_all(client, names)
            event = self._event(status)
            if isinstance(event, Polled) and awaits(event.status):
                self._post(event)  # What it lacks now is not what it will lack.
                return
            readings = self._readings(names[1:], others)
            if isinstance(event, Polled):
                if "ALARM" in event.status:
                    readings |= self._readings([ALARM], await self._ask_all(client, [ALARM]))
                event = Polled(self.ups, event.status, MappingProxyType(readings))
        except ClientError as error:
            await self._drop()
            event = PollFailed(self.ups, FailKind.NO_ANSWER, str(error))
        self._post(event)

    async def _ask_all(self, client: AsyncClient, names: list[str]) -> list[Reply]:
        """The replies to GET VAR for all names, asked at once; raises ClientError if one does not come."""
        asked = [client.ask(requests.get_var(self._line.ups, name), self._limit_s) for name in names]
        replies = await asyncio.gather(*asked, return_exceptions=True)
        found: list[Reply] = []
        for reply in replies:
            if isinstance(reply, BaseException):
                raise reply
            found.append(reply)
        return found

    def _event(self, status: Reply) -> Polled | PollFailed:
        match status:
            case Line(words) if len(words) >= 4:
                return Polled(self.ups, Status.parse(words[3]))
            case Fail(err, text):
                detail = f"{text}: {err.text}"
                return PollFailed(self.ups, FAIL_KINDS.get(err, FailKind.REFUSED), detail)
            case _:
                return PollFailed(
                    self.ups, FailKind.REFUSED, f"an answer that makes no sense: {status!s:.80}"
                )

    def _readings(self, names: list[str], replies: list[Reply]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, reply in zip(names, replies, strict=True):
            if isinstance(reply, Line) and len(reply.words) >= 4:
                found[name] = reply.words[3]
            elif isinstance(reply, Fail) and reply.err is Err.VAR_NOT_SUPPORTED and name not in COME_AND_GO:
                self._unknown.add(name)
        return found

    async def _tell_fsd(self) -> None:
        try:
            client = await self._open()
            async with asyncio.timeout(self._limit_s):
                await client.fsd(self._line.ups)
        except TimeoutError:
            self._post(FsdFailed(self.ups, f"no answer in {self._limit_s:g} s"))
        except ClientError as error:
            self._post(FsdFailed(self.ups, str(error)))
        else:
            self._post(FsdAcknowledged(self.ups))

    async def _count(self) -> None:
        """No answer is no count: the core waits until HOSTSYNC is over."""
        with contextlib.suppress(ClientError, TimeoutError):
            client = await self._open()
            async with asyncio.timeout(self._limit_s):
                count = await client.numlogins(self._line.ups)
            self._post(LoginCount(self.ups, count))

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if self._logged_in:
            self._logged_in = False
            self._post(LoggedOut(self.ups))
        if client is not None:
            await client.close()


def is_of(ups: str, system: str) -> bool:
    """Whether news of `ups` (bare, or as in MONITOR) is news of that system; names have no case (upsd)."""
    return ups.lower() in (system.lower(), system.lower().partition("@")[0])

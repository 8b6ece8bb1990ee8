# SPDX-License-Identifier: GPL-2.0-or-later
"""The helper's client in the core's event loop, and the dry run that stands in for it.

    spawned = spawn_helper(config)      # still root, no loop yet
    drop_to("nut")
    helper = await Helper.attach(spawned, log)

If the helper dies, every call raises HelperGone, and `on_gone` was called once with the reason.  Root was
dropped, so it can't be started again from here: the core must say loudly that it can't shut this host down.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from ridethrough.privsep.actions import Cause, Log
from ridethrough.privsep.config import HelperConfig
from ridethrough.privsep.errors import HelperError, HelperGone, HelperRefused
from ridethrough.privsep.messages import (
    MAX_MESSAGE,
    OWN_ID,
    MessageError,
    Reply,
    State,
    Verb,
    decode_reply,
    encode_request,
    shorten,
    type_field,
    ups_field,
)
from ridethrough.privsep.spawn import SpawnedHelper, spawn_helper

ANSWER_LIMIT_S = 15.0  # the helper gives a file 10 s, and answers the rest at once
TURNS = 6  # 16 commands run and 64 wait: the last one has its turn after five others had all their time
MAX_OUTBOX = 256
CLOSE_POLLS, CLOSE_POLL_S = 100, 0.02
GONE = "the helper has ended; this service can't shut the host down until it is restarted"


def _ignore(*_words: str) -> None:
    """Do nothing with what a log or a callback is told."""


@dataclass(slots=True)
class _Pending:
    """The two answers that a request is waiting for."""

    started: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    done: asyncio.Future[Reply] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Helper:
    """The privileged helper as `Actions`.  Await `start` (or use `attach`) first, and `close` at the end."""

    def __init__(
        self,
        config: HelperConfig,
        log: Log = _ignore,
        *,
        on_gone: Callable[[str], None] = _ignore,
        spawned: SpawnedHelper | None = None,
    ) -> None:
        """Nothing is started yet.  `log` receives the last words of commands that fail or talk."""
        self.config = config
        self._log = log
        self._on_gone = on_gone
        self._spawned = spawned
        self._pending: dict[int, _Pending] = {}
        self._outbox: deque[bytes] = deque()
        self._number = OWN_ID
        self._open = False
        self._why = "the helper was not started"
        self._shutdown: asyncio.Future[Reply] | None = None

    @classmethod
    async def attach(
        cls, spawned: SpawnedHelper, log: Log = _ignore, *, on_gone: Callable[[str], None] = _ignore
    ) -> Self:
        """Take over a helper that was started before the loop; HelperError if it no longer answers."""
        helper = cls(spawned.config, log, on_gone=on_gone, spawned=spawned)
        await helper.start()
        return helper

    async def start(self) -> None:
        """Start the helper unless one was given, and see that it answers.  Starting blocks for some 50 ms."""
        if self._spawned is None:
            self._spawned = spawn_helper(self.config)
        asyncio.get_running_loop().add_reader(self._spawned.sock, self._readable)
        self._open = True
        await self.ping()

    async def notify(self, notice: Cause) -> int:
        """See `Actions.notify`; a text over 1,024 bytes is cut."""
        return await self._run(Verb.NOTIFYCMD, f"NOTIFYCMD for {notice.type}", _fields(notice))

    async def cmdscript(self, name: str, notice: Cause) -> int:
        """See `Actions.cmdscript`; HelperRefused if no AT rule has this name."""
        return await self._run(Verb.CMDSCRIPT, f"CMDSCRIPT {name}", {**_fields(notice), "name": name})

    async def wall(self, text: str) -> int:
        """See `Actions.wall`."""
        return await self._run(Verb.WALL, "wall", {"text": shorten(text)})

    async def action(self, number: int) -> int:
        """See `Actions.action`."""
        return await self._run(Verb.ACTION, f"action {number}", {"number": number})

    async def shutdown(self) -> None:
        """See `Actions.shutdown`.  How SHUTDOWNCMD ended is logged later."""
        number, pending = self._send(Verb.SHUTDOWN, {}, urgent=True)
        self._shutdown = pending.done
        pending.done.add_done_callback(lambda future: self._shutdown_ended(number, future))
        async with self._limit(ANSWER_LIMIT_S, "SHUTDOWN"):
            await asyncio.shield(pending.started)

    async def shutdown_status(self, limit_s: float) -> int | None:
        """The exit status of SHUTDOWNCMD if it ends within that time of now, else None."""
        if self._shutdown is None:
            return None
        await asyncio.wait([self._shutdown], timeout=limit_s)
        future = self._shutdown
        if not future.done() or future.cancelled() or future.exception() is not None:
            return None
        return future.result().exit

    async def write_powerdownflag(self) -> None:
        """See `Actions.write_powerdownflag`."""
        await self._file(Verb.WRITE_POWERDOWNFLAG)

    async def clear_powerdownflag(self) -> None:
        """See `Actions.clear_powerdownflag`."""
        await self._file(Verb.CLEAR_POWERDOWNFLAG)

    async def killpower(self, names: Iterable[str]) -> None:
        """See `Actions.killpower`."""
        await self._file(Verb.KILLPOWER, names=list(names))

    async def ping(self) -> None:
        """See `Actions.ping`."""
        await self._file(Verb.PING)

    @property
    def alive(self) -> tuple[bool, str]:
        """See `Actions.alive`."""
        return self._open, "" if self._open else self._why

    async def close(self) -> None:
        """See `Actions.close`.  The helper itself stays until the commands it runs have ended."""
        spawned, self._spawned = self._spawned, None
        if spawned is None:
            return
        self._detach(spawned, "the helper's client was closed")
        for _ in range(CLOSE_POLLS):
            if spawned.process.poll() is not None:
                break
            await asyncio.sleep(CLOSE_POLL_S)

    # -- one request ---------------------------------------------------------------------------------------

    def _send(
        self, verb: Verb, fields: Mapping[str, object], *, urgent: bool = False
    ) -> tuple[int, _Pending]:
        if not self._open or self._spawned is None:
            raise HelperGone(self._why)
        if len(self._outbox) >= MAX_OUTBOX and not urgent:
            raise HelperError(f"the helper does not read; {verb.name} was not asked")
        self._number += 1
        packet = encode_request(self._number, verb, **fields)
        pending = self._pending[self._number] = _Pending()
        pending.done.add_done_callback(_take_note)
        pending.started.add_done_callback(_take_note)
        if urgent:
            self._outbox.appendleft(packet)
        else:
            self._outbox.append(packet)
        self._flush()
        return self._number, pending

    async def _ask(self, verb: Verb, fields: Mapping[str, object], limit_s: float) -> Reply:
        number, pending = self._send(verb, fields)
        try:
            async with self._limit(limit_s, verb.name):
                return await pending.done
        finally:
            self._pending.pop(number, None)

    @contextlib.asynccontextmanager
    async def _limit(self, limit_s: float, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(limit_s):
                yield
        except TimeoutError:
            raise HelperError(f"the helper did not answer {what} within {limit_s:g} s") from None

    async def _file(self, verb: Verb, **fields: object) -> None:
        reply = await self._ask(verb, fields, ANSWER_LIMIT_S)
        if reply.exit != 0:
            raise HelperError(f"{verb.name}: {reply.text or f'ended with status {reply.exit}'}")

    async def _run(self, verb: Verb, what: str, fields: Mapping[str, object]) -> int:
        reply = await self._ask(verb, fields, TURNS * self.config.notify_limit_s + ANSWER_LIMIT_S)
        status = reply.exit if reply.exit is not None else -1
        words = f": {reply.text.strip()}" if reply.text.strip() else ""
        if status != 0:
            self._log("warning", f"{what} ended with status {status}{words}")
        elif words:
            self._log("info", f"{what} wrote{words}")
        return status

    def _shutdown_ended(self, number: int, future: asyncio.Future[Reply]) -> None:
        self._pending.pop(number, None)
        if future.cancelled() or future.exception() is not None:
            return  # the caller, or on_gone, was told
        status = future.result().exit
        if status == 0:
            self._log("info", "SHUTDOWNCMD ended with status 0")
        else:
            self._log("error", f"SHUTDOWNCMD ended with status {status}: this host may not be shutting down")

    # -- the socket ----------------------------------------------------------------------------------------

    def _readable(self) -> None:
        spawned = self._spawned
        if spawned is None:
            return
        try:
            data = spawned.sock.recv(MAX_MESSAGE)
            if data:
                self._take(decode_reply(data))
                return
            why = GONE
        except (BlockingIOError, InterruptedError):
            return
        except MessageError as error:
            self._log("error", str(error))
            return
        except OSError as error:
            why = f"{GONE} ({error.strerror})"
        self._detach(spawned, why)
        self._on_gone(why)

    def _take(self, reply: Reply) -> None:
        pending = self._pending.get(reply.id)
        if pending is None:
            if reply.id == OWN_ID:
                self._log("error", f"the helper could not read a request: {reply.text}")
            return
        if not pending.started.done():
            if reply.state is State.REFUSED:
                pending.started.set_exception(HelperRefused(reply.text))
            else:
                pending.started.set_result(None)
        if not pending.done.done():
            if reply.state is State.REFUSED:
                pending.done.set_exception(HelperRefused(reply.text))
            elif reply.state is State.DONE:
                pending.done.set_result(reply)

    def _flush(self) -> None:
        if self._spawned is None:
            return
        loop = asyncio.get_running_loop()
        try:
            while self._outbox:
                self._spawned.sock.send(self._outbox[0])
                self._outbox.popleft()
        except (BlockingIOError, InterruptedError):
            loop.add_writer(self._spawned.sock, self._flush)
            return
        except OSError:
            return  # closed: reading tells, and fails all that is pending
        loop.remove_writer(self._spawned.sock)

    def _detach(self, spawned: SpawnedHelper, why: str) -> None:
        """Close the socket and fail everything that still waits for an answer."""
        self._open, self._why = False, why
        loop = asyncio.get_running_loop()
        if spawned.sock.fileno() >= 0:
            loop.remove_reader(spawned.sock)
            loop.remove_writer(spawned.sock)
            spawned.sock.close()
        self._outbox.clear()
        for pending in [*self._pending.values()]:
            for future in (pending.started, pending.done):
                if not future.done():
                    future.set_exception(HelperGone(why))
        self._pending.clear()


def _fields(notice: Cause) -> dict[str, str]:
    return {
        "type": type_field(str(notice.type)),
        "ups": ups_field(notice.ups),
        "text": shorten(notice.text),
    }


def _take_note(future: asyncio.Future[None] | asyncio.Future[Reply]) -> None:
    """Look at the exception, so that asyncio does not complain about one that nobody awaited."""
    if not future.cancelled():
        future.exception()


class DirectHelper(Helper):
    """The same helper without root: commands run as this user; that RUN_AS_USER is not obeyed is said."""

    def __init__(
        self, config: HelperConfig, log: Log = _ignore, *, on_gone: Callable[[str], None] = _ignore
    ) -> None:
        """Warn about what this user can't do."""
        name = _own_name()
        if config.run_as_user not in (None, name):
            log("warning", f"commands run as {name}, not as RUN_AS_USER {config.run_as_user}")
        config = replace(config, run_as_user="root" if os.geteuid() == 0 else None)
        super().__init__(config, log, on_gone=on_gone)


def _own_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.geteuid()}"

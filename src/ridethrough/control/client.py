# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients of the control socket: one that blocks, for commands, and a stream for observers in asyncio.

The blocking one imports no asyncio: a command's start-up time is felt.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ridethrough.control.messages import (
    MAX_REPLY,
    Answer,
    ControlError,
    LineSplitter,
    TooLong,
    decode_answer,
    encode_request,
)

__all__ = ["ControlClient", "ControlError", "NotRunning", "subscribe"]

READ_BYTES: Final = 65536
MAX_EARLY: Final = 4096  # events that came while a reply was awaited
_NOBODY: Final = (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)


class NotRunning(ControlError):
    """Nobody listens there: there is no service, or it has died and left its socket."""


class ControlClient:
    """One connection, opened when first used.  Use it in a `with`, or `close` it."""

    def __init__(self, path: str | Path, timeout_s: float = 10.0) -> None:
        """Nothing is connected yet; `timeout_s` is for connecting and for each answer."""
        self.path = Path(path)
        self._timeout_s = timeout_s
        self._sock: socket.socket | None = None
        self._lines = LineSplitter(MAX_REPLY)
        self._ready: list[bytes | TooLong] = []
        self._early: list[dict[str, Any]] = []
        self._number = 0

    def __enter__(self) -> Self:
        """Give the client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def __del__(self) -> None:
        """Close what a short-lived command has left open."""
        self.close()

    def close(self) -> None:
        """Close the connection; the next use opens a new one."""
        sock, self._sock = getattr(self, "_sock", None), None
        if sock is not None:
            sock.close()

    def ask(self, verb: str, /, **args: object) -> dict[str, Any]:
        """Return the fields of the reply.  ControlError if refused, not running, not allowed or too slow."""
        if self._sock is None:
            self._sock = self._connect()
        self._number += 1
        line = encode_request(self._number, verb, args)
        deadline = time.monotonic() + self._timeout_s
        try:
            self._sock.settimeout(self._timeout_s)
            self._sock.sendall(line)
        except OSError:
            pass  # A server that refuses the connection says why before it closes; that is read below.
        while True:
            message = self._next(deadline)
            if not isinstance(message, Answer):
                if len(self._early) < MAX_EARLY:
                    self._early.append(message)
            elif message.id in (self._number, None):
                if message.error is not None:
                    raise ControlError(message.error)
                return dict(message.fields)

    def events(
        self, types: Iterable[str] = (), *, follow: bool = True, replay: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Subscribe, and yield events: those that are kept (at most `replay` of them), then new ones.

        With `follow` false it ends after the kept ones; else it goes on until the service ends: ControlError.
        """
        wanted: dict[str, object] = {"types": [*types]} if (types := [*types]) else {}
        if replay is not None:
            wanted["replay"] = replay
        self._early.clear()
        last = int(self.ask("subscribe", **wanted).get("replay_to", 0))
        while follow or last > 0:
            event = self._early.pop(0) if self._early else self._next(None if follow else self._deadline())
            if isinstance(event, Answer):
                continue
            yield event
            if not follow and event["event"] != "lost" and int(event.get("seq", 0)) >= last:
                return

    def _deadline(self) -> float:
        return time.monotonic() + self._timeout_s

    def _next(self, deadline: float | None) -> Answer | dict[str, Any]:
        """Return the next line of the service; None waits for ever."""
        while not self._ready:
            assert self._sock is not None, "asked before"
            left = None if deadline is None else deadline - time.monotonic()
            try:
                if left is not None and left <= 0:
                    raise TimeoutError
                self._sock.settimeout(left)
                data = self._sock.recv(READ_BYTES)
            except TimeoutError:
                self.close()
                raise ControlError(
                    f"control socket {self.path}: no answer in {self._timeout_s:g} s; the service may hang"
                ) from None
            except OSError as error:
                self.close()
                raise ControlError(f"control socket {self.path}: {error.strerror}") from None
            if not data:
                self.close()
                raise ControlError(f"control socket {self.path}: the service has closed the connection")
            self._ready += self._lines.feed(data)
        line = self._ready.pop(0)
        if isinstance(line, TooLong):
            raise ControlError(f"control socket {self.path}: a line of over {line.limit} bytes")
        return decode_answer(line)

    def _connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(self._timeout_s)
        self._lines, self._ready, self._early = LineSplitter(MAX_REPLY), [], []
        try:
            sock.connect(os.fspath(self.path))
        except OSError as error:
            sock.close()
            kind = NotRunning if isinstance(error, _NOBODY) else ControlError
            raise kind(why_not(self.path, error)) from None
        return sock


def why_not(path: Path, error: OSError) -> str:
    """Say why the socket can't be connected to, and what to do."""
    if isinstance(error, _NOBODY):
        return f"ridethrough does not run here (nothing listens on {path}); start it with: ridethrough serve"
    if isinstance(error, PermissionError):
        return f"you may not open {path}; be root, or join the group of the service (nut)"
    if isinstance(error, TimeoutError):
        return f"control socket {path}: the service does not take the connection; it may hang"
    return f"control socket {path}: {error.strerror or error}"


async def subscribe(
    path: str | Path,
    types: Iterable[str] = (),
    *,
    replay: int | None = None,
    since: tuple[str, int] | None = None,
) -> AsyncIterator[dict[str, Any]]:
    """Yield events in asyncio: at most `replay` kept ones, then new ones; ControlError when the service ends.

    To go on after a reconnect give `since`: the "instance" and the last "seq" that were seen.
    First comes `{"event": "subscribed", "instance": ..., "seq": ...}`, which says where the stream stands.
    """
    import asyncio  # noqa: PLC0415  (commands use this module without it)

    wanted: dict[str, object] = {"types": [*types]}
    if replay is not None:
        wanted["replay"] = replay
    if since is not None:
        wanted["instance"], wanted["since"] = since
    try:
        reader, writer = await asyncio.open_unix_connection(os.fspath(path), limit=MAX_REPLY)
    except OSError as error:
        raise ControlError(why_not(Path(path), error)) from None
    try:
        writer.write(encode_request(1, "subscribe", wanted))
        while line := await reader.readline():
            message = decode_answer(line)
            if not isinstance(message, Answer):
                yield message
            elif message.error is not None:
                raise ControlError(message.error)
            else:
                yield {"event": "subscribed", **message.fields}
    except (OSError, ValueError) as error:
        raise ControlError(f"control socket {path}: {error}") from None
    finally:
        writer.close()
    raise ControlError(f"control socket {path}: the service has closed the connection")

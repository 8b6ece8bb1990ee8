# SPDX-License-Identifier: GPL-2.0-or-later
"""Hears from logind when this machine goes to sleep and wakes (org.freedesktop.login1(5), PrepareForSleep).

A *delay* lock holds the sleep back until SUSPEND_STARTING is on its way, as NUT's newest upsmon does it.
Without a system bus, without logind or without the right to a lock the monitor works as well: the jump of
its clock tells of the sleep afterwards.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from ridethrough.monitor.dbus import MAX_LINE_BYTES, DBusError, Decoder, Kind, Message, encode, hello_lines

ADDRESS_VARIABLE: Final = "DBUS_SYSTEM_BUS_ADDRESS"
DEFAULT_SOCKET: Final = "/run/dbus/system_bus_socket"
ANSWER_LIMIT_S: Final = 10.0
RETRY_S: Final = 60.0
HOLD_S: Final = 2.0
"""How long NOTIFYCMD has after SUSPEND_STARTING; logind waits 5 s (InhibitDelayMaxSec)."""
MAX_FILES: Final = 8
CHUNK: Final = 16384
MAX_SLEEPS: Final = 8

LOGIN1: Final = "org.freedesktop.login1"
MANAGER: Final = f"{LOGIN1}.Manager"
LOGIN1_PATH: Final = "/org/freedesktop/login1"
BUS: Final = "org.freedesktop.DBus"
MATCH: Final = (
    f"type='signal',sender='{LOGIN1}',path='{LOGIN1_PATH}',interface='{MANAGER}',member='PrepareForSleep'"
)
LOCK: Final = ("sleep", "Ridethrough", "UPS monitoring takes note of the sleep", "delay")

Say = Callable[[str, str], None]


def bus_path(env: Mapping[str, str]) -> str:
    """The socket of the system bus; of an address with several the first `unix:path=` counts."""
    for address in env.get(ADDRESS_VARIABLE, "").split(";"):
        kind, _, rest = address.partition(":")
        pairs = dict(pair.partition("=")[::2] for pair in rest.split(","))
        if kind == "unix" and pairs.get("path"):
            return pairs["path"]
    return DEFAULT_SOCKET


class SleepWatch:
    """`await run()` as a task, until cancelled; it never raises anything else, and blocks nothing.

    `starting` and `finished` are called in the event loop, in turns, beginning with `starting`.
    """

    def __init__(
        self, path: str, starting: Callable[[], None], finished: Callable[[], None], say: Say
    ) -> None:
        """`path`: the socket of the bus."""
        self._path = path
        self._starting = starting
        self._finished = finished
        self._say = say
        self._asleep = False
        self._told = ""

    async def run(self) -> None:
        """Keep a connection to the bus, and report what it says."""
        while True:
            try:
                await self._listen()
            except Exception as error:  # Whatever goes wrong here, the monitor does without it.
                why = getattr(error, "strerror", None) or str(error) or "no answer in time"
                if why != self._told:
                    self._told = why
                    text = f"logind can't be heard ({self._path}: {why})"
                    self._say("info", f"{text}: a sleep is noticed by the clock alone")
            self._woke()  # Who can't hear the end of a sleep must not take it for lasting.
            await asyncio.sleep(RETRY_S)

    def _woke(self) -> None:
        if self._asleep:
            self._asleep = False
            self._finished()

    async def _listen(self) -> None:
        with _Bus(self._path) as bus:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                await bus.open()
                await bus.call(BUS, "/org/freedesktop/DBus", BUS, "AddMatch", MATCH)
            lock = await self._lock(bus)
            try:
                while True:
                    sleeping = await bus.signal()
                    if sleeping and not self._asleep:
                        self._asleep = True
                        self._starting()
                        await asyncio.sleep(HOLD_S)
                        _release(lock)
                        lock = None
                    elif not sleeping:
                        self._woke()
                        _release(lock)
                        lock = await self._lock(bus)
            finally:
                _release(lock)

    async def _lock(self, bus: _Bus) -> int | None:
        """A delay lock as an open file, or None without the right to one."""
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                lock = await bus.call_for_file(LOGIN1, LOGIN1_PATH, MANAGER, "Inhibit", *LOCK)
            self._told = ""
        except (DBusError, TimeoutError) as error:
            why = str(error) or "no answer in time"
            if why != self._told:
                self._told = why
                self._say("info", f"logind gives no lock ({why}): SUSPEND_STARTING may come late")
            return None
        return lock


def _release(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)


class _Bus:
    """One connection: calls with an answer, and the signals that come in between."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._decoder = Decoder()
        self._serial = 0
        self._files: list[int] = []
        self._inbox: deque[Message] = deque()
        self._sleeps: deque[bool] = deque(maxlen=MAX_SLEEPS)

    def __enter__(self) -> _Bus:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()
        self._drop_files()

    async def open(self) -> None:
        """Connect and say hello."""
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._sock, self._path)
        first, files, begin = hello_lines(os.geteuid())
        await loop.sock_sendall(self._sock, first)
        answer = await self._line()
        if not answer.startswith(b"OK "):
            raise DBusError(f"the bus refuses this user: {answer[:80]!r}")
        await loop.sock_sendall(self._sock, files)
        await self._line()  # A bus that gives no files gives no lock, either; its signals come all the same.
        await loop.sock_sendall(self._sock, begin)
        await self.call(BUS, "/org/freedesktop/DBus", BUS, "Hello")

    async def _line(self) -> bytes:
        line = bytearray()
        while not line.endswith(b"\r\n"):
            byte = await asyncio.get_running_loop().sock_recv(self._sock, 1)
            if not byte or len(line) > MAX_LINE_BYTES:
                raise DBusError("the bus closed the connection, or sends no lines")
            line += byte
        return bytes(line)

    async def call(self, destination: str, path: str, interface: str, member: str, *words: str) -> Message:
        """Call a method whose arguments are texts; gives the answer, raises DBusError for an error."""
        self._serial += 1
        sent = Message(
            Kind.CALL,
            self._serial,
            path=path,
            interface=interface,
            member=member,
            destination=destination,
            signature="s" * len(words),
            args=words,
        )
        await asyncio.get_running_loop().sock_sendall(self._sock, encode(sent))
        while True:
            message = await self._next()
            if message.reply_to == sent.serial and message.kind is Kind.ERROR:
                raise DBusError(" ".join((message.error, *map(str, message.args[:1]))))
            if message.reply_to == sent.serial:
                return message
            self._keep(message)

    async def call_for_file(self, *call: str) -> int:
        """The same for a method that answers with an open file; the caller owes closing it."""
        self._drop_files()
        answer = await self.call(*call)
        if answer.signature != "h" or not self._files:
            raise DBusError(f"{call[3]} was answered without a file")
        return self._files.pop(0)

    async def signal(self) -> bool:
        """The next PrepareForSleep: whether the machine goes to sleep, or has woken."""
        while not self._sleeps:
            self._keep(await self._next())
            self._drop_files()  # Nobody else's files are of use.
        return self._sleeps.popleft()

    def _keep(self, message: Message) -> None:
        """Of all that comes unasked only the signal of the match counts, and of that the last ones."""
        if message.kind is Kind.SIGNAL and message.member == "PrepareForSleep" and message.signature == "b":
            self._sleeps.append(bool(message.args[0]))

    async def _next(self) -> Message:
        while not self._inbox:
            self._inbox += self._decoder.feed(await self._receive())
        return self._inbox.popleft()

    async def _receive(self) -> bytes:
        while True:
            try:
                data, files, _, _ = socket.recv_fds(self._sock, CHUNK, MAX_FILES, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                await self._readable()
                continue
            self._files += files
            if not data:
                raise DBusError("the bus closed the connection")
            return data

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._sock, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._sock)

    def _drop_files(self) -> None:
        while self._files:
            os.close(self._files.pop())

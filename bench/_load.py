# SPDX-License-Identifier: GPL-2.0-or-later
"""A load generator for NUT servers: many non-blocking sockets, one request (or a batch) under way on each.

It knows the length of the whole reply, so that it counts bytes and searches nothing while it measures.
It reports its own processor time as well: a generator that is busy all the time has measured itself.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

READ_BYTES = 1 << 18
STALL_S = 5.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class LoadError(Exception):
    """The server did not answer as expected; the text says what came."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of some tenths of a second has counted; the times are in seconds."""

    requests: int
    wall_s: float
    server_cpu_s: float
    own_cpu_s: float

    @property
    def rate(self) -> float:
        """Requests answered a second."""
        return self.requests / self.wall_s

    @property
    def cpu_per_100k(self) -> float:
        """Seconds of the server's processor time for 100 000 requests."""
        return self.server_cpu_s / self.requests * 1e5

    @property
    def busy(self) -> float:
        """The share of the time (0 to 1) in which the generator worked."""
        return self.own_cpu_s / self.wall_s

    @property
    def ceiling(self) -> float:
        """Requests a second at which the generator would have no time left to wait for the server."""
        return self.requests / self.own_cpu_s


def cpu_s(pid: int) -> float:
    """Processor time that a process of one thread has used; in steps of 10 ms without CONFIG_SCHED_INFO."""
    nanoseconds = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    if nanoseconds:
        return nanoseconds / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def resident_bytes(pid: int) -> int:
    """How much memory of a process is in use (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise LoadError(f"process {pid} has no VmRSS")


def ask(sock: socket.socket, request: bytes, ending: bytes) -> bytes:
    """The reply up to `ending`, which shows how long it is.  Raises LoadError if it ends otherwise."""
    sock.settimeout(STALL_S)
    sock.sendall(request)
    reply = b""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    while not reply.endswith(ending):
        chunk = sock.recv(READ_BYTES)
        reply += chunk
        if not chunk or (reply.startswith(b"ERR") and reply.endswith(b"\n")):
            raise LoadError(f"{request!r} was answered by {reply[:80]!r}")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    return reply


class Pool:
    """The connections of one measurement to one server."""

    def __init__(
        self,
        port: int,
        pid: int,
        count: int,
        request: bytes,
        ending: bytes,
        *,
        batch: int = 1,
        active: int = 0,
    ) -> None:
        """Open `count` connections, of which `active` (0: all) will ask, each `batch` requests in one write.

        Each is asked once before, so that everything is warm, and the server has surely accepted it.
        """
        self._pid = pid
        self._sockets: list[socket.socket] = []
        self._batch = batch
        self._data = request * batch
        for _ in range(count):
            # One after another: C upsd lets 16 wait, and the next is put off for a second.
            sock = socket.create_connection(("127.0.0.1", port), timeout=STALL_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(sock)
            try:
                self.reply = ask(sock, request, ending)
            except BaseException:
                self.close()
                raise
            sock.setblocking(False)
        self._active = self._sockets[: active or count]

    def close(self) -> None:
        """Close the connections."""
        for sock in self._sockets:
            sock.close()

    def run(self, seconds: float, *, quick_ack: bool = False) -> Sample:
        """Ask on all active connections for that long; every reply asked for is waited for.

        `quick_ack` acknowledges at once what was read (TCP_QUICKACK), so that a server which left Nagle's
        delay on is not kept waiting.
        """
        whole = len(self.reply) * self._batch
        left = {sock.fileno(): whole for sock in self._active}
        by_number = {sock.fileno(): sock for sock in self._active}
        acknowledge = (
            (lambda fd: by_number[fd].setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1))
            if (quick_ack)
            else None
        )
        with select.epoll() as ready:
            for number in left:
                ready.register(number, select.EPOLLIN)
            before, own = cpu_s(self._pid), time.process_time()
            began = time.perf_counter()
            answered = _loop(ready, left, whole, self._data, began + seconds, acknowledge)
            ended = time.perf_counter()
            return Sample(
                answered * self._batch, ended - began, cpu_s(self._pid) - before, time.process_time() - own
            )


def _loop(
    ready: select.epoll,
    left: dict[int, int],
    whole: int,
    data: bytes,
    until: float,
    acknowledge: Callable[[int], None] | None,
) -> int:
    """The measured part, with as little in it as can be; gives the count of whole replies."""
    write, read, clock, poll = os.write, os.read, time.perf_counter, ready.poll
    connections = len(left)
    for number in left:
        write(number, data)
    answered, under_way, going_on = 0, connections, True
    while under_way:
        events = poll(STALL_S, connections)
        if not events:
            raise LoadError(f"no answer for {STALL_S:g} s")
        again = []
        for number, _ in events:
            got = len(read(number, READ_BYTES))
            if acknowledge is not None:
                acknowledge(number)
            if got < left[number]:
                if not got:
                    raise LoadError("the server closed a connection")
                left[number] -= got
                continue
            if got > left[number]:
                raise LoadError("a reply is longer than before")
            left[number] = whole
            answered += 1
            again.append(number)
        if going_on:
            # All at once: a server that is woken for each request costs the generator most.
            for number in again:
                write(number, data)
            going_on = clock() < until
        else:
            under_way -= len(again)
    return answered


def set_up(port: int, pid: int, count: int, request: bytes) -> Sample:
    """Open `count` connections one after another, each asked once and closed."""
    before, own = cpu_s(pid), time.process_time()
    began = time.perf_counter()
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port), timeout=STALL_S) as sock:
            ask(sock, request, b"\n")
    ended = time.perf_counter()
    return Sample(count, ended - began, cpu_s(pid) - before, time.process_time() - own)

# SPDX-License-Identifier: GPL-2.0-or-later
"""A connection's bytes: an asyncio transport for accepted sockets that is there at once.

asyncio's own comes through a task and four turns of the loop, which costs more than all the rest of a
connection that asks one thing and goes.  This one keeps the same promises to its protocol (Python's
asyncio documentation, "Transports and Protocols"), and does no more than the server needs.
"""

from __future__ import annotations

import asyncio
import socket

Bytes = bytes | bytearray | memoryview


class SocketTransport(asyncio.Transport):
    """Owns the socket from now on, and closes it."""

    __slots__ = (
        "_closing",
        "_fd",
        "_held",
        "_high",
        "_loop",
        "_lost",
        "_paused",
        "_protocol",
        "_sock",
        "_stalled",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, protocol: asyncio.BufferedProtocol
    ) -> None:
        """Begin to read; `protocol.connection_made` is called before this returns."""
        super().__init__()
        sock.setblocking(False)
        self._loop = loop
        self._sock = sock
        self._fd = sock.fileno()
        self._protocol = protocol
        self._held = bytearray()
        self._high = 65536
        self._closing = False
        self._lost = False
        self._paused = False  # reading is
        self._stalled = False  # the protocol was told to pause writing
        protocol.connection_made(self)
        if self.is_reading():
            loop.add_reader(self._fd, self._readable)

    # -- asyncio.Transport ----------------------------------------------------------------------

    def get_extra_info(self, name: str, default: object = None) -> object:
        """The socket, by the name of "socket"."""
        return self._sock if name == "socket" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """How much may be held before the protocol is told; it is told again at a quarter of it."""
        assert low is None, "only the upper limit can be set"
        self._high = 65536 if high is None else high

    def get_write_buffer_size(self) -> int:
        """How many bytes the client has not taken."""
        return len(self._held)

    def is_closing(self) -> bool:
        """Whether it is closed, or will be once all is written."""
        return self._closing

    def is_reading(self) -> bool:
        """Whether the client is read from."""
        return not self._paused and not self._closing

    def pause_reading(self) -> None:
        """Stop reading; twice is once."""
        if self.is_reading():
            self._paused = True
            self._loop.remove_reader(self._fd)

    def resume_reading(self) -> None:
        """Read again; twice is once."""
        if self._paused and not self._closing:
            self._paused = False
            self._loop.add_reader(self._fd, self._readable)

    def write(self, data: Bytes) -> None:
        """Send, or hold what the client does not take now."""
        if self._lost or not data:
            return
        if not self._held:
            try:
                sent = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                self._end(error)
                return
            if sent == len(data):
                return
            data = data[sent:]
            self._loop.add_writer(self._fd, self._writable)
        self._held += data
        if len(self._held) > self._high and not self._stalled:
            self._stalled = True
            self._protocol.pause_writing()

    def close(self) -> None:
        """Stop reading, and close once all is written."""
        if self._closing:
            return
        self._stop_reading()
        if not self._held:
            self._end(None)

    def abort(self) -> None:
        """Close at once; what is held is lost."""
        self._end(None)

    # -- inside ---------------------------------------------------------------------------------

    def _readable(self) -> None:
        try:
            count = self._sock.recv_into(self._protocol.get_buffer(-1))
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        if count:
            self._protocol.buffer_updated(count)
        elif not self._protocol.eof_received():
            self.close()
        else:
            self.pause_reading()

    def _writable(self) -> None:
        try:
            sent = self._sock.send(self._held)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        del self._held[:sent]
        if not self._held:
            self._loop.remove_writer(self._fd)
        if self._stalled and len(self._held) <= self._high // 4:
            self._stalled = False
            self._protocol.resume_writing()  # which may write, close or abort
        if self._closing and not self._held:
            self._end(None)

    def _stop_reading(self) -> None:
        self._closing = True
        if not self._paused:
            self._loop.remove_reader(self._fd)

    def _end(self, error: OSError | None) -> None:
        """Nothing is sent or read any more; the protocol hears of it in the next turn of the loop."""
        if self._lost:
            return
        self._lost = True
        if not self._closing:
            self._stop_reading()
        if self._held:
            self._loop.remove_writer(self._fd)
            self._held.clear()
        self._loop.call_soon(self._tell_lost, error)

    def _tell_lost(self, error: OSError | None) -> None:
        try:
            self._protocol.connection_lost(error)
        finally:
            self._sock.close()

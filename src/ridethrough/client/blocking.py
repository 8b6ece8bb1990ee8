# SPDX-License-Identifier: GPL-2.0-or-later
"""A thin blocking client for command lines and scripts: a socket around the protocol core.

It imports little, as its start-up time is what users of `upsc` wait for.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Sequence
from types import TracebackType

from ridethrough.client import answers
from ridethrough.client.answers import ClientError, LinkError, Refused
from ridethrough.client.target import DEFAULT_HOST, DEFAULT_PORT, address
from ridethrough.protocol import requests
from ridethrough.protocol.client import ClientProtocol, Reply
from ridethrough.protocol.errors import ConnectionLost, ProtocolError

__all__ = ["Client", "ClientError", "LinkError", "Refused"]

TIMEOUT_S = 10.0
READ_BYTES = 65536


class Client:
    """One connection to a NUT server; use it as a context manager.

    All methods raise ClientError (LinkError for the connection, Refused for ERR), whose text names host and
    port; builders of requests raise RequestError.
    """

    def __init__(
        self,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        timeout_s: float = TIMEOUT_S,
        connect_timeout_s: float | None = None,
    ) -> None:
        """Nothing is sent before `connect`.

        `timeout_s` bounds each `ask` in full; `connect_timeout_s` the connecting (None: the same).
        """
        self.where = address(host, port)
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._connect_timeout_s = timeout_s if connect_timeout_s is None else connect_timeout_s
        self._socket: socket.socket | None = None
        self._protocol = ClientProtocol()

    def __enter__(self) -> Client:
        """Connect."""
        self.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say good-bye and close."""
        self.close()

    def connect(self) -> None:
        """Connect to the first address that answers; raises LinkError when none does."""
        deadline = time.monotonic() + self._connect_timeout_s
        failure: OSError | None = None
        for family, kind, number, _, place in self._resolve():
            left = deadline - time.monotonic()
            if left <= 0:
                failure = failure or TimeoutError()
                break
            link = socket.socket(family, kind, number)
            try:
                link.settimeout(left)
                link.connect(place)
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                link.close()
                failure = error
                continue
            self._socket = link
            self._protocol = ClientProtocol()
            return
        reason = _reason(failure) if failure is not None else "no address"
        advice = "check that upsd runs there, that it LISTENs on this address and port, and the firewall"
        raise LinkError(self.where, f"Connection failure: {reason}", advice)

    def close(self) -> None:
        """Say good-bye (nobody waits for the answer) and close; a second call does nothing."""
        link, self._socket = self._socket, None
        if link is None:
            return
        try:
            link.settimeout(0)
            link.send(requests.logout())
        except OSError:
            pass  # the server has gone first, or does not read: there is nobody to say good-bye to
        link.close()

    def ask(self, request: bytes) -> Reply:
        """Send one request of `protocol.requests`, return its reply; an ERR is returned, not raised."""
        return self.ask_all([request])[0]

    def ask_all(self, batch: Sequence[bytes]) -> list[Reply]:
        """Send all requests at once, return the replies in their order.

        Raises LinkError, after which the connection is closed.
        """
        link = self._socket
        if link is None:
            raise LinkError(self.where, "Server disconnected", "connect anew before asking")
        deadline = time.monotonic() + self._timeout_s
        replies: list[Reply] = []
        try:
            for request in batch:
                self._protocol.send(request)
            self._wait(link, deadline)
            link.sendall(self._protocol.data_to_send())
            while len(replies) < len(batch):
                self._wait(link, deadline)
                if sys.platform == "linux":
                    # C's upsd writes a list line by line, and its kernel holds each until the last is
                    # acknowledged: at once if we ask for it (anew each time), after 40 ms else.
                    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                data = link.recv(READ_BYTES)
                if data:
                    replies += self._protocol.receive(data)
                else:
                    self._protocol.receive_eof()
        except ProtocolError as error:
            self._drop()
            short = "Server disconnected" if isinstance(error, ConnectionLost) else "Protocol error"
            raise LinkError(self.where, short, str(error)) from None
        except OSError as error:
            self._drop()
            advice = "check the server and the network"
            raise LinkError(self.where, f"Read error: {_reason(error)}", advice) from None
        return replies

    # -- what is asked most --------------------------------------------------------------------

    def list_ups(self) -> dict[str, str]:
        """The UPSes of the server: name -> description."""
        return answers.pairs(self.ask(requests.list_ups()), self.where)

    def list_var(self, ups: str) -> dict[str, str]:
        """All variables of a UPS: name -> value, in the server's order."""
        return answers.pairs(self.ask(requests.list_var(ups)), self.where)

    def list_rw(self, ups: str) -> dict[str, str]:
        """The writable variables of a UPS: name -> value."""
        return answers.pairs(self.ask(requests.list_rw(ups)), self.where)

    def list_cmd(self, ups: str) -> list[str]:
        """The instant commands of a UPS."""
        return answers.names(self.ask(requests.list_cmd(ups)), self.where)

    def list_client(self, ups: str) -> list[str]:
        """The addresses of the clients that have logged in to a UPS."""
        return answers.names(self.ask(requests.list_client(ups)), self.where)

    def get_var(self, ups: str, name: str) -> str:
        """The value of one variable."""
        return answers.value(self.ask(requests.get_var(ups, name)), self.where, 4)

    def authenticate(self, user: str, password: str) -> None:
        """Name user and password; the server looks at them only with the first request that needs them."""
        for reply in self.ask_all([requests.username(user), requests.password(password)]):
            answers.accepted(reply, self.where)

    def set_tracking(self, on: bool) -> None:
        """Have the server track what becomes of commands."""
        answers.accepted(self.ask(requests.set_tracking(on)), self.where)

    def instcmd(self, ups: str, name: str, param: str | None = None) -> str:
        """Ask for an instant command; returns the tracking id, or "" when tracking is off."""
        return answers.tracking_id(self.ask(requests.instcmd(ups, name, param)), self.where)

    def set_var(self, ups: str, name: str, value: str) -> str:
        """Ask for a new value; returns the tracking id, or "" when tracking is off."""
        return answers.tracking_id(self.ask(requests.set_var(ups, name, value)), self.where)

    def _resolve(self) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[object, ...]]]:
        # An ASCII name goes as bytes: as text it would pull in the IDNA codec, which is slow to load.
        host = self._host.encode("ascii") if self._host.isascii() else self._host
        try:
            return list(socket.getaddrinfo(host, self._port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            raise LinkError(
                self.where, "No such host", f"check the spelling of '{self._host}' and the name service"
            ) from None

    def _wait(self, link: socket.socket, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        link.settimeout(left)

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _reason(error: OSError) -> str:
    """An operating error as NUT's programs word it."""
    if isinstance(error, TimeoutError):
        return "Connection timed out"
    return error.strerror or str(error)

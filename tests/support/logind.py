# SPDX-License-Identifier: GPL-2.0-or-later
"""A private bus of the real dbus-daemon with an imagined logind on it, for tests of sleeping machines."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from ridethrough.monitor.dbus import Decoder, Kind, Message, encode, hello_lines
from ridethrough.monitor.suspend import BUS, LOGIN1, LOGIN1_PATH, MANAGER
from tests.support.procs import started
from tests.support.wait import wait_until

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
"""
DAEMON = shutil.which("dbus-daemon")


@contextlib.contextmanager
def private_bus(directory: Path) -> Iterator[Path]:
    """Start a dbus-daemon of our own; gives its socket."""
    assert DAEMON is not None
    path, config = directory / "bus", directory / "bus.conf"
    config.write_text(CONFIG.format(path=path))
    with started([DAEMON, f"--config-file={config}", "--nofork"], name="dbus-daemon"):
        wait_until(path.exists, 10.0, "the bus")
        yield path


class Logind:
    """Owns org.freedesktop.login1: hands out locks, sees them closed, and says PrepareForSleep."""

    def __init__(self, path: Path, *, gives_locks: bool = True) -> None:
        self.gives_locks = gives_locks
        self.asked: list[tuple[object, ...]] = []
        self._decoder = Decoder()
        self._serial = 0
        self._locks: list[socket.socket] = []
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(5.0)
        self._sock.connect(str(path))
        first, files, begin = hello_lines(os.geteuid())
        for line in (first, files):
            self._sock.sendall(line)
            assert self._sock.recv(200).startswith((b"OK", b"AGREE"))
        self._sock.sendall(begin)
        self._call("Hello", "", ())
        self._call("RequestName", "su", (LOGIN1, 0))

    def _call(self, member: str, signature: str, args: tuple[str | int, ...]) -> None:
        self._serial += 1
        call = Message(Kind.CALL, self._serial, path="/org/freedesktop/DBus", interface=BUS, member=member)
        sent = Message(
            call.kind, call.serial, 0, call.path, BUS, member, "", BUS, "", signature, args
        )  # fmt: skip
        self._sock.sendall(encode(sent))
        while not any(
            message.reply_to == self._serial for message in self._decoder.feed(self._sock.recv(4096))
        ):
            pass

    async def serve(self) -> None:
        """Answer Inhibit until cancelled."""
        self._sock.setblocking(False)
        while True:
            data = await asyncio.get_running_loop().sock_recv(self._sock, 4096)
            for message in self._decoder.feed(data):
                if message.member == "Inhibit":
                    self._inhibit(message)

    def _inhibit(self, call: Message) -> None:
        self.asked.append(call.args)
        self._serial += 1
        if not self.gives_locks:
            refused = Message(
                Kind.ERROR, self._serial, call.serial, error="org.freedesktop.DBus.Error.AccessDenied",
                destination=call.sender, signature="s", args=("Permission denied",),
            )  # fmt: skip
            self._sock.sendall(encode(refused))
            return
        ours, theirs = socket.socketpair()
        self._locks.append(ours)
        answer = Message(
            Kind.RETURN, self._serial, call.serial, destination=call.sender, signature="h", args=(0,)
        )
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", theirs.fileno()))]
        self._sock.sendmsg([encode(answer, files=1)], rights)
        theirs.close()

    def locked(self) -> bool:
        """Whether somebody holds the lock that was given last."""
        if not self._locks:
            return False
        try:
            return self._locks[-1].recv(1, socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True

    def say(self, sleeping: bool) -> None:
        """PrepareForSleep, to whoever listens."""
        self._serial += 1
        signal = Message(
            Kind.SIGNAL, self._serial, path=LOGIN1_PATH, interface=MANAGER, member="PrepareForSleep",
            signature="b", args=(sleeping,),
        )  # fmt: skip
        self._sock.sendall(encode(signal))

    def close(self) -> None:
        """Leave the bus."""
        self._sock.close()
        for lock in self._locks:
            lock.close()

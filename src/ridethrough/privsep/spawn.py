# SPDX-License-Identifier: GPL-2.0-or-later
"""Starting the helper.  Done while still root, before there is an event loop or a thread."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ridethrough.privsep.config import HelperConfig, sealed
from ridethrough.privsep.errors import HelperError
from ridethrough.privsep.messages import MAX_MESSAGE, OWN_ID, MessageError, State, decode_reply

SYSTEM_PYTHON = "/usr/bin/python3"
OLDEST_PYTHON = (3, 11)
PROGRAM = Path(__file__).with_name("helper.py")
START_LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class SpawnedHelper:
    """A helper that has said it is ready.  Give it to `Helper.attach` in the loop, or `abandon` it."""

    config: HelperConfig
    sock: socket.socket
    process: subprocess.Popen[bytes]

    def abandon(self) -> None:
        """Close the socket, at which the helper ends, and wait for that."""
        self.sock.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(START_LIMIT_S)


def find_python() -> str:
    """Return the system's Python if it is new enough (no virtual environment is root's), else this one."""
    probe = f"import sys; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    try:
        found = subprocess.run(
            [SYSTEM_PYTHON, "-I", "-S", "-c", probe],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=START_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return sys.executable
    return SYSTEM_PYTHON if found.returncode == 0 else sys.executable


def spawn_helper(config: HelperConfig, python: str | None = None) -> SpawnedHelper:
    """Start the helper as the present user, and wait until it is ready.

    Raises HelperError in words: no such RUN_AS_USER, no Python, a configuration it does not accept.
    """
    data = config.to_json(as_root=os.geteuid() == 0)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with theirs:
            process = _start(python or find_python(), theirs, data)
        try:
            _await_ready(ours)
        except BaseException:
            ours.close()  # at which it ends
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(START_LIMIT_S)
            raise
    except BaseException:
        ours.close()
        raise
    return SpawnedHelper(config, ours, process)


def _start(python: str, sock: socket.socket, data: bytes) -> subprocess.Popen[bytes]:
    fd = sealed(data)
    # Without environment: what was set for the core must not steer a root process.
    flags = ("-I", "-S", "-B", "-X", "utf8")
    try:
        return subprocess.Popen(
            [python, *flags, str(PROGRAM), str(sock.fileno()), str(fd)],
            env={"LC_ALL": "C.UTF-8"},
            pass_fds=(sock.fileno(), fd),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in a terminal is for the core alone
            cwd="/",
            umask=0o022,
        )
    except OSError as error:
        raise HelperError(f"the helper can't be started: {python}: {error.strerror}") from None
    finally:
        os.close(fd)


def _await_ready(sock: socket.socket) -> None:
    sock.settimeout(START_LIMIT_S)
    try:
        reply = decode_reply(sock.recv(MAX_MESSAGE))
    except (OSError, MessageError) as error:
        raise HelperError(f"the helper did not become ready ({error}); its standard error says why") from None
    if reply.id != OWN_ID or reply.state is not State.DONE:
        raise HelperError(f"the helper does not start: {reply.text}")
    sock.setblocking(False)

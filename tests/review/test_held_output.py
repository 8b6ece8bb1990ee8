# SPDX-License-Identifier: GPL-2.0-or-later
"""Nobody reads what an armed `serve` prints: the host is shut down all the same."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess

from tests.support.house import home, moved
from tests.support.ports import LOOPBACK
from tests.support.wait import wait_until

START_S = 20.0


def test_a_pipe_that_nobody_reads_does_not_stop_the_shutdown() -> None:
    """A held terminal, or a journal on a dead disk: readings are served, and SHUTDOWNCMD is run once."""
    with home() as one:
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
        argv = one.argv("serve", "--config", one.conf, "--armed", "--verbose")
        env = {**os.environ, **one.env}
        process = subprocess.Popen(argv, stdout=writer, stderr=subprocess.DEVNULL, env=env)
        os.close(writer)

        def answers() -> bool:
            with contextlib.suppress(OSError):
                return "OL" in one.get_var()
            return False

        try:
            wait_until(answers, START_S, "serve answers")
            for _ in range(200):  # each is a line that nobody reads
                with socket.create_connection((LOOPBACK, one.port), timeout=5) as link:
                    link.sendall(b"USERNAME nobody\nPASSWORD x\nLOGIN sim\n")
                    assert link.recv(100)
            assert answers()
            moved(one, "mains", "off")
            os.kill(process.pid, signal.SIGUSR1)
            done = one.root / "shut-down"
            wait_until(done.exists, START_S, "SHUTDOWNCMD has run")
            assert len(done.read_text().splitlines()) == 1
        finally:
            process.terminate()
            process.wait(30)
            os.close(reader)

# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 of our upsmon behind its SHUTDOWNCMD, as a real process: the next one does nothing twice."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.interop.test_upsmon_interop import LIMIT_S, LOW, ONLINE, move, our_upsmon
from tests.support.cnut import c_environment, c_upsd
from tests.support.procs import started
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut


def test_a_monitor_killed_behind_shutdowncmd_is_no_second_order(tmp_path: Path) -> None:
    """It sees OB LB and FSD again, says why it waits, keeps POWERDOWNFLAG, and runs nothing."""
    with c_upsd(tmp_path, {"ups": ONLINE}) as server:
        extra, options = ["SHUTDOWNEXIT no"], ["-p"]
        with our_upsmon(tmp_path / "host", server.target("ups"), extra=extra, options=options) as host:
            host.process.wait_output("logged in to UPS", LIMIT_S)
            move(server, LOW)
            wait_until(host.is_down, LIMIT_S, "SHUTDOWNCMD")
            host.process.send_signal(signal.SIGKILL)
            host.process.wait(LIMIT_S)
        argv = [sys.executable, "-m", "ridethrough.cli.main", "upsmon", "-F", "-p"]
        directory = host.directory
        with started(argv, env=c_environment(directory, directory), name="upsmon") as again:
            again.wait_output("it is not run again, and POWERDOWNFLAG stays", LIMIT_S)
            again.wait_output("is critical: forced shutdown (FSD) is set", LIMIT_S)
            assert (directory / "killpower").exists()
            assert len(host.down.read_text().splitlines()) == 1
            again.send_signal(signal.SIGTERM)
            assert again.wait(LIMIT_S) == 0
        assert host.kinds().count("SHUTDOWN") == 1
        (directory / "upsmon.stamp").unlink()
        with started(argv, env=c_environment(directory, directory), name="upsmon"):
            wait_until(lambda: len(host.down.read_text().splitlines()) == 2, LIMIT_S, "SHUTDOWNCMD again")

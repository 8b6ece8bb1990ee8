# SPDX-License-Identifier: GPL-2.0-or-later
"""The maintenance mode as a person uses it: real processes, an empty battery, and who is shut down when."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.support.house import Home, home, moved, script, ups_conf, upsmon_conf, wait_for_file
from tests.support.wait import wait_until

SOON_S = 15.0
TINY = ("capacity_wh = 1", "charge = 30", "load_w = 800")


@pytest.fixture
def at_home() -> Iterator[Home]:
    """A host whose battery is empty within seconds, and whose scripts are run."""
    with home() as one:
        commands = script(one.root / "cmd.sh", f"echo $NOTIFYTYPE $1 >>{one.root}/scripts")
        more = [f"NOTIFYFLAG {kind} SYSLOG+EXEC" for kind in ("ONBATT", "OTHER", "NOTOTHER")]
        one.write(
            ups_conf=ups_conf(*TINY),
            upsmon_conf=upsmon_conf(
                one, "RUN_AS_USER root", "OFFDURATION 0", "NOTIFYCMD /sbin/upssched", *more
            ),
            upssched_conf=f"CMDSCRIPT {commands}\nPIPEFN {one.root}/p\nLOCKFN {one.root}/l\n"
            "AT ONBATT * START-TIMER early 1\nAT OTHER * EXECUTE held\nAT NOTOTHER * EXECUTE over\n",
        )
        yield one


def maintenance(one: Home, *words: str) -> str:
    """`ridethrough maintenance WORDS`, which must succeed; what it says."""
    ran = one.run("maintenance", *words, "--state-dir", one.state)
    assert ran.status == 0, (ran.out, ran.err)
    return ran.out


def test_a_battery_runs_empty_in_maintenance(at_home: Home) -> None:
    """Told everywhere, held over kill -9 and a restart, and let go by `off`."""
    down = at_home.root / "shut-down"
    with at_home.serving("--armed") as process:
        assert at_home.run("maintenance", "status", "--state-dir", at_home.state).status == 1
        assert "this host is not shut down" in maintenance(at_home, "on", "1h", "--reason", "new battery")
        moved(at_home, "mains", "off")
        process.wait_output("would shut down now; held back by maintenance", SOON_S)
        assert "WOULD SHUT DOWN NOW" in maintenance(at_home, "status")
        status = at_home.run("status", "--state-dir", at_home.state)
        assert status.status == 1
        assert "NO   this host is shut down in time: held back by maintenance until" in status.out
        assert "-> ridethrough maintenance off" in status.out
        events = at_home.run("events", "--state-dir", at_home.state).out
        assert "OTHER: would shut down now; held back by maintenance" in events
        wait_until(lambda: "OTHER held" in wait_for_file(at_home.root / "scripts"), SOON_S, "the script")
        wait_until(lambda: "ONBATT early" in wait_for_file(at_home.root / "scripts"), SOON_S, "the timer")
        process.send_signal(signal.SIGKILL)
        process.wait(SOON_S)
    with at_home.serving("--armed", ready="maintenance goes on") as process:
        process.wait_output("logged in to UPS", SOON_S)
        moved(at_home, "mains", "off")
        process.wait_output("would shut down now; held back by maintenance", SOON_S)
        assert not down.exists()
        assert "THE SHUTDOWN BEGINS NOW: too little power" in maintenance(at_home, "off")
        wait_for_file(down)
    assert not (at_home.state / "maintenance.json").exists()


@pytest.mark.slow
def test_it_ends_by_itself(at_home: Home) -> None:
    """Nobody comes back: after its time the host goes down as ever."""
    with at_home.serving("--armed") as process:
        maintenance(at_home, "on", "12s")
        moved(at_home, "mains", "off")
        process.wait_output("would shut down now", 11.0)
        assert not (at_home.root / "shut-down").exists()
        wait_for_file(at_home.root / "shut-down", 2 * SOON_S)
        output = process.output()
        assert "its time is up" in output
        assert output.index("its time is up") < output.index("the shutdown begins, as a primary")


def test_a_timers_script_that_orders_a_shutdown(at_home: Home) -> None:
    """`upsmon -c fsd` in an upssched-cmd is held back and told; from a shell it is obeyed."""
    upsmon = " ".join(at_home.argv("upsmon", "-c", "fsd"))
    script(at_home.root / "cmd.sh", f"PYTHONPATH={':'.join(__import__('sys').path)} exec {upsmon}")
    at_home.write(ups_conf=ups_conf())
    with at_home.serving("--armed") as process:
        maintenance(at_home, "on", "1h")
        moved(at_home, "mains", "off")
        process.wait_output("the script of ONBATT orders a forced shutdown; held back", SOON_S)
        process.wait_output("a maintenance holds back what scripts order", SOON_S)
        assert not (at_home.root / "shut-down").exists()
        ran = at_home.run("upsmon", "-c", "fsd")
        assert ran.status == 0, ran.err
        wait_for_file(at_home.root / "shut-down")

# SPDX-License-Identifier: GPL-2.0-or-later
"""`serve` among C NUT's programs: clients, a secondary, a driver; and commands by signal, ours and C's."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import hosts
from tests.support.cnut import DRIVER_DIRECTORY, c_environment, c_tool, section_text
from tests.support.hosts import LIMIT_S, Primary
from tests.support.ports import LOOPBACK
from tests.support.procs import started
from tests.support.wait import wait_until

ADMIN = ("-u", "admin", "-p", "secret", "-w", "-t", "10")


# -- C's programs at serve ----------------------------------------------------------------------------


@pytest.mark.cnut
def test_c_clients_at_serve() -> None:
    """C upsc reads the simulated UPS, upsrw sets a value, upscmd moves it; without the right neither."""
    with hosts.place() as place, hosts.primary(place) as primary:
        target = primary.target()
        primary.wait_logins(1)
        assert c_tool("upsc", "-l", target.partition("@")[2]).stdout == b"ups\n"
        assert c_tool("upsc", "-c", target).stdout == b"this host\n"
        shown = c_tool("upsc", target).stdout.decode()
        assert "\ndriver.name: simulated-ups\n" in shown
        assert "\nups.status: OL CHRG\n" in shown

        done = c_tool("upsrw", "-s", "battery.charge.low=13", *ADMIN, target)
        assert (done.returncode, done.stderr) == (0, b"SUCCESS\n"), done
        assert c_tool("upsc", target, "battery.charge.low").stdout == b"13\n"
        done = c_tool("upscmd", *ADMIN, target, "beeper.disable")
        assert (done.returncode, done.stderr) == (0, b"SUCCESS\n"), done
        assert c_tool("upsc", target, "ups.beeper.status").stdout == b"disabled\n"

        refused = c_tool("upscmd", "-u", "sec", "-p", "pass", target, "load.off")
        assert refused.returncode != 0
        assert b"Access denied" in refused.stderr or b"ACCESS-DENIED" in refused.stderr
        assert c_tool("upsc", target, "ups.status").stdout == b"OL CHRG\n"


@pytest.mark.cnut
def test_a_c_secondary_beside_ours() -> None:
    """Under our primary C upsmon and ours leave at FSD alike, and both before the primary."""
    with (
        hosts.place() as place,
        hosts.primary(place) as primary,
        hosts.secondary(place, "ours", primary.target()) as ours,
        hosts.c_secondary(place, "theirs", primary.target()) as theirs,
    ):
        primary.wait_logins(3)
        primary.mains(False)
        last = primary.went_down()
        went = hosts.downs(place)
        assert sorted(down.host for down in went) == ["ours", "primary", "theirs"]
        assert went[-1] == last
        flags = {down.host: down.flag for down in went}
        # C 2.8.0 with -p writes the flag on a secondary as well.
        assert (flags["ours"], flags["primary"]) == (False, True)
        for host in (ours, theirs):
            assert {"ONBATT", "LOWBATT", "FSD", "SHUTDOWN"} <= set(host.kinds())
            assert host.hears("ONBATT").text == f"UPS {primary.target()} on battery"
        assert "HOSTSYNC is over" not in primary.process.output()


@contextlib.contextmanager
def c_driver(directory: Path, driver: str, name: str, dev: str) -> Iterator[Path]:
    """A C dummy-ups that calls itself `driver`, as user nut where the test is root; gives its .dev file."""
    run = hosts.state_directory(directory)
    conf = directory / "driver"
    conf.mkdir()
    dev_file = conf / f"{name}.dev"
    dev_file.write_text(dev)
    section = section_text(name, dev_file).replace("driver = dummy-ups", f"driver = {driver}")
    (conf / "ups.conf").write_text(section)
    program = conf / driver
    program.symlink_to(DRIVER_DIRECTORY / "dummy-ups")
    user = ["-u", "nut"] if os.geteuid() == 0 else []
    argv: list[str | Path] = [program, "-a", name, *user, "-F"]
    with started(argv, env=c_environment(conf, run), name=f"C {driver}") as process:

        def listens() -> bool:
            assert process.returncode is None, "it ended"
            return (run / f"{driver}-{name}").exists()

        wait_until(listens, LIMIT_S, "the driver's socket")
        yield dev_file


@pytest.mark.cnut
def test_a_c_driver_behind_serve() -> None:
    """A driver that is none of ours is read over its socket, and its low battery shuts this host down."""
    dev = "ups.status: OL\nbattery.charge: 90\n"
    with hosts.place() as place:
        directory = place / "primary"
        directory.mkdir()
        with (
            c_driver(directory, "other-ups", "ups", dev) as dev_file,
            hosts.primary(place, "driver = other-ups\nport = auto\n") as primary,
        ):
            wait_until(lambda: primary.status() == "OL", LIMIT_S, "its data")
            primary.wait_logins(1)
            done = c_tool("upsrw", "-s", "battery.charge=70", *ADMIN, primary.target())
            assert (done.returncode, done.stderr) == (0, b"SUCCESS\n"), done
            assert c_tool("upsc", primary.target(), "battery.charge").stdout == b"70\n"
            new = dev_file.with_suffix(".new")
            new.write_text("ups.status: OB LB\nbattery.charge: 8\n")
            os.utime(new, (dev_file.stat().st_mtime + 2,) * 2)  # It looks at whole seconds.
            new.replace(dev_file)
            assert primary.went_down().flag
            assert primary.status() == "FSD OB LB"


@pytest.mark.cnut
def test_serve_refuses_beside_a_c_driver_of_the_same_name() -> None:
    """A C dummy-ups that holds the UPS is named with its pid file or socket; nothing is started."""
    with hosts.place() as place:
        directory = place / "primary"
        directory.mkdir()
        with c_driver(directory, "dummy-ups", "ups", "ups.status: OL\n") as dev_file:
            section = f"driver = dummy-ups\nport = {dev_file}\n"
            with hosts.primary(place, section, wait_for_ready=False) as primary:
                assert primary.process.wait(LIMIT_S) == 1
                (line,) = primary.process.output().splitlines()
                assert "another NUT is at work: dummy-ups (pid " in line
                assert "/run/dummy-ups-ups; stop it first" in line
        assert not hosts.downs(place)


# -- commands by signal -------------------------------------------------------------------------------


def _command(primary: Primary, program: str, word: str, c: bool) -> None:
    """`upsmon -c` or `upsd -c`.  C's look for pid files in a place of their own, and are told the pid."""
    run = primary.directory / "run"
    pid = (run / f"{program}.pid").read_text().strip()
    argv = [f"/lib/nut/{program}"] if c else [*hosts.PROGRAM, program]
    words = ["-c", word, *(["-P", pid] if c else [])]
    with started([*argv, *words], env=c_environment(primary.directory, run), name=program) as process:
        assert process.wait(LIMIT_S) == 0, process.output()


PROGRAMS = [
    pytest.param(False, id="ours"),
    pytest.param(True, id="C", marks=pytest.mark.cnut),
]


@pytest.mark.parametrize("c", PROGRAMS)
def test_upsmon_c_fsd_reaches_serve(c: bool) -> None:
    """`upsmon -c fsd` shuts down what serve protects, the mains there or not; the server says FSD."""
    with hosts.place() as place, hosts.primary(place, hosts.LARGE) as primary:
        primary.wait_logins(1)
        _command(primary, "upsmon", "fsd", c)
        assert primary.went_down().flag
        assert primary.status() == "FSD OL"
        assert "a forced shutdown was ordered" in primary.process.output()
        assert {"FSD", "SHUTDOWN"} == set(primary.kinds())


@pytest.mark.parametrize("c", PROGRAMS)
def test_upsd_c_stop_ends_serve(c: bool) -> None:
    """`upsd -c stop` ends all of serve in order: exit 0, no pid file left, port closed, nothing shut down."""
    with hosts.place() as place, hosts.primary(place, hosts.LARGE) as primary:
        primary.wait_logins(1)
        _command(primary, "upsd", "stop", c)
        assert primary.process.wait(LIMIT_S) == 0
        assert "told to stop" in primary.process.output()
        assert list((primary.directory / "run").iterdir()) == []
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((LOOPBACK, primary.port), 5)
        assert not hosts.downs(place)


def test_a_broken_configuration_is_not_reloaded() -> None:
    """`upsd -c reload` with a fault in a file says it with its line, and everything goes on as before."""
    with hosts.place() as place, hosts.primary(place, hosts.LARGE) as primary:
        primary.wait_logins(1)
        conf = primary.directory / "ups.conf"
        conf.chmod(0o644)
        conf.write_text("[ups\ndriver = simulated-ups\n")
        _command(primary, "upsd", "reload", False)
        output = primary.process.wait_output("the configuration in force stays", LIMIT_S)
        assert "ups.conf:1: error: " in output
        assert primary.status() == "OL"
        assert primary.logins() == 1

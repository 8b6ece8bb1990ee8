# SPDX-License-Identifier: GPL-2.0-or-later
"""What a new user meets in the first ten minutes: each obstacle is one clear line that says what to do.

Everything runs as real processes, in private directories and on ports of its own.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ridethrough.ups.state import EMPTY, Draft
from tests.support.cnut import UPSD, c_dummy_ups, c_environment
from tests.support.fakedriver import fake_driver
from tests.support.house import (
    PASSWORD,
    Home,
    home,
    moved,
    ups_conf,
    upsmon_conf,
)
from tests.support.ports import LOOPBACK, free_port
from tests.support.procs import started
from tests.support.wait import wait_until

SOON_S = 10.0
ROOT = os.geteuid() == 0
SOMEBODY = "nobody" if ROOT else None
only_root = pytest.mark.skipif(not ROOT, reason="only root can start it as others")


@pytest.fixture
def at_home() -> Iterator[Home]:
    """A configuration that works."""
    with home() as one:
        yield one


@pytest.fixture
def somebody() -> Iterator[Home]:
    """The same for a user who is not root."""
    with home(SOMEBODY) as one:
        yield one


# -- what is in the way ------------------------------------------------------------------------------------


def test_a_port_in_use_is_named_with_its_holder(at_home: Home) -> None:
    """Host, port, program and pid, and where another port is written."""
    with socket.create_server((LOOPBACK, at_home.port)):
        line = at_home.refused()
    assert f"can't listen on {LOOPBACK}:{at_home.port}" in line
    assert f"(pid {os.getpid()})" in line
    assert "LISTEN" in line
    assert "--port" in line


@only_root
def test_a_port_of_another_user(somebody: Home) -> None:
    """Who is not root is told at least whose process it is."""
    with socket.create_server((LOOPBACK, somebody.port)):
        assert "by a process of user root" in somebody.refused()


def test_a_simulation_says_which_port_it_has(somebody: Home) -> None:
    """Without --port it finds a free one, also beside another server; with --port it names the holder."""
    with somebody.serving("--speed", "10", ready="move it with", config=False) as process:
        words = process.output().split("it serves on ")[1].split(";")[0]
        host, _, port = words.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=1.0) as link:
            link.sendall(b"GET VAR sim ups.status\n")
            assert link.recv(100) == b'VAR sim ups.status "OL"\n'
    with socket.create_server((LOOPBACK, somebody.port)):
        ran = somebody.run("serve", "--simulate", "--port", str(somebody.port))
    assert ran.status == 1
    assert f"{LOOPBACK}:{somebody.port}" in ran.line


def test_a_simulation_needs_no_root(somebody: Home) -> None:
    """The first command of the README, as somebody."""
    ran = somebody.run("serve", "--simulate", "--speed", "600", "--outage", "2s", "--port", "0")
    assert ran.status == 0, ran.err
    assert ran.err == ""
    for word in ("mains lost", "ONBATT", "LOWBATT", "FSD", "SHUTDOWNCMD", "cuts the load"):
        assert word in ran.out, f"{word} is missing in:\n{ran.out}"


@only_root
def test_a_state_directory_that_may_not_be_written(somebody: Home) -> None:
    """The user, the directory, and what to run."""
    shutil.chown(somebody.state, "root")
    somebody.state.chmod(0o755)
    line = somebody.refused()
    assert f"user {SOMEBODY} may not write to {somebody.state}" in line
    assert f"chown {SOMEBODY} {somebody.state}" in line
    somebody.state.rmdir()
    assert f"install -d -o {SOMEBODY} {somebody.state}" in somebody.refused()


def test_the_core_must_reach_its_state_directory(at_home: Home) -> None:
    """Root may have named a directory that the core's user can't even come near."""
    if not ROOT or "nut" not in {entry.pw_name for entry in pwd.getpwall()}:
        pytest.skip("only root drops root, and only to a user that is there")
    at_home.root.chmod(0o700)
    assert f"user nut may not enter {at_home.root}" in at_home.refused()


@only_root
def test_configuration_files_that_may_not_be_read(somebody: Home) -> None:
    """One line for all of them: the user, the files, how to go on."""
    for name in ("upsd.users", "upsmon.conf"):
        shutil.chown(somebody.conf / name, "root", "root")
    line = somebody.refused()
    assert f"user {SOMEBODY} may not read upsd.users, upsmon.conf in {somebody.conf}" in line
    assert "sudo ridethrough" in line
    assert "upsd.users" in somebody.run("check").out
    shutil.chown(somebody.conf, "root", "root")
    somebody.conf.chmod(0o700)
    assert f"user {SOMEBODY} may not enter {somebody.conf}" in somebody.refused()
    assert f"may not enter {somebody.conf}" in somebody.run("check").line


@only_root
def test_only_root_can_become_somebody_else(somebody: Home) -> None:
    """-u is refused in words."""
    assert "only root can become root" in somebody.refused("-u", "root")


# -- no UPS ------------------------------------------------------------------------------------------------


def test_no_ups_at_all(at_home: Home) -> None:
    """Neither a section nor a MONITOR line: what to write, and where."""
    at_home.write(ups_conf="", upsmon_conf="SHUTDOWNCMD true\n")
    line = at_home.refused()
    assert "has no UPS" in line
    assert "ups.conf" in line
    assert "MONITOR" in line


def test_a_section_without_driver(at_home: Home) -> None:
    """The section is named with its line, and what to write."""
    at_home.write(ups_conf="[sim]\n  desc = x\n", upsmon_conf="")
    ran = at_home.run("serve", "--config", at_home.conf)
    assert ran.status == 1
    assert "ups.conf:1: error: [sim] has no driver" in ran.err
    assert "has no UPS" in ran.err.splitlines()[-1]


def test_a_missing_dev_file_costs_only_its_ups(at_home: Home) -> None:
    """`serve` goes on; its log and `status` name the file."""
    at_home.write(ups_conf=ups_conf() + "[other]\n  driver = dummy-ups\n  port = nowhere.dev\n")
    with at_home.serving(ready="nowhere.dev") as process:
        process.wait_output("logged in", SOON_S)
        wait_until(lambda: at_home.get_var() == 'VAR sim ups.status "OL"', SOON_S, "the other UPS")
        ran = at_home.run("status")
        assert ran.status == 1
        (row,) = [line for line in ran.out.splitlines() if "other is read" in line]
        assert "nowhere.dev" in row
        assert row.startswith("NO")


def test_a_driver_that_does_not_run(at_home: Home) -> None:
    """One line: which socket was looked for, and how that driver is started; once, not at each attempt."""
    at_home.write(ups_conf="[sim]\n  driver = nutdrv_qx\n  port = auto\n")
    with at_home.serving(ready="cannot connect") as process:
        process.wait_output("COMMBAD", SOON_S)
        (line,) = [each for each in process.output().splitlines() if "cannot connect" in each]
        assert str(at_home.state / "nutdrv_qx-sim") in line
        assert "upsdrvctl start sim" in line
        assert at_home.get_var() == "ERR DRIVER-NOT-CONNECTED"


# -- other NUTs --------------------------------------------------------------------------------------------


@pytest.mark.cnut
def test_a_c_driver_of_the_same_name(at_home: Home, tmp_path: Path) -> None:
    """A live C dummy-ups is named with its pid, whether or not it has a pid file."""
    at_home.write(ups_conf="[sim]\n  driver = dummy-ups\n  port = sim.dev\n")
    with c_dummy_ups(tmp_path, "sim", "ups.status: OL\n", statepath=at_home.state) as driver:
        line = at_home.refused()
        assert f"dummy-ups (pid {driver.process.pid}) holds the socket {driver.socket}" in line
        assert f"kill {driver.process.pid}" in line
        pid_file = at_home.state / "dummy-ups-sim.pid"
        pid_file.write_text(f"{driver.process.pid}\n")
        line = at_home.refused()
        assert f"dummy-ups (pid {driver.process.pid}) holds the pid file {pid_file}" in line
        assert line.count("dummy-ups (pid") == 1


def test_a_foreign_driver_is_read_through_its_socket(at_home: Home) -> None:
    """A driver that we don't have may run: it is read beside our own, and nobody is in anybody's way."""
    at_home.write(ups_conf=ups_conf() + "[x]\n  driver = apcsmart\n  port = /dev/ttyS0\n")
    draft = Draft(EMPTY)
    draft.set("ups.status", "OL")
    draft.set("ups.model", "Smart-UPS")
    with fake_driver(at_home.state / "apcsmart-x", draft.commit()[0]):
        (at_home.state / "apcsmart-x").chmod(0o666)
        with at_home.serving():
            wait_until(
                lambda: at_home.get_var("x", "ups.model") == 'VAR x ups.model "Smart-UPS"', SOON_S, "x"
            )
            assert at_home.get_var() == 'VAR sim ups.status "OL"'


@pytest.mark.cnut
@pytest.mark.parametrize("pid_file", ["upsd.pid", "upsmon.pid"])
def test_a_living_daemon_of_nut(at_home: Home, tmp_path: Path, pid_file: str) -> None:
    """C upsd or upsmon at work: named with pid and pid file."""
    other = at_home.root / "other"
    other.mkdir()
    (other / "upsd.conf").write_text(f"LISTEN {LOOPBACK} {free_port()}\nALLOW_NO_DEVICE yes\n")
    for name in ("ups.conf", "upsd.users"):
        (other / name).write_text("")
    argv = [UPSD, "-F"] if pid_file == "upsd.pid" else ["/bin/sleep", "30"]
    if pid_file == "upsmon.pid":
        (other / "upsmon").symlink_to("/bin/sleep")
        argv = [other / "upsmon", "30"]
    with started([*argv], env=c_environment(other, other), name="C daemon") as daemon:
        (at_home.state / pid_file).write_text(f"{daemon.pid}\n")
        program = pid_file.removesuffix(".pid")
        wait_until(lambda: Path(f"/proc/{daemon.pid}/comm").read_text().strip() == program, SOON_S, program)
        line = at_home.refused()
    assert f"{program} (pid {daemon.pid}) holds the pid file {at_home.state / pid_file}" in line
    assert "systemctl stop nut.target" in line


def test_stale_pid_files_are_not_in_the_way(at_home: Home) -> None:
    """A dead pid, and a pid that another program has by now; root's own files are replaced by the core's."""
    (at_home.state / "upsd.pid").write_text("999999\n")
    (at_home.state / "upsmon.pid").write_text(f"{os.getpid()}\n")  # this is no NUT
    with at_home.serving() as process:
        assert (at_home.state / "upsd.pid").read_text() == f"{process.pid}\n"
        assert (at_home.state / "upsmon.pid").read_text() == f"{process.pid}\n"


def test_a_second_serve_is_refused(at_home: Home) -> None:
    """It is called by its name, with its pid; the first goes on."""
    with at_home.serving() as process:
        line = at_home.refused()
        assert f"ridethrough serve (pid {process.pid})" in line
        assert f"kill {process.pid}" in line
        assert at_home.get_var() == 'VAR sim ups.status "OL"'


# -- a POWERDOWNFLAG that was left -------------------------------------------------------------------------


def test_a_stale_powerdownflag(at_home: Home) -> None:
    """Dry-run leaves it and says so; armed it is removed, in one line."""
    flag = at_home.root / "killpower"
    flag.write_text("upsmon-shutdown-file")
    with at_home.serving() as process:
        (line,) = lines_with(process.output(), "POWERDOWNFLAG")
        assert "--armed removes it" in line
    assert flag.exists()
    with at_home.serving("--armed") as process:
        (line,) = lines_with(process.output(), "POWERDOWNFLAG")
        assert str(flag) in line
        assert "was removed" in line
    assert not flag.exists()


def test_a_powerdownflag_that_is_none(at_home: Home) -> None:
    """A file of the user's is never removed; both runs say that it can't serve as the flag."""
    flag = at_home.root / "killpower"
    flag.write_text("dear diary")
    for options in ((), ("--armed",)):
        with at_home.serving(*options) as process:
            (line,) = lines_with(process.output(), "POWERDOWNFLAG")
            assert "not NUT's" in line
            assert "removes it" not in line
    assert flag.read_text() == "dear diary"


# -- a wrong password --------------------------------------------------------------------------------------


def test_a_wrong_password(at_home: Home) -> None:
    """`check` names both lines, `serve` is loud, `status` names the login; nobody names the password."""
    at_home.write(upsmon_conf=upsmon_conf(at_home, password="falsch-99"))
    ran = at_home.run("check")
    assert ran.status == 1
    assert "upsmon.conf:1" in ran.out
    assert "upsd.users:1" in ran.out
    said = [ran.out]
    with at_home.serving(ready="this host is not protected") as process:
        ran = at_home.run("status")
        said += [ran.out, process.output()]
        assert ran.status == 1
        lines = ran.out.splitlines()
        (number,) = [at for at, line in enumerate(lines) if line.startswith("NO   login on sim@")]
        assert lines[number + 1].strip() == f"-> ridethrough check --config {at_home.conf}"
        moved(at_home, "mains", "off")
        process.wait_output("ONBATT", SOON_S)
    for text in said:
        assert PASSWORD not in text
        assert "falsch-99" not in text


# -- a fresh installation ----------------------------------------------------------------------------------

SHIPPED = {
    "nut_conf": "# as it comes\nMODE=none\n",
    "ups_conf": "# UPS definitions go here\nmaxretry = 3\n",
    "upsd_conf": "# MAXAGE 15\n# LISTEN 127.0.0.1 3493\n",
    "upsd_users": "# [admin]\n#   password = mypass\n",
    "upsmon_conf": (
        "# MONITOR myups@bigserver 1 monmaster blah primary\nMINSUPPLIES 1\n"
        'SHUTDOWNCMD "/sbin/shutdown -h +0"\nPOLLFREQ 5\nPOLLFREQALERT 5\nHOSTSYNC 15\nDEADTIME 15\n'
        "POWERDOWNFLAG /etc/killpower\nRBWARNTIME 43200\nNOCOMMWARNTIME 300\nFINALDELAY 5\n"
    ),
    "upssched_conf": "CMDSCRIPT /bin/upssched-cmd\n",
}


def test_what_a_package_installs_is_not_configured_yet(at_home: Home) -> None:
    """MODE=none: one line that says what to do first."""
    at_home.write(**SHIPPED)
    line = at_home.refused()
    assert "MODE=none" in line
    assert "MODE=standalone" in line
    assert f"ridethrough check --config {at_home.conf}" in line
    assert at_home.refused("--simulate") == line


@pytest.mark.cnut
def test_what_debian_installs_is_not_configured_yet(at_home: Home) -> None:
    """The very files of Debian's packages, as far as nobody has edited them here."""
    real = Path("/etc/nut")
    if not all(os.access(real / f"{name}.conf", os.R_OK) for name in ("nut", "ups", "upsd", "upsmon")):
        pytest.skip("/etc/nut may not be read")
    if "MODE=none" not in (real / "nut.conf").read_text().split():
        pytest.skip("/etc/nut is in use")
    for path in real.iterdir():
        if path.is_file():
            shutil.copy(path, at_home.conf)
    assert "MODE=none" in at_home.refused()


# -- helpers -----------------------------------------------------------------------------------------------


def lines_with(text: str, word: str) -> list[str]:
    """The lines that hold a word."""
    return [line for line in text.splitlines() if word in line]

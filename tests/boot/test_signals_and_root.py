# SPDX-License-Identifier: GPL-2.0-or-later
"""A running `serve`: how it ends and reloads, what of it is root, and that nothing is imported late."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.house import Home, configure, home, moved, ups_conf, wait_for_file
from tests.support.wait import wait_until

SOON_S = 10.0
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as others")


@pytest.fixture
def at_home() -> Iterator[Home]:
    """A configuration that works."""
    with home() as one:
        yield one


# -- signals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
def test_a_clean_end(at_home: Home, number: signal.Signals) -> None:
    """Exit status 0, and nothing is left behind."""
    with at_home.serving("--armed") as process:
        assert os.listdir(at_home.state)
        process.send_signal(number)
        assert process.wait(SOON_S) == 0
        assert "told to stop" in process.output()
    assert os.listdir(at_home.state) == []
    assert not (at_home.root / "shut-down").exists()


def test_a_broken_file_is_not_taken_at_reload(at_home: Home) -> None:
    """SIGHUP: file and line are said, the old configuration stays; once mended, the new one counts."""
    with at_home.serving() as process:
        at_home.write(ups_conf="[sim\n")
        process.send_signal(signal.SIGHUP)
        output = process.wait_output("the configuration in force stays", SOON_S)
        assert "ups.conf:1: error" in output
        assert at_home.get_var() == 'VAR sim ups.status "OL"'
        configure(at_home)
        at_home.write(ups_conf=ups_conf() + ups_conf(name="second"))
        process.send_signal(signal.SIGHUP)
        process.wait_output("was read again", SOON_S)
        wait_until(lambda: at_home.get_var("second") == 'VAR second ups.status "OL"', SOON_S, "second")


def test_sigusr1_orders_a_forced_shutdown(at_home: Home) -> None:
    """As `upsmon -c fsd` sends it; dry-run says what would run, and runs nothing."""
    with at_home.serving() as process:
        process.send_signal(signal.SIGUSR1)
        output = process.wait_output("would run SHUTDOWNCMD", SOON_S)
        assert f"would write POWERDOWNFLAG {at_home.root}/killpower" in output
        assert f"would run SHUTDOWNCMD: {at_home.root}/shutdown.sh" in output
    assert not (at_home.root / "killpower").exists()
    assert not (at_home.root / "shut-down").exists()


# -- root, and what it gives up ----------------------------------------------------------------------------

TINY = ("capacity_wh = 1", "charge = 30", "load_w = 800")


@only_root
@pytest.mark.cnut
def test_root_is_kept_by_the_helper_alone(at_home: Home) -> None:
    """The core is nut's, the helper root's; an outage runs SHUTDOWNCMD as root, once, with the flag written.

    A Python in root's home can't be read any more by then: whatever is imported too late fails here.
    """
    at_home.write(ups_conf=ups_conf(*TINY))
    nut = pwd.getpwnam("nut").pw_uid
    with at_home.serving("--armed", "-u", "nut") as process:
        assert uid_of(process.pid) == nut
        assert [uid_of(child) for child in children(process.pid)] == [0]
        assert at_home.run("status").out.startswith(f"yes  serve runs: pid {process.pid}")
        moved(at_home, "mains", "off")
        assert wait_for_file(at_home.root / "shut-down") == "0\n"
        output = process.wait_output("SHUTDOWNCMD ended with status 0", SOON_S)
        assert output.index("LOWBATT") < output.index("FSD")
        assert (at_home.root / "killpower").read_text().startswith("upsmon-shutdown-file")
    assert (at_home.root / "shut-down").read_text() == "0\n"


def test_nothing_is_imported_once_it_is_armed(at_home: Home) -> None:
    """Neither a dropped root nor a disk that is gone may keep a shutdown from running."""
    at_home.write(ups_conf=ups_conf(*TINY))
    python, at_home.python = at_home.python, (*at_home.python, "-X", "importtime")
    with at_home.serving("--armed") as process:
        at_home.python = python
        moved(at_home, "mains", "off")
        wait_for_file(at_home.root / "shut-down")
        process.send_signal(signal.SIGHUP)
        process.wait_output("was read again", SOON_S)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON_S) == 0
        lines = process.output().splitlines()
    imports = [at for at, line in enumerate(lines) if line.startswith("import time:")]
    first = next(at for at in range(imports[0], len(lines)) if "import time:" not in lines[at])
    assert len(imports) > 100
    assert [lines[at] for at in imports if at > first] == []


@pytest.mark.parametrize("managed", [True, False], ids=["systemd", "by hand"])
def test_a_dead_helper_ends_what_a_service_manager_starts_again(at_home: Home, managed: bool) -> None:
    """With systemd the service fails: only a new start has a new helper; by hand it goes on and says so."""
    with tempfile.TemporaryDirectory() as place, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"{place}/notify")
        if managed:
            at_home.more_env = {**at_home.more_env, "NOTIFY_SOCKET": f"{place}/notify"}
        with at_home.serving("--armed") as process:
            [helper] = children(process.pid)
            os.kill(helper, signal.SIGKILL)
            if managed:
                assert process.wait(SOON_S) == 1
                assert "starts it with a new helper" in process.output()
                return
            process.wait_output("can't shut the host down until it is restarted", SOON_S)
            status = at_home.run("status")
            assert status.status == 1
            assert at_home.get_var() == 'VAR sim ups.status "OL"'


# -- helpers -----------------------------------------------------------------------------------------------


def uid_of(pid: int) -> int:
    """The effective user of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    line = next(each for each in lines if each.startswith("Uid:"))
    return int(line.split()[2])


def children(pid: int) -> list[int]:
    """Its child processes."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

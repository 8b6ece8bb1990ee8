# SPDX-License-Identifier: GPL-2.0-or-later
"""C NUT's programs against our upsd."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cnut import USERS, CUpsd, c_dummy_ups, c_environment, c_tool, state_directory
from tests.support.our_upsd import OurUpsd, converse, our_upsd
from tests.support.procs import started
from tests.support.upsd_pair import DEV, WAIT_S, fresh, upsd_pair
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut

UPSMON = Path("/lib/nut/upsmon")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CUpsd, OurUpsd]]:
    """A C upsd and ours over the same three C dummy-ups drivers."""
    with upsd_pair(tmp_path_factory.mktemp("pair")) as both:
        yield both


def test_c_upsc_reads_ours(pair: tuple[CUpsd, OurUpsd]) -> None:
    """C upsc prints the same from both servers: names, one variable, all, clients; and the same errors."""
    c, ours = pair
    for words in (["-l", "{}"], ["su700@{}", "ups.status"], ["su700@{}"], ["-c", "su700@{}"], ["nosuch@{}"]):
        own = c_tool("upsc", *(word.format(f"{ours.host}:{ours.port}") for word in words))
        theirs = c_tool("upsc", *(word.format(f"{c.host}:{c.port}") for word in words))
        assert (own.returncode, own.stdout) == (theirs.returncode, theirs.stdout), words
        assert own.stderr == theirs.stderr, words
    assert b"\nups.status: OL\n" in c_tool("upsc", ours.target("su700")).stdout


def test_c_upsrw_sets_through_ours(pair: tuple[CUpsd, OurUpsd]) -> None:
    """C upsrw lists our writable variables, sets one through to the driver, and sees it tracked."""
    _, ours = pair
    listed = c_tool("upsrw", ours.target("other"))
    assert b"[battery.charge]" in listed.stdout
    words = ["-s", "battery.charge=42", "-u", "admin", "-p", "secret"]
    done = c_tool("upsrw", "-w", *words, ours.target("other"))
    assert (done.returncode, done.stderr.count(b"Unexpected")) == (0, 0), done
    wait_until(lambda: _value(ours, "other", "battery.charge") == b"42\n", WAIT_S, "the value that was set")
    refused = c_tool("upsrw", "-s", "battery.charge=1", "-u", "admin", "-p", "wrong", ours.target("other"))
    assert refused.returncode != 0
    assert b"ACCESS-DENIED" in refused.stderr or b"Access denied" in refused.stderr
    # The server takes up what its client did, and says why it refused.
    assert "wrong password for user admin" in ours.process.output()
    assert "refused to admin@127.0.0.1" in ours.process.output()
    assert "secret" not in ours.process.output()


def test_c_upscmd_commands_through_ours(pair: tuple[CUpsd, OurUpsd]) -> None:
    """C upscmd lists our commands and hears what became of one that was tracked."""
    c, ours = pair
    assert b"load.off" in c_tool("upscmd", "-l", ours.target("su700")).stdout
    # C dummy-ups offers load.off and then does not know it: that answer comes through the same way.
    told = [
        c_tool("upscmd", "-w", "-u", "admin", "-p", "secret", server.target("su700"), "load.off")
        for server in (ours, c)
    ]
    assert [(one.returncode, one.stdout, one.stderr) for one in told] == [(0, b"", b"ERR UNKNOWN\n")] * 2
    assert "INSTCMD load.off: unknown" in ours.process.output()
    refused = c_tool("upscmd", "-u", "watcher", "-p", "pass", ours.target("su700"), "load.off")
    assert refused.returncode != 0
    assert b"ACCESS-DENIED" in refused.stderr or b"Access denied" in refused.stderr


def _value(ours: OurUpsd, ups: str, name: str) -> bytes:
    return c_tool("upsc", ours.target(ups), name).stdout


# -- C's upsmon -------------------------------------------------------------------------------------


def test_c_upsmon_is_served_and_takes_fsd(tmp_path: Path) -> None:
    """C upsmon as a primary logs in at ours, is counted, sees ONBATT and LOWBATT, sets FSD, shuts down."""
    with (
        state_directory() as state,
        c_dummy_ups(tmp_path, "su700", DEV, statepath=state) as driver,
        our_upsd(tmp_path, {"su700": "dummy-ups"}, state) as ours,
    ):
        wait_until(lambda: fresh(ours, "su700"), WAIT_S, "data at our upsd")
        conf = _upsmon_files(tmp_path, ours)
        run = tmp_path / "upsmon-run"
        run.mkdir()
        env = {**c_environment(conf, state), "NUT_PIDPATH": str(run), "NUT_ALTPIDPATH": str(run)}
        with started([UPSMON, "-D", "-u", "root"], env=env, name="C upsmon") as upsmon:
            wait_until(lambda: _logins(ours) == 1, WAIT_S, "the login of C upsmon")
            written = _pid_written_by(upsmon.pid)
            assert c_tool("upsc", "-c", ours.target("su700")).stdout == b"127.0.0.1\n"
            driver.dev_file.write_text(DEV.replace("ups.status: OL", "ups.status: OB"))
            _moved(driver.dev_file, 1)
            upsmon.wait_output("on battery", WAIT_S)
            driver.dev_file.write_text(DEV.replace("ups.status: OL", "ups.status: OB LB"))
            _moved(driver.dev_file, 2)
            wait_until(lambda: b"FSD" in _value(ours, "su700", "ups.status"), WAIT_S, "FSD")
            assert _value(ours, "su700", "ups.status") == b"FSD OB LB\n"
            wait_until((tmp_path / "shutdown").exists, WAIT_S, "SHUTDOWNCMD of C upsmon")
        wait_until(lambda: _logins(ours) == 0, WAIT_S, "the end of its login")
        _remove_pid_file(written)
        assert "set FSD (forced shutdown) on UPS [su700]" in ours.process.output()


PID_FILE = Path("/run/nut/upsmon.pid")


def _pid_written_by(session: int) -> str:
    """What C upsmon wrote there, whatever its environment says: the pid of the child that does the work."""
    with contextlib.suppress(OSError, ValueError):
        text = PID_FILE.read_text().strip()
        if os.getsid(int(text)) == session:
            return text
    return ""


def _remove_pid_file(written: str) -> None:
    """C upsmon leaves its pid file behind; somebody else's is left alone."""
    with contextlib.suppress(OSError):
        if written and PID_FILE.read_text().strip() == written:
            PID_FILE.unlink()


def _logins(ours: OurUpsd) -> int:
    return int(converse(ours.port, [b"GET NUMLOGINS su700\n"])[0].split()[2])


def _moved(path: Path, seconds: int) -> None:
    """C dummy-ups looks at a file's time in whole seconds; make a change visible to it."""
    info = path.stat()
    os.utime(path, (info.st_atime, info.st_mtime + seconds))


def _upsmon_files(tmp_path: Path, ours: OurUpsd) -> Path:
    conf = tmp_path / "upsmon"
    conf.mkdir()
    lines = [
        f"MONITOR {ours.target('su700')} 1 monuser pass primary",
        "MINSUPPLIES 1",
        f'SHUTDOWNCMD "{shutil.which("touch")} {tmp_path / "shutdown"}"',
        f"POWERDOWNFLAG {tmp_path / 'killpower'}",
        "POLLFREQ 1",
        "POLLFREQALERT 1",
        "HOSTSYNC 1",
        "FINALDELAY 0",
        "RUN_AS_USER root",
        "",
    ]
    (conf / "upsmon.conf").write_text("\n".join(lines))
    (conf / "upsmon.conf").chmod(0o600)
    return conf


# -- our upsd as a daemon ----------------------------------------------------------------------------


def test_readings_end_with_their_driver(tmp_path: Path) -> None:
    """When the C driver ends, its readings are withheld at once, and served again when it is back."""
    with state_directory() as state, our_upsd(tmp_path, {"su700": "dummy-ups"}, state) as ours:
        asked = [b"GET VAR su700 ups.status\n"]
        assert converse(ours.port, asked) == [b"ERR DRIVER-NOT-CONNECTED\n"]
        with c_dummy_ups(tmp_path, "su700", DEV, statepath=state) as driver:
            wait_until(lambda: fresh(ours, "su700"), WAIT_S, "data at our upsd")
            driver.process.send_signal(signal.SIGTERM)
            driver.process.wait(WAIT_S)
            wait_until(
                lambda: converse(ours.port, asked) == [b"ERR DRIVER-NOT-CONNECTED\n"],
                WAIT_S,
                "the end of its data",
            )


def test_the_users_are_those_of_the_file() -> None:
    """The tests above talk about these users."""
    assert all(f"[{name}]" in USERS for name in ("admin", "monuser", "watcher"))

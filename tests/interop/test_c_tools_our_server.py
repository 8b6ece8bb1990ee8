# SPDX-License-Identifier: GPL-2.0-or-later
"""C NUT's programs against our upsd, and our upsd against C's, reply by reply."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cnut import USERS, CUpsd, c_dummy_ups, c_environment, c_tool, c_upsd, state_directory
from tests.support.our_upsd import OurUpsd, converse, our_upsd
from tests.support.procs import started
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut

DEV = """\
device.mfr: Dummy
ups.status: OL
ups.load: 12
ups.delay.start: 30
battery.charge: 100
battery.runtime: 600
input.voltage: 230.1
ups.mfr.date: 2024/01/01
ups.contacts: "a \\"quoted\\" \\\\ word"
outlet.desc: Main Outlet
"""
UPSMON = Path("/lib/nut/upsmon")
WAIT_S = 15.0


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CUpsd, OurUpsd]]:
    """A C upsd and ours over the same three C dummy-ups drivers."""
    tmp_path = tmp_path_factory.mktemp("pair")
    devices = {"su700": DEV, "other": DEV, "latched": DEV}
    with (
        c_upsd(tmp_path, devices) as c,
        our_upsd(tmp_path, dict.fromkeys(devices, "dummy-ups"), c.statepath) as ours,
    ):
        for name in devices:
            wait_until(lambda name=name: _fresh(ours, name), WAIT_S, f"{name} at our upsd")
        yield c, ours


def _fresh(ours: OurUpsd, name: str) -> bool:
    return converse(ours.port, [f"GET VAR {name} ups.status\n".encode()])[0].startswith(b"VAR ")


# -- the same lines to both ----------------------------------------------------------------------

READS = """
VER x
NETVER
NETVER x
PROTVER
PROTVER x
HELP x
STARTTLS
NOSUCH
nosuch words here
GET
GET NOSUCH
GET NOSUCH su700
GET NOSUCH su700 x
GET VAR
GET VAR su700
GET VAR su700 ups.status
get var su700 ups.status
GET VAR SU700 UPS.STATUS
GET VAR su700 ups.status more words
GET VAR su700 ups.contacts
GET VAR su700 "outlet.desc"
GET VAR "su700" "ups.load"
GET VAR su700 device.mfr
GET VAR su700 driver.name
GET VAR su700 driver.version
GET VAR su700 no.such
GET VAR nosuch ups.status
GET VAR nosuch server.version
GET VAR su700 server.version
GET VAR su700 SERVER.VERSION
GET VAR su700 server.nosuch
GET VAR "" ups.status
GET VAR su700 ""
GET VAR = su700
GET TYPE
GET TYPE su700
GET TYPE su700 ups.status
GET TYPE su700 ups.load
GET TYPE su700 battery.charge
GET TYPE su700 driver.name
GET TYPE su700 device.mfr
GET TYPE su700 no.such
GET TYPE nosuch ups.status
GET DESC
GET DESC su700
GET DESC su700 no.such
GET DESC nosuch ups.status
GET CMDDESC
GET CMDDESC su700
GET CMDDESC su700 no.such
GET CMDDESC nosuch load.off
GET UPSDESC
GET UPSDESC su700
GET UPSDESC SU700
GET UPSDESC nosuch
GET NUMLOGINS
GET NUMLOGINS su700
GET NUMLOGINS su700 more
GET NUMLOGINS nosuch
GET TRACKING
GET TRACKING 1bd31808-cb49-4aec-9d75-d056e6f018d2
LIST
LIST NOSUCH
LIST NOSUCH su700
LIST NOSUCH su700 x
LIST UPS
LIST UPS more
list ups
LIST VAR
LIST VAR su700
LIST VAR SU700
LIST VAR su700 more
LIST VAR nosuch
LIST RW
LIST RW su700
LIST RW nosuch
LIST CMD
LIST CMD su700
LIST CMD nosuch
LIST ENUM
LIST ENUM su700
LIST ENUM su700 ups.status
LIST ENUM su700 no.such
LIST ENUM nosuch ups.status
LIST RANGE
LIST RANGE su700
LIST RANGE su700 ups.status
LIST RANGE su700 no.such
LIST RANGE nosuch ups.status
LIST CLIENT
LIST CLIENT su700
LIST CLIENT SU700
LIST CLIENT nosuch
USERNAME
USERNAME a b
PASSWORD
PASSWORD a b
LOGOUT x
LOGIN
LOGIN su700
LOGIN nosuch
PRIMARY
PRIMARY su700
MASTER
MASTER nosuch
FSD
FSD nosuch
SET
SET VAR
SET VAR su700 ups.load 5
SET TRACKING ON
INSTCMD
INSTCMD su700
INSTCMD su700 load.off
GET VAR su700 ups.status # a comment
GET\tVAR\tsu700\tups.status
   GET   VAR   su700   ups.status
"GET" "VAR" "su700" "ups.status"
GET V\\AR su700 ups.status
""".strip().splitlines()

WRITES = """
LOGIN
LOGIN a b
LOGIN nosuch
LOGIN su700
LOGIN su700
LOGIN other
GET NUMLOGINS su700
LIST CLIENT su700
LIST CLIENT other
PRIMARY
PRIMARY a b
PRIMARY nosuch
PRIMARY su700
MASTER
MASTER nosuch
MASTER su700
FSD
FSD a b
FSD nosuch
FSD latched
GET VAR latched ups.status
USERNAME other
PASSWORD other
SET
SET VAR
SET VAR su700
SET VAR su700 ups.load
SET VAR nosuch ups.load 5
SET VAR su700 no.such 5
SET VAR su700 driver.name x
SET VAR su700 ups.status "123456789012345678901234567890123"
SET VAR su700 ups.delay.start 31
SET NOSUCH
SET NOSUCH x
SET TRACKING
SET TRACKING MAYBE
SET TRACKING ON
GET TRACKING
GET TRACKING nosuch
SET TRACKING OFF
GET TRACKING
INSTCMD
INSTCMD su700
INSTCMD nosuch load.off
INSTCMD su700 no.such
INSTCMD su700 load.off
""".strip().splitlines()

# Where we answer otherwise on purpose: request -> (our reply as a pattern, why).
ALLOWED: dict[str, tuple[bytes, str]] = {
    "HELP": (b"Commands: HELP VER PROTVER GET .*\n", "C names PROTVER only since 2.8.1"),
    "GET VAR su700 server.info": (b"VAR .*Ridethrough.*\n", "the program says who it is"),
    "VER": (b"Network UPS Tools upsd 2.8.0 - Ridethrough .*\n", "the program says who it is"),
    "GET DESC su700 ups.status": (b'DESC su700 ups.status ".+"\n', "our descriptions are our own words"),
    "GET CMDDESC su700 load.off": (b'CMDDESC su700 load.off ".+"\n', "our descriptions are our own words"),
    "": (b"", "a line without words is no request; C answers UNKNOWN-COMMAND"),
    "# only a comment": (b"", "a line without words is no request; C answers UNKNOWN-COMMAND"),
    'GET DESC su700 "a b"': (
        b'DESC su700 "a b" "Description unavailable"\n',
        "an echoed name is quoted where the reader would take it apart; C writes it bare",
    ),
}
# Requests that C takes while it drops words in silence; we refuse them (for a user who may do them).
STRICTER = ("SET VAR su700 ups.delay.start 3 2", "INSTCMD su700 load.off 1 2", "SET TRACKING OFF now")


def test_reads_are_answered_as_by_c(pair: tuple[CUpsd, OurUpsd]) -> None:
    """Each request of a nameless session gets the same bytes from both servers."""
    c, ours = pair
    requests = [f"{line}\n".encode() for line in READS]
    theirs, own = converse(c.port, requests), converse(ours.port, requests)
    assert len(theirs) == len(READS)
    assert dict(zip(READS, own, strict=True)) == dict(zip(READS, theirs, strict=True))


@pytest.mark.parametrize(
    "login",
    ["admin secret", "monuser pass", "watcher pass", "admin wrong", "nobody x", 'admin ""', "Admin secret"],
)
def test_writes_are_answered_as_by_c(pair: tuple[CUpsd, OurUpsd], login: str) -> None:
    """What each kind of user is granted and refused, and with which word, is the same with both servers."""
    c, ours = pair
    user, password = login.split()
    lines = [f"USERNAME {user}", f"PASSWORD {password}", *WRITES]
    requests = [f"{line}\n".encode() for line in lines]
    theirs, own = converse(c.port, requests), converse(ours.port, requests)
    assert len(theirs) == len(lines)
    assert list(zip(lines, own, strict=True)) == list(zip(lines, theirs, strict=True))


def test_differences_are_those_that_are_listed(pair: tuple[CUpsd, OurUpsd]) -> None:
    """Where we differ, it is on purpose, in the listed way; and C still does otherwise."""
    c, ours = pair
    for line, (pattern, why) in ALLOWED.items():
        request = [f"{line}\n".encode()]
        own, theirs = converse(ours.port, request)[0], converse(c.port, request)[0]
        assert re.fullmatch(pattern, own), (line, own, why)
        assert own != theirs, f"C answers the same to {line!r}: take it off the list"
    admin = [b"USERNAME admin\n", b"PASSWORD secret\n"]
    for line in STRICTER:
        request = [*admin, f"{line}\n".encode()]
        assert converse(ours.port, request)[-1] == b"ERR INVALID-ARGUMENT\n", line
        assert converse(c.port, request)[-1] == b"OK\n", line


# -- C's programs ---------------------------------------------------------------------------------


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
        wait_until(lambda: _fresh(ours, "su700"), WAIT_S, "data at our upsd")
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
            wait_until(lambda: _fresh(ours, "su700"), WAIT_S, "data at our upsd")
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

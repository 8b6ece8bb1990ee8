# SPDX-License-Identifier: GPL-2.0-or-later
"""The privileged helper in a shutdown: SHUTDOWNCMD once, whatever happens, the flag and the capsule."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from ridethrough.privsep import helper
from ridethrough.privsep.messages import Reply, State, Verb
from tests.support.helper_core import NOTICE, Start, script
from tests.support.wait import wait_until


def test_shutdowncmd_runs_once(start: Start, tmp_path: Path) -> None:
    """It is the administrator's own shell text; a second request is refused, however often it is asked."""
    core = start(shutdowncmd=f"echo run >>{tmp_path}/log; exit 4 # $0")
    numbers = [core.send(Verb.SHUTDOWN) for _ in range(5)]
    replies = [core.wait(number) for number in numbers]
    assert replies[0] == Reply(1, State.DONE, 4, "")
    assert {reply.text for reply in replies[1:]} == {"SHUTDOWNCMD was run already; it is run once"}
    assert (tmp_path / "log").read_text() == "run\n"


def test_without_shutdowncmd_that_is_said(start: Start) -> None:
    """Nothing configured, or only blanks: refused in words."""
    for command in (None, "", "  "):
        assert "no SHUTDOWNCMD is configured" in start(shutdowncmd=command).ask(Verb.SHUTDOWN).text


def test_shutdowncmd_outlives_the_helper(start: Start, tmp_path: Path) -> None:
    """The core dies, the helper ends, nobody reads the log any more: SHUTDOWNCMD goes on writing and ends."""
    work = f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; echo word; echo word; touch {tmp_path}/down"
    reader, writer = os.pipe()
    kept = os.dup(2)
    os.dup2(writer, 2)  # the helper's standard error is a pipe whose reader goes away
    try:
        core = start(shutdowncmd=work)
    finally:
        os.dup2(kept, 2)
        for fd in (kept, writer):
            os.close(fd)
    core.wait(core.send(Verb.SHUTDOWN), State.STARTED)
    core.end()
    os.close(reader)
    (tmp_path / "go").touch()
    wait_until((tmp_path / "down").exists, 10, "SHUTDOWNCMD to finish")


def test_a_dying_core_is_still_obeyed(start: Start, tmp_path: Path) -> None:
    """What was asked before the socket closed is done, also with replies unread (the kernel says "reset")."""
    core = start(
        shutdowncmd=f"touch {tmp_path}/down", notifycmd=script(tmp_path / "n", f"touch {tmp_path}/told")
    )
    for _ in range(20):
        core.send(Verb.PING)
    core.send(Verb.NOTIFYCMD, **NOTICE)
    core.send(Verb.SHUTDOWN)
    core.end()
    assert core.process.returncode == 0
    wait_until(lambda: (tmp_path / "down").exists() and (tmp_path / "told").exists(), 10, "both to be run")


def test_signals_do_not_end_it(start: Start) -> None:
    """TERM, INT and HUP reach all processes of the service at the host's end; the core may still need it."""
    core = start(notifycmd="/bin/sh -c 'trap' ")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        core.process.send_signal(number)
    assert core.ask(Verb.PING).exit == 0


def test_children_can_be_interrupted(start: Start) -> None:
    """What the helper ignores its children do not: a script without trap ends on TERM, INT, HUP and PIPE."""
    core = start(notifycmd="for s in TERM INT HUP PIPE; do sh -c 'kill -'$s' $$; echo alive'; done; :")
    reply = core.ask(Verb.NOTIFYCMD, **NOTICE)
    assert "alive" not in reply.text


def test_the_flag_is_nuts_own(start: Start, tmp_path: Path) -> None:
    """Written with NUT's text and nothing beside it, cleared, and cleared again without complaint."""
    flag = tmp_path / "killpower"
    core = start(powerdownflag=str(flag))
    for _ in range(2):
        assert core.ask(Verb.WRITE_POWERDOWNFLAG).exit == 0
        assert flag.read_bytes() == b"upsmon-shutdown-file"
        assert stat.S_IMODE(flag.stat().st_mode) == 0o644
        assert os.listdir(tmp_path) == ["killpower"]
    for _ in range(2):
        assert core.ask(Verb.CLEAR_POWERDOWNFLAG).exit == 0
        assert os.listdir(tmp_path) == []


def test_a_file_that_is_not_nuts_is_left_alone(start: Start, tmp_path: Path) -> None:
    """Another's file, a link, a directory, a FIFO of that name are neither overwritten nor removed."""
    (tmp_path / "file").write_text("root:x:0:0\n")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name in ("file", "link", "directory", "fifo"):
        core = start(powerdownflag=str(tmp_path / name))
        for verb in (Verb.WRITE_POWERDOWNFLAG, Verb.CLEAR_POWERDOWNFLAG):
            reply = core.ask(verb)
            assert reply.exit not in (0, None)
            assert reply.text.startswith(f"POWERDOWNFLAG {tmp_path / name} holds something that is not NUT's")
    assert sorted(os.listdir(tmp_path)) == ["directory", "fifo", "file", "link"]
    assert (tmp_path / "file").read_text() == "root:x:0:0\n"


def test_an_empty_flag_of_a_full_disk_is_written_anew(start: Start, tmp_path: Path) -> None:
    """A file of no bytes holds nothing that could be lost."""
    (tmp_path / "flag").touch()
    assert start(powerdownflag=str(tmp_path / "flag")).ask(Verb.WRITE_POWERDOWNFLAG).exit == 0
    assert (tmp_path / "flag").read_bytes() == b"upsmon-shutdown-file"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (None, "no POWERDOWNFLAG is configured"),
        ("flag", "not an absolute path"),
        ("/no/where/flag", "/no/where"),
    ],
)
def test_a_flag_that_can_not_be_written_is_told(start: Start, path: str | None, words: str) -> None:
    """The words name the path."""
    reply = start(powerdownflag=path).ask(Verb.WRITE_POWERDOWNFLAG)
    assert words in reply.text
    assert reply.exit != 0


def test_the_capsule_holds_the_asked_upses(start: Start, tmp_path: Path) -> None:
    """It is written whole, for its owner alone; an unknown UPS is refused."""
    entries = {"a": {"port": "/dev/hidraw0"}, "b": {"port": "/dev/ttyS0"}}
    core = start(capsule_directory=str(tmp_path), capsules=entries)
    assert core.ask(Verb.KILLPOWER, names=["b"]).exit == 0
    capsule = tmp_path / helper.CAPSULE
    assert json.loads(capsule.read_bytes()) == {"v": 1, "ups": {"b": {"port": "/dev/ttyS0"}}}
    assert stat.S_IMODE(capsule.stat().st_mode) == 0o600
    assert core.ask(Verb.KILLPOWER, names=["a", "c"]).state is State.REFUSED
    assert core.ask(Verb.KILLPOWER, names=[]).state is State.REFUSED
    assert os.listdir(tmp_path) == [helper.CAPSULE]


def test_actions_come_from_the_table(start: Start, tmp_path: Path) -> None:
    """A number in the table runs its argv; any other number is refused."""
    core = start(actions={3: ("/bin/echo", "$HOME;", "x")})
    assert core.ask(Verb.ACTION, number=3).text == "$HOME; x\n"
    for number in (0, 4, -3, 10**18):
        assert "not in the plan's table" in core.ask(Verb.ACTION, number=number).text

# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ridethrough check` says about programs that can't be run here."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from ridethrough.check.programs import look
from ridethrough.config.load import load

SCRIPT = '#!/bin/sh\ncase "$1" in\n  onbatt) logger onbatt ;;\n  low) logger low ;;\nesac\n'
AT = "AT ONBATT * START-TIMER onbatt 30\nAT LOWBATT * EXECUTE low\n"
ME = pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A directory in which all is well."""
    program(tmp_path / "cmd", SCRIPT)
    program(tmp_path / "upssched", "#!/bin/sh\n")
    upsmon(tmp_path)
    (tmp_path / "upssched.conf").write_text(f"CMDSCRIPT {tmp_path}/cmd\nPIPEFN /p\nLOCKFN /l\n{AT}")
    return tmp_path


def program(path: Path, text: str, mode: int = 0o755) -> None:
    path.write_text(text)
    path.chmod(mode)


def upsmon(etc: Path, shutdown: str = "/bin/true -h", notify: str = "", user: str = ME) -> None:
    notify = notify or f"{etc}/upssched"
    text = f'# comment\nRUN_AS_USER {user}\nSHUTDOWNCMD "{shutdown}"\nNOTIFYCMD "{notify}"\n'
    (etc / "upsmon.conf").write_text(text)


def said(etc: Path) -> list[str]:
    return [str(problem).replace(str(etc), "DIR") for problem in look(load(etc))]


def test_where_all_is_well_nothing_is_said(etc: Path) -> None:
    """No false alarm."""
    assert said(etc) == []


def test_without_files_nothing_is_said(tmp_path: Path) -> None:
    """Missing files are the business of `load`."""
    assert look(load(tmp_path)) == []


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("/nowhere/shutdown -h +0", "SHUTDOWNCMD /nowhere/shutdown: No such file or directory; create it,"),
        ("shutdwon -h", "SHUTDOWNCMD shutdwon is in none of /usr/local/sbin:"),
        ("bin/down", "SHUTDOWNCMD bin/down is not an absolute path; write its path"),
        ("/etc -h", "SHUTDOWNCMD /etc is not a file; "),
        ("/etc/passwd/x", "SHUTDOWNCMD /etc/passwd/x: Not a directory; "),
    ],
)
def test_a_shutdowncmd_that_cannot_run_is_an_error(etc: Path, command: str, problem: str) -> None:
    """It is named with the line on which it stands."""
    upsmon(etc, shutdown=command)
    (found,) = said(etc)
    assert found.startswith(f"upsmon.conf:3: error: {problem}")


@pytest.mark.parametrize(
    "command",
    [
        "true",
        "exec /bin/true",
        "A=1 /bin/true",
        "[ -e /x ] || /bin/true",
        "if true; then x; fi",
        "(cd /x; y)",
        "cd /; /x",
        "/bin/true; x",
        "`which x`",
        "$X -h",
        "sync && /nowhere/x",
        "'open",
        "",
    ],
)
def test_what_only_a_shell_understands_is_not_judged(etc: Path, command: str) -> None:
    """Only a plain first word is looked for."""
    upsmon(etc, shutdown=command)
    assert said(etc) == []


def test_a_missing_upssched_is_only_a_warning(etc: Path) -> None:
    """serve takes its place; upsmon alone can't."""
    (etc / "upssched").unlink()
    (found,) = said(etc)
    assert found.startswith("upsmon.conf:4: warning: DIR/upssched is not there: ridethrough serve does wit")
    assert found.endswith("run: ridethrough link DIR")


def test_upssched_without_a_path_is_looked_for(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the places where the helper looks."""
    upsmon(etc, notify="upssched")
    monkeypatch.setattr("ridethrough.check.programs.PATH", str(etc))
    assert said(etc) == []
    (etc / "upssched").unlink()
    (found,) = said(etc)
    assert found.startswith("upsmon.conf:4: warning: upssched is not there")


def test_another_notifycmd_must_be_there(etc: Path) -> None:
    """And then AT lines never act, so CMDSCRIPT is not looked at."""
    upsmon(etc, notify="/nowhere/notify")
    (etc / "cmd").unlink()
    (found,) = said(etc)
    assert found.startswith("upsmon.conf:4: error: NOTIFYCMD /nowhere/notify: No such file or directory")


@pytest.mark.parametrize(
    ("text", "mode", "problem"),
    [
        (
            SCRIPT,
            0o644,
            "upssched.conf:1: error: CMDSCRIPT DIR/cmd is not executable; run: chmod 755 DIR/cmd",
        ),
        (SCRIPT.replace("\n", "\r\n"), 0o755, "cmd:1: error: its lines end with CR LF, so it can't be run; "),
        (SCRIPT.replace("/bin/sh", "/bin/hs"), 0o755, "cmd:1: error: /bin/hs is not there, so the script "),
        (
            SCRIPT.replace("low", "bye"),
            0o755,
            "upssched.conf:5: warning: cmd does not mention low, so nothing may happen when it is called with"
            " it; write in it a case for low, or correct the name",
        ),
        (
            f"{SCRIPT}/nowhere/x --now\n",
            0o755,
            "cmd:6: warning: /nowhere/x is not there; install it, or corr",
        ),
    ],
)
def test_a_cmdscript_that_will_fail_is_named(etc: Path, text: str, mode: int, problem: str) -> None:
    """Each fault has its file and line, and what to do."""
    program(etc / "cmd", text, mode)
    (found,) = said(etc)
    assert found.startswith(problem)


@pytest.mark.parametrize("data", [b"\x7fELF\0\0", b'#!/bin/sh\nexec /bin/true "$1"\n', b"#!/bin/sh\n\xff\n"])
def test_a_binary_or_a_script_that_hands_on_is_left_alone(etc: Path, data: bytes) -> None:
    """What can't be known is not guessed."""
    (etc / "cmd").write_bytes(data)
    assert said(etc) == []


def test_a_script_elsewhere_is_named_by_its_path(etc: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Only one that lies beside upssched.conf is shown by its name alone."""
    other = tmp_path_factory.mktemp("other") / "cmd"
    program(other, SCRIPT.replace("low", "bye"))
    conf = etc / "upssched.conf"
    conf.write_text(conf.read_text().replace(f"{etc}/cmd", str(other)))
    (found,) = said(etc)
    assert found.startswith(f"upssched.conf:5: warning: {other} does not mention low")


def test_run_as_user_must_exist_and_may_run_it(etc: Path) -> None:
    """An unknown user is an error; one who is shut out is a warning with the remedy."""
    upsmon(etc, user="nobody-of-that-name")
    assert said(etc) == [
        "upsmon.conf:2: error: there is no user 'nobody-of-that-name'; create it, or name another"
    ]
    other = next(entry for entry in pwd.getpwall() if entry.pw_uid not in (0, os.geteuid()))
    upsmon(etc, user=other.pw_name)
    (etc / "cmd").chmod(0o700)
    assert (
        f"upssched.conf:1: warning: user {other.pw_name}, who runs CMDSCRIPT, may not run DIR/cmd; run: chmod"
        " o+x DIR/cmd, and the same for the directories above it"
    ) in said(etc)

# SPDX-License-Identifier: GPL-2.0-or-later
"""A directory read as a whole."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from ridethrough.config import reading
from ridethrough.config.load import ALL, Configuration, load
from ridethrough.config.models import Mode
from ridethrough.config.paths import altpidpath, confpath, pidpath, statepath

GOOD = {
    "nut.conf": "MODE=standalone\n",
    "ups.conf": "[rack]\ndriver = dummy-ups\nport = x\n",
    "upsd.conf": "LISTEN 127.0.0.1\n",
    "upsd.users": "[mon]\npassword = hunter2\nupsmon primary\n",
    "upsmon.conf": "MONITOR rack@localhost 1 mon hunter2 primary\nSHUTDOWNCMD /bin/true\nPOWERDOWNFLAG /x\n",
}


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A good configuration."""
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o640)
    return tmp_path


def told(conf: Configuration) -> list[str]:
    text = [str(problem) for problem in conf.problems]
    assert "hunter2" not in " ".join(text) + repr(conf)
    return text


def test_a_good_directory_is_read_whole(etc: Path) -> None:
    """Five files, five models, no problem; upssched.conf is not missed, for nothing runs upssched."""
    conf = load(etc)
    assert told(conf) == []
    assert conf.errors == ()
    assert conf.directory == etc
    assert conf.nut is not None
    assert conf.nut.mode is Mode.STANDALONE
    assert conf.ups is not None
    assert conf.upsd is not None
    assert conf.users is not None
    assert conf.upsmon is not None
    assert conf.upssched is None


def test_only_what_is_wanted_is_read(etc: Path) -> None:
    """A command reads what it needs; asking for another file is a mistake of the program."""
    conf = load(etc, ["ups.conf"])
    assert conf.ups is not None
    assert conf.upsmon is None
    with pytest.raises(ValueError, match=r"hosts\.conf"):
        load(etc, ["hosts.conf"])


def test_the_faults_of_all_files_come_together(etc: Path) -> None:
    """One run shows everything, across files, too."""
    (etc / "nut.conf").write_text("MODE = standalone\n")
    (etc / "ups.conf").write_text("[rac]\ndriver = dummy-ups\nport = x\npollinterval = no\n")
    (etc / "upsmon.conf").write_text(GOOD["upsmon.conf"] + "DEADTIME soon\n")
    text = "\n".join(told(load(etc)))
    for place in ("nut.conf:1: error", "ups.conf:4: error", "upsmon.conf:4: error", "did you mean 'rac'?"):
        assert place in text


def test_missing_files_are_told_where_they_are_needed(etc: Path, tmp_path: Path) -> None:
    """Each names the directory; a client needs none of the server's files."""
    for name in ("nut.conf", "upsd.conf", "upsd.users"):
        (etc / name).unlink()
    (etc / "upsmon.conf").write_text(GOOD["upsmon.conf"] + "NOTIFYCMD /sbin/upssched\nNOTIFYFLAG FSD EXEC\n")
    text = told(load(etc))
    assert [line.split(":")[0] for line in text] == ["nut.conf", "upsd.conf", "upsd.users", "upssched.conf"]
    assert text[0].startswith("nut.conf: warning: the file is missing in ")
    assert text[1].startswith("upsd.conf: error: the file is missing in ")
    assert str(tmp_path) in text[1]
    (etc / "nut.conf").write_text("MODE=netclient\n")
    (etc / "upsmon.conf").write_text(GOOD["upsmon.conf"].replace("localhost", "server"))
    assert told(load(etc)) == []


def test_a_directory_in_place_of_a_file_is_told(etc: Path) -> None:
    """Any refusal of the operating system is words, no traceback."""
    (etc / "upsd.conf").unlink()
    (etc / "upsd.conf").mkdir()
    assert "cannot be read: Is a directory" in told(load(etc))[0]


def test_a_pipe_in_place_of_a_file_holds_nothing_up(etc: Path) -> None:
    """Reading it would wait for ever."""
    (etc / "upsd.conf").unlink()
    os.mkfifo(etc / "upsd.conf")
    assert "cannot be read: it is a pipe" in told(load(etc))[0]


def test_passwords_that_everybody_can_read_are_told(etc: Path) -> None:
    """The remedy is one command."""
    (etc / "upsd.users").chmod(0o644)
    assert told(load(etc)) == [
        "upsd.users: warning: everybody on this host can read the passwords in it; "
        f"run: chmod o-r {etc / 'upsd.users'}"
    ]


@pytest.fixture
def nobody(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening fails as it does for a user without the right (root may read everything)."""

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(reading, "_open", refuse)


@pytest.mark.usefixtures("nobody")
def test_a_file_that_may_not_be_read_names_user_owner_and_remedy(etc: Path) -> None:
    """Who, whose, and the command that helps."""
    text = told(load(etc, ["ups.conf"]))[0]
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert f"user {me} may not read {etc / 'ups.conf'}" in text
    assert "mode 640" in text
    assert f"chmod 640 {etc / 'ups.conf'}" in text


@pytest.mark.usefixtures("nobody")
def test_a_directory_that_may_not_be_entered_is_told(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's owner cannot be seen then; the directory is what to open."""

    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    assert f"may not enter {etc}" in told(load(etc, ["ups.conf"]))[0]


@pytest.mark.usefixtures("nobody")
def test_users_without_a_name_are_told_by_number(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the uid may have no name."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert f"user {os.geteuid()} may not read" in told(load(etc, ["ups.conf"]))[0]


def test_a_huge_file_is_bounded(etc: Path) -> None:
    """A log file under the wrong name does not fill the memory."""
    (etc / "ups.conf").write_bytes(b"#" * (2 * 1024 * 1024))
    assert any("longer than" in line for line in told(load(etc)))


def test_all_names_the_six_files() -> None:
    """In the order in which people edit them."""
    assert ALL == ("nut.conf", "ups.conf", "upsd.conf", "upsd.users", "upsmon.conf", "upssched.conf")


def test_paths_follow_nuts_environment() -> None:
    """NUT's variables, else Debian's places."""
    assert [place({}) for place in (confpath, statepath, pidpath, altpidpath)] == [
        Path("/etc/nut"),
        Path("/run/nut"),
        Path("/run/nut"),
        Path("/run/nut"),
    ]
    env = {"NUT_CONFPATH": "/c", "NUT_STATEPATH": "/s", "NUT_PIDPATH": "/p"}
    assert [str(place(env)) for place in (confpath, statepath, pidpath, altpidpath)] == [
        "/c",
        "/s",
        "/p",
        "/s",
    ]
    assert altpidpath(env | {"NUT_ALTPIDPATH": "/a"}) == Path("/a")
    assert confpath({"NUT_CONFPATH": ""}) == Path("/etc/nut")

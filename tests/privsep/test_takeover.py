# SPDX-License-Identifier: GPL-2.0-or-later
"""Arbitrary code in the core: what it makes the helper do stands in the helper's own table, whatever it asks.

The helper runs as root under Python's audit hooks (PEP 578), which tell of every file that is opened, every
program that is started, and every name that is changed; a core that dropped root attacks it.
"""

from __future__ import annotations

import ast
import json
import os
import select
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ridethrough.privsep.helper import MAGIC, PATH, VERBS
from ridethrough.privsep.messages import Verb
from tests.support.helper_core import Core, Start, needs_root, script

SYSTEM_PYTHON = Path("/usr/bin/python3")
pytestmark = [needs_root, pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason="needs the system's Python")]
ROOT = Path(__file__).parents[2]

AUDITED = """#!{python} -I
import os, runpy, sys
log = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
DEEDS = ("subprocess.", "os.", "socket.", "ctypes.", "shutil.", "pty.", "tempfile.", "signal.")
QUIET = ("os.fork", "os.listdir", "os.scandir", "os.putenv", "socket.__new__")
def note(event, words):
    if event == "open" and not (isinstance(words[2], int) and words[2] & WRITES):
        return
    if event == "open" or (event.startswith(DEEDS) and event not in QUIET):
        os.write(log, (repr((event, *words)) + "\\n").encode("utf-8", "surrogateescape"))
program = sys.argv.index("utf8") + 1
sys.argv = sys.argv[program:]
sys.addaudithook(note)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of root's that others may enter, with one below it that belongs to everybody."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        directory = Path(name)
        directory.chmod(0o755)
        for mode, below in ((0o777, "scratch"), (0o755, "flags"), (0o755, "capsules")):
            (directory / below).mkdir()
            (directory / below).chmod(mode)
        yield directory


def arrange(place: Path) -> dict[str, Any]:
    """Write the configuration of a helper whose commands leave their marks, and what the attacker needs."""
    marks = place / "scratch" / "marks"
    marks.touch()
    marks.chmod(0o666)
    mark = f'printf "%s %s %s\\n" "$(id -u)" "${{0##*/}}" "$#" >>{marks}'
    config = {
        "shutdowncmd": script(place / "down", mark) + " now",
        "notifycmd": script(place / "notify", mark),
        "cmdscript": script(place / "script", mark),
        "cmdscript_names": ["early", "late"],
        "run_as_user": "nobody",
        "powerdownflag": str(place / "flags" / "killpower"),
        "actions": {"1": [script(place / "act", mark), "one"], "7": ["/bin/true"]},
        "capsule_directory": str(place / "capsules"),
        "capsules": {"ups": {"port": "1-2"}},
        "environment": {"NUT_CONFPATH": str(place)},
    }
    (place / "config.json").write_text(json.dumps(config))
    (place / "python").write_text(AUDITED.format(python=SYSTEM_PYTHON, log=str(place / "audit.log")))
    (place / "python").chmod(0o755)
    shutil.copy("/usr/bin/id", place / "suid")
    (place / "suid").chmod(0o4755)
    return config


def deeds(place: Path) -> list[tuple[Any, ...]]:
    """What the helper did, as its audit hooks saw it."""
    text = (place / "audit.log").read_text("utf-8", "surrogateescape")
    return [ast.literal_eval(line) for line in text.splitlines()]


def allowed(deed: tuple[Any, ...], config: dict[str, Any]) -> bool:
    """Whether the table has this deed; the parts that the core may choose are arguments, never commands."""
    match deed:
        case ("subprocess.Popen", _, ["/bin/sh", "-c", command], None, env):
            return command == config["shutdowncmd"] and clean(env)
        case ("subprocess.Popen", _, ["/bin/sh", "-c", '"$@"', "sh", command, argument], None, env):
            if command == config["cmdscript"]:
                return argument in config["cmdscript_names"] and clean(env)
            return command == config["notifycmd"] and clean(env)
        case ("subprocess.Popen", _, argv, None, env):
            return [*argv] in [["wall"], *config["actions"].values()] and clean(env)
        case ("open", name, _, _):
            temporary = str(name).startswith((".killpower.", ".killpower.capsule."))
            return temporary or name == os.devnull or isinstance(name, int)
        case ("os.rename", temporary, name, source, target):
            return name in ("killpower", "killpower.capsule") and source == target and temporary[0] == "."
        case ("os.remove", name, _):
            return name == config["powerdownflag"] or str(name).startswith(".killpower.")
        case ("os.killpg", *_) | ("signal.pthread_kill", *_):
            return True  # its own children, over their time limit
    return False


def clean(env: dict[str, str]) -> bool:
    """Whether a command's environment has nothing of the core's but the three words of a notice."""
    known = {"PATH", "LANG", "NUT_CONFPATH", "HOME", "USER", "LOGNAME"}
    return set(env) <= {*known, "NOTIFYTYPE", "UPSNAME", "NOTIFYMSG"} and env["PATH"] == PATH


@pytest.mark.parametrize("seed", [1, 2])
def test_a_core_taken_over_gets_what_the_table_says_and_no_more(place: Path, seed: int) -> None:
    """1,500 requests of its choice, and every other way to the helper: only the table's deeds were done."""
    config = arrange(place)
    before = {path: path.stat() for path in place.rglob("*") if "scratch" not in path.parts}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.takeover", str(place), str(seed)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["done"] == []
    wait_for_the_end(told["pid"])
    done = deeds(place)
    assert [deed for deed in done if not allowed(deed, config)] == []
    # It was no dead helper that was attacked: each kind of deed was done.
    commands = [deed[2] for deed in done if deed[0] == "subprocess.Popen"]
    assert commands.count(["/bin/sh", "-c", config["shutdowncmd"]]) == 1
    assert {argv[4] for argv in commands if '"$@"' in argv} == {config["notifycmd"], config["cmdscript"]}
    assert [*config["actions"]["1"]] in [[*argv] for argv in commands]
    marks = (place / "scratch" / "marks").read_text().split("\n")
    nobody = {f"65534 {name} 1" for name in ("notify", "script")}
    assert set(filter(None, marks)) == {"0 down 1", "0 act 1", *nobody}
    assert untouched(place, before) == {"killpower", "killpower.capsule", "audit.log"} - (
        set() if (place / "flags" / "killpower").exists() else {"killpower"}
    )
    assert json.loads((place / "capsules" / "killpower.capsule").read_text())["ups"] == config["capsules"]
    assert not list(place.rglob("*pwned*"))


def untouched(place: Path, before: dict[Path, os.stat_result]) -> set[str]:
    """The names of root's files that are new or changed; none may be gone."""
    after = {path: path.stat() for path in place.rglob("*") if "scratch" not in path.parts}
    assert not before.keys() - after.keys()
    changed = set()
    for path, info in after.items():
        if stat.S_ISDIR(info.st_mode):
            continue
        old = before.get(path)
        if old is None or (old.st_mtime_ns, old.st_size, old.st_mode) != (
            info.st_mtime_ns,
            info.st_size,
            info.st_mode,
        ):
            changed.add(path.name)
    return changed


def wait_for_the_end(pid: int) -> None:
    """Wait until the helper, which is no child of ours, has finished its commands."""
    fd = os.pidfd_open(pid) if Path(f"/proc/{pid}").exists() else -1
    if fd >= 0:
        assert select.select([fd], [], [], 60)[0], "the helper does not end"
        os.close(fd)


def test_descriptors_sent_to_the_helper_are_not_kept(start: Start, tmp_path: Path) -> None:
    """SCM_RIGHTS with requests: the kernel closes them again, and the helper's table does not fill up."""
    core: Core = start(notifycmd="/bin/true")
    where = f"/proc/{core.process.pid}/fd"
    assert core.ask(Verb.PING).exit == 0
    before = len(os.listdir(where))
    with open(os.devnull) as file:
        for number in range(5000, 5300):
            packet = json.dumps({"v": 1, "id": number, "verb": int(Verb.PING)}).encode()
            socket.send_fds(core.sock, [packet], [file.fileno()] * 4)
            core.wait(number)
    assert len(os.listdir(where)) == before


def test_no_verb_takes_a_command_or_a_path() -> None:
    """What the core may say is: nothing, numbers and names of the table, and the words of a notice."""
    fields = {field for _, names in VERBS.values() for field in names}
    assert fields == {"type", "ups", "text", "name", "number", "names"}
    assert MAGIC == b"upsmon-shutdown-file"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Foreign code in the core of a real, armed `serve`: what is within its reach, and what is not."""

from __future__ import annotations

import json
import os
import pwd
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.house import Home, home, wait_for_file
from tests.support.wait import wait_until

ROOT = Path(__file__).parents[2]
SOON_S = 10.0
pytestmark = [
    pytest.mark.cnut,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as others"),
]

INJECTED = """
import sys, threading, time, json, os
sys.path.insert(0, {root!r})
try:
    from tests.support import takeover
except ImportError:
    takeover = None  # Not our process: the helper's Python, or a tool's.
import random, resource, select, signal, socket, subprocess, ctypes, fcntl
from pathlib import Path

def attack():
    place = Path({place!r})
    for _ in range(600):
        if (place / "go").exists():
            break
        time.sleep(0.1)
    else:
        return
    with open(f"/proc/self/task/{{os.getpid()}}/children") as file:
        helper = int(file.read().split()[0])
    done = []
    for name, deed in takeover.attacks(helper, place).items():
        try:
            deed()
        except OSError:
            continue
        done.append(name)
    held = []
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{{number}}")
            held.append((target, fcntl.fcntl(int(number), fcntl.F_GETFL) & 3))
        except OSError:
            continue
    for where in {wanted!r}:
        try:
            os.close(os.open(where, os.O_WRONLY | os.O_APPEND))
            done.append(where)
        except OSError:
            continue
    lines = open("/proc/thread-self/status").read().splitlines()
    status = dict(line.split(":\\t", 1) for line in lines if ":\\t" in line)
    report = dict(done=done, held=held, helper=helper, status=status, uid=os.getresuid())
    report["groups"] = os.getgroups()
    (place / "scratch" / "report.tmp").write_text(json.dumps(report))
    os.rename(place / "scratch" / "report.tmp", place / "scratch" / "report")

begun = []

def hook(event, words):
    # Threads of the core begin after root was dropped; so does this one.
    if event == "open" and not begun and os.geteuid() != 0:
        begun.append(True)
        threading.Thread(target=attack, daemon=True).start()

if takeover is not None and "serve" in sys.orig_argv:
    sys.addaudithook(hook)
"""


@pytest.fixture
def at_home() -> Iterator[Home]:
    """A configuration that works."""
    with home() as one:
        yield one


def prepare(at_home: Home) -> Path:
    """Make the place from which the core is attacked; its Python will import `sitecustomize` from there."""
    place = at_home.root / "attack"
    place.mkdir()
    place.chmod(0o755)
    (place / "scratch").mkdir()
    (place / "scratch").chmod(0o777)
    (place / "scratch" / "mine").write_text("print('mine')")
    (place / "suid").write_bytes(Path("/usr/bin/id").read_bytes())
    (place / "suid").chmod(0o4755)
    wanted = [str(path) for path in at_home.conf.iterdir()] + ["/etc/shadow", "/etc/passwd", "/dev/mem"]
    text = INJECTED.format(root=str(ROOT), place=str(place), wanted=wanted)
    (place / "sitecustomize.py").write_text(text)
    at_home.more_env = {**at_home.more_env, "PYTHONPATH": str(place)}
    return place


def test_foreign_code_in_the_core_is_nobody_special(at_home: Home) -> None:
    """It is nut without capabilities or a way back, holds nothing of root's, and can't harm the helper:
    which still shuts the host down afterwards.
    """
    place = prepare(at_home)
    nut = pwd.getpwnam("nut").pw_uid
    with at_home.serving("--armed", "-u", "nut") as process:
        (place / "go").touch()
        wait_until((place / "scratch" / "report").exists, 3 * SOON_S, "the attack's report")
        report: dict[str, Any] = json.loads((place / "scratch" / "report").read_text())
        assert report["done"] == []
        assert report["uid"] == [nut] * 3
        assert 0 not in report["groups"]
        status = report["status"]
        assert {status[name] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {"0" * 16}
        assert status["NoNewPrivs"] == "1"
        assert [name for name, mode in report["held"] if mode and not harmless(name, at_home)] == []
        assert Path(f"/proc/{report['helper']}").stat().st_uid == 0
        assert at_home.run("status").out.startswith("yes  serve runs")
        process.send_signal(signal.SIGUSR1)  # A forced shutdown, as `upsmon -c fsd` orders it
        assert wait_for_file(at_home.root / "shut-down") == "0\n"


def harmless(name: str, at_home: Home) -> bool:
    """Whether a descriptor that may be written to is a socket, a pipe, or a file of the core's own."""
    if name.startswith(("socket:", "pipe:", "anon_inode:", "/dev/null", "/dev/pts", "/dev/tty")):
        return True
    path = Path(name)
    if not path.exists():
        return "(deleted)" in name and "ridethrough-helper" not in name
    return not stat.S_ISREG(path.stat().st_mode) or path.stat().st_uid != 0 or at_home.root in path.parents

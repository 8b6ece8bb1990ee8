# SPDX-License-Identifier: GPL-2.0-or-later
"""Dropping root, in processes of their own."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from typing import Any

import pytest

from ridethrough.privsep.drop import DropError, drop_to

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def in_a_process(program: str) -> Any:
    """Run a program that prints JSON, and return that."""
    text = "import json, os\nfrom ridethrough.privsep import drop\n" + program
    result = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert result.stderr == ""
    return json.loads(result.stdout)


@needs_root
def test_root_is_gone_for_good() -> None:
    """Real, effective and saved ids and all groups are the user's; no capability is left; no way back."""
    seen = in_a_process("""
done = drop.drop_to("nobody")
status = dict(line.split(":\\t") for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
back = []
for way in (lambda: os.setuid(0), lambda: os.seteuid(0), lambda: os.setgid(0), lambda: os.setgroups([0])):
    try:
        way()
        back.append(True)
    except PermissionError:
        pass
print(json.dumps([done.uid, done.gid, os.getresuid(), os.getresgid(), os.getgroups(), back,
                  status["CapEff"], status["CapPrm"], status["NoNewPrivs"], done.no_new_privs]))
""")
    nobody = pwd.getpwnam("nobody")
    uid, gid = nobody.pw_uid, nobody.pw_gid
    groups = os.getgrouplist("nobody", gid)
    none = "0" * 16
    assert seen == [uid, gid, [uid] * 3, [gid] * 3, groups, [], none, none, "1", True]


@needs_root
def test_dropping_twice_is_dropping_once() -> None:
    """A process that is the user already goes on; it can't become another one."""
    seen = in_a_process("""
drop.drop_to("nobody")
again = drop.drop_to("nobody")
try:
    drop.drop_to("daemon")
    words = ""
except drop.DropError as error:
    words = str(error)
print(json.dumps([again.user, words]))
""")
    assert seen == ["nobody", "only root can become daemon; start this as root, or as daemon itself"]


def test_root_is_no_user_to_drop_to() -> None:
    """RUN_AS_USER root is about commands; the core itself never stays root."""
    with pytest.raises(DropError, match="user 'root' is root"):
        drop_to("root")


@pytest.mark.parametrize("name", ["no-such-user", "", "a\x00b"])
def test_a_user_that_does_not_exist_is_named(name: str) -> None:
    """And what to do about it."""
    with pytest.raises(DropError, match=r"there is no user .* create it"):
        drop_to(name)

# SPDX-License-Identifier: GPL-2.0-or-later
"""upsd.users, right and wrong: who may do what is the same with our upsd as with C's."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from ridethrough.ups.state import Snapshot
from ridethrough.ups.variables import Variable, VarKind
from tests.support.cnut import c_upsd, state_directory
from tests.support.fakedriver import fake_driver
from tests.support.our_upsd import converse, our_upsd
from tests.support.wait import wait_until

pytestmark = pytest.mark.cnut

VARIABLES = (Variable("ups.status", "OL"), Variable("ups.id", "x", True, VarKind.STRING, 16))
SNAPSHOT = Snapshot({each.name: each for each in VARIABLES}, frozenset({"beeper.mute", "load.off"}))
USERS = r"""
# a stray line, then every way to write a user
password = stray
[tight]
 password=pa
 actions=set
 actions=fsd
 instcmds=all
[old]
 password = "p b"
 upsmon master
[older]
 password = pc
 allowfrom = localhost
 upsmon=slave
[many]
 password = pd
 upsmon = secondary
 instcmds = load.off beeper.mute
[caps]
 password = pe
 actions = SET FSD
 instcmds = LOAD.OFF
[nopass]
 upsmon primary
[tight]
 password = other
 upsmon primary
[twice]
 password = one
 password = two
 upsmon primary
[byhand]
 password = ph
 actions = login
 actions = MASTER
[odd]
 password = pi
 actions = primary
 upsmon nosuch
 nosuch = 1
[CASE]
 PASSWORD = pj
 UPSMON PRIMARY
 InstCmds = ALL
[hash]
 password = p#k
 upsmon secondary
[escaped]
 password = "p\"l"
 upsmon secondary
[two words]
 password = pm
 upsmon secondary
["quoted name"]
 password = pn
 upsmon secondary
[both]
 password = po
 upsmon primary secondary
[bare]
 password pq
 upsmon = primary
 instcmds load.off
[empty]
 password =
 upsmon primary
[quotes]
password = pr
actions = SET
actions = INSTCMD
instcmds = "beeper.mute"
instcmds = "ALL"
"""
LOGINS = """
tight pa, tight other, old "p b", old pb, older pc, many pd, caps pe, nopass "", nopass x, twice one,
twice two, byhand ph, odd pi, CASE pj, case pj, hash p, hash "p\\#k", escaped "p\\"l", "two words" pm, two pm,
"quoted name" pn, both po, bare pq, empty "", empty upsmon, quotes pr, stray stray, "" ""
"""
ASKED = ("LOGIN ups", "PRIMARY ups", "MASTER ups", "SET VAR ups ups.id y", "FSD ups")
COMMANDS = ("INSTCMD ups beeper.mute", "INSTCMD ups load.off")


def test_every_user_may_do_the_same(tmp_path: Path) -> None:
    """For each login each right is granted or refused by both servers with the same word."""
    with contextlib.ExitStack() as parts:
        state = parts.enter_context(state_directory())
        parts.enter_context(fake_driver(state / "fake-ups", SNAPSHOT))
        c = parts.enter_context(c_upsd(tmp_path, {}, USERS, others={"ups": "fake"}, statepath=state))
        ours = parts.enter_context(our_upsd(tmp_path, {"ups": "fake"}, state, users=USERS))
        dumped = [b"GET VAR ups ups.id\n"]
        wait_until(lambda: converse(ours.port, dumped)[0].startswith(b"VAR"), 15.0, "the first dump")
        granted = 0
        for login in LOGINS.replace("\n", " ").split(","):
            user, _, password = login.strip().rpartition(" ")
            if password.count('"') == 1:  # the blank was inside the quotes
                user, _, password = login.strip().partition(" ")
            lines = [f"USERNAME {user}", f"PASSWORD {password}", *ASKED, *COMMANDS]
            requests = [f"{line}\n".encode() for line in lines]
            theirs, own = converse(c.port, requests), converse(ours.port, requests)
            assert dict(zip(lines, own, strict=True)) == dict(zip(lines, theirs, strict=True)), login
            granted += sum(reply.startswith(b"OK") for reply in own[2:])
        assert granted > 30

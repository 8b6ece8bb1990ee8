# SPDX-License-Identifier: GPL-2.0-or-later
"""What a client can't do to the server: raise, fill its memory, or disturb another session."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ridethrough.server.effects import Log
from ridethrough.ups.state import Freshness
from tests.support.server_core import Talk, make_core, view

FRESH = b'VAR su700 ups.status "OL"\n'
HOSTILE = {
    "a line of 1 MB": b"x" * 1_000_000 + b"\n",
    "a word of 1 MB in quotes": b'GET VAR "' + b"y" * 1_000_000 + b'" x\n',
    "10000 words": b"GET " + b"a " * 10_000 + b"\n",
    "NULs": b"GET\0VAR\0su700\0ups.status\n",
    "binary": bytes(range(1, 256)) + b'"\n',
    "a # in quotes": b'GET VAR "su#700" ups.status\n',
    "only backslashes": b"\\" * 999 + b"\\\n\n",
    "10000 empty lines": b"\n" * 10_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("piece", [1, 1000, 1 << 30])
def test_a_hostile_line_is_refused_and_the_session_goes_on(name: str, piece: int) -> None:
    """However it is cut, it gets ERR answers at most, little is held, and the next request is answered."""
    data = HOSTILE[name]
    if piece == 1:
        data = data[:3000] + b"\n"
    talk = Talk(make_core())
    replies = b"".join(talk.react(data[at : at + piece]).reply for at in range(0, len(data), piece))
    assert len(replies) <= len(b"ERR INVALID-ARGUMENT\n") * data.count(b"\n")
    assert all(line.startswith(b"ERR ") for line in replies.splitlines())
    assert talk.session.stream.pending < 40_000
    # Whatever quote or backslash is still open is closed by one of these.
    after = talk.react(b'"\n\nGET VAR su700 ups.status\n').reply or talk.ask('"') + talk.ask("NETVER")
    assert after.endswith((FRESH, b"1.3\n"))
    assert len([effect for effect in talk.effects if isinstance(effect, Log)]) <= 1
    assert Talk(talk.core).ask("GET VAR su700 ups.status") == FRESH


def test_too_long_a_line_is_said_once() -> None:
    """The client is told of each such line, the log of the first one only."""
    talk = Talk(make_core())
    for _ in range(5):
        assert talk.react(b"a" * 100_000 + b"\nNETVER\n").reply == b"ERR INVALID-ARGUMENT\n1.3\n"
    (log,) = talk.effects
    assert isinstance(log, Log)
    assert "can't be read" in log.text


def test_words_that_were_cut_are_not_acted_on() -> None:
    """A value that is longer than a request may hold is refused, never set in part."""
    talk = Talk(make_core()).be("admin")
    assert talk.ask("SET VAR su700 ups.delay.start " + "9" * 5000) == b"ERR INVALID-ARGUMENT\n"
    assert talk.ask("INSTCMD su700 load.off" + " x" * 100) == b"ERR INVALID-ARGUMENT\n"


def test_an_echoed_name_can_not_forge_a_line() -> None:
    """What a client sends and reads back stands in one line, quoted where it must be."""
    talk = Talk(make_core())
    reply = talk.react(b'GET DESC su700 "a\\\nVAR su700 ups.status \\"OB\\""\n').reply
    assert reply.count(b"\n") == 1
    assert reply.startswith(b'DESC su700 "')


@given(st.binary(max_size=300), st.integers(0, 300))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_survived(data: bytes, cut: int) -> None:
    """Random bytes never raise, and every reply is made of whole lines."""
    talk = Talk(make_core()).be("admin")
    reply = talk.react(data[:cut]).reply + talk.react(data[cut:]).reply + talk.react(b"\n").reply
    assert reply == b"" or reply.endswith(b"\n")


SPOKEN = (
    "GET LIST SET INSTCMD LOGIN LOGOUT PRIMARY FSD USERNAME PASSWORD TRACKING VAR RW UPS TYPE DESC CLIENT ON "
    'NUMLOGINS OFF su700 SU700 bare none ups.status ups.id load.off prim sec admin p s a "" "x y" \\ # = 5'
)
WORDS = st.sampled_from(SPOKEN.split())


class Sessions(RuleBasedStateMachine):
    """Several sessions that say anything, UPSes that come and go."""

    @initialize()
    def begin(self) -> None:
        """One core, no session."""
        self.core = make_core()
        self.talks: list[Talk] = []
        self.fresh = {"su700": True, "bare": False}

    @rule()
    def connect(self) -> None:
        """A client comes."""
        if len(self.talks) < 6:
            self.talks.append(Talk(self.core, f"192.0.2.{len(self.talks) + 1}"))

    @rule(at=st.integers(0, 5), user=st.sampled_from(["prim", "sec", "admin", "none"]))
    def identify(self, at: int, user: str) -> None:
        """A client says who it is, and logs in."""
        if at < len(self.talks):
            data = f"USERNAME {user}\nPASSWORD {user[0]}\nLOGIN su700\n".encode()
            self.talks[at].react(data)
            self.forget_closed()

    @rule(
        at=st.integers(0, 5),
        words=st.lists(WORDS, min_size=1, max_size=5),
        end=st.sampled_from(["\n", "", "\r\n"]),
    )
    def speak(self, at: int, words: list[str], end: str) -> None:
        """A client says something, perhaps not to the end."""
        if at >= len(self.talks):
            return
        reply = self.talks[at].react((" ".join(words) + end).encode()).reply
        assert reply == b"" or reply.endswith(b"\n")
        self.forget_closed()

    @rule(at=st.integers(0, 5))
    def disconnect(self, at: int) -> None:
        """A client's connection breaks."""
        if at < len(self.talks):
            self.talks.pop(at).close()

    @rule(ups=st.sampled_from(["su700", "bare"]), freshness=st.sampled_from(list(Freshness)))
    def commit(self, ups: str, freshness: Freshness) -> None:
        """A driver tells something."""
        self.core.update(view(ups, freshness=freshness))
        self.fresh[ups] = freshness is Freshness.FRESH

    @invariant()
    def logins_are_those_of_open_sessions(self) -> None:
        """NUMLOGINS is the number of sessions that are logged in, and nothing stale is served."""
        if not hasattr(self, "core"):
            return
        asker = Talk(self.core, "203.0.113.9")
        assert self.core.session_count == len(self.talks) + 1
        for ups, fresh in self.fresh.items():
            logged_in = sum(talk.session.login == ups for talk in self.talks)
            listed = asker.ask(f"LIST CLIENT {ups}").count(b"CLIENT " + ups.encode() + b" 192.0.2.")
            assert listed == logged_in == len(self.core.logins(ups))
            counted = asker.ask(f"GET NUMLOGINS {ups}")
            assert counted == (f"NUMLOGINS {ups} {logged_in}\n".encode() if fresh else counted)
            value = asker.ask(f"GET VAR {ups} ups.status") + asker.ask(f"LIST VAR {ups}")
            assert bool(re.search(rb'VAR \w+ ups.status "(FSD )?OL"', value)) is fresh
        asker.close()

    def forget_closed(self) -> None:
        """Those who logged out are gone."""
        self.talks = [talk for talk in self.talks if not talk.session.closed]


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)

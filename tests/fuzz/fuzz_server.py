# SPDX-License-Identifier: GPL-2.0-or-later
"""The server's core under any bytes of any session: lines of the protocol come back, and no password."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

from ridethrough.config.models import Role, UpsdUsers, User
from ridethrough.config.secret import Secret
from ridethrough.server.core import ServerCore
from ridethrough.server.effects import Ask, Drop, Effect, FsdSet, Log, Reaction, Settings
from ridethrough.server.session import Session
from ridethrough.wire.words import SOCKET_LIMITS, WordStream
from tests.support.fuzzing import try_inputs
from tests.support.mutation import chunks, mutated
from tests.support.server_core import view
from tests.support.server_replies import ADMIN, PLAIN

PASSWORD = "zq7Xw9Kv"  # stands in none of the requests below
CORPUS = (
    *(line.encode() + b"\n" for line in (*PLAIN, *ADMIN)),
    b"USERNAME prim\nPASSWORD wrong\nLOGIN su700\nPRIMARY su700\nFSD su700\nLOGOUT\n",
    b'SET VAR su700 ups.id "a \\"b\\" c"\nSET TRACKING ON\nINSTCMD su700 load.off 10\nGET TRACKING id-1\n',
    b"GET VAR su700 ups.status\n" * 20,
)
# How the first word of an answer may read; VER and HELP answer in free text.
FIRST = frozenset(
    "OK ERR BEGIN END UPS VAR RW CMD CLIENT ENUM RANGE TYPE DESC CMDDESC UPSDESC NUMLOGINS".split()
)
FREE = ("Network UPS Tools", "Commands:", "1.3", "ON", "OFF", "PENDING", "SUCCESS")
USERS = ("", "admin", "prim", "sec")
MAY_CHANGE = ("admin", "prim")
LIFE = 40  # inputs to one server
MAX_BATCH = 4096


@dataclass(frozen=True, slots=True)
class Case:
    """Who speaks, what it sends in pieces, and how many seconds later."""

    user: str
    pieces: Sequence[bytes]
    wait_s: float


def make(rng: random.Random) -> Case:
    """One session."""
    data = b"".join(mutated(rng, CORPUS) for _ in range(rng.randrange(1, 4)))
    return Case(rng.choice(USERS), chunks(rng, data), rng.choice((0.0, 1.0, 70.0)))


def make_core() -> ServerCore:
    """A fresh UPS and one without a driver, and a user of each kind."""
    numbers = itertools.count(1)
    secret = Secret(PASSWORD)
    table = (
        User("admin", secret, frozenset({"SET", "FSD"}), frozenset({"ALL"})),
        User("prim", secret, role=Role.PRIMARY),
        User("sec", secret, role=Role.SECONDARY),
    )
    settings = Settings(
        new_id=lambda: f"id-{next(numbers)}", tracking_limit=50, max_batch_reply_bytes=MAX_BATCH
    )
    core = ServerCore(
        UpsdUsers({user.name: user for user in table}), settings, [("su700", "Box"), ("bare", "")]
    )
    core.update(view())
    return core


class Server:
    """One core for many sessions."""

    def __init__(self) -> None:
        """Nothing has been asked yet."""
        self.now = 0.0
        self.begin()

    def begin(self) -> None:
        """A new core."""
        self.core = make_core()
        self.left = LIFE
        self.open: list[Session] = []

    def attempt(self, case: Case) -> None:
        """A session from its opening to its end (or, at times, left open)."""
        if not self.left:
            self.begin()
        self.left -= 1
        self.now += case.wait_s
        session = self.core.open_session("192.0.2.1", self.now)
        self.open.append(session)
        if case.user:
            for line in (f"USERNAME {case.user}\n", f"PASSWORD {PASSWORD}\n"):
                assert self.core.receive(session, line.encode(), self.now).reply == b"OK\n"
        for piece in case.pieces:
            effects = self.take(session, self.core.receive(session, piece, self.now), piece)
            if case.user not in MAY_CHANGE:
                assert not any(isinstance(effect, Ask | FsdSet) for effect in effects), "done without a right"
        effects = self.core.tick(self.now)
        self.effects(effects)
        for dropped in (effect.session for effect in effects if isinstance(effect, Drop)):
            assert dropped.closed
        if len(self.open) > 5:
            self.effects(self.core.close_session(self.open.pop(0), self.now))
        assert self.core.session_count <= len(self.open)

    def take(self, session: Session, reaction: Reaction, piece: bytes) -> list[Effect]:
        """All answers to one piece, those that had to wait as well; gives what they ask for."""
        effects: list[Effect] = []
        lines = piece.count(b"\n") + 1
        for _ in range(lines + 1):
            self.reaction(session, reaction)
            effects += reaction.effects
            if not reaction.more:
                break
            reaction = self.core.go_on(session, self.now)
        assert not reaction.more, "more turns than lines"
        assert reaction.close or not session.unread
        if reaction.close:
            assert self.core.receive(session, b"NETVER\n", self.now) == Reaction(b"", close=True)
        return effects

    def reaction(self, session: Session, reaction: Reaction) -> None:
        """What came out of one turn is well-formed and bounded."""
        assert session.stream.pending <= SOCKET_LIMITS.max_line_bytes
        assert len(reaction.reply) <= MAX_BATCH + 40_000
        assert PASSWORD.encode() not in reaction.reply
        self.effects(reaction.effects)
        if reaction.reply:
            assert reaction.reply.endswith(b"\n")
        for raw in reaction.reply.split(b"\n")[:-1]:
            stream = WordStream(SOCKET_LIMITS)
            (line,) = stream.feed(raw + b"\n")
            assert line.error is None, raw
            assert line.words[0] in FIRST or raw.decode().startswith(FREE), raw

    def effects(self, effects: Sequence[Effect]) -> None:
        """A log line is one printable line without the password."""
        for effect in effects:
            if isinstance(effect, Log):
                assert effect.text.isprintable(), effect
                assert len(effect.text) < 1000
                assert PASSWORD not in effect.text


def fuzz(rng: random.Random, deadline: float) -> int:
    """Run until the deadline."""
    return try_inputs(rng, deadline, make, Server().attempt)

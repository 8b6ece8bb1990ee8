# SPDX-License-Identifier: GPL-2.0-or-later
"""A server core with two UPSes and a few users, and a client that speaks to it without sockets."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

from ridethrough.config.models import Role, UpsdUsers, User
from ridethrough.config.secret import Secret
from ridethrough.server.core import ServerCore
from ridethrough.server.effects import Effect, Reaction, Settings
from ridethrough.server.session import Session
from ridethrough.ups.state import DeviceView, Draft, Freshness
from ridethrough.ups.units import Monotonic
from ridethrough.ups.variables import Variable, VarKind

VARIABLES = (
    Variable("ups.status", "OL"),
    Variable("battery.charge", "100"),
    Variable("ups.id", 'the "big" one', rw=True, kind=VarKind.STRING, max_length=16),
    Variable("input.sensitivity", "low", rw=True, enum=("low", "medium", "high")),
    Variable("input.transfer.low", "95", rw=True, ranges=(("90", "100"), ("102", "105"))),
    Variable("ups.delay.start", "30", rw=True, kind=VarKind.NUMBER),
    Variable("ups.contacts", "x", rw=True, kind=VarKind.STRING),
)
COMMANDS = ("load.off", "beeper.mute", "test.battery.start.quick")


def users() -> UpsdUsers:
    """One user of each kind."""
    table = (
        User("admin", Secret("a"), frozenset({"SET", "FSD"}), frozenset({"ALL"})),
        User("op", Secret("o"), frozenset(), frozenset({"beeper.mute"})),
        User("setter", Secret("s"), frozenset({"SET"})),
        User("prim", Secret("p"), role=Role.PRIMARY),
        User("sec", Secret("s"), role=Role.SECONDARY),
        User("plain", Secret("x")),
    )
    return UpsdUsers({user.name: user for user in table})


def view(
    name: str = "su700",
    *,
    freshness: Freshness = Freshness.FRESH,
    variables: Iterable[Variable] = VARIABLES,
    commands: Iterable[str] = COMMANDS,
    **values: str,
) -> DeviceView:
    """A view of the UPS; keywords give values to variables (`ups__status="OB"`)."""
    draft = Draft()
    for variable in variables:
        draft.put(variable)
    for key, value in values.items():
        draft.set(key.replace("__", "."), value)
    for command in commands:
        draft.add_command(command)
    return DeviceView(name, "", draft.commit()[0], freshness, Monotonic(0.0))


def settings() -> Settings:
    """The defaults, with tracking ids id-1, id-2 ..."""
    numbers = itertools.count(1)
    return Settings(new_id=lambda: f"id-{next(numbers)}")


def make_core(**changes: object) -> ServerCore:
    """su700 (with a description, fresh) and bare (without, and without driver)."""
    core = ServerCore(users(), replace(settings(), **changes), [("su700", "Development box"), ("bare", "")])
    core.update(view())
    return core


class Talk:
    """One session: `ask("GET VAR su700 ups.status")` gives the reply bytes; effects are gathered."""

    def __init__(self, core: ServerCore, peer: str = "192.0.2.1", now: float = 0.0) -> None:
        """Open the session."""
        self.core = core
        self.now = now
        self.session: Session = core.open_session(peer, now)
        self.effects: list[Effect] = []

    def react(self, data: bytes) -> Reaction:
        """Send raw bytes."""
        reaction = self.core.receive(self.session, data, self.now)
        self.effects += reaction.effects
        return reaction

    def ask(self, line: str) -> bytes:
        """Send one line."""
        return self.react(line.encode() + b"\n").reply

    def be(self, user: str, password: str | None = None) -> Talk:
        """Give user name and password (by default that of `users`)."""
        known = users().users.get(user)
        text = password if password is not None else known.password.reveal() if known else "?"
        assert self.ask(f"USERNAME {user}") == b"OK\n"
        assert self.ask(f'PASSWORD "{text}"') == b"OK\n"
        return self

    def close(self) -> None:
        """The connection goes."""
        self.effects += self.core.close_session(self.session, self.now)

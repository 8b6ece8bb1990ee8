# SPDX-License-Identifier: GPL-2.0-or-later
"""One host of the world: the monitor's pure core, a link to the server, and a machine that can go down.

The link speaks the network protocol's own bytes to the server's core, so that rights, logins and
NUMLOGINS are the real ones. Only the wire is imagined: it delays, and it can be cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from ridethrough.monitor import core, messages
from ridethrough.monitor.settings import Settings
from ridethrough.server.session import Session
from ridethrough.ups.status import Status
from ridethrough.wire.words import split

REPLY_TIMEOUT_S = 5.0
LOGOUT_AFTER_S = 1.0
READINGS = ("battery.charge", "battery.runtime")


class Machine(StrEnum):
    """What the machine is doing."""

    UP = "up"
    STOPPING = "stopping"
    OFF = "off"
    CRASHED = "crashed"


class Surroundings(Protocol):
    """What a host needs of the world."""

    now: float

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do `action` at `when`."""

    def delay(self) -> float:
        """How long the wire takes, one way."""

    def cut(self, host: str) -> bool:
        """Whether the wire of this host is cut now."""

    def open(self, host: str) -> Session:
        """A session with the server."""

    def ask(self, session: Session, line: str) -> list[str]:
        """Send a request, get the reply's lines; none when the session is gone."""

    def close(self, session: Session) -> None:
        """The connection is closed."""

    def tell(self, kind: str, host: str, **fields: Any) -> None:
        """Write into the trace."""


@dataclass(slots=True)
class Host:
    """`stop_s` is how long the machine takes from SHUTDOWNCMD to off."""

    name: str
    settings: Settings
    world: Surroundings
    ups: str
    password: str = "secret"
    stop_s: float = 20.0
    draw_w: float = 60.0
    machine: Machine = Machine.UP
    state: core.MonitorState = field(init=False)
    session: Session | None = None
    logged_in: bool = False
    gone: bool = False
    """Its upsmon has ended: nothing is polled any more."""
    last_told: list[tuple[float, Status]] = field(default_factory=list)
    """What this host was told of the UPS, and when; for the promises' oracle."""

    def __post_init__(self) -> None:
        """A monitor that knows nothing yet."""
        self.state = core.initial(self.settings, self.world.now)

    @property
    def supply(self) -> str:
        """The UPS as its MONITOR line names it."""
        return self.settings.supplies[0].ups

    @property
    def primary(self) -> bool:
        """Whether this host may set FSD and cut the power."""
        return bool(self.settings.primaries)

    @property
    def ended(self) -> bool:
        """Whether no upsmon runs on it any more."""
        return self.gone or self.machine in (Machine.OFF, Machine.CRASHED)

    def begin(self) -> None:
        """Start polling and ticking."""
        self.world.at(self.world.now + self.world.delay(), self.poll)
        self.world.at(core.next_deadline(self.state), self.tick)

    def tick(self) -> None:
        """Let the core do what is due."""
        if self.ended:
            return
        self.feed(messages.Tick())
        self.world.at(max(core.next_deadline(self.state), self.world.now + 0.05), self.tick)

    def poll(self) -> None:
        """One poll: out, back, and into the core; a cut wire ends in a timeout."""
        world = self.world
        if self.ended:
            return
        interval = core.poll_interval_s(self.state, self.supply)

        def arrive() -> None:
            if self.ended:
                return
            if world.cut(self.name):
                world.at(world.now + REPLY_TIMEOUT_S, fail)
                return
            answer = self._exchange()
            world.at(world.now + world.delay(), lambda: back(answer))

        def back(answer: list[messages.Event]) -> None:
            if world.cut(self.name):
                fail()
                return
            for event in answer:
                self.feed(event)
            world.at(world.now + interval, self.poll)

        def fail() -> None:
            # The server does not learn of a cut wire: it counts the old session until it drops it.
            self.session, self.logged_in = None, False
            self.feed(messages.LoggedOut(self.supply))
            self.feed(messages.PollFailed(self.supply, messages.FailKind.UNREACHABLE))
            world.at(world.now + interval, self.poll)

        world.at(world.now + world.delay(), arrive)

    def feed(self, event: messages.Event) -> None:
        """One event through the pure core, its effects carried out in order."""
        if self.ended:
            return
        if isinstance(event, messages.Polled):
            self.last_told.append((self.world.now, event.status))
        self.state, effects = core.step(self.state, event, self.world.now)
        for effect in effects:
            self._carry_out(effect)

    def crash(self) -> None:
        """The power is gone under it."""
        if self.machine in (Machine.UP, Machine.STOPPING):
            self.world.tell("crashed", self.name, was=self.machine.value)
            self.machine = Machine.CRASHED

    # -- inside ---------------------------------------------------------------------------------

    def _exchange(self) -> list[messages.Event]:
        """What one poll asks and hears, in the protocol's own words."""
        world, events = self.world, list[messages.Event]()
        if self.session is None or self.session.closed:
            self.session, self.logged_in = world.open(self.name), False
        if not self.logged_in:
            events += self._login(self.session)
        lines = world.ask(self.session, f"GET VAR {self.ups} ups.status")
        words = split(lines[0]) if lines else ["ERR", "DATA-STALE"]
        if words[0] != "VAR":
            kind = messages.FailKind.STALE if "DATA-STALE" in words else messages.FailKind.NOT_CONNECTED
            return [*events, messages.PollFailed(self.supply, kind)]
        readings = {}
        for name in READINGS:
            reply = world.ask(self.session, f"GET VAR {self.ups} {name}")
            if reply and reply[0].startswith("VAR "):
                readings[name] = split(reply[0])[3]
        return [*events, messages.Polled(self.supply, Status.parse(words[3]), readings)]

    def _login(self, session: Session) -> list[messages.Event]:
        role = [f"PRIMARY {self.ups}"] if self.primary else []
        user = "primary" if self.primary else "secondary"
        for line in (f"USERNAME {user}", f"PASSWORD {self.password}", f"LOGIN {self.ups}", *role):
            reply = self.world.ask(session, line)
            if not reply or not reply[0].startswith("OK"):
                return [messages.LoginRefused(self.supply, reply[0] if reply else "no answer")]
        self.logged_in = True
        return [messages.LoggedIn(self.supply)]

    def _carry_out(self, effect: messages.Effect) -> None:
        world = self.world
        match effect:
            case messages.Emit(notice):
                world.tell("notice", self.name, type=notice.type.value)
            case messages.SetFsd(ups):
                self._request("FSD", lambda ok: self._fsd_answered(ups, ok))
            case messages.AskLogins():
                self._request("GET NUMLOGINS", self._counted)
            case messages.WritePowerdownFlag():
                world.tell("flag", self.name)
            case messages.RunShutdown():
                world.tell("shutdown", self.name, told=tuple(self.last_told[-3:]))
                self._go_down()
            case messages.LogDecision():
                world.tell("decision", self.name, text=str(effect))
            case messages.Logout() | messages.Stop():
                self._leave()

    def _request(self, request: str, done: Callable[[list[str]], None]) -> None:
        """A request outside of the poll, with the wire's delays; a cut wire gives no lines."""

        def arrive() -> None:
            session = self.session
            lines = (
                []
                if self.world.cut(self.name) or session is None or session.closed
                else self.world.ask(session, f"{request} {self.ups}")
            )
            self.world.at(self.world.now + self.world.delay(), lambda: done(lines))

        self.world.at(self.world.now + self.world.delay(), arrive)

    def _fsd_answered(self, ups: str, lines: list[str]) -> None:
        if lines and lines[0].startswith("OK"):
            self.feed(messages.FsdAcknowledged(ups))
        else:
            self.feed(messages.FsdFailed(ups, lines[0] if lines else "no answer"))

    def _counted(self, lines: list[str]) -> None:
        if lines and lines[0].startswith("NUMLOGINS"):
            self.feed(messages.LoginCount(self.supply, int(lines[0].split()[2])))

    def _go_down(self) -> None:
        """The machine stops: its upsmon leaves early, as every service does; then it is off."""
        world = self.world
        self.machine = Machine.STOPPING
        world.at(world.now + min(LOGOUT_AFTER_S, self.stop_s), self._leave)
        world.at(world.now + self.stop_s, self._off)

    def _leave(self) -> None:
        self.gone = True
        session, self.session = self.session, None
        if session is not None and not session.closed:
            if self.world.cut(self.name):
                return  # The goodbye does not reach the server.
            self.world.tell("left", self.name)
            self.world.close(session)

    def _off(self) -> None:
        if self.machine is Machine.STOPPING:
            self.machine = Machine.OFF
            self.world.tell("off", self.name)

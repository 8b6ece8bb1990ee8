# SPDX-License-Identifier: GPL-2.0-or-later
"""A link of the imagined wire: as `monitor.links` it does one thing at a time, and each takes a bounded time.

The bytes are the network protocol's own and go to the server's core, so that rights, logins and NUMLOGINS
are the real ones.  Only the wire is imagined: it delays, and it can be cut in one way or both.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, Protocol

from ridethrough.monitor import messages
from ridethrough.monitor.messages import Event, FailKind
from ridethrough.monitor.settings import Supply
from ridethrough.server.session import Session
from ridethrough.sim.engine import Engine, Process
from ridethrough.sim.station import Station
from ridethrough.ups.status import Status
from ridethrough.wire.words import decode, encode, split

LIMIT_S: Final = 5.0
READINGS: Final = ("battery.charge",)
FAILS: Final = {"DATA-STALE": FailKind.STALE, "DRIVER-NOT-CONNECTED": FailKind.NOT_CONNECTED}

Lines = list[str]


class Side(Protocol):
    """What a link needs of the monitor that it belongs to, and of the world."""

    engine: Engine
    process: Process
    host: str

    def feed(self, event: Event) -> None:
        """An event for the monitor's core."""

    def interval_s(self, ups: str) -> float:
        """How long until the next poll."""

    def delay(self) -> float:
        """How long the wire takes, one way."""

    def reaches(self, station: Station, *, back: bool) -> bool:
        """Whether a packet gets to the station's machine, or back from it, now."""


@lru_cache(maxsize=65536)
def value_of(line: str) -> str:
    """The value of a VAR line."""
    return split(line)[3]


@lru_cache(maxsize=1024)
def status_of(line: str) -> Status:
    """The status that a VAR line tells."""
    return Status.parse(split(line)[3])


class Link:
    """One MONITOR line's connection."""

    def __init__(self, side: Side, supply: Supply, station: Station) -> None:
        self.supply = supply
        self.ups = supply.ups.partition("@")[0]
        self.station = station
        self.session: Session | None = None
        self.logged_in = False
        self._side = side
        self._life = station.process.life
        self._busy = self._left = False
        self._asked = 0
        self._wants_fsd = self._wants_count = False
        self._poll_at = side.engine.now
        role = f"\nPRIMARY {self.ups}" if supply.primary else ""
        user = "primary" if supply.primary else "secondary"
        login = f"LOGIN {self.ups}{role}\n" if supply.login else ""
        self._hello = encode(f"USERNAME {user}\nPASSWORD secret\n{login}")
        self._hello_lines = self._hello.count(b"\n")
        names = ("ups.status", *READINGS)
        self._question = encode("".join(f"GET VAR {self.ups} {name}\n" for name in names))

    def wake(self) -> None:
        """Do what is most urgent, if nothing is being done."""
        now = self._side.engine.now
        if self._busy or self._left:
            return
        if self._wants_fsd:
            self._wants_fsd = False
            self._exchange(encode(f"FSD {self.ups}\n"), self._fsd_answered)
        elif self._wants_count:
            self._wants_count = False
            self._exchange(encode(f"GET NUMLOGINS {self.ups}\n"), self._counted)
        elif now >= self._poll_at:
            self._poll_at = float("inf")
            self._exchange(self._question, self._polled)

    def poke(self) -> None:
        """Poll as soon as possible."""
        self._poll_at = min(self._poll_at, self._side.engine.now)
        self.wake()

    def set_fsd(self) -> None:
        """Tell the server FSD."""
        self._wants_fsd = True
        self.wake()

    def count(self) -> None:
        """Ask for NUMLOGINS."""
        self._wants_count = True
        self.wake()

    def leave(self) -> None:
        """Log out and end."""
        self._left = True
        self._drop()

    def _exchange(self, request: bytes, done: Callable[[Lines | None], None]) -> None:
        """Connect and log in if need be, ask, and give the lines of the answer, or None after the limit."""
        side, station, engine = self._side, self.station, self._side.engine
        self._busy, self._asked = True, self._asked + 1
        number = self._asked
        hello = not self.logged_in

        def arrive() -> None:
            if self.session is not None and (station.process.life != self._life or self.session.closed):
                # The server knows no such connection.
                engine.at(engine.now + 0.001, lambda: back(None), side.process)
                return
            if number != self._asked and self.session is None and hello:
                return  # Given up before it could be made.
            if self.session is None:
                self.session, self._life = station.open(side.host), station.process.life
            session = self.session
            reply = decode(station.ask(session, (self._hello + request) if hello else request))
            lines = reply.split("\n")[:-1]
            if self.session is session and side.reaches(station, back=True):
                engine.at(engine.now + side.delay(), lambda: back(lines), side.process)

        def back(lines: Lines | None) -> None:
            if number == self._asked and self._busy:
                self._busy = False
                if lines is not None and hello:
                    lines = self._greeted(lines)
                if lines is None:
                    self._drop()
                done(lines)
                if not self.logged_in:
                    self._drop()  # A connection takes one user name; the next try needs a new one.
                self.wake()

        engine.at(engine.now + LIMIT_S, lambda: back(None), side.process)
        if side.reaches(station, back=False):
            if station.process.alive:
                engine.at(engine.now + side.delay(), arrive, station.process)
            else:  # The machine refuses: nobody listens.
                engine.at(engine.now + 0.002, lambda: back(None), side.process)

    def _greeted(self, lines: Lines) -> Lines | None:
        """Take the answers to the login off; the rest is what was asked."""
        answers, rest = lines[: self._hello_lines], lines[self._hello_lines :]
        bad = next((line for line in answers if not line.startswith("OK")), None)
        if bad is None and rest:
            self.logged_in = True
            if self.supply.login:
                self._side.feed(messages.LoggedIn(self.supply.ups))
        elif bad is not None and not any(word in bad for word in FAILS):
            self._side.feed(messages.LoginRefused(self.supply.ups, bad))
        return rest or None

    def _polled(self, lines: Lines | None) -> None:
        self._side.feed(self._event(lines))
        side = self._side
        self._poll_at = side.engine.now + side.interval_s(self.supply.ups)
        side.engine.at(self._poll_at, self.wake, side.process)

    def _event(self, lines: Lines | None) -> Event:
        ups = self.supply.ups
        if lines is None:
            return messages.PollFailed(ups, FailKind.UNREACHABLE)
        if not lines[0].startswith("VAR "):
            kind = next((kind for word, kind in FAILS.items() if word in lines[0]), FailKind.REFUSED)
            return messages.PollFailed(ups, kind)
        told = zip(READINGS, lines[1:], strict=False)
        readings = {name: value_of(line) for name, line in told if line.startswith("VAR ")}
        return messages.Polled(ups, status_of(lines[0]), readings)

    def _fsd_answered(self, lines: Lines | None) -> None:
        if lines and lines[0].startswith("OK"):
            self._side.feed(messages.FsdAcknowledged(self.supply.ups))
        else:
            self._side.feed(messages.FsdFailed(self.supply.ups, lines[0] if lines else "no answer"))

    def _counted(self, lines: Lines | None) -> None:
        if lines and lines[0].startswith("NUMLOGINS"):
            self._side.feed(messages.LoginCount(self.supply.ups, int(lines[0].split()[2])))

    def _drop(self) -> None:
        """Close our end.  If the wire is cut, the server counts us until it finds us idle."""
        session, self.session = self.session, None
        was, self.logged_in = self.logged_in, False
        if session is not None:
            self.farewell(session)
        if was and self.supply.login:
            self._side.feed(messages.LoggedOut(self.supply.ups))

    def farewell(self, session: Session) -> None:
        """The end of the connection travels to the server."""
        station, engine = self.station, self._side.engine
        if self._life == station.process.life and self._side.reaches(station, back=False):
            engine.at(engine.now + 0.002, lambda: station.close(session), station.process)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The NUT server as a pure state machine: bytes of a session in, bytes and effects out.

Rules of this file:

- Nothing here waits, reads a clock or touches a socket: `now` is an argument, what must be done is an effect.
- Every request is one entry of `VERBS`; a verb that is not there is UNKNOWN-COMMAND.
- A reading is served from the last view only while that view is fresh.
  Whoever owns the sources owes an `update` as soon as a view stops being so.
- A repeated read is one look-up in `Answers.ready`, which holds only replies
  made from views that still stand.

Sources: RFC 9271, NUT's net-protocol.txt, and for the order of checks NUT's upsd.
"""

from __future__ import annotations

from collections.abc import Iterable

from ridethrough.config.models import UpsdUsers
from ridethrough.protocol import server_lines
from ridethrough.protocol.errors import Err
from ridethrough.server import verbs_get, verbs_list, verbs_session, verbs_write
from ridethrough.server.answers import Answers
from ridethrough.server.effects import Drop, Effect, Level, Log, LoginsChanged, Reaction, Settings
from ridethrough.server.logins import Logins
from ridethrough.server.rights import Rights
from ridethrough.server.session import Session
from ridethrough.server.tracking import TrackingTable
from ridethrough.server.views import Device, Devices
from ridethrough.server.world import Handler, RefusalLog, World, refuse
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import DeviceView
from ridethrough.wire.words import Line

# verb -> (handler, whether USERNAME and PASSWORD must have been sent before)
VERBS: dict[str, tuple[Handler, bool]] = {
    "VER": (verbs_session.ver, False),
    "NETVER": (verbs_session.netver, False),
    "PROTVER": (verbs_session.netver, False),
    "HELP": (verbs_session.help_, False),
    "STARTTLS": (verbs_session.starttls, False),
    "GET": (verbs_get.get, False),
    "LIST": (verbs_list.list_, False),
    "USERNAME": (verbs_session.username, False),
    "PASSWORD": (verbs_session.password, False),
    "LOGIN": (verbs_session.login, True),
    "LOGOUT": (verbs_session.logout, False),
    "PRIMARY": (verbs_session.primary, True),
    "MASTER": (verbs_session.master, True),
    "FSD": (verbs_session.fsd, True),
    "SET": (verbs_write.set_, True),
    "INSTCMD": (verbs_write.instcmd, True),
}


class ServerCore:
    """All sessions, UPSes, logins and rights of one server."""

    def __init__(self, users: UpsdUsers, settings: Settings, devices: Iterable[tuple[str, str]] = ()) -> None:
        """Begin with the UPSes of ups.conf as (name, desc) in their order; none of them has a driver yet."""
        self._world = World(
            settings=settings,
            rights=Rights(users),
            tracking=TrackingTable(settings.tracking_limit, settings.tracking_delay_s),
            devices=Devices(),
            logins=Logins(),
            answers=Answers(),
            refusals=RefusalLog(),
        )
        self._world.devices.arrange(devices)
        self._ready = self._world.answers.ready
        self._next_number = 1

    # -- what the drivers' side tells ---------------------------------------------------------

    def update(self, view: DeviceView) -> None:
        """Serve `view` from now on; replies made from the view before it are forgotten."""
        known = self._world.devices.find(view.name)
        device = self._world.devices.put(view)
        self._world.answers.drop(device.name)
        if known is None or (view.desc and view.desc != device.desc):
            device.desc = view.desc
            self._world.answers.drop("")

    def remove(self, name: str) -> tuple[Effect, ...]:
        """A UPS is gone; sessions that were logged in to it are dropped, as NUT does."""
        device = self._world.devices.remove(name)
        if device is None:
            return ()
        self._world.answers.clear()
        effects: list[Effect] = []
        for session in self._world.logins.of(device.name):
            effects += self._drop(session, f"UPS [{device.name}] is no longer configured")
        return tuple(effects)

    def reconfigure(
        self, users: UpsdUsers, settings: Settings, devices: Iterable[tuple[str, str]]
    ) -> tuple[Effect, ...]:
        """Take a reloaded configuration.  Sessions stay, but for those logged in to a UPS that is gone."""
        world = self._world
        world.settings = settings
        world.rights = Rights(users)
        world.tracking.limit, world.tracking.keep_s = settings.tracking_limit, settings.tracking_delay_s
        gone = world.devices.arrange(devices)
        world.answers.clear()
        effects: list[Effect] = []
        for name in gone:
            effects.append(Log(Level.NOTICE, f"UPS [{name}] is no longer configured"))
            for session in world.logins.of(name):
                effects += self._drop(session, f"UPS [{name}] is no longer configured")
        return tuple(effects)

    def tracking_done(self, tracking_id: str, outcome: Outcome) -> None:
        """A driver has answered a tracked request; an unknown or forgotten id changes nothing."""
        self._world.tracking.done(tracking_id, outcome)

    def set_fsd(self, name: str, on: bool = True) -> bool:
        """Set or clear the forced-shutdown latch from within; False if there is no such UPS."""
        device = self._world.devices.find(name)
        if device is None:
            return False
        device.fsd = on
        self._world.answers.drop(device.name)
        return True

    # -- what can be asked from within --------------------------------------------------------

    @property
    def device_names(self) -> tuple[str, ...]:
        """The UPSes in the order of LIST UPS."""
        return tuple(device.name for device in self._world.devices)

    @property
    def session_count(self) -> int:
        """How many sessions are open."""
        return len(self._world.logins)

    def device(self, name: str) -> Device | None:
        """The UPS of that name as it is served now (`.view`, `.fsd`); read it, don't keep it."""
        return self._world.devices.find(name)

    def logins(self, name: str) -> tuple[str, ...]:
        """Addresses of the sessions logged in to the UPS, oldest connection first."""
        device = self._world.devices.find(name)
        return (
            ()
            if device is None
            else tuple(each.peer for each in reversed(self._world.logins.of(device.name)))
        )

    # -- sessions -----------------------------------------------------------------------------

    def open_session(self, peer: str, now: float, *, may_idle: bool = False) -> Session:
        """A client has connected from `peer` (address without port).  The caller owes `close_session`.

        `may_idle` keeps the idle limit away from a session inside this process.
        """
        session = Session(self._next_number, peer, now, may_idle)
        self._next_number += 1
        self._world.logins.open(session)
        return session

    def close_session(self, session: Session, now: float) -> tuple[Effect, ...]:
        """The connection is gone; its login goes with it.  A second call does nothing."""
        ups = session.login
        changed = self._world.logins.close(session)
        if changed is None:
            return ()
        return (Log(Level.INFO, f"{session.who} logged out from UPS [{ups}]"), changed)

    def known(self, session: Session, data: bytes, now: float) -> bytes | None:
        """The whole answer to `data` if it is one request that is answered already, by far the most frequent
        case.  On None nothing has been done, and `receive` is owed.
        """
        reply = self._ready.get(data)
        if reply is None or session.closed or session.unread or session.stream.pending:
            return None
        session.last_heard = now
        return reply

    def receive(self, session: Session, data: bytes, now: float) -> Reaction:
        """Answer all requests that `data` completes, in order, with one reply.

        Once a reply exceeds `max_batch_reply_bytes`, the rest waits in `session.unread` and `more` is set:
        the caller owes `go_on` when the client has taken the reply, and should not read from it before.
        """
        if session.closed:
            return Reaction(b"", close=True)
        if session.unread:
            session.unread += data
            return Reaction(b"", more=True)
        ready = self._ready
        stream = session.stream
        limit = self._world.settings.max_batch_reply_bytes
        replies: list[bytes] = []
        effects: list[Effect] = []
        size = start = 0
        while (end := data.find(b"\n", start) + 1) > 0:
            raw = data[start:end]
            start = end
            fresh = not stream.pending
            reply = ready.get(raw) if fresh else None
            if reply is not None:
                session.last_heard = now
                replies.append(reply)
                size += len(reply)
            else:
                reaction = self._work_out(session, raw, fresh, now)
                replies.append(reaction.reply)
                size += len(reaction.reply)
                effects += reaction.effects
                if reaction.close:
                    return Reaction(b"".join(replies), True, tuple(effects))
            if size >= limit and start < len(data):
                session.unread = data[start:]
                return Reaction(b"".join(replies), False, tuple(effects), more=True)
        if start < len(data):
            over = self._answer_lines(session, stream.feed(data[start:]), now)
            replies.append(over.reply)
            effects += over.effects
            return Reaction(b"".join(replies), over.close, tuple(effects))
        return Reaction(b"".join(replies), False, tuple(effects))

    def go_on(self, session: Session, now: float) -> Reaction:
        """Answer what had to wait, as `receive` does; nothing waits unless `more` was set."""
        data, session.unread = session.unread, b""
        return self.receive(session, data, now)

    def handle(self, session: Session, line: Line, now: float) -> Reaction:
        """Answer one request line."""
        session.last_heard = now
        if line.error is not None or line.clipped:
            return self._bad_line(session, line)
        if not line.words:
            return refuse(Err.UNKNOWN_COMMAND)
        known = VERBS.get(line.words[0].upper())
        if known is None:
            return refuse(Err.UNKNOWN_COMMAND)
        handler, needs_user = known
        if needs_user:
            if session.username is None:
                return refuse(Err.USERNAME_REQUIRED)
            if session.password is None:
                return refuse(Err.PASSWORD_REQUIRED)
        reaction = handler(self._world, session, line.words[1:], now)
        if reaction.close:
            ended = self.close_session(session, now)
            return Reaction(reaction.reply, True, (*reaction.effects, *ended))
        return reaction

    def tick(self, now: float) -> tuple[Effect, ...]:
        """Drop sessions that have asked nothing for the idle time, forget old tracking ids.

        Call it every few seconds at least; nothing is lost but promptness if it comes late.
        """
        self._world.tracking.expire(now)
        limit = self._world.settings.idle_timeout_s
        effects: list[Effect] = []
        for session in self._world.logins:
            if not session.may_idle and now - session.last_heard > limit:
                effects += self._drop(session, f"nothing was asked for {limit:g} s")
        return tuple(effects)

    # -- inside -------------------------------------------------------------------------------

    def _work_out(self, session: Session, raw: bytes, fresh: bool, now: float) -> Reaction:
        """Answer a physical line the long way; keep the answer where the same bytes will mean the same."""
        lines = session.stream.feed(raw)
        reaction = self._answer_lines(session, lines, now)
        if reaction.keep is not None and fresh and len(lines) == 1 and not session.stream.pending:
            self._world.answers.keep(reaction.keep, raw, reaction.reply)
        return reaction

    def _answer_lines(self, session: Session, lines: list[Line], now: float) -> Reaction:
        return self.handle(session, lines[0], now) if lines else Reaction(b"")

    def _bad_line(self, session: Session, line: Line) -> Reaction:
        """C says nothing at all here, and the client waits; we answer, and log the first one of a session."""
        session.bad_lines += 1
        effects: tuple[Effect, ...] = ()
        if session.bad_lines == 1:
            what = line.error or "more words, or longer ones, than a request may have"
            effects = (Log(Level.NOTICE, f"{session.who} sent a line that can't be read: {what}"),)
        return Reaction(server_lines.err(Err.INVALID_ARGUMENT), effects=effects)

    def _drop(self, session: Session, why: str) -> tuple[Effect, ...]:
        ups = session.login
        changed: LoginsChanged | None = self._world.logins.close(session)
        effects: list[Effect] = [Drop(session, why)]
        level, text = Level.DEBUG, f"{session.who} was disconnected: {why}"
        if changed is not None:
            level, text = Level.INFO, f"{text} (was logged in to UPS [{ups}])"
            effects.append(changed)
        return (Log(level, text), *effects)

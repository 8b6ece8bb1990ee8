# SPDX-License-Identifier: GPL-2.0-or-later
"""The open sessions, and which of them drew power from which UPS (LOGIN, NUMLOGINS, LIST CLIENT)."""

from __future__ import annotations

from collections.abc import Iterator

from ridethrough.server.effects import LoginsChanged
from ridethrough.server.session import Session


class Logins:
    """Sessions in the order in which they connected.  The number of logins is counted from the sessions
    themselves, so the two cannot differ."""

    def __init__(self) -> None:
        """Begin without any session."""
        self._sessions: dict[int, Session] = {}
        self._by_ups: dict[str, dict[int, Session]] = {}

    def __len__(self) -> int:
        """How many sessions are open."""
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        """The open sessions; a copy, so that they may be closed on the way."""
        return iter(tuple(self._sessions.values()))

    def open(self, session: Session) -> None:
        """Take a new session in."""
        self._sessions[session.number] = session

    def login(self, session: Session, ups: str) -> LoginsChanged:
        """Log the session in to `ups` (the name as in ups.conf).  It must not be logged in anywhere."""
        assert not session.login
        session.login = ups
        self._by_ups.setdefault(ups, {})[session.number] = session
        return self._changed(ups)

    def close(self, session: Session) -> LoginsChanged | None:
        """Forget the session; tells the new logins if it was logged in.  A second close does nothing."""
        session.closed = True
        session.unread = b""
        if self._sessions.pop(session.number, None) is None or not session.login:
            return None
        ups, session.login = session.login, ""
        self._by_ups[ups].pop(session.number)
        return self._changed(ups)

    def count(self, ups: str) -> int:
        """How many sessions are logged in to `ups`."""
        return len(self._by_ups.get(ups, ()))

    def of(self, ups: str) -> tuple[Session, ...]:
        """The sessions logged in to `ups`, the newest connection first, as NUT lists them."""
        logged_in = self._by_ups.get(ups, {})
        return tuple(logged_in[number] for number in sorted(logged_in, reverse=True))

    def _changed(self, ups: str) -> LoginsChanged:
        return LoginsChanged(ups, tuple(session.peer for session in reversed(self.of(ups))))

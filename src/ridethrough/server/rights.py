# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may do what: the rules of upsd.users (NUT's upsd.users(5)).

The rights are looked up at each request, so that a reload takes effect on sessions that are already open.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ridethrough.config.models import UpsdUsers, User
from ridethrough.config.secret import Secret
from ridethrough.server.session import Session, shown


class Action(StrEnum):
    """What a user can be allowed besides instant commands."""

    LOGIN = "LOGIN"
    PRIMARY = "PRIMARY"
    FSD = "FSD"
    SET = "SET"


# Words that grant an action; MASTER is NUT's old word for PRIMARY.
_GRANTED_BY: Mapping[Action, tuple[str, ...]] = {action: (action.value,) for action in Action} | {
    Action.PRIMARY: ("PRIMARY", "MASTER")
}
_HINTS: Mapping[Action, str] = {
    Action.LOGIN: "'upsmon primary' or 'upsmon secondary'",
    Action.PRIMARY: "'upsmon primary'",
    Action.FSD: "'upsmon primary' or 'actions = FSD'",
    Action.SET: "'actions = SET'",
}
_NOBODY = Secret("a password that no user has, so that an unknown name takes as long as a known one")


class Rights:
    """Answers of upsd.users.  Both questions give None when allowed, else the reason, fit for the log."""

    def __init__(self, users: UpsdUsers) -> None:
        """Take the parsed upsd.users."""
        self._users = users.users

    def refuse_action(self, session: Session, action: Action) -> str | None:
        """Why the session may not do `action`, or None."""
        user = self._identify(session)
        if isinstance(user, str):
            return user
        if any(user.allows(word) for word in _GRANTED_BY[action]):
            return None
        return f"user {shown(user.name)} has no {_HINTS[action]} in upsd.users"

    def refuse_command(self, session: Session, command: str) -> str | None:
        """Why the session may not run the instant command, or None.  Names are compared without case."""
        user = self._identify(session)
        if isinstance(user, str):
            return user
        if user.allows_command(command):
            return None
        return f"user {shown(user.name)} has no 'instcmds = {shown(command)}' in upsd.users"

    def _identify(self, session: Session) -> User | str:
        """The user whose name and password the session has given, or why it is nobody."""
        user = self._users.get(session.username or "")
        known = user.password if user is not None and user.password else _NOBODY
        # Always one constant-time comparison, whoever asks.
        same = known == (session.password or Secret(""))
        if user is None:
            return f"upsd.users has no user {shown(session.username or '')}"
        if known is _NOBODY:
            return f"user {shown(user.name)} has no password in upsd.users"
        return user if same else f"wrong password for user {shown(user.name)}"

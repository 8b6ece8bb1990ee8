# SPDX-License-Identifier: GPL-2.0-or-later
"""One client's session: who it says it is, what it logged in to, and what it has not finished sending."""

from __future__ import annotations

from dataclasses import dataclass, field

from ridethrough.config.secret import Secret
from ridethrough.server.requests import RequestReader

_SHOWN_CHARACTERS = 80


@dataclass(slots=True, eq=False)
class Session:
    """A connection as the core sees it; made by `ServerCore.open_session` only.

    `peer` is the client's address without port.
    `login` is the name of the UPS it logged in to, or "".
    `unread` holds requests that wait until the client has taken the answers to earlier ones.
    """

    number: int
    peer: str
    last_heard: float
    may_idle: bool = False
    username: str | None = None
    password: Secret | None = None
    login: str = ""
    tracking: bool = False
    closed: bool = False
    bad_lines: int = 0
    unread: bytes = b""
    stream: RequestReader = field(default_factory=RequestReader)

    @property
    def who(self) -> str:
        """`user@address` for the log, harmless whatever the client called itself."""
        return f"{shown(self.username or '(nobody)')}@{self.peer}"


def shown(text: str) -> str:
    """A client's words made fit for a log line: one line, printable, at most 80 characters."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What upsd.conf and upsd.users say. Defaults are NUT's (upsd.conf(5), upsd.users(5))."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType

from ridethrough.config.secret import Secret

NUT_PORT = 3493
ALL_COMMANDS = "ALL"


class Role(StrEnum):
    """What an upsmon is to the server that it logs in to."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


# A primary may log in, take the lead and set FSD; a secondary may only log in (upsd.users(5), server/user.c).
ROLE_ACTIONS: Mapping[Role, frozenset[str]] = MappingProxyType(
    {Role.PRIMARY: frozenset({"LOGIN", "PRIMARY", "FSD"}), Role.SECONDARY: frozenset({"LOGIN"})}
)


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen on.

    `line` 0 means that it is NUT's default, which may be absent (a host without IPv6).
    """

    host: str
    port: int = NUT_PORT
    line: int = 0


DEFAULT_LISTEN = (Listen("127.0.0.1"), Listen("::1"))


class CertRequest(IntEnum):
    """Whether clients must show a certificate."""

    NO = 0
    REQUEST = 1
    REQUIRE = 2


@dataclass(frozen=True, slots=True)
class CertIdent:
    """The own certificate's name in the database, and the password of its key."""

    name: str
    password: Secret


@dataclass(frozen=True, slots=True)
class UpsdConf:
    """upsd.conf. Empty strings mean that the file does not say; `maxconn` None means the system's limit."""

    maxage_s: float = 15
    trackingdelay_s: float = 3600
    listen: tuple[Listen, ...] = DEFAULT_LISTEN
    statepath: str = ""
    datapath: str = ""
    maxconn: int | None = None
    allow_no_device: bool = False
    allow_not_all_listeners: bool = False
    certfile: str = ""
    certpath: str = ""
    certident: CertIdent | None = None
    certrequest: CertRequest = CertRequest.NO
    disable_weak_ssl: bool = False
    debug_min: int = 0


@dataclass(frozen=True, slots=True)
class User:
    """One `[name]` of upsd.users that has a password.

    `actions` are in capitals as written (what the role brings is not repeated there);
    `instcmds` are in small letters, or hold `ALL`.
    """

    name: str
    password: Secret
    actions: frozenset[str] = frozenset()
    instcmds: frozenset[str] = frozenset()
    role: Role | None = None
    line: int = 0

    def allows(self, action: str) -> bool:
        """Whether this user may do LOGIN, PRIMARY, FSD or SET, by role or by `actions`."""
        granted = self.actions | (ROLE_ACTIONS[self.role] if self.role is not None else frozenset())
        return action.upper() in granted

    def allows_command(self, command: str) -> bool:
        """Whether this user may run the instant command."""
        return ALL_COMMANDS in self.instcmds or command.lower() in self.instcmds


@dataclass(frozen=True, slots=True)
class UpsdUsers:
    """upsd.users: the users by name; one without a password is left out, for nobody can be it."""

    users: Mapping[str, User] = field(default_factory=lambda: MappingProxyType({}))

# SPDX-License-Identifier: GPL-2.0-or-later
"""What the server's core asks the world around it to do, and how a request is answered.

All are frozen values: the core only describes an effect, the shell (`server.listener`, `app`) carries it out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ridethrough.server.session import Session
from ridethrough.ups.vocabulary import describe_command, describe_variable

PROTOCOL_VERSION = "1.3"


class AskKind(StrEnum):
    """What a driver is asked to do."""

    INSTCMD = "INSTCMD"
    SET = "SET"


class Level(StrEnum):
    """How loudly a line is logged."""

    DEBUG = "debug"
    INFO = "info"
    NOTICE = "notice"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Ask:
    """Hand a command or a new value to the driver of `ups`.

    The client has had its `OK` already, as NUT does it.
    Whoever carries it out owes `ServerCore.tracking_done(tracking_id, outcome)` when `tracking_id` is not "".
    `value` is None for a command without parameter.
    """

    ups: str
    kind: AskKind
    name: str
    value: str | None
    tracking_id: str


@dataclass(frozen=True, slots=True)
class FsdSet:
    """A client set the forced-shutdown flag of `ups`; from now on it stands first in `ups.status`."""

    ups: str


@dataclass(frozen=True, slots=True)
class LoginsChanged:
    """The sessions logged in to `ups` changed; `hosts` are the addresses of those left, oldest first."""

    ups: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the log; never holds a password, and nothing that a client could break a line with."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the connection of `session`.  The core has forgotten the session already."""

    session: Session
    reason: str


Effect = Ask | FsdSet | LoginsChanged | Log | Drop


@dataclass(frozen=True, slots=True)
class Reaction:
    """The answer to what a session sent.

    `reply` goes out in one write; then the connection is closed if `close`.
    `more` says that requests are held back until this reply has been taken (`ServerCore.go_on`).
    `keep` names the device whose view alone made the reply ("" = the configuration, None = other things);
    the same request line may be answered with the same bytes until that changes.
    """

    reply: bytes
    close: bool = False
    effects: tuple[Effect, ...] = ()
    more: bool = False
    keep: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What the configuration tells the server; `new_id` makes tracking ids (UUIDs): chance is injected."""

    new_id: Callable[[], str]
    version: str = "2.8.0"
    banner: str = "Network UPS Tools upsd 2.8.0 - Ridethrough"
    tracking_delay_s: float = 3600.0
    tracking_limit: int = 1000
    idle_timeout_s: float = 60.0
    max_batch_reply_bytes: int = 256 * 1024
    describe_variable: Callable[[str], str | None] = describe_variable
    describe_command: Callable[[str], str | None] = describe_command

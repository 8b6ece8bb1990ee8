# SPDX-License-Identifier: GPL-2.0-or-later
"""Every word that can follow `ERR` in the NUT network protocol, with what it means and what to do.

Sources: RFC 9271 section 4.1, NUT's net-protocol.txt, and the words that only NUT's own code knows.
"""

from __future__ import annotations

from enum import StrEnum


class ProtocolError(Exception):
    """The other side broke the protocol; the connection can't be used any more.

    `replies` holds the replies that were complete before the fault, so that none is lost.
    """

    def __init__(self, message: str, replies: tuple[object, ...] = ()) -> None:
        """Keep the reason in words, and the replies that are still to be delivered."""
        super().__init__(message)
        self.replies = replies


class ConnectionLost(ProtocolError):
    """The server closed the connection while an answer was due."""


class RequestError(ValueError):
    """A request can't be put on the wire as asked: a word holds a line break, or the line is too long."""


class Err(StrEnum):
    """The word after `ERR`.  Its value is the word itself."""

    ACCESS_DENIED = "ACCESS-DENIED"
    UNKNOWN_UPS = "UNKNOWN-UPS"
    VAR_NOT_SUPPORTED = "VAR-NOT-SUPPORTED"
    CMD_NOT_SUPPORTED = "CMD-NOT-SUPPORTED"
    INVALID_ARGUMENT = "INVALID-ARGUMENT"
    INSTCMD_FAILED = "INSTCMD-FAILED"
    SET_FAILED = "SET-FAILED"
    READONLY = "READONLY"
    TOO_LONG = "TOO-LONG"
    FEATURE_NOT_SUPPORTED = "FEATURE-NOT-SUPPORTED"
    FEATURE_NOT_CONFIGURED = "FEATURE-NOT-CONFIGURED"
    ALREADY_SSL_MODE = "ALREADY-SSL-MODE"
    DRIVER_NOT_CONNECTED = "DRIVER-NOT-CONNECTED"
    DATA_STALE = "DATA-STALE"
    ALREADY_LOGGED_IN = "ALREADY-LOGGED-IN"
    INVALID_PASSWORD = "INVALID-PASSWORD"
    ALREADY_SET_PASSWORD = "ALREADY-SET-PASSWORD"
    INVALID_USERNAME = "INVALID-USERNAME"
    ALREADY_SET_USERNAME = "ALREADY-SET-USERNAME"
    USERNAME_REQUIRED = "USERNAME-REQUIRED"
    PASSWORD_REQUIRED = "PASSWORD-REQUIRED"
    UNKNOWN_COMMAND = "UNKNOWN-COMMAND"
    INVALID_VALUE = "INVALID-VALUE"
    # Results of a tracked command (GET TRACKING <id>).
    UNKNOWN = "UNKNOWN"
    FAILED = "FAILED"
    # Words of old servers; read, never sent.
    PASSWORD_INCORRECT = "PASSWORD-INCORRECT"
    MISSING_ARGUMENT = "MISSING-ARGUMENT"
    VAR_UNKNOWN = "VAR-UNKNOWN"
    UNKNOWN_VAR = "UNKNOWN-VAR"
    UNKNOWN_TYPE = "UNKNOWN-TYPE"
    UNKNOWN_INSTCMD = "UNKNOWN-INSTCMD"

    @classmethod
    def parse(cls, word: str) -> Err:
        """The member for `word`; UNKNOWN for a word no version of NUT is known to send."""
        return _BY_WORD.get(word.upper(), cls.UNKNOWN)

    @property
    def text(self) -> str:
        """What the refusal means and what to do about it, in plain words."""
        return _TABLE[self][1]

    @property
    def short(self) -> str:
        """The few words that NUT's own client programs print for it; scripts look for them."""
        return _TABLE[self][0]


# word -> (what NUT's client programs print, what it means and what to do)
_TABLE: dict[Err, tuple[str, str]] = {
    Err.ACCESS_DENIED: (
        "Access denied",
        "this user, password or address lacks the right; see the user's section in the server's upsd.users",
    ),
    Err.UNKNOWN_UPS: (
        "Unknown UPS",
        "the server has no UPS of that name; list its names with 'upsc -l'",
    ),
    Err.VAR_NOT_SUPPORTED: (
        "Variable not supported by UPS",
        "the UPS has no such variable; list its variables with 'upsc'",
    ),
    Err.CMD_NOT_SUPPORTED: (
        "Instant command not supported",
        "the UPS has no such instant command; list its commands with 'upscmd -l'",
    ),
    Err.INVALID_ARGUMENT: (
        "Invalid argument",
        "an argument is missing or not understood; check the spelling and the number of words",
    ),
    Err.INSTCMD_FAILED: (
        "Instant command failed",
        "the server could not hand the command to the driver; check that the driver runs",
    ),
    Err.SET_FAILED: (
        "Set command failed",
        "the server could not hand the new value to the driver; check that the driver runs",
    ),
    Err.READONLY: (
        "Read-only variable",
        "the variable can't be written; list the writable ones with 'upsrw'",
    ),
    Err.TOO_LONG: (
        "New value is too long",
        "the value is longer than the UPS can store; 'upsrw' shows the longest it takes",
    ),
    Err.FEATURE_NOT_SUPPORTED: (
        "Unknown error",
        "the server was built without this feature; for STARTTLS it has no TLS library",
    ),
    Err.FEATURE_NOT_CONFIGURED: (
        "Unknown error",
        "the feature is not set up on the server; STARTTLS needs CERTFILE or CERTIDENT in its upsd.conf, "
        "GET TRACKING needs SET TRACKING ON first",
    ),
    Err.ALREADY_SSL_MODE: (
        "Unknown error",
        "the connection is encrypted already; send STARTTLS only once",
    ),
    Err.DRIVER_NOT_CONNECTED: (
        "Driver not connected",
        "the server has no connection to the driver of this UPS; start the driver, or read its log",
    ),
    Err.DATA_STALE: (
        "Data stale",
        "the driver lost touch with the UPS, so its last readings are withheld; check the cable and the "
        "driver's log",
    ),
    Err.ALREADY_LOGGED_IN: (
        "Already logged in",
        "this connection has logged in to a UPS before; use one connection for each UPS",
    ),
    Err.INVALID_PASSWORD: (
        "Invalid password",
        "the password is empty or malformed; set one in the server's upsd.users and send that",
    ),
    Err.ALREADY_SET_PASSWORD: (
        "Already set password",
        "a password was sent on this connection before; connect anew to use another one",
    ),
    Err.INVALID_USERNAME: (
        "Invalid username",
        "the user name is empty or malformed; use the name of a section in the server's upsd.users",
    ),
    Err.ALREADY_SET_USERNAME: (
        "Already set username",
        "a user name was sent on this connection before; connect anew to use another one",
    ),
    Err.USERNAME_REQUIRED: (
        "Username required",
        "this needs a user of the server's upsd.users; give the user name",
    ),
    Err.PASSWORD_REQUIRED: (
        "Password required",
        "this needs a user of the server's upsd.users; give the password",
    ),
    Err.UNKNOWN_COMMAND: (
        "Unknown command",
        "the server does not know this request; it may be older than the client",
    ),
    Err.INVALID_VALUE: (
        "Invalid value for variable",
        "the value is not among those the UPS takes; 'upsrw' shows them",
    ),
    Err.UNKNOWN: (
        "Unknown error",
        "the driver or the server gave no known reason; read their logs",
    ),
    Err.FAILED: (
        "Unknown error",
        "the UPS or its driver refused; read the driver's log",
    ),
    Err.PASSWORD_INCORRECT: (
        "Password incorrect",
        "the password is wrong; compare it with the server's upsd.users",
    ),
    Err.MISSING_ARGUMENT: (
        "Missing argument",
        "the request lacks a word; check how many it takes",
    ),
    Err.VAR_UNKNOWN: (
        "Variable unknown",
        "the UPS has no such variable; list its variables with 'upsc'",
    ),
    Err.UNKNOWN_VAR: (
        "Unknown variable",
        "the UPS has no such variable; list its variables with 'upsc'",
    ),
    Err.UNKNOWN_TYPE: (
        "Unknown variable type",
        "the server can't tell the type of this variable; it may be older than the client",
    ),
    Err.UNKNOWN_INSTCMD: (
        "Unknown instant command",
        "the UPS has no such instant command; list its commands with 'upscmd -l'",
    ),
}

_BY_WORD: dict[str, Err] = {err.value: err for err in Err}

# SPDX-License-Identifier: GPL-2.0-or-later
"""The requests a NUT client sends, each as one finished line of bytes.

All builders raise `RequestError` for a word that can't be sent.  Source: RFC 9271 section 4.2,
NUT's net-protocol.txt.
"""

from __future__ import annotations

from ridethrough.protocol.errors import RequestError
from ridethrough.wire.words import encode, join, quote

# What C servers are sure to take: their parser keeps 512 bytes of a word.
MAX_REQUEST_BYTES = 4096

_FORBIDDEN = ("\n", "\r", "\0")


def request(*words: str) -> bytes:
    """Any request: words are quoted only where they must be."""
    return _line(join(words), words)


def get_var(ups: str, name: str) -> bytes:
    """Ask for the value of a variable: `VAR <ups> <name> "<value>"`."""
    return request("GET", "VAR", ups, name)


def get_type(ups: str, name: str) -> bytes:
    """Ask for the type words of a variable."""
    return request("GET", "TYPE", ups, name)


def get_desc(ups: str, name: str) -> bytes:
    """Ask for the description of a variable."""
    return request("GET", "DESC", ups, name)


def get_cmddesc(ups: str, name: str) -> bytes:
    """Ask for the description of an instant command."""
    return request("GET", "CMDDESC", ups, name)


def get_upsdesc(ups: str) -> bytes:
    """Ask for the description of a UPS."""
    return request("GET", "UPSDESC", ups)


def get_numlogins(ups: str) -> bytes:
    """Ask how many clients have logged in to a UPS."""
    return request("GET", "NUMLOGINS", ups)


def get_tracking(tracking_id: str = "") -> bytes:
    """Ask what became of a tracked command; without an id, whether tracking is on."""
    return request("GET", "TRACKING", tracking_id) if tracking_id else request("GET", "TRACKING")


def list_ups() -> bytes:
    """Ask for all UPSes and their descriptions."""
    return request("LIST", "UPS")


def list_var(ups: str) -> bytes:
    """Ask for all variables of a UPS."""
    return request("LIST", "VAR", ups)


def list_rw(ups: str) -> bytes:
    """Ask for the writable variables of a UPS."""
    return request("LIST", "RW", ups)


def list_cmd(ups: str) -> bytes:
    """Ask for the instant commands of a UPS."""
    return request("LIST", "CMD", ups)


def list_enum(ups: str, name: str) -> bytes:
    """Ask for the values that an ENUM variable takes."""
    return request("LIST", "ENUM", ups, name)


def list_range(ups: str, name: str) -> bytes:
    """Ask for the ranges that a RANGE variable takes."""
    return request("LIST", "RANGE", ups, name)


def list_client(ups: str) -> bytes:
    """Ask for the addresses of the clients that have logged in to a UPS."""
    return request("LIST", "CLIENT", ups)


def username(name: str) -> bytes:
    """Name the user; the password follows in a request of its own."""
    return request("USERNAME", name)


def password(secret: str) -> bytes:
    """Give the password, in the clear unless STARTTLS came before."""
    return request("PASSWORD", secret)


def login(ups: str) -> bytes:
    """Say that this machine draws power from the UPS."""
    return request("LOGIN", ups)


def logout() -> bytes:
    """Say good-bye; the server closes the connection."""
    return request("LOGOUT")


def primary(ups: str) -> bytes:
    """Ask for the rights of a primary (servers since NUT 2.8.0)."""
    return request("PRIMARY", ups)


def primary_of_old_server(ups: str) -> bytes:
    """The same in the old word, for servers that answer PRIMARY with UNKNOWN-COMMAND and only for them."""
    return request("MASTER", ups)


def fsd(ups: str) -> bytes:
    """Set the forced-shutdown flag."""
    return request("FSD", ups)


def instcmd(ups: str, name: str, param: str | None = None) -> bytes:
    """Ask for an instant command."""
    words = ("INSTCMD", ups, name) if param is None else ("INSTCMD", ups, name, param)
    return request(*words)


def set_var(ups: str, name: str, value: str) -> bytes:
    """Ask for a new value; it stands in quotes always, as NUT's `upsrw` sends it."""
    return _line(f"{join(['SET', 'VAR', ups, name])} {quote(value)}", (ups, name, value))


def set_tracking(on: bool) -> bytes:
    """Turn tracking of commands on or off for this connection."""
    return request("SET", "TRACKING", "ON" if on else "OFF")


def starttls() -> bytes:
    """Ask for TLS; after `OK STARTTLS` the next byte belongs to the handshake."""
    return request("STARTTLS")


def ver() -> bytes:
    """Ask for the server's version, a free text."""
    return request("VER")


def netver() -> bytes:
    """Ask for the version of the network protocol (a word all servers know)."""
    return request("NETVER")


def help_() -> bytes:
    """Ask for the list of verbs."""
    return request("HELP")


def _line(text: str, words: tuple[str, ...]) -> bytes:
    if any(mark in word for word in words for mark in _FORBIDDEN):
        raise RequestError("a line break or a zero byte can't be sent to a NUT server; leave it out")
    try:
        data = encode(text) + b"\n"
    except UnicodeEncodeError:
        raise RequestError("the request holds a character that has no bytes; leave it out") from None
    if len(data) > MAX_REQUEST_BYTES:
        raise RequestError(f"the request is {len(data)} bytes long; a NUT server takes {MAX_REQUEST_BYTES}")
    return data

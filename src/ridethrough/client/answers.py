# SPDX-License-Identifier: GPL-2.0-or-later
"""What a reply means to whoever asked: values and lists, or one error in words.

Shared by the blocking and the asyncio client, so that both say the same.
"""

from __future__ import annotations

from ridethrough.protocol.client import Block, Fail, Line, Ok, Reply
from ridethrough.protocol.errors import Err


class ClientError(Exception):
    """A request that has no answer.

    `short` is the wording of NUT's own programs, which scripts look for; `where` is `host:port`;
    `str()` names the place, what is wrong, and what to do.
    """

    def __init__(self, where: str, short: str, advice: str = "") -> None:
        """Keep the parts, and make the message of them."""
        super().__init__(f"{where}: {short[:1].lower()}{short[1:]}" + (f"; {advice}" if advice else ""))
        self.where = where
        self.short = short
        self.advice = advice


class Refused(ClientError):
    """The server answered ERR.  `err` is the word, `text` all that followed ERR."""

    def __init__(self, where: str, fail: Fail) -> None:
        """Word the refusal; a word that NUT does not have is shown as it came."""
        known = fail.err is not Err.UNKNOWN
        super().__init__(where, fail.err.short if known else f"Unknown error: {fail.text}", fail.err.text)
        self.err = fail.err
        self.text = fail.text


class LinkError(ClientError):
    """The connection could not be made, or is broken; whoever wants to go on connects anew."""


def accepted(reply: Reply, where: str) -> str:
    """What follows `OK`; also for the free texts that old servers send instead.  Raises ClientError."""
    match reply:
        case Ok(text):
            return text
        case Fail():
            raise Refused(where, reply)
        case _:
            raise _nonsense(reply, where)


def tracking_id(reply: Reply, where: str) -> str:
    """The id in `OK TRACKING <id>`, or "" where the server does not track.  Raises ClientError."""
    word, _, rest = accepted(reply, where).partition(" ")
    return rest if word == "TRACKING" else ""


def value(reply: Reply, where: str, width: int) -> str:
    """The last of `width` words of an answer to GET.  Raises ClientError."""
    return words(reply, where, width)[width - 1]


def words(reply: Reply, where: str, width: int = 1) -> tuple[str, ...]:
    """The words of an answer of one line, at least `width` of them.  Raises ClientError."""
    match reply:
        case Line(answer) if len(answer) >= width:
            return answer
        case Fail():
            raise Refused(where, reply)
        case _:
            raise _nonsense(reply, where)


def rows(reply: Reply, where: str, width: int = 1) -> tuple[tuple[str, ...], ...]:
    """The rows of an answer to LIST, each at least `width` words.  Raises ClientError."""
    match reply:
        case Block(_, found) if all(len(row) >= width for row in found):
            return found
        case Fail():
            raise Refused(where, reply)
        case _:
            raise _nonsense(reply, where)


def pairs(reply: Reply, where: str) -> dict[str, str]:
    """The rows of an answer to LIST as name -> value.  Raises ClientError."""
    return {row[0]: row[1] for row in rows(reply, where, 2)}


def names(reply: Reply, where: str) -> list[str]:
    """The first words of the rows of an answer to LIST.  Raises ClientError."""
    return [row[0] for row in rows(reply, where)]


def _nonsense(reply: Reply, where: str) -> ClientError:
    return ClientError(where, "Protocol error", f"the server's answer makes no sense: {str(reply)[:100]}")

# SPDX-License-Identifier: GPL-2.0-or-later
"""What `upsc`, `upscmd` and `upsrw` share: options, the way errors are said, user and password, tracking.

Their options, output and exit statuses are NUT's; scripts rely on them.
Source: NUT's upsc(8), upscmd(8), upsrw(8).
"""

from __future__ import annotations

import getopt
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from ridethrough import __version__
from ridethrough.client import answers
from ridethrough.client.blocking import TIMEOUT_S, Client, ClientError, LinkError, Refused
from ridethrough.client.target import Target, TargetError, parse_target
from ridethrough.protocol import requests
from ridethrough.protocol.client import Fail, Reply
from ridethrough.protocol.errors import RequestError
from ridethrough.wire.words import encode, join

COMMON_OPTIONS = "DhVW:A:"
COMMON_USAGE = """\
  -W SECS    how long to wait for the connection (default 10)
  -A none    accepted as in NUT; other authentication files are not read
  -D         accepted as in NUT
  -V         show the version
  -h         show this help
"""
TRACKING_TIMEOUT_S = 10.0
MAX_TIMEOUT_S = 86_400.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0


class Stop(Exception):
    """End the command with `status`; `text` was not printed yet."""

    def __init__(self, status: int, text: str = "") -> None:
        """Text goes to standard output for status 0, else to standard error."""
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Given:
    """The command line: options as getopt gives them (`-u` -> name), and the rest."""

    options: dict[str, str]
    words: list[str]
    connect_timeout_s: float

    def seconds(self, option: str, default: float) -> float:
        """The value of an option in seconds; raises Stop for what is no such number."""
        text = self.options.get(option)
        return default if text is None else _seconds(text, f"value of {option}")


def parse(argv: list[str], options: str, usage: str) -> Given:
    """Read the command line; `argv[0]` is the program's name.  Raises Stop for -h, -V and mistakes."""
    try:
        found, words = getopt.getopt(argv[1:], options + COMMON_OPTIONS)
    except getopt.GetoptError as error:
        raise Stop(1, f"{argv[0]}: {error}\n{usage}{COMMON_USAGE}") from None
    given = dict(found)
    if "-h" in given:
        raise Stop(0, usage + COMMON_USAGE)
    if "-V" in given:
        raise Stop(0, f"Ridethrough {argv[0]} {__version__}\n")
    if given.get("-A", "none") != "none":
        raise Stop(
            1, f"Error: the authentication file '{given['-A']}' can't be used; give -u and -p instead\n"
        )
    text = given.get("-W", os.environ.get("NUT_DEFAULT_CONNECT_TIMEOUT", ""))
    timeout_s = _seconds(text, "network timeout") if text else TIMEOUT_S
    return Given(given, words, timeout_s)


def run(command: Callable[[], None]) -> int:
    """Run a command; every error becomes one line on standard error and exit status 1.

    BrokenPipeError is left to the caller of the commands.
    """
    try:
        command()
        sys.stdout.flush()
    except Stop as stop:
        if stop.status == 0:
            out(stop.text)
            sys.stdout.flush()
        else:
            say(stop.text)
        return stop.status
    except (ClientError, RequestError) as error:
        say(f"Error: {shown(error)}\n")
        return 1
    return 0


def shown(error: ClientError | RequestError) -> str:
    """An error in NUT's words first, then the place, then what to do."""
    if isinstance(error, RequestError):
        return str(error)
    return f"{error.short} ({error.where})" + (f": {error.advice}" if error.advice else "")


def out(text: str) -> None:
    """Write to standard output; bytes that are not UTF-8 come out as they came in."""
    sys.stdout.flush()
    sys.stdout.buffer.write(encode(text))


def say(text: str) -> None:
    """Write to standard error."""
    sys.stderr.flush()
    sys.stderr.buffer.write(encode(text))
    sys.stderr.flush()


def target(text: str) -> Target:
    """The UPS a word names; raises Stop in NUT's words."""
    try:
        return parse_target(text)
    except TargetError as error:
        form = "Required format: upsname[@hostname[:port]]"
        raise Stop(1, f"Error: invalid UPS definition.\n{form}\n{error}\n") from None


def connect(host: str, port: int, given: Given, reply_timeout_s: float = TIMEOUT_S) -> Client:
    """A client that has connected; use it in a `with`."""
    return Client(host, port, reply_timeout_s, given.connect_timeout_s)


def authenticate(client: Client, user: str | None, password: str | None) -> None:
    """Send user and password; what is not given is asked for at the terminal."""
    if user is None:
        user = _ask_user()
    if password is None:
        password = _ask_password()
    try:
        client.authenticate(user, password)
    except LinkError:
        raise
    except ClientError as error:
        raise Stop(1, f"Authentication failed: {shown(error)}\n") from None


def accept(client: Client, request: bytes, follow_s: float | None, what: str) -> None:
    """Send INSTCMD or SET VAR and print its outcome on standard error, as NUT's programs do.

    With `follow_s` the server is asked to track it, and the driver's own result is awaited that long.
    """
    if follow_s is not None:
        refusal = _refusal(client.ask(requests.set_tracking(True)), client.where)
        if refusal:
            raise Stop(1, f"Enabling {what} status tracking failed. upsd answered: {refusal}\n")
    reply = client.ask(request)
    refusal = _refusal(reply, client.where)
    if refusal:
        raise Stop(1, f"Unexpected response from upsd: {refusal}\n")
    text = answers.accepted(reply, client.where)
    word, _, tracking_id = text.partition(" ")
    if follow_s is None or word != "TRACKING":
        say(f"OK {text}".rstrip() + "\n")
        return
    say(follow(client, tracking_id, follow_s) + "\n")


def follow(
    client: Client,
    tracking_id: str,
    timeout_s: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Ask until a tracked command is done; returns `SUCCESS` or `ERR ...`.

    Raises Stop when it takes longer than `timeout_s`.
    """
    deadline = clock() + timeout_s
    pause = FIRST_PAUSE_S
    while True:
        reply = client.ask(requests.get_tracking(tracking_id))
        text = f"ERR {reply.text}" if isinstance(reply, Fail) else join(answers.words(reply, client.where))
        if text != "PENDING":
            return text
        left = deadline - clock()
        if left <= 0:
            raise Stop(1, f"Can't receive status tracking information: timeout ({client.where})\n")
        sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE_S)


def _refusal(reply: Reply, where: str) -> str:
    """The ERR of a reply with place and advice, or ""."""
    if not isinstance(reply, Fail):
        return ""
    return f"ERR {reply.text} ({where}): {Refused(where, reply).advice}"


def _seconds(text: str, what: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise Stop(1, f"Error: invalid {what}: '{text}'; give seconds, such as 10\n")
    return seconds


def _ask_user() -> str:
    name = _own_name()
    out(f"Username ({name}): " if name else "Username: ")
    sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise Stop(1, "Error: no user name was given; use -u\n")
    return line.strip() or name


def _own_name() -> str:
    import pwd  # noqa: PLC0415 - only who is asked for a name pays for it

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""


def _ask_password() -> str:
    import getpass  # noqa: PLC0415 - only who is asked for a password pays for it

    try:
        return getpass.getpass("Password: ")
    except EOFError:
        raise Stop(1, "Error: no password was given; use -p\n") from None

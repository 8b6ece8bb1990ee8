# SPDX-License-Identifier: GPL-2.0-or-later
"""What `upsc`, `upscmd` and `upsrw` share: options, the way errors are said, user and password.

Their options, output and exit statuses are NUT's; scripts rely on them.
Source: NUT's upsc(8), upscmd(8), upsrw(8), nutauth.conf(5).
"""

from __future__ import annotations

import getopt
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ridethrough import __version__
from ridethrough.cli.client_auth import Accounts, AuthFileError
from ridethrough.client.blocking import TIMEOUT_S, Client, ClientError, LinkError
from ridethrough.client.target import Target, TargetError, address, parse_target
from ridethrough.protocol.errors import RequestError
from ridethrough.wire.words import encode

if TYPE_CHECKING:
    from ridethrough.config.nutauth import Account

COMMON_OPTIONS = "DhVW:A:"
COMMON_USAGE = """\
  -W SECS    how long to wait for the connection (default 10; 0: as long as the system does)
  -A FILE    take user and password from this nutauth.conf, and fail if it is not in order;
             default: there must be one in its usual places; none: read none
  -D         accepted as in NUT
  -V         show the version
  -h         show this help
"""
MAX_TIMEOUT_S = 86_400.0
INVALID_UPS = "invalid UPS definition.  Required format: upsname[@hostname[:port]]"
TIMEOUT_VARIABLE = "NUT_DEFAULT_CONNECT_TIMEOUT"


class Stop(Exception):
    """End the command with `status`; `text` was not printed yet."""

    def __init__(self, status: int, text: str = "", short: str = "") -> None:
        """Text goes to standard output for status 0, else to standard error.

        `short`: the error in NUT's words alone, for `upsc -j`.
        """
        super().__init__(text)
        self.status = status
        self.text = text
        self.short = short


@dataclass(frozen=True, slots=True)
class Given:
    """The command line: options as getopt gives them (`-u` -> name), the later ones last, and the rest."""

    options: dict[str, str]
    words: list[str]
    connect_timeout_s: float
    accounts: Accounts

    def seconds(self, option: str, default: float) -> float:
        """The value of an option in seconds; raises Stop for what is no such number."""
        text = self.options.get(option)
        if text is None:
            return default
        seconds = _seconds(text)
        if seconds is None:
            raise Stop(1, f"Error: invalid value of {option}: '{text}'; give seconds, such as 10\n")
        return seconds


def parse(argv: list[str], options: str, usage: str) -> Given:
    """Read the command line; `argv[0]` is the program's name.  Raises Stop for -h, -V and mistakes."""
    try:
        found, words = getopt.getopt(argv[1:], options + COMMON_OPTIONS)
    except getopt.GetoptError as error:
        raise Stop(1, f"{argv[0]}: {error}\n{usage}{COMMON_USAGE}") from None
    given: dict[str, str] = {}
    for option, value in found:
        # The last one counts, and so does its place: of `-s` and `-l` the later wins.
        given.pop(option, None)
        given[option] = value
    if "-h" in given:
        raise Stop(0, usage + COMMON_USAGE)
    if "-V" in given:
        raise Stop(0, f"Network UPS Tools {argv[0]} (Ridethrough {__version__})\n")
    accounts = Accounts(given.get("-A"), os.environ, say)
    return Given(given, words, _connect_timeout_s(given), accounts)


def _connect_timeout_s(given: dict[str, str]) -> float:
    """-W, else the environment's, else the default; what is no number is said and ignored, as in NUT."""
    timeout_s = TIMEOUT_S
    for source, text in ((TIMEOUT_VARIABLE, os.environ.get(TIMEOUT_VARIABLE)), ("-W", given.get("-W"))):
        if text is None:
            continue
        seconds = _seconds(text)
        if seconds is None:
            say(f"Warning: {source} '{text}' is ignored; give seconds, such as 10\n")
        else:
            timeout_s = seconds or MAX_TIMEOUT_S
    return timeout_s


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


def target(text: str, short: str = INVALID_UPS) -> Target:
    """The UPS a word names; raises Stop in NUT's words."""
    try:
        return parse_target(text)
    except TargetError as error:
        raise Stop(1, f"Error: {short}\n{error}\n", short) from None


def connect(host: str, port: int, given: Given, reply_timeout_s: float = TIMEOUT_S) -> Client:
    """A client that has not connected yet; use it in a `with`.

    Raises Stop if nutauth.conf can't be used, or asks for an encrypted connection to this server.
    """
    account = _account(given, host, port)
    if account is not None and account.needs_tls:
        where = address(host, port)
        short = "SSL error"
        reason = (
            f"nutauth.conf asks for TLS to {where} (FORCESSL or CERTVERIFY), which this version does not have"
        )
        advice = "if it may go in the clear, write FORCESSL = off for this server"
        raise Stop(1, f"Error: {short}: {reason}; {advice}\n", short)
    return Client(host, port, reply_timeout_s, given.connect_timeout_s)


def log_in_if_known(client: Client, target: tuple[str, int], given: Given) -> None:
    """Send user and password if nutauth.conf has both for this server; a refusal does not matter.

    NUT's servers let everybody read; others may not.
    """
    account = _account(given, *target)
    if account is not None and account.user is not None and account.password is not None:
        try:
            client.authenticate(account.user, account.password.reveal())
        except LinkError:
            raise
        except ClientError:
            return


def authenticate(client: Client, target: Target, given: Given) -> None:
    """Send user and password: of -u and -p, else of nutauth.conf, else as typed at the terminal."""
    user, password = given.options.get("-u"), given.options.get("-p")
    account = _account(given, target.host, target.port, user)
    if account is not None:
        user = account.user if user is None else user
        if password is None and account.password is not None:
            password = account.password.reveal()
    if given.accounts.unread and (user is None or password is None):
        say(given.accounts.unread)
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


def _account(given: Given, host: str, port: int, user: str | None = None) -> Account | None:
    try:
        return given.accounts.find(host, port, user)
    except AuthFileError as error:
        short = "Failed to parse auth config file"
        raise Stop(1, f"Error: {short}\n{error}\n", short) from None


def _seconds(text: str) -> float | None:
    """Seconds, at most MAX_TIMEOUT_S, or None for what is no such number."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return min(seconds, MAX_TIMEOUT_S) if 0 <= seconds < float("inf") else None


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

# SPDX-License-Identifier: GPL-2.0-or-later
"""`upslog`: a line for each UPS into a file, every so many seconds (NUT's upslog(8)).

A server that does not answer costs its own UPSes their values (`NA`), and the others the time of one attempt:
all UPSes of a server share one connection.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import syslog
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ridethrough import __version__
from ridethrough.app.background import DaemonError, become, default_user, in_background
from ridethrough.app.service import Notifier
from ridethrough.cli import client_args
from ridethrough.cli.client_args import Given, Stop
from ridethrough.cli.upslog_args import MAX_INTERVAL_S, MAX_UPSES, STDOUT, Options, Place, Wish, read
from ridethrough.cli.upslog_files import LogFiles
from ridethrough.client import logformat
from ridethrough.client.answers import value
from ridethrough.client.blocking import Client, ClientError, LinkError
from ridethrough.client.logformat import Moment
from ridethrough.client.target import Target, address
from ridethrough.config.environment import (
    TO_STDERR,
    TO_SYSLOG,
    altpidpath,
    log_target,
    pidpath,
    quiet_banner,
    shows_pid,
)
from ridethrough.protocol import requests
from ridethrough.protocol.errors import RequestError

KEEP_OPEN_S = 30.0
"""Above this interval the connection is closed between two rounds, as NUT does."""
REPLY_LIMIT_S = 10.0
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Ended(BaseException):
    """A signal asks for the end; it breaks off whatever waits for the network."""

    def __init__(self, number: int) -> None:
        """`number` is the signal's."""
        super().__init__(number)
        self.number = number


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of each round; `shown` is the UPS as %UPSHOST% shows it."""

    target: Target
    shown: str
    file: str


class Voice:
    """What the program says of itself: to standard error, or to the system's log once detached.

    Obeys NUT_DEBUG_SYSLOG and NUT_DEBUG_PID (nut.conf(5)).
    """

    def __init__(self) -> None:
        """In the foreground."""
        self.target = TO_STDERR
        self._pid = shows_pid(os.environ)

    def detach(self) -> None:
        """The terminal is about to be let go of."""
        self.target = log_target(os.environ)
        if self.target == TO_SYSLOG:
            syslog.openlog("upslog", syslog.LOG_PID, syslog.LOG_DAEMON)

    def __call__(self, text: str) -> None:
        """One line."""
        if self.target == TO_SYSLOG:
            syslog.syslog(syslog.LOG_INFO, text.encode("utf-8", "replace").decode().replace("\0", "?"))
        elif self.target == TO_STDERR:
            pid = f"upslog[{os.getpid()}]: " if self._pid else ""
            client_args.say(f"{pid}{text}\n")


def main(argv: list[str]) -> int:
    """Run the command; gives the exit status."""
    status = 0

    def command() -> None:
        nonlocal status
        status = _run(read(argv))

    return client_args.run(command) or status


def _run(options: Options) -> int:
    if not quiet_banner(os.environ):
        client_args.out(f"Network UPS Tools upslog (Ridethrough {__version__})\n")
    entries = [entry for wish in options.wishes for entry in _entries(wish, options.given)]
    if len(entries) > MAX_UPSES:
        raise Stop(1, f"Error: {len(entries)} UPSes are more than {MAX_UPSES}; divide them\n")
    voice = Voice()
    files = LogFiles(voice)
    book = Book(options, entries, files, voice)
    try:
        files.open(entry.file for entry in entries)
    except OSError as error:
        raise Stop(1, f"could not open logfile {error.filename}: {error.strerror}\n") from None
    for entry in entries:
        place = "stdout" if entry.file == STDOUT else entry.file
        client_args.out(f"logging status of {entry.shown} to {place} ({options.interval_s:g}s intervals)\n")
    sys.stdout.flush()
    try:
        return _detached_or_not(options, book, voice)
    except DaemonError as error:
        raise Stop(1, f"Error: {error}\n") from None
    finally:
        book.close()
        files.close()


def _detached_or_not(options: Options, book: Book, voice: Voice) -> int:
    to_stdout = any(entry.file == STDOUT for entry in book.entries)
    if options.place is Place.FOREGROUND or (options.place is Place.BY_TARGET and to_stdout):
        return _log(options, book, lambda: None)

    def detached(ready: Callable[[], None]) -> int:
        def go() -> None:
            voice.detach()
            ready()

        try:
            return _log(options, book, go)
        except DaemonError as error:
            voice(f"Error: {error}")
            return 1

    return in_background(detached, keep_stderr=log_target(os.environ) == TO_STDERR)


def _log(options: Options, book: Book, ready: Callable[[], None]) -> int:
    """Write the pid file, give up root, log until the end."""
    notifier = Notifier(os.environ)
    try:
        with _signals() as inbox, _pid_file(options.pid_base, book.say):
            # Only now, as a connection would not survive being shared with the process that went before.
            book.greet()
            become(options.user if options.user is not None else default_user())
            ready()
            notifier.ready(f"logging {len(book.entries)} UPS")
            _rounds(options, book, inbox, notifier)
            book.say(f"{options.rounds} loops have elapsed")
    except Ended as end:
        book.say(f"Signal {end.number}: exiting")
    notifier.stopping()
    return 0


def _rounds(options: Options, book: Book, inbox: socket.socket, notifier: Notifier) -> None:
    """A round now and at each multiple of the interval; a round that was late is not caught up with."""
    longest_s = notifier.watchdog_s / 2 or MAX_INTERVAL_S
    due = time.monotonic()
    done = 0
    while not options.rounds or done < options.rounds:
        now = time.monotonic()
        notifier.alive()
        if now < due:
            numbers = _heard(inbox, min(due - now, longest_s))
            if signal.SIGHUP in numbers:
                book.say(f"Signal {signal.SIGHUP:d}: reopening log file")
                book.files.reopen()
            if signal.SIGUSR1 not in numbers and time.monotonic() < due:
                continue
        now = time.monotonic()
        if now >= due:
            due += options.interval_s if now < due + options.interval_s else now - due + options.interval_s
        book.write()
        done += 1


class Book:
    """What is logged, and the connections that it takes."""

    def __init__(
        self, options: Options, entries: Sequence[Entry], files: LogFiles, say: Callable[[str], None]
    ) -> None:
        """Nothing is asked yet."""
        self.entries = tuple(entries)
        self.files = files
        self.say = say
        self._format = options.format
        self._names = logformat.variables(options.format)
        self._keep = options.interval_s <= KEEP_OPEN_S
        self._given = options.given
        self._clients: dict[str, Client] = {}

    def greet(self) -> None:
        """Connect to each server once, and warn of those that can't be reached."""
        for target in {_where(entry.target): entry.target for entry in self.entries}.values():
            try:
                self._client(target)
            except ClientError as error:
                self.say(f"Warning: initial connect failed: {client_args.shown(error)}")
        shared = {entry.file for entry in self.entries}
        if len(shared) < len(self.entries) and not logformat.names_upshost(self._format):
            self.say("NOTE: Consider adding %UPSHOST% to the log formatting string, e.g. pass -N on CLI")

    def write(self) -> None:
        """One line for each UPS, in the order of the command line."""
        down: set[str] = set()
        for entry in self.entries:
            values = {} if _where(entry.target) in down else self._ask(entry.target, down)
            epoch = time.time()
            moment = Moment(
                host=socket.gethostname(),
                upshost=entry.shown,
                pid=os.getpid(),
                epoch=int(epoch),
                shown_time=partial(_strftime, epoch),
                value=values.get,
            )
            self.files.write(entry.file, logformat.render(self._format, moment))
        if not self._keep:
            self.close()

    def close(self) -> None:
        """End all connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _ask(self, target: Target, down: set[str]) -> dict[str, str]:
        """The variables of a UPS that are to be had; a server that fails is not asked again this round."""
        try:
            wanted = {name: requests.get_var(target.ups, name) for name in self._names}
        except RequestError:
            wanted = {}  # a name that can't be sent is known to nobody
        values: dict[str, str] = {}
        if not wanted:
            return values
        try:
            client = self._client(target)
            for name, reply in zip(wanted, client.ask_all(list(wanted.values())), strict=True):
                with contextlib.suppress(ClientError):
                    values[name] = value(reply, client.where, 4)
        except LinkError:
            down.add(_where(target))
            self._clients.pop(_where(target), None)
        return values

    def _client(self, target: Target) -> Client:
        where = _where(target)
        if where not in self._clients:
            client = client_args.connect(target.host, target.port, self._given, REPLY_LIMIT_S)
            client.connect()
            self._clients[where] = client
        return self._clients[where]


def _where(target: Target) -> str:
    return address(target.host, target.port)


def _entries(wish: Wish, given: Given) -> Iterator[Entry]:
    """The UPS of a wish, or for `*` each of the server's."""
    target = client_args.target(wish.ups)
    if target.ups != "*":
        yield Entry(target, wish.ups, wish.file)
        return
    with client_args.connect(target.host, target.port, given, REPLY_LIMIT_S) as client:
        names = list(client.list_ups())
    if not names:
        raise Stop(1, f"Error: {_where(target)} serves no UPS; write its name, or check its ups.conf\n")
    for name in names:
        each = Target(name, target.host, target.port)
        yield Entry(each, str(each), wish.file)


def _strftime(epoch: float, form: str) -> str:
    try:
        return time.strftime(form, time.localtime(epoch))
    except (ValueError, UnicodeError):
        return logformat.INVALID


# -- signals and pid file ----------------------------------------------------------------------------


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """SIGTERM, SIGINT and SIGQUIT raise Ended; SIGHUP and SIGUSR1 arrive as bytes."""
    inbox, outbox = socket.socketpair()
    inbox.setblocking(False)
    outbox.setblocking(False)

    def end(number: int, frame: object) -> None:
        raise Ended(number)

    handlers: dict[int, Callable[[int, object], None]] = dict.fromkeys(_ENDING, end)
    handlers |= dict.fromkeys((signal.SIGHUP, signal.SIGUSR1), lambda number, frame: None)
    with inbox, outbox:
        wakeup = signal.set_wakeup_fd(outbox.fileno(), warn_on_full_buffer=False)
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield inbox
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)


def _heard(inbox: socket.socket, timeout_s: float) -> set[int]:
    """The signals that come within the time, at once when one comes."""
    readable, _, _ = select.select([inbox], [], [], timeout_s)
    return set(inbox.recv(4096)) if readable else set()


@contextlib.contextmanager
def _pid_file(base: str, say: Callable[[str], None]) -> Iterator[None]:
    """The pid file; without one the logging goes on, as nothing of it depends on the file."""
    directories = [pidpath(os.environ), altpidpath(os.environ)]
    places = [base] if base.startswith("/") else [os.path.join(each, f"{base}.pid") for each in directories]
    written, reason = _write_pid(places)
    if written is None:
        say(f"can't write the pid file {places[-1]}: {reason}; signals must be sent by hand")
    try:
        yield
    finally:
        if written is not None:
            with contextlib.suppress(OSError):
                with open(written, encoding="ascii", errors="replace") as file:
                    ours = file.read(100).strip() == str(os.getpid())
                if ours:
                    os.unlink(written)


def _write_pid(places: Sequence[str]) -> tuple[str | None, str]:
    """The first of the places that could be written, or None with the reason."""
    reason = ""
    for place in places:
        try:
            with open(place, "w", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            return place, ""
    return None, reason


if __name__ == "__main__":
    sys.exit(main(sys.argv))

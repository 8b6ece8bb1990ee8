# SPDX-License-Identifier: GPL-2.0-or-later
"""The stand-alone timer daemon: keeps the timers behind PIPEFN, and ends soon after the last of them.

Who keeps PIPEFN keeps the timers.  A daemon that finds another one there hands its timers over to it.
One that had been stopped, so that notices did not reach it, gives them up: it may have missed a cancel.
Inside `ridethrough serve` no such process is needed (`schedule.shell`).
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import FrameType

from ridethrough.config.models import UpsschedConf
from ridethrough.schedule import core, messages, pipe
from ridethrough.schedule.journal import Journal
from ridethrough.schedule.script import Lane, Say
from ridethrough.wire.words import WordStream

LINGER_S = 1.0
# Wake up now and then: a select does not count the time that the machine slept, CLOCK_BOOTTIME does.
LONGEST_WAIT_S = 2.0
SCRIPT_POLL_S = 0.05
IDLE_CONNECTION_S = 30.0
# Without a look at PIPEFN for so long somebody may have given this daemon up (`pipe.ANSWER_S` is longer).
UNSEEN_S = 4.0
MAX_CONNECTIONS = 64
MAX_OUT_BYTES = pipe.MAX_ANSWER_BYTES


def boottime() -> float:
    """Seconds since boot, suspend included; the monotonic clock where there is no CLOCK_BOOTTIME."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


@dataclass(slots=True, eq=False)
class _Connection:
    sock: socket.socket
    since: float
    stream: WordStream = field(default_factory=lambda: WordStream(messages.PIPE_LIMITS))
    out: bytearray = field(default_factory=bytearray)


class Daemon:
    """Owns the listening socket; `serve` runs until nothing is left to wait for, or SIGTERM."""

    def __init__(self, listener: socket.socket, conf: UpsschedConf, env: Mapping[str, str], say: Say) -> None:
        self._listener = listener
        self._conf = conf
        self._say = say
        # Rules are the business of whoever got the notice; here are only timers.
        self._state = core.State()
        self._lane = Lane(conf.cmdscript, env, say)
        self._selector = selectors.DefaultSelector()
        self._connections: set[_Connection] = set()
        self._stop = False
        # A signal alone does not end a select (PEP 475); a byte here does.
        self._bell, self._button = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ)
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        self._place = pipe.place_of(conf.pipefn)
        self._seen = boottime()
        self._homeless = self._evicted = False

    def stop(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Have `serve` end (a signal handler)."""
        self._stop = True
        self._button.send(b"!")

    def serve(self) -> None:
        """Keep the timers; returns when the last has ended and nobody has come for LINGER_S."""
        self._say("Timer daemon started", False)
        quiet_since = boottime()
        while not self._stop:
            now = boottime()
            if self._state.timers.running or self._lane.busy or self._connections:
                quiet_since = now
            elif now - quiet_since >= LINGER_S and self._leave():
                self._say("Timer queue empty, exiting", False)
                return
            self._once(self._wait_s(now, quiet_since))
        self._give_up("ended by a signal")
        self._remove()

    def _wait_s(self, now: float, quiet_since: float) -> float:
        wait = LONGEST_WAIT_S
        deadline = core.next_deadline(self._state)
        if deadline is not None:
            wait = min(wait, deadline - now)
        if self._lane.running:
            wait = min(wait, SCRIPT_POLL_S)
        if not self._state.timers.running:
            wait = min(wait, max(quiet_since + LINGER_S - now, SCRIPT_POLL_S))
        return max(0.0, wait)

    def _once(self, wait_s: float) -> None:
        ready = self._selector.select(wait_s)
        if not self._evicted and not self._at_home():
            self._move_out()
        for key, mask in ready:
            if key.fileobj is self._listener:
                self._accept()
            if key.data is None:
                continue
            if mask & selectors.EVENT_READ and key.data in self._connections:
                self._read(key.data)
            if key.data in self._connections and key.data.out:
                self._write(key.data)
        now = boottime()
        for connection in [one for one in self._connections if now - one.since > IDLE_CONNECTION_S]:
            self._close(connection)
        self._step(core.Tick(), now)
        self._lane.poll(boottime())

    def _step(self, event: core.Event, now: float) -> None:
        self._state, effects = core.step(self._state, event, now)
        for effect in effects:
            if isinstance(effect, core.RunScript):
                self._lane.run(effect.command, effect.cause)
            else:
                self._say(effect.text, effect.warning)

    # -- connections --------------------------------------------------------------------------

    def _accept(self) -> bool:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return False
        if len(self._connections) >= MAX_CONNECTIONS:
            self._close(min(self._connections, key=lambda connection: connection.since))
        sock.setblocking(False)
        connection = _Connection(sock, boottime())
        self._connections.add(connection)
        self._selector.register(sock, selectors.EVENT_READ, connection)
        return True

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        connection.since = boottime()
        for line in connection.stream.feed(data):
            if line.error is not None or line.clipped:
                bad = messages.Bad("INVALID", line.error or "a word is too long")
                self._say(f"Parse error on sock: {bad.text}", True)
                connection.out += messages.refusal(bad)
            elif line.words:
                connection.out += self._answer(line.words)
        if len(connection.out) > MAX_OUT_BYTES:
            self._close(connection)
        elif connection.out:
            self._selector.modify(connection.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)

    def _answer(self, words: tuple[str, ...]) -> bytes:
        now = boottime()
        what = messages.read(words)
        if isinstance(what, messages.Bad):
            self._say(what.text, True)
            return messages.refusal(what)
        if isinstance(what, str):
            return messages.listing(core.timers(self._state), now, time.time())
        if isinstance(what, core.StartTimer) and self._state.timers.full and not what.shared:
            self._step(what, now)
            return messages.refusal(messages.Bad("FULL", "too many timers run already"))
        self._step(what, now)
        return f"{messages.OK}\n".encode()

    def _write(self, connection: _Connection) -> None:
        try:
            sent = connection.sock.send(connection.out)
        except BlockingIOError:
            return
        except OSError:
            self._close(connection)
            return
        del connection.out[:sent]
        if not connection.out:
            self._selector.modify(connection.sock, selectors.EVENT_READ, connection)

    def _close(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection.sock)
        connection.sock.close()

    # -- the end ------------------------------------------------------------------------------

    def _leave(self) -> bool:
        """Stop listening, unless somebody is just coming. Whoever comes later starts a new daemon."""
        try:
            fd = pipe.try_lock(self._conf.lockfn)
        except pipe.PipeError:
            fd = -1
        if fd is None or self._accept():
            if fd is not None and fd >= 0:
                pipe.unlock(fd, self._conf.lockfn)
            return False
        self._remove()
        if fd >= 0:
            pipe.unlock(fd, self._conf.lockfn)
        return True

    def _remove(self) -> None:
        """Take PIPEFN away if it is still ours, and hang up on whoever is waiting there."""
        if self._place is not None and pipe.place_of(self._conf.pipefn) == self._place:
            with contextlib.suppress(OSError):
                os.unlink(self._conf.pipefn)
        self._listener.close()

    def _give_up(self, why: str) -> None:
        names = ", ".join(timer.name for timer in core.timers(self._state))
        self._say(f"{why}; timers given up: {names or 'none'}", bool(names))
        self._state = core.State()

    # -- PIPEFN -------------------------------------------------------------------------------

    def _at_home(self) -> bool:
        """Whether PIPEFN is ours; if not it is made anew, or this daemon has no timers from now on."""
        now, place = boottime(), pipe.place_of(self._conf.pipefn)
        unseen, self._seen = now - self._seen, now
        if place == self._place:
            return True
        if unseen > UNSEEN_S:
            self._give_up(f"another has taken PIPEFN over while this daemon was held up for {unseen:.0f} s")
        elif place is None:
            return self._settle()
        else:
            self._hand_over()
        return False

    def _move_out(self) -> None:
        """Hear nobody any more; what came to the old place is told to the new one by whoever sent it."""
        self._evicted = True
        self._selector.unregister(self._listener)
        self._listener.close()
        for connection in tuple(self._connections):
            self._close(connection)

    def _settle(self) -> bool:
        """Listen at PIPEFN again, that somebody has removed; True, for the timers are kept in any case."""
        try:
            fd = pipe.try_lock(self._conf.lockfn)
            if fd is None:
                return True  # Another daemon is being started just now; it will be found there.
            try:
                if pipe.place_of(self._conf.pipefn) is None:
                    self._listen_anew()
            finally:
                pipe.unlock(fd, self._conf.lockfn)
        except pipe.PipeError as error:
            if not self._homeless:
                self._say(f"{error}; no notice reaches the timers that run", True)
            self._homeless = True
        return True

    def _listen_anew(self) -> None:
        listener = pipe.listen(self._conf.pipefn, self._say)
        self._selector.unregister(self._listener)
        self._listener.close()
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        self._listener, self._homeless = listener, False
        self._place = pipe.place_of(self._conf.pipefn)
        self._say(f"PIPEFN {self._conf.pipefn} was removed; it is there again", True)

    def _hand_over(self) -> None:
        """Give the timers to the daemon that is at PIPEFN now, be it ours or C's."""
        now = boottime()
        for timer in core.timers(self._state):
            # C counts whole seconds; late is better than early.
            start = core.StartTimer(timer.name, math.ceil(timer.left(now)), timer.cause)
            try:
                answer = pipe.ask(
                    messages.request(start), self._conf.pipefn, self._conf.lockfn, None, self._say
                )
            except pipe.PipeError:
                break
            if answer is None or messages.outcome(answer) is not None:
                break
            self._say(f"another timer daemon is at PIPEFN; it has timer {timer.name} now", True)
            left = tuple(one for one in self._state.timers.running if one.number != timer.number)
            self._state = core.State(timers=replace(self._state.timers, running=left))
        if self._state.timers.running:
            self._give_up("another timer daemon is at PIPEFN, and does not take these")


def launch(
    listener: socket.socket,
    conf: UpsschedConf,
    env: Mapping[str, str],
    journal: Journal,
    *,
    keep_stderr: bool,
) -> None:
    """Fork the daemon into the background; returns in the caller once it is on its way.

    The background process has no terminal, no open file of the caller's but the socket (and stderr with
    `keep_stderr`, option -D), and no parent that would have to wait for it.
    """
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    # From here on nothing may return into the caller's code.
    try:
        os.setsid()
        if os.fork() == 0:
            journal.background(stderr=keep_stderr)
            _let_go(listener.fileno(), keep_stderr)
            daemon = Daemon(listener, conf, env, journal)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, daemon.stop)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            daemon.serve()
    except Exception as error:
        journal(f"the timer daemon fails: {type(error).__name__}: {error}", True)
    finally:
        os._exit(0)


def _let_go(keep_fd: int, keep_stderr: bool) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1) if keep_stderr else (0, 1, 2):
        os.dup2(null, fd)
    highest = min(os.sysconf("SC_OPEN_MAX"), 65536)
    os.closerange(3, keep_fd)
    os.closerange(keep_fd + 1, highest if highest > 0 else 65536)

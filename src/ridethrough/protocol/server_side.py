# SPDX-License-Identifier: GPL-2.0-or-later
"""The server's side of the driver socket: a driver's lines folded into snapshots.

One `DriverClient` for each connection; after a reconnect a new one, as nothing of the old may be kept.
The caller owes: write `data_to_send()` after each call, give received bytes to `receive`, call `tick` at
`deadline()`.  Nothing here raises for what a driver sends: lines that make no sense are counted in `ignored`.
Source: NUT's sock-protocol.txt; rules of freshness learned from server/sstate.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ridethrough.protocol.driver_fold import Fold, integer
from ridethrough.protocol.lines import LineStream
from ridethrough.ups.commands import Outcome
from ridethrough.ups.state import Change, Freshness, Snapshot
from ridethrough.wire.words import Limits, encode, join, quote

# Wider than C drivers need, so that a long value of one of ours arrives whole.
DRIVER_LIMITS = Limits(max_words=64, max_word_bytes=8192, max_line_bytes=16384)

# C drivers send changed values without escaping them: the number of words tells (protocol.lines).
_WIDTHS = {"SETINFO": 3, "ADDENUM": 3, "DELENUM": 3}

_ONE_LINE = str.maketrans({"\n": " ", "\r": " ", "\0": " "})


@dataclass(frozen=True, slots=True)
class Commit:
    """The driver's state changed; all lines of one `receive` are one commit."""

    snapshot: Snapshot
    change: Change


@dataclass(frozen=True, slots=True)
class FreshnessChanged:
    """Whether the readings may be used has changed."""

    freshness: Freshness


@dataclass(frozen=True, slots=True)
class TrackingDone:
    """What became of a command or SET."""

    id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Pong:
    """The driver is alive."""


@dataclass(frozen=True, slots=True)
class Pid:
    """The driver's process id, an opaque text."""

    text: str


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The driver has heard LOGOUT and will close."""


DriverEvent: TypeAlias = Commit | FreshnessChanged | TrackingDone | Pong | Pid | Goodbye


class DriverClient:
    """One connection to a driver; see the head of this file."""

    def __init__(self, maxage_s: float, now: float, limits: Limits = DRIVER_LIMITS) -> None:
        """Queue DUMPALL.  `maxage_s` is upsd.conf's MAXAGE; `now` is a monotonic time in seconds."""
        self.ignored = 0
        self.last_ignored = ""
        self._maxage_s = maxage_s
        self._stream = LineStream(limits, _WIDTHS)
        self._out = bytearray(b"DUMPALL\n")
        self._fold = Fold()
        self._dumped = False
        self._data_ok = False
        self._heard_at = now
        self._pinged_at: float | None = None
        self._told = Freshness.WAITING
        self._events: list[DriverEvent] = []

    @property
    def snapshot(self) -> Snapshot:
        """The last committed state; empty until the first dump is complete."""
        return self._fold.snapshot

    def data_to_send(self) -> bytes:
        """The bytes to write to the driver now; each is given once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def instcmd(self, name: str, param: str | None = None, tracking: str | None = None) -> None:
        """Queue an instant command; with `tracking` a TrackingDone of that id will follow."""
        words = ["INSTCMD", name] + ([] if param is None else [param])
        self._queue(join(words), tracking)

    def set_var(self, name: str, value: str, tracking: str | None = None) -> None:
        """Queue a new value for a variable; with `tracking` a TrackingDone of that id will follow."""
        self._queue(f"SET {join([name])} {quote(value)}", tracking)

    def get_pid(self) -> None:
        """Queue GETPID; a Pid follows (drivers since NUT 2.8.1)."""
        self._queue("GETPID", None)

    def logout(self) -> None:
        """Queue LOGOUT; a Goodbye follows, then the driver closes (drivers since NUT 2.8.1)."""
        self._queue("LOGOUT", None)

    def receive(self, data: bytes, now: float) -> list[DriverEvent]:
        """Take bytes of the driver, give what they mean; all lines in them make at most one Commit.

        When the data goes stale that is told before the commit, when it becomes fresh after it: what is
        not to be trusted is never shown as fresh.
        """
        for line in self._stream.feed(data):
            if line.error is not None:
                self._ignore(f"{line.error}: {join(line.words)}")
            elif self._take(line.words):
                self._heard_at = now
            else:
                self._ignore(join(line.words))
        fresh = self._freshness_events(now)
        commits = self._commit_events()
        # A result comes after the commit, so that whoever waits for it sees the new value.
        done, self._events = self._events, []
        return [*commits, *fresh, *done] if self._told is Freshness.FRESH else [*fresh, *commits, *done]

    def tick(self, now: float) -> list[DriverEvent]:
        """Call at `deadline()`: queues PING after MAXAGE/3 of silence, tells when MAXAGE has passed."""
        if now >= self._ping_at():
            self._pinged_at = now
            self._out += b"PING\n"
        return self._freshness_events(now)

    def deadline(self) -> float:
        """The time at which `tick` has something to do next."""
        if self._told is Freshness.STALE:
            return self._ping_at()
        return min(self._ping_at(), self._heard_at + self._maxage_s)

    def freshness(self, now: float) -> Freshness:
        """Whether the readings may be used at `now`; never DISCONNECTED, as only the shell knows that."""
        if now >= self._heard_at + self._maxage_s:
            return Freshness.STALE
        if not self._dumped:
            return Freshness.WAITING
        return Freshness.FRESH if self._data_ok else Freshness.STALE

    def _ping_at(self) -> float:
        last = self._heard_at if self._pinged_at is None else max(self._heard_at, self._pinged_at)
        return last + self._maxage_s / 3

    def _queue(self, text: str, tracking: str | None) -> None:
        line = text if tracking is None else f"{text} TRACKING {join([tracking])}"
        self._out += encode(line.translate(_ONE_LINE)) + b"\n"

    def _ignore(self, text: str) -> None:
        self.ignored += 1
        self.last_ignored = text[:80]

    def _freshness_events(self, now: float) -> list[DriverEvent]:
        freshness = self.freshness(now)
        if freshness is self._told:
            return []
        self._told = freshness
        return [FreshnessChanged(freshness)]

    def _commit_events(self) -> list[DriverEvent]:
        if not self._dumped:
            return []
        change = self._fold.commit()
        return [Commit(self._fold.snapshot, change)] if change else []

    def _take(self, words: tuple[str, ...]) -> bool:
        """One line; False when it makes no sense."""
        match (words[0].upper(), *words[1:]):
            case ("DUMPDONE", *_):
                self._dumped = True
            case ("DATAOK", *_):
                self._data_ok = True
            case ("DATASTALE", *_):
                self._data_ok = False
            case ("PONG", *_):
                self._events.append(Pong())
            case ("PID", text, *_):
                self._events.append(Pid(text))
            case ("OK", text, *_) if text.lower() == "goodbye":
                self._events.append(Goodbye())
            case ("TRACKING", tracking_id, text, *_):
                code = integer(text)
                if code is None:
                    return False
                self._events.append(TrackingDone(tracking_id, Outcome.of_code(code)))
            case (verb, *args):
                return self._fold.take(verb, tuple(args))
        return True

# SPDX-License-Identifier: GPL-2.0-or-later
"""One UPS's life as a table: which edge of which status token is told as which notice.

Source: NUT's upsmon.conf(5) and the behaviour of C upsmon.  Nothing here decides about a shutdown;
`critical` reads the `Life` that this module keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from ridethrough.monitor.settings import Settings
from ridethrough.ups.notices import NotifyType
from ridethrough.ups.status import KNOWN_TOKENS, Status, Token

CONFIRM_S = 2.0
"""A doubted token that is still said after this time is a fact (a driver polls every 2 s by default)."""

PLAUSIBLE_LOW_PERCENT = 50.0
"""A battery that claims a higher charge than this, and to be low, is asked a second time."""


class Comm(StrEnum):
    """What is known of the way to the UPS."""

    UNKNOWN = "unknown"
    OK = "ok"
    LOST = "lost"


class Feed(StrEnum):
    """Where the UPS said last that its power comes from."""

    UNKNOWN = "unknown"
    LINE = "line"
    BATTERY = "battery"


@dataclass(frozen=True, slots=True)
class Edge:
    """What is told when a token appears and when it goes."""

    appears: NotifyType
    goes: NotifyType | None = None


EDGES: Mapping[str, Edge] = MappingProxyType(
    {
        "LB": Edge(NotifyType.LOWBATT),
        "CAL": Edge(NotifyType.CAL, NotifyType.NOTCAL),
        "OFF": Edge(NotifyType.OFF, NotifyType.NOTOFF),
        "BYPASS": Edge(NotifyType.BYPASS, NotifyType.NOTBYPASS),
        "ALARM": Edge(NotifyType.ALARM, NotifyType.NOTALARM),
        "OVER": Edge(NotifyType.OVER, NotifyType.NOTOVER),
        "TRIM": Edge(NotifyType.TRIM, NotifyType.NOTTRIM),
        "BOOST": Edge(NotifyType.BOOST, NotifyType.NOTBOOST),
        "ECO": Edge(NotifyType.ECO, NotifyType.NOTECO),
    }
)

FEEDS: Mapping[str, tuple[Feed, NotifyType]] = MappingProxyType(
    {"OL": (Feed.LINE, NotifyType.ONLINE), "OB": (Feed.BATTERY, NotifyType.ONBATT)}
)

SILENT_TOKENS = frozenset({"HB", "CHRG", "DISCHRG"})
"""Tokens that no notice belongs to."""

BUZZWORDS = ("ups.mode.buzzwords", "experimental.ups.mode.buzzwords")
"""Where newer drivers put a vendor's name for a mode: `vendor:NAME:MODE`, several with blanks between."""

ECO_MODES = ("ECO", "ESS", "HE", "SMART")
"""The modes that mean ECO.  (C looks for the same four, but takes any word at all for one of them.)"""

CLASSIFIED = frozenset({*EDGES, *FEEDS, *SILENT_TOKENS, "RB", "FSD"})

ALERT_TOKENS = frozenset({"LB", "CAL", "OFF", "BYPASS", "ALARM", "OVER", "FSD"})
"""Tokens that make POLLFREQALERT the interval, besides being on battery."""


@dataclass(frozen=True, slots=True)
class Told:
    """A notice of this UPS that has no text yet; `extra` fills the second place of its message."""

    type: NotifyType
    extra: str = ""


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Life:
    """What is known of one UPS.  `status` holds what was believed, `withheld` what was doubted.

    All times are points on the monotonic clock.  `low_since`: on battery and low, and not calibrating;
    `not_low_at`: the last good poll that was not so.  `eco`: ECO is on, by status or by a vendor's word.
    `stale`: the machine has slept since; what was heard before says nothing of now.
    """

    ups: str
    since: float = 0.0
    comm: Comm = Comm.UNKNOWN
    feed: Feed = Feed.UNKNOWN
    status: Status = Status.EMPTY
    readings: Mapping[str, str] = field(default_factory=_nothing)
    heard_at: float | None = None
    not_low_at: float = 0.0
    low_since: float | None = None
    off_since: float | None = None
    over_since: float | None = None
    replbatt_at: float | None = None
    nocomm_at: float | None = None
    fsd_told: bool = False
    withheld: frozenset[str] = frozenset()
    withheld_at: float = 0.0
    eco: bool = False
    stale: bool = False

    @property
    def on_battery(self) -> bool:
        """Whether it said last that it runs on battery."""
        return self.feed is Feed.BATTERY

    @property
    def low(self) -> bool:
        """Whether it said last that it is on battery and low; a calibration does not count."""
        return self.on_battery and "LB" in self.status and "CAL" not in self.status

    @property
    def alert(self) -> bool:
        """Whether it should be polled at POLLFREQALERT."""
        return self.on_battery or not ALERT_TOKENS.isdisjoint(self.status.tokens)


def born(ups: str, now: float) -> Life:
    """A UPS of which nothing is known yet."""
    return Life(ups, since=now, not_low_at=now)


def doubt(life: Life, status: Status, readings: Mapping[str, str]) -> tuple[frozenset[str], str]:
    """Which tokens of a sample contradict the rest of it, and why; nothing for a plausible sample."""
    if "OL" in status and "OB" in status:
        return frozenset({"OL", "OB"}), "says to be on line and on battery at once"
    if "LB" in status and "OB" in status and not life.low:
        try:
            charge = float(readings.get("battery.charge", ""))
        except ValueError:
            return frozenset(), ""
        if charge > PLAUSIBLE_LOW_PERCENT:
            return frozenset({"LB"}), f"says its battery is low, but its charge is {charge:g} %"
    return frozenset(), ""


def heard(
    life: Life, status: Status, readings: Mapping[str, str], settings: Settings, now: float
) -> tuple[Life, list[Told], str]:
    """The life after a good poll, what to tell, and in words what was not believed (or nothing)."""
    told = [Told(NotifyType.COMMOK)] if life.comm is Comm.LOST else []
    life = replace(life, comm=Comm.OK, heard_at=now, nocomm_at=None, stale=False)
    status = Status(tuple(_known(token) for token in status.tokens))
    doubted, why = (frozenset[str](), "") if settings.strict_c else doubt(life, status, readings)
    again = bool(doubted) and doubted == life.withheld
    if again and now - life.withheld_at >= CONFIRM_S:
        # Said twice: a fact.  Of "OL OB" the part that may cost the host its power is believed.
        out: frozenset[str] = doubted & {"OL"}
    else:
        out = doubted
    life = replace(life, withheld=doubted, withheld_at=life.withheld_at if again else now)
    believed = Status(tuple(token for token in status.tokens if token not in out))
    life, edges = _edges(life, believed, readings, settings, now)
    why = "" if again else why
    return _timers(life, now), told + edges, why


def _edges(
    life: Life, status: Status, readings: Mapping[str, str], settings: Settings, now: float
) -> tuple[Life, list[Told]]:
    """Compare two statuses: first what has gone, then what appeared in the order it is said (as C does)."""
    before, eco = life.status.without("ECO"), "ECO" in status or is_eco(readings)
    if life.eco:
        before = before.with_token("ECO")
    gone = [
        edge.goes
        for token, edge in EDGES.items()
        if token in before and token not in status and not (token == "ECO" and eco)
    ]
    told = [Told(kind) for kind in gone if kind is not None]
    if eco and not life.eco and "ECO" not in status:
        told.append(Told(NotifyType.ECO))
    alarm = readings.get("ups.alarm", "")
    fsd_told = life.fsd_told and "FSD" in status
    feed, replbatt_at = life.feed, life.replbatt_at
    for token in status.tokens:
        if token in FEEDS:
            now_feed, kind = FEEDS[token]
            # The first OL after a start is no news; the first OB is.
            if now_feed is not feed and (feed is not Feed.UNKNOWN or now_feed is Feed.BATTERY):
                told.append(Told(kind))
            feed = now_feed
        elif token == "RB":
            if replbatt_at is None or now - replbatt_at >= settings.rbwarntime_s:
                told.append(Told(NotifyType.REPLBATT))
                replbatt_at = now
        elif token == "FSD":
            if not fsd_told:
                told.append(Told(NotifyType.FSD))
            fsd_told = True
        elif token in EDGES and token not in before:
            told.append(Told(EDGES[token].appears, (alarm or "n/a") if token == "ALARM" else ""))
        elif token == "ALARM" and alarm and alarm != life.readings.get("ups.alarm", ""):
            told.append(Told(NotifyType.ALARM, alarm))
    told += _others(before, status)
    life = replace(life, status=status, readings=MappingProxyType(dict(readings)), feed=feed, eco=eco)
    return replace(life, replbatt_at=replbatt_at, fsd_told=fsd_told), told


def _known(token: str) -> str:
    """NUT's tokens in capitals, as C reads them in any case; others as they came."""
    upper = token.upper()
    return upper if upper in CLASSIFIED or upper in KNOWN_TOKENS else token


def is_eco(readings: Mapping[str, str]) -> bool:
    """Whether a vendor's word says that the UPS saves energy: `vendor:eaton:ESS` (nut-names.txt)."""
    words = " ".join(readings.get(name, "") for name in BUZZWORDS).split()
    return any(word.rpartition(":")[2].upper().startswith(ECO_MODES) for word in words if ":" in word)


def _others(before: Status, status: Status) -> list[Told]:
    """The notices about tokens that NUT has no notice for."""
    old = {token for token in before.tokens if token not in CLASSIFIED}
    new = [token for token in status.tokens if token not in CLASSIFIED]
    if old == set(new):
        return []
    return [Told(NotifyType.OTHER, " ".join(new))] if new else [Told(NotifyType.NOTOTHER)]


def _timers(life: Life, now: float) -> Life:
    """Start the clocks of conditions that have begun, and stop those of conditions that have ended."""

    def since(holds: bool, before: float | None) -> float | None:
        return (now if before is None else before) if holds else None

    return replace(
        life,
        low_since=since(life.low, life.low_since),
        off_since=since("OFF" in life.status, life.off_since),
        over_since=since("OVER" in life.status, life.over_since),
        not_low_at=life.not_low_at if life.low else now,
    )


def failed(life: Life, settings: Settings, now: float) -> tuple[Life, list[Told]]:
    """The life after a poll that gave nothing: COMMBAD once, then NOCOMM every NOCOMMWARNTIME."""
    if life.comm is not Comm.LOST:
        return replace(life, comm=Comm.LOST, nocomm_at=None), [Told(NotifyType.COMMBAD)]
    silent_since = life.since if life.heard_at is None else life.heard_at
    last = silent_since if life.nocomm_at is None else life.nocomm_at
    if now - last < settings.nocommwarntime_s:
        return life, []
    return replace(life, nocomm_at=now), [Told(NotifyType.NOCOMM)]


def awaits(status: Status) -> bool:
    """Whether a server says that the driver's first dump is not complete: WAIT, with or without its FSD."""
    return bool(status.tokens) and set(status.tokens) <= {Token.WAIT, Token.FSD} and Token.WAIT in status


def waited(life: Life, status: Status) -> tuple[Life, list[Told]]:
    """The life after a WAIT: nothing is known of the UPS, so nothing of it is told or taken back.

    C upsmon takes WAIT for a status: COMMOK, a NOT... notice for each condition, and a low battery forgotten.
    FSD alone is a fact in it: that is the server's own word.
    """
    if Token.FSD not in status:
        return life, []
    return fsd_set(replace(life, status=life.status.with_token(Token.FSD, first=True)))


def overdue(life: Life, settings: Settings, now: float) -> bool:
    """Whether a WAIT is a failed poll: after a loss, and once nothing else was heard for DEADTIME."""
    silent_since = life.since if life.heard_at is None else life.heard_at
    return life.comm is Comm.LOST or now - silent_since >= settings.deadtime_s


def fsd_set(life: Life) -> tuple[Life, list[Told]]:
    """The server took our FSD: it is told once, whoever saw it first."""
    if life.fsd_told:
        return life, []
    return replace(life, fsd_told=True), [Told(NotifyType.FSD)]


def woken(life: Life, now: float) -> Life:
    """After a sleep of the machine no clock has run: what was known is old, but it is no silence yet.

    An FSD of before is forgotten with the rest; the server says it again if it still holds.
    """

    def restart(before: float | None) -> float | None:
        return None if before is None else now

    return replace(
        life,
        heard_at=restart(life.heard_at),
        low_since=restart(life.low_since),
        off_since=restart(life.off_since),
        over_since=restart(life.over_since),
        not_low_at=now,
        status=life.status.without("FSD"),
        stale=life.heard_at is not None,
    )

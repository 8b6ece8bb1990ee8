# SPDX-License-Identifier: GPL-2.0-or-later
"""Is this UPS critical?  Rules in a table, each a pure function of a `Life` and the time.

C upsmon's rules (upsmon.conf(5)), with one difference: silence is never critical before DEADTIME.
C takes a UPS that was calibrating, bypassed, off or alarming for dead at the first poll that fails;
`strict_c` restores that.

After a sleep of the machine the readings are stale: only silence counts until the UPS was heard again, and
it has WAKE_GRACE_S, for a network may be slower to wake than DEADTIME.  (C forgets what it knew.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ridethrough.monitor.life import Comm, Life
from ridethrough.monitor.settings import Settings, Supply

WAKE_GRACE_S = 60.0
"""How long a UPS may stay silent after a sleep at least: links, spanning trees and leases are back then."""


class Cause(StrEnum):
    """Which rule spoke; the reason's words may change from poll to poll, this does not."""

    NONE = "none"
    FSD = "fsd"
    SILENT = "silent"
    OFF = "off"
    LOW = "low"
    CALIBRATING = "calibrating"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a UPS is critical, why (or why not yet), and when time alone may change the answer."""

    critical: bool
    cause: Cause = Cause.NONE
    reason: str = ""
    again_at: float | None = None


FINE = Verdict(False)

Rule = Callable[[Life, Supply, Settings, float], Verdict]


def _due(at: float, cause: Cause, now: float, met: str, waiting: str) -> Verdict:
    if now >= at:
        return Verdict(True, cause, met)
    return Verdict(False, cause, f"{waiting}; critical in {at - now:.0f} s if that lasts", at)


def by_fsd(life: Life, supply: Supply, settings: Settings, now: float) -> Verdict:
    """FSD: the primary (or the UPS itself) has ordered the shutdown."""
    if "FSD" not in life.status:
        return FINE
    return Verdict(True, Cause.FSD, "forced shutdown (FSD) is set")


def by_silence(life: Life, supply: Supply, settings: Settings, now: float) -> Verdict:
    """Nothing is heard of a UPS that was not safely on line when it was heard last."""
    if life.heard_at is None or (life.stale and settings.strict_c):
        return FINE  # Never heard from: as in C, that is no reason to go down.
    lost = life.comm is Comm.LOST
    # A link reports its failures; one that does not even do that must not hide a silence for ever.
    patience = settings.deadtime_s if lost else max(settings.deadtime_s, 3 * settings.heartbeat_s)
    dead_at = life.heard_at + (max(patience, WAKE_GRACE_S) if life.stale else patience)
    if not lost and now < dead_at:
        return FINE
    at_once = life.heard_at if settings.strict_c and lost else dead_at
    dangers: list[tuple[float, str]] = []
    if life.on_battery and "CAL" not in life.status:
        dangers.append((_low_at(dead_at, life, supply, settings), "on battery"))
    for token, words in (("CAL", "calibrating"), ("BYPASS", "on bypass")):
        if token in life.status:
            dangers.append((at_once, words))
    if "OFF" in life.status and settings.offduration_s >= 0:
        dangers.append((at_once, "off"))
    if "ALARM" in life.status and settings.alarmcritical:
        dangers.append((at_once, "in alarm"))
    if life.over_since is not None and settings.overduration_s >= 0:
        dangers.append((max(at_once, life.over_since + settings.overduration_s), "overloaded"))
    if not dangers:
        return FINE
    at, words = min(dangers)
    then = f", and it was {words} then"
    since = f" since the machine woke, and it was {words} before" if life.stale else then
    text = f"nothing heard for {now - life.heard_at:.0f} s{since}"
    met = text if life.stale else f"{text} (DEADTIME {settings.deadtime_s:g} s)"
    return _due(at, Cause.SILENT, now, met, text)


def by_off(life: Life, supply: Supply, settings: Settings, now: float) -> Verdict:
    """OFF for OFFDURATION: the outlets are not fed."""
    if life.off_since is None or settings.offduration_s < 0:
        return FINE
    text = f"off for {now - life.off_since:.0f} s"
    met = f"{text} (OFFDURATION {settings.offduration_s:g} s)"
    return _due(life.off_since + settings.offduration_s, Cause.OFF, now, met, text)


def by_low(life: Life, supply: Supply, settings: Settings, now: float) -> Verdict:
    """On battery and low.  A low battery on line is none of this, nor is one that calibrates."""
    if life.low_since is None:
        if life.on_battery and "LB" in life.status:
            return Verdict(False, Cause.CALIBRATING, "on battery and low, but it is calibrating")
        return FINE
    at = _low_at(life.low_since, life, supply, settings)
    text = "on battery and its battery is low"
    waiting = text if supply.primary else f"{text}; the primary has not set FSD yet"
    return _due(at, Cause.LOW, now, text, waiting)


def _low_at(since: float, life: Life, supply: Supply, settings: Settings) -> float:
    """When a low battery becomes critical: OBLBDURATION, and a secondary gives its primary HOSTSYNC."""
    at = since + max(settings.oblbduration_s, 0.0)
    return at if supply.primary else max(at, life.not_low_at + settings.hostsync_s)


RULES: tuple[Rule, ...] = (by_fsd, by_low, by_off, by_silence)
"""All are asked; the first that finds the UPS critical gives the reason."""
STALE_RULES: tuple[Rule, ...] = (by_fsd, by_silence)
"""Those that are asked while all readings are of before a sleep."""


def judge(life: Life, supply: Supply, settings: Settings, now: float) -> Verdict:
    """Whether a UPS is critical now; if not, the most pressing reason to look at it again."""
    verdicts = [rule(life, supply, settings, now) for rule in (STALE_RULES if life.stale else RULES)]
    for verdict in verdicts:
        if verdict.critical:
            return verdict
    waiting = [verdict for verdict in verdicts if verdict.again_at is not None]
    if waiting:
        return min(waiting, key=lambda verdict: verdict.again_at or 0.0)
    return next((verdict for verdict in verdicts if verdict.cause is not Cause.NONE), FINE)

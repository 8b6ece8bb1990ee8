# SPDX-License-Identifier: GPL-2.0-or-later
"""The maintenance mode: for a time that a person gave, a shutdown that we would decide on is only told.

Held back is what this host decides by itself, and what scripts of notices order (`upsmon -c fsd`).
Obeyed all the same are a person's order, and FSD on a UPS that this host needs: its primary is about
to cut the power, and a host that stays up would crash.
Notices are of type OTHER, at the end NOTOTHER, without a UPS: NUT has no word for this, and scripts
that know a UPS by name are not misled.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from ridethrough.monitor.critical import Cause
from ridethrough.monitor.messages import (
    Effect,
    Emit,
    KeepMaintenance,
    Level,
    LogDecision,
    Maintenance,
    MaintenanceOff,
    MaintenanceOn,
)
from ridethrough.ups.notices import Notice, NotifyType

LONGEST_S: Final = 24 * 3600.0
"""No maintenance is longer: one that was forgotten must not leave a host unprotected for good."""
REMIND_EVERY_S: Final = 1800.0
REMIND_HELD_EVERY_S: Final = 300.0
"""How often it is told while a shutdown is being held back."""
FLAP_S: Final = 60.0
"""A danger that comes and goes is told at most this often."""
WARN_BEFORE_S: Final = (300.0, 60.0)
"""How long before the end it is told that a shutdown may follow, if a UPS is in trouble then."""
MAX_REASON: Final = 200
MAX_WHO: Final = 80
OFF: Final = "ridethrough maintenance off"

Lost = frozenset[tuple[str, Cause]]
"""The critical UPSes that this host needs, each with its cause."""


class MaintenanceError(ValueError):
    """A maintenance that can't be had; the text says why and what to write."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What is held back at present.

    `why` is the shutdown that would begin now, or empty.  `told` are the dangers that were told, the last
    time at `told_at`; `asked_at` is when a script was refused; `warn_at` are the warnings still to come.
    """

    maintenance: Maintenance | None = None
    why: str = ""
    told: Lost = frozenset()
    told_at: float = -math.inf
    asked_at: float = -math.inf
    remind_at: float = math.inf
    warn_at: tuple[float, ...] = ()


Stepped = tuple[Hold, list[Effect]]
NOTHING: Final = Hold()


def of(
    seconds: float, now: float, until_text: str, who: str, reason: str = "", *, even_fsd: bool = False
) -> Maintenance:
    """A maintenance from now on.  Raises MaintenanceError for a time that is none, or too long."""
    if not (math.isfinite(seconds) and seconds > 0):
        raise MaintenanceError(
            f"a maintenance of {seconds:g} seconds is none; give its length, such as 90min"
        )
    if seconds > LONGEST_S:
        raise MaintenanceError(
            f"a maintenance lasts at most {span(LONGEST_S)}, not {span(seconds)}; prolong it later"
        )
    return Maintenance(
        now, now + seconds, until_text, _plain(who, MAX_WHO), _plain(reason, MAX_REASON), even_fsd
    )


def _plain(text: str, limit: int) -> str:
    """One line of text that can be shown on every terminal."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def span(seconds: float) -> str:
    """A length of time in the words of a person."""
    if seconds < 120:
        return f"{max(seconds, 0):.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    parts = [f"{hours} h"] if hours else []
    return " ".join([*parts, f"{minutes} min"] if minutes else parts)


def switched(hold: Hold, event: MaintenanceOn | MaintenanceOff, now: float, *, begun: bool) -> Stepped:
    """A person begins, changes or ends it; `begun`: the shutdown is under way and can't be held any more."""
    if isinstance(event, MaintenanceOff):
        return _over(hold, f"ended by {event.who}") if hold.maintenance is not None else (hold, [])
    wanted = event.maintenance
    if begun:
        return hold, [LogDecision("a shutdown is under way: no maintenance holds it back", level=Level.ERROR)]
    if now >= wanted.until:
        return _over(replace(hold, maintenance=wanted), "its time has passed")
    verb = "goes on" if event.resumed else "is changed" if hold.maintenance is not None else "begins"
    fsd = ", even FSD" if wanted.even_fsd else "; FSD and 'upsmon -c fsd' are obeyed"
    what = f"no automatic shutdown of this host {_until(wanted, now)}{fsd}"
    text = f"maintenance {verb}: {what}; to end it: {OFF}"
    warn_at = tuple(wanted.until - before for before in WARN_BEFORE_S if wanted.until - before > now)
    hold = Hold(wanted, remind_at=now + REMIND_EVERY_S, warn_at=warn_at)
    begins = LogDecision(f"maintenance {verb}: automatic shutdowns are held back until {wanted.until_text}")
    return hold, [KeepMaintenance(wanted), begins, _notice(text)]


def passing(hold: Hold, lost: Lost, why: str, troubles: Iterable[str], now: float) -> Stepped:
    """Each step of the monitor: what is held back now, and what the time brings.

    `why` is the shutdown that the rules ask for, or empty; what `holds` denies begins in this step.
    """
    if hold.maintenance is None or (why and not holds(hold, lost)):
        return hold, []
    hold, effects = (hold, []) if now >= hold.maintenance.until else _would(hold, lost, why, now)
    hold, more = _tick(hold, troubles, now)
    return hold, effects + more


def asked(hold: Hold, script: str, now: float) -> Stepped:
    """The script of a notice orders the shutdown: it is no person, and does not know of the maintenance.

    Not told more often than every FLAP_S: it may be the script of this very notice.
    """
    wanted = hold.maintenance
    assert wanted is not None
    text = f"the script of {script} orders a forced shutdown; held back by maintenance"
    effects: list[Effect] = [LogDecision(f"{text} until {wanted.until_text}", level=Level.CRITICAL)]
    if now - hold.asked_at >= FLAP_S:
        effects.append(_notice(f"{text} {_until(wanted, now)}; to end that: {OFF}"))
        hold = replace(hold, asked_at=now)
    return hold, effects


def broken(hold: Hold) -> Stepped:
    """The shutdown begins in spite of it: that ends the maintenance."""
    if hold.maintenance is None:
        return hold, []
    text = f"the maintenance of {hold.maintenance.who} ends with that: FSD, and a person's order, are obeyed"
    return NOTHING, [LogDecision(text, level=Level.CRITICAL), KeepMaintenance(None)]


def _tick(hold: Hold, troubles: Iterable[str], now: float) -> Stepped:
    """What the time alone brings: reminders, warnings before the end, the end.

    `troubles` says in words of each UPS why it may soon lead to a shutdown.
    """
    wanted = hold.maintenance
    if wanted is None:
        return hold, []
    if now >= wanted.until:
        return _over(hold, "its time is up")
    effects = list[Effect]()
    due = [at for at in hold.warn_at if now >= at]
    if due:
        hold = replace(hold, warn_at=hold.warn_at[len(due) :])
        trouble = "; ".join(troubles)
        if trouble:
            then = "the shutdown begins then" if hold.why else "a shutdown may begin then"
            text = (
                f"maintenance ends in {span(wanted.until - now)}, at {wanted.until_text}: {then}: {trouble}"
            )
            effects.append(_notice(text))
    if now >= hold.remind_at:
        text = _held(wanted, hold.why, now) if hold.why else f"maintenance goes on: {_reminder(wanted, now)}"
        effects.append(_notice(text))
        hold = replace(hold, remind_at=now + (REMIND_HELD_EVERY_S if hold.why else REMIND_EVERY_S))
    return hold, effects


def _would(hold: Hold, lost: Lost, why: str, now: float) -> Stepped:
    """A shutdown would begin now for `why` if it was not held back; with an empty `why` none would."""
    wanted = hold.maintenance
    assert wanted is not None
    if not why:
        passed = LogDecision("no shutdown would begin any more", level=Level.NOTICE)
        return replace(hold, why=""), [passed] if hold.why else []
    again = not hold.why and now - hold.told_at >= FLAP_S
    hold = replace(hold, why=why)
    if lost <= hold.told and not again:
        return hold, []
    hold = replace(
        hold,
        told=hold.told | lost,
        told_at=now,
        remind_at=min(hold.remind_at, now + REMIND_HELD_EVERY_S),
    )
    text = _held(wanted, why, now)
    decision = f"the shutdown is held back by maintenance until {wanted.until_text}: {why}"
    return hold, [LogDecision(decision, level=Level.CRITICAL), _notice(text)]


def holds(hold: Hold, lost: Lost) -> bool:
    """Whether a shutdown for these losses is held back."""
    wanted = hold.maintenance
    return wanted is not None and (wanted.even_fsd or not any(cause is Cause.FSD for _, cause in lost))


def deadline(hold: Hold) -> float | None:
    """When time alone brings something."""
    if hold.maintenance is None:
        return None
    return min(hold.maintenance.until, hold.remind_at, *hold.warn_at)


def _over(hold: Hold, how: str) -> Stepped:
    wanted = hold.maintenance
    assert wanted is not None
    then = f"; what was held back begins now: {hold.why}" if hold.why else ""
    text = f"maintenance of {wanted.who} is over, {how}: shutdowns are decided as usual again{then}"
    ends = LogDecision(f"maintenance is over, {how}")
    return NOTHING, [KeepMaintenance(None), ends, _notice(text, NotifyType.NOTOTHER)]


def _held(wanted: Maintenance, why: str, now: float) -> str:
    return f"would shut down now; held back by maintenance {_until(wanted, now)}: {why}; to let it go: {OFF}"


def _reminder(wanted: Maintenance, now: float) -> str:
    return f"no automatic shutdown of this host {_until(wanted, now)}; to end it: {OFF}"


def _until(wanted: Maintenance, now: float) -> str:
    """The length beside the clock time: a clock that was set wrong does not mislead then."""
    reason = f" ({wanted.reason})" if wanted.reason else ""
    return f"until {wanted.until_text} (another {span(wanted.until - now)}) by {wanted.who}{reason}"


def _notice(text: str, kind: NotifyType = NotifyType.OTHER) -> Emit:
    return Emit(Notice(kind, "", text))

# SPDX-License-Identifier: GPL-2.0-or-later
"""Events as lines that a person reads: what happened, when, to whom (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ridethrough.app.bus import Event

CHARGE_STEP_PERCENT: Final = 20


def clock_text(seconds: float) -> str:
    """Seconds since the beginning as `m:ss` or `h:mm:ss`."""
    total = int(seconds)
    hours, rest = divmod(total, 3600)
    if hours:
        return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
    return f"{rest // 60}:{rest % 60:02d}"


def duration_text(seconds: float) -> str:
    """A duration in the words of a person: `45 s`, `12 min`, `3 h 5 min`."""
    total = round(seconds)
    if total < 120:
        return f"{total} s"
    minutes = round(total / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


class Timeline:
    """Turns events into lines; remembers only what it needs to leave out what says nothing new.

    `line(event)` gives the line, or None for an event that is not worth one.
    """

    def __init__(
        self,
        start: float = 0.0,
        verbose: bool = False,
        stamp: Callable[[float], str] | None = None,
    ) -> None:
        """`stamp` makes the first column from an event's `t`; without it, it is the time since `start`."""
        self._stamp = stamp or (lambda t: clock_text(t - start))
        self._verbose = verbose
        self._charge_said: dict[str, float] = {}

    def line(self, event: Event) -> str | None:
        """The event as one line, or None."""
        teller = _TELLERS.get(event["event"])
        told = teller(self, event) if teller else None
        if told is None:
            return None
        who, text = told
        return f"{self._stamp(event['t']):>8}  {who:<10} {text}"

    def _device(self, event: Event) -> tuple[str, str] | None:
        ups, charge = event["ups"], event.get("charge")
        said = self._charge_said.get(ups)
        moved = charge is not None and (said is None or abs(charge - said) >= CHARGE_STEP_PERCENT)
        if not (event.get("added") or event.get("removed") or event.get("fresh_changed") or moved):
            return None
        if charge is not None:
            self._charge_said[ups] = charge
        if event["freshness"] != "fresh":
            return ups, f"{event['freshness']}: {event.get('why') or 'no reading that may be trusted'}"
        return ups, ", ".join(_readings(event))

    def _log(self, event: Event) -> tuple[str, str] | None:
        level = event["level"]
        if level == "debug" and not self._verbose:
            return None
        return ("" if level in ("info", "notice", "debug") else level), event["text"]


def _readings(event: Event) -> list[str]:
    parts = [event["status"] or "no status"]
    if event.get("charge") is not None:
        parts.append(f"battery {event['charge']:.0f} %")
    if event.get("runtime") is not None:
        parts.append(f"runtime {duration_text(event['runtime'])}")
    return parts


def _mains(_: Timeline, event: Event) -> tuple[str, str]:
    return event["ups"], "the mains is back" if event["on"] else "mains lost"


def _output(_: Timeline, event: Event) -> tuple[str, str]:
    return event["ups"], "the UPS feeds the load" if event["on"] else "the UPS cuts the load"


def _notice(_: Timeline, event: Event) -> tuple[str, str]:
    return event["host"], f"{event['type']}: {event['text']}"


def _decision(_: Timeline, event: Event) -> tuple[str, str]:
    readings = event.get("readings")
    return event["host"], event["text"] + (f" [{readings}]" if readings else "")


def _login(timeline: Timeline, event: Event) -> tuple[str, str] | None:
    """The server says who came and went in its own words; the count is for those who ask for more."""
    if not timeline._verbose:
        return None
    hosts = ", ".join(event["hosts"]) or "nobody"
    return event["ups"], f"logged in: {hosts} ({event['count']})"


def _fsd(timeline: Timeline, event: Event) -> tuple[str, str] | None:
    if not timeline._verbose:
        return None
    return event["ups"], "FSD is set: every host on this UPS is told to go down"


def _would(_: Timeline, event: Event) -> tuple[str, str]:
    return event["host"], f"dry-run, {event['text']}"


def _ran(_: Timeline, event: Event) -> tuple[str, str]:
    return event["host"], f"{event['what']}: {event['command']} (exit status {event['status']})"


def _stage(timeline: Timeline, event: Event) -> tuple[str, str] | None:
    return (event["name"], event["state"]) if timeline._verbose else None


_TELLERS: Final[Mapping[str, Callable[[Timeline, Any], tuple[str, str] | None]]] = {
    "device": Timeline._device,
    "log": Timeline._log,
    "mains": _mains,
    "output": _output,
    "notice": _notice,
    "decision": _decision,
    "login": _login,
    "fsd": _fsd,
    "would": _would,
    "ran": _ran,
    "stage": _stage,
}

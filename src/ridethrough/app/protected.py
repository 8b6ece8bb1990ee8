# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough status`: "am I protected?", each "no" with the one command to run next (pure).

It says yes only to what is known: a question without an answer is a no.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

DRILL_MAX_AGE_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Answer:
    """One question of `status`."""

    question: str
    ok: bool
    detail: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class LocalFacts:
    """What this machine shows without asking `serve`."""

    config: str
    """The configuration directory as the user would write it."""
    config_errors: int
    hook: str | None
    """The file that cuts the UPS's output at the end of a shutdown, or None."""
    drill_age_days: float | None
    drill_verdict: str = ""
    drill_ok: bool = False


def answers(running: Mapping[str, Any] | None, facts: LocalFacts, why_not: str = "") -> tuple[Answer, ...]:
    """The answers. `running` is what `serve` said on its control socket, None where it did not answer."""
    serve = f"ridethrough serve --config {facts.config} --armed"
    rows = [_running(running, serve, why_not)]
    if running is not None:
        rows += _devices(running.get("devices"))
        rows += _monitors(running.get("monitors"), facts.config)
        rows.append(_armed(running, serve))
        rows += _maintenance(running.get("maintenance"))
    rows.append(_configuration(facts))
    rows.append(_hook(facts))
    rows.append(_drill(facts))
    return tuple(rows)


def protected(rows: Sequence[Answer]) -> bool:
    """Whether every answer is yes."""
    return bool(rows) and all(row.ok for row in rows)


def render(rows: Sequence[Answer]) -> str:
    """The answers as people read them."""
    lines = []
    for row in rows:
        lines.append(f"{'yes' if row.ok else 'NO':<4} {row.question}: {row.detail}")
        if not row.ok and row.command:
            lines.append(f"     -> {row.command}")
    lines.append("")
    missing = sum(not row.ok for row in rows)
    lines.append(
        "protected" if protected(rows) else f"NOT protected: {missing} of {len(rows)} answers are no"
    )
    return "\n".join(lines)


def _running(running: Mapping[str, Any] | None, serve: str, why_not: str) -> Answer:
    if running is None:
        return Answer("serve runs", False, why_not or "nothing answers on the control socket", serve)
    return Answer("serve runs", True, f"pid {running.get('pid')}")


def _devices(devices: object) -> list[Answer]:
    rows = []
    for device in devices if isinstance(devices, list) else []:
        ok = device.get("freshness") == "fresh"
        detail = device.get("status") or "no status"
        if not ok:
            detail = f"{device.get('freshness')}: {device.get('why') or 'no reading that may be trusted'}"
        rows.append(Answer(f"{device.get('ups')} is read", ok, str(detail), "ridethrough events"))
    return rows or [
        Answer("a UPS is read", False, "no UPS is configured here or monitored", "ridethrough check")
    ]


def _monitors(monitors: object, config: str) -> list[Answer]:
    check = f"ridethrough check --config {config}"
    rows = []
    for monitor in monitors if isinstance(monitors, list) else []:
        if not monitor.get("power_value"):
            continue
        question = f"login on {monitor.get('system')} is accepted"
        if monitor.get("logged_in"):
            rows.append(Answer(question, True, f"as {monitor.get('role')}"))
        else:
            rows.append(Answer(question, False, str(monitor.get("why") or "not logged in yet"), check))
    return rows or [Answer("this host is fed by a monitored UPS", False, "no MONITOR line feeds it", check)]


def _armed(running: Mapping[str, Any], serve: str) -> Answer:
    question = "the shutdown path is armed"
    if running.get("simulated"):
        return Answer(question, False, "this is a simulation", serve)
    if not running.get("armed"):
        return Answer(question, False, "dry-run: SHUTDOWNCMD would only be said", serve)
    if not running.get("helper"):
        return Answer(question, False, str(running.get("helper_why") or "the root helper is gone"), serve)
    if not running.get("shutdowncmd"):
        check = "ridethrough check"
        return Answer(question, False, "upsmon.conf has no SHUTDOWNCMD: nothing would run", check)
    return Answer(question, True, str(running.get("shutdowncmd")))


def _maintenance(found: object) -> list[Answer]:
    """A row only while one is on: that shutdowns are decided goes without saying."""
    if not isinstance(found, Mapping) or not found.get("on"):
        return []
    reason = f" ({found['reason']})" if found.get("reason") else ""
    detail = f"held back by maintenance until {found.get('until')} by {found.get('who')}{reason}"
    if found.get("would"):
        detail += f"; would shut down now: {found['would']}"
    return [Answer("this host is shut down in time", False, detail, "ridethrough maintenance off")]


def _configuration(facts: LocalFacts) -> Answer:
    check = f"ridethrough check --config {facts.config}"
    count = facts.config_errors
    return Answer(
        "the configuration has no error", count == 0, _errors(count) if count else facts.config, check
    )


def _errors(count: int) -> str:
    return "1 error" if count == 1 else f"{count} errors"


def _hook(facts: LocalFacts) -> Answer:
    question = "the UPS is switched off after the shutdown"
    if facts.hook is None:
        return Answer(question, False, "no shutdown hook is installed", "ridethrough install-hook")
    return Answer(question, True, facts.hook)


def _drill(facts: LocalFacts) -> Answer:
    question = "a drill has passed"
    command = f"ridethrough drill --config {facts.config}"
    if facts.drill_age_days is None:
        return Answer(question, False, "there has been none", command)
    ago = f"{facts.drill_age_days:.0f} days ago: {facts.drill_verdict}"
    if not facts.drill_ok:
        return Answer(question, False, f"the last one failed, {ago}", command)
    if facts.drill_age_days > DRILL_MAX_AGE_DAYS:
        return Answer(question, False, f"the last one is too old, {ago}", command)
    return Answer(question, True, ago)

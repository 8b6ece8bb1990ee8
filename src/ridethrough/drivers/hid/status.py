# SPDX-License-Identifier: GPL-2.0-or-later
"""From the words that rows say ("online", "!dischrg") to `ups.status`, `ups.alarm` and what goes with them.

The order of the tokens and all special cases are those of NUT's drivers/usbhid-ups.c (facts learned from
there, GPL-2.0-or-later); options: usbhid-ups(8).
"""

from __future__ import annotations

from collections.abc import Mapping, MutableSet, Set
from dataclasses import dataclass, replace

from ridethrough.drivers.hid.conversions import leading_int

WORDS = frozenset(
    """online offline dischrg chrg lowbatt overload replacebatt shutdownimm trim boost bypassauto bypassman
    ecomode essmode off cal overheat commfault depleted timelimitexp fullycharged notfullycharged
    awaitingpower fanfail nobattery battvoltlo battvolthi chargerfail vrange frange""".split()
)
"""What a status row can say; `!word` takes a word back, any other word is ignored."""

_OPPOSITE = {
    "online": "offline",
    "offline": "online",
    "fullycharged": "notfullycharged",
    "notfullycharged": "fullycharged",
}
ALARMS = {
    "replacebatt": "Replace battery!",
    "shutdownimm": "Shutdown imminent!",
    "fanfail": "Fan failure!",
    "nobattery": "No battery installed!",
    "battvoltlo": "Battery voltage too low!",
    "battvolthi": "Battery voltage too high!",
    "chargerfail": "Battery charger fail!",
    "overheat": "Temperature too high!",
    "commfault": "Internal UPS fault!",
    "awaitingpower": "Awaiting power!",
    "bypassauto": "Automatic bypass mode!",
    "bypassman": "Manual bypass mode!",
}
_LOW = frozenset({"lowbatt", "timelimitexp", "shutdownimm"})
_REPLACE = frozenset({"replacebatt", "nobattery"})
_BUZZWORDS = {"ecomode": "vendor:default:ECO", "essmode": "vendor:default:ESS"}
_REASONS = {"vrange": "input voltage out of range", "frange": "input frequency out of range"}

DEFAULT_DELAY_S = 3
DEFAULT_THROTTLE_S = 30
FULL = 100


@dataclass(frozen=True, slots=True)
class StatusOptions:
    """usbhid-ups's options about the status.

    `log_throttle_s`: None until it is known whether there is a battery.charge, negative for no repetition.
    """

    discharge_is_battery: bool = False
    discharge_is_calibration: bool = False
    log_throttle_s: int | None = None
    log_hover_charge: int = FULL
    low_delay_s: int = 0
    low_delay_always: bool = False


@dataclass(frozen=True, slots=True)
class Timers:
    """What `compose` has to know of the time before: deadlines count from these seconds."""

    low_since: float | None = None
    replace_since: float | None = None
    logged_at: float | None = None
    logged_charge: int | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """`ups.status` without ALARM, and what goes with it.  `warning` is for the log, once."""

    tokens: tuple[str, ...]
    alarms: tuple[str, ...] = ()
    transfer_reason: str | None = None
    buzzwords: tuple[str, ...] = ()
    warning: str | None = None


def fold(words: MutableSet[str], word: str) -> None:
    """Add a word that a status row said, or take it back."""
    word = word.lower()
    opposite = _OPPOSITE.get(word)
    if opposite is not None:
        words.discard(opposite)
    if word.startswith("!"):
        words.discard(word[1:])
    elif word in WORDS:
        words.add(word)


def compose(
    words: Set[str], charge: str | None, options: StatusOptions, timers: Timers, now: float
) -> tuple[Composed, Timers]:
    """What the words mean at `now`; the timers returned are for the next call.

    `charge` is battery.charge as it is shown, None where there is none.
    """
    tokens, uncertain = _power(words, options)
    calibrating = "CAL" in tokens
    if "dischrg" in words and "depleted" not in words:
        tokens.append("DISCHRG")
    if "chrg" in words and _takes_charge(words, charge):
        tokens.append("CHRG")
    hasty = (
        options.low_delay_s < 1
        or not (calibrating or options.low_delay_always)
        or "online" not in words  # a real outage: nothing is delayed
    )
    low = not _LOW.isdisjoint(words)
    low_since = timers.low_since
    if low:
        if hasty or (low_since is not None and now - low_since > options.low_delay_s):
            tokens.append("LB")
        elif low_since is None:
            low_since = now
    else:
        low_since = None
    if "overload" in words:
        tokens.append("OVER")
    replace_since = timers.replace_since
    if not _REPLACE.isdisjoint(words):
        if hasty or low_since is None or _passed(replace_since, options.low_delay_s, now):
            tokens.append("RB")
        elif replace_since is None:
            replace_since = now
    else:
        replace_since = None
    tokens += [token for word, token in (("trim", "TRIM"), ("boost", "BOOST")) if word in words]
    if "bypassauto" in words or "bypassman" in words:
        tokens.append("BYPASS")
    if "off" in words:
        tokens.append("OFF")
    after = replace(timers, low_since=low_since, replace_since=replace_since)
    warning, after = _warn(words, uncertain, charge, options, after, now)
    return (
        Composed(
            tuple(tokens),
            tuple(text for word, text in ALARMS.items() if word in words),
            next((text for word, text in _REASONS.items() if word in words), None),
            tuple(text for word, text in _BUZZWORDS.items() if word in words),
            warning,
        ),
        after,
    )


def _passed(since: float | None, delay_s: float, now: float) -> bool:
    return since is not None and now - since > delay_s


def _power(words: Set[str], options: StatusOptions) -> tuple[list[str], bool]:
    """CAL, OB and OL; and whether the device is on line and discharging for no reason that is known."""
    tokens: dict[str, None] = {}
    uncertain = False
    if "cal" in words:
        tokens["CAL"] = None
    if "offline" in words:
        tokens["OB"] = None
    if "online" not in words:
        if "dischrg" in words:
            tokens["OB"] = None
    elif "dischrg" not in words:
        tokens["OL"] = None
    else:
        if options.discharge_is_calibration:
            tokens["CAL"] = None
        if options.discharge_is_battery:
            tokens["OB"] = None
        if not (options.discharge_is_calibration or options.discharge_is_battery):
            tokens["OL"] = None
            uncertain = "cal" not in words
    return list(tokens), uncertain


def _takes_charge(words: Set[str], charge: str | None) -> bool:
    """Whether "charging" is worth telling: not where the battery is full."""
    if "notfullycharged" in words:
        return True
    return "fullycharged" not in words and 0 < leading_int(charge) < FULL


def _warn(
    words: Set[str], uncertain: bool, charge: str | None, options: StatusOptions, timers: Timers, now: float
) -> tuple[str | None, Timers]:
    """The warning about a device that is on line and discharges, as seldom as the options say."""
    if "dischrg" not in words:
        return None, replace(timers, logged_at=None, logged_charge=None)
    if not uncertain:
        return None, timers
    percent = leading_int(charge)
    changed = 0 < percent < options.log_hover_charge and percent != timers.logged_charge
    throttle = options.log_throttle_s
    if throttle is None and charge is None:
        throttle = DEFAULT_THROTTLE_S
    due = throttle is not None and throttle >= 0
    due = due and (timers.logged_at is None or now - timers.logged_at >= (throttle or 0))
    if not changed and not due:
        return None, timers
    text = (
        "is on line and discharging"
        + (f", its charge is {percent} %" if percent > 0 else "")
        + "; if this is a calibration set 'onlinedischarge_calibration', "
        "if it is then on battery in fact set 'onlinedischarge_onbattery'"
    )
    logged = percent if percent > 0 else timers.logged_charge
    return text, replace(timers, logged_at=now, logged_charge=logged)


def status_options(options: Mapping[str, str]) -> tuple[StatusOptions, tuple[str, ...]]:
    """The options of a section of ups.conf (a flag is there or not), and what was wrong with them."""
    problems: list[str] = []

    def number(name: str, default: int | None, low: int | None, high: int | None = None) -> int | None:
        text = options.get(name)
        if text is None:
            return default
        value = leading_int(text)
        senseless = value == 0 and text.strip() != "0"
        if senseless or (low is not None and value < low) or (high is not None and value > high):
            problems.append(f"{name}: '{text}' makes no sense, {fallback[name]} is taken")
            return fallback[name]
        return value

    fallback = {
        "onlinedischarge_log_throttle_sec": DEFAULT_THROTTLE_S,
        "onlinedischarge_log_throttle_hovercharge": FULL,
        "lbrb_log_delay_sec": DEFAULT_DELAY_S,
    }
    low_delay = number("lbrb_log_delay_sec", 0, 0)
    hover = number("onlinedischarge_log_throttle_hovercharge", FULL, 1, FULL)
    return (
        StatusOptions(
            discharge_is_battery="onlinedischarge" in options or "onlinedischarge_onbattery" in options,
            discharge_is_calibration="onlinedischarge_calibration" in options,
            log_throttle_s=number("onlinedischarge_log_throttle_sec", None, None),
            log_hover_charge=FULL if hover is None else hover,
            low_delay_s=low_delay or 0,
            low_delay_always="lbrb_log_delay_without_calibrating" in options,
        ),
        tuple(problems),
    )

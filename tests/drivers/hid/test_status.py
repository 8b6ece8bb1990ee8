# SPDX-License-Identifier: GPL-2.0-or-later
"""The status of a USB HID UPS: words in, tokens and alarms out, and what its options change."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.drivers.hid.status import (
    ALARMS,
    WORDS,
    Composed,
    StatusOptions,
    Timers,
    compose,
    fold,
    status_options,
)
from ridethrough.ups.status import KNOWN_TOKENS

PLAIN = StatusOptions()


def composed(words: str, options: StatusOptions = PLAIN, charge: str | None = "80") -> Composed:
    """What the words mean, without a past."""
    return compose(frozenset(words.split()), charge, options, Timers(), 0.0)[0]


@pytest.mark.parametrize(
    ("said", "after"),
    [
        ("online", {"online"}),
        ("online offline", {"offline"}),
        ("offline online", {"online"}),
        ("ONLINE", {"online"}),
        ("fullycharged notfullycharged", {"notfullycharged"}),
        ("lowbatt !lowbatt", set()),
        ("!lowbatt normal", set()),
    ],
)
def test_fold(said: str, after: set[str]) -> None:
    """Words are kept until they are taken back; opposites exclude each other; unknown ones are ignored."""
    words: set[str] = set()
    for word in said.split():
        fold(words, word)
    assert words == after


@pytest.mark.parametrize(
    ("words", "tokens"),
    [
        ("", ""),
        ("online", "OL"),
        ("offline", "OB"),
        ("online offline", "OB OL"),
        ("dischrg", "OB DISCHRG"),
        ("offline dischrg", "OB DISCHRG"),
        ("online dischrg", "OL DISCHRG"),
        ("offline dischrg depleted lowbatt", "OB LB"),
        ("online chrg", "OL CHRG"),
        ("online chrg fullycharged", "OL"),
        ("online chrg notfullycharged", "OL CHRG"),
        ("online cal", "CAL OL"),
        ("offline timelimitexp", "OB LB"),
        ("offline shutdownimm overload", "OB LB OVER"),
        ("online replacebatt", "OL RB"),
        ("online nobattery", "OL RB"),
        ("online trim boost bypassauto bypassman off", "OL TRIM BOOST BYPASS OFF"),
    ],
)
def test_tokens(words: str, tokens: str) -> None:
    """The tokens and their order, as C's."""
    assert " ".join(composed(words).tokens) == tokens


@pytest.mark.parametrize(("charge", "charging"), [("0", False), ("1", True), ("99", True), ("100", False)])
def test_a_full_battery_is_not_charging(charge: str, charging: bool) -> None:
    """A device that does not tell whether it is full: its charge tells; none or 0 tells nothing."""
    assert ("CHRG" in composed("online chrg", charge=charge).tokens) is charging
    assert "CHRG" not in composed("online chrg", charge=None).tokens


def test_alarms_and_what_else() -> None:
    """Each alarm has its sentence, in C's order; transfer reasons and modes go elsewhere."""
    assert composed(" ".join(ALARMS)).alarms == tuple(ALARMS.values())
    assert composed("online vrange frange").transfer_reason == "input voltage out of range"
    assert composed("online frange").transfer_reason == "input frequency out of range"
    assert composed("ecomode essmode").buzzwords == ("vendor:default:ECO", "vendor:default:ESS")


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        (StatusOptions(discharge_is_battery=True), "OB DISCHRG"),
        (StatusOptions(discharge_is_calibration=True), "CAL DISCHRG"),
        (StatusOptions(discharge_is_calibration=True, discharge_is_battery=True), "CAL OB DISCHRG"),
    ],
)
def test_on_line_and_discharging(options: StatusOptions, tokens: str) -> None:
    """`onlinedischarge_*` say what it means, and then nothing is logged."""
    found = composed("online dischrg", options)
    assert " ".join(found.tokens) == tokens
    assert found.warning is None


def test_the_warning_is_seldom() -> None:
    """Said when the charge changes, or after the time that was set; again after it was over."""
    words = frozenset({"online", "dischrg"})
    first, timers = compose(words, "80", PLAIN, Timers(), 0.0)
    assert first.warning is not None
    assert "onlinedischarge_calibration" in first.warning
    same, timers = compose(words, "80", PLAIN, timers, 100.0)
    assert same.warning is None
    lower, timers = compose(words, "79", PLAIN, timers, 101.0)
    assert lower.warning is not None
    throttled = StatusOptions(log_throttle_s=30)
    assert compose(words, "79", throttled, timers, 130.0)[0].warning is None
    assert compose(words, "79", throttled, timers, 131.0)[0].warning is not None
    assert compose(words, "79", StatusOptions(log_throttle_s=-1), timers, 999.0)[0].warning is None
    _, timers = compose(frozenset({"online"}), "79", PLAIN, timers, 140.0)
    assert compose(words, "79", PLAIN, timers, 141.0)[0].warning is not None
    assert compose(words, "95", StatusOptions(log_hover_charge=90), Timers(), 0.0)[0].warning is None
    assert compose(words, None, PLAIN, Timers(), 0.0)[0].warning is not None


def test_low_battery_may_be_delayed() -> None:
    """`lbrb_log_delay_sec`: LB and RB while calibrating on line count only when they last."""
    words = frozenset({"online", "cal", "lowbatt", "replacebatt"})
    options = StatusOptions(low_delay_s=3)
    now, timers = compose(words, "80", options, Timers(), 10.0)
    assert now.tokens == ("CAL", "OL")
    still, timers = compose(words, "80", options, timers, 13.0)
    assert still.tokens == ("CAL", "OL")
    later, timers = compose(words, "80", options, timers, 13.5)
    assert later.tokens == ("CAL", "OL", "LB", "RB")
    _, timers = compose(frozenset({"online", "cal"}), "80", options, timers, 14.0)
    assert timers.low_since is None
    assert timers.replace_since is None


@pytest.mark.parametrize(
    ("words", "options", "tokens"),
    [
        ("offline cal lowbatt", StatusOptions(low_delay_s=3), "CAL OB LB"),
        ("online lowbatt", StatusOptions(low_delay_s=3), "OL LB"),
        ("online lowbatt", StatusOptions(low_delay_s=3, low_delay_always=True), "OL"),
        ("online cal lowbatt", PLAIN, "CAL OL LB"),
        ("online cal replacebatt", StatusOptions(low_delay_s=3), "CAL OL RB"),
    ],
)
def test_when_low_battery_is_not_delayed(words: str, options: StatusOptions, tokens: str) -> None:
    """Never in a real outage; without calibration only where that was asked for."""
    assert " ".join(composed(words, options).tokens) == tokens


def test_options() -> None:
    """All options of ups.conf; a senseless one is told and replaced, as C does."""
    options, problems = status_options(
        {
            "onlinedischarge": "",
            "onlinedischarge_calibration": "",
            "onlinedischarge_log_throttle_sec": "-7",
            "onlinedischarge_log_throttle_hovercharge": "95",
            "lbrb_log_delay_sec": "5",
            "lbrb_log_delay_without_calibrating": "",
        }
    )
    assert options == StatusOptions(True, True, -7, 95, 5, True)
    assert problems == ()
    options, problems = status_options(
        {
            "onlinedischarge_log_throttle_sec": "soon",
            "onlinedischarge_log_throttle_hovercharge": "101",
            "lbrb_log_delay_sec": "-1",
        }
    )
    assert options == StatusOptions(log_throttle_s=30, low_delay_s=3)
    assert len(problems) == 3
    assert status_options({}) == (StatusOptions(), ())


@settings(max_examples=200)
@given(st.sets(st.sampled_from(sorted(WORDS))), st.none() | st.text(max_size=5))
def test_any_words(words: set[str], charge: str | None) -> None:
    """Only NUT's tokens come out, each once; OB or OL wherever the device says one of them."""
    found, _ = compose(words, charge, PLAIN, Timers(), 0.0)
    assert len(set(found.tokens)) == len(found.tokens)
    assert set(found.tokens) <= KNOWN_TOKENS
    if words & {"online", "offline"}:
        assert {"OL", "OB"} & set(found.tokens)

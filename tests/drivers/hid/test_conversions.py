# SPDX-License-Identifier: GPL-2.0-or-later
"""Conversions that the sub-drivers share."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.drivers.hid import conversions
from ridethrough.drivers.hid.conversions import leading_float, leading_int, parse_date
from ridethrough.drivers.hid.rows import Context, Conversion


def device(**strings: str) -> Context:
    """A device with string descriptors `s4="PbAc"`."""
    return Context(string=lambda index: strings.get(f"s{index}"))


@pytest.mark.parametrize(
    ("convert", "value", "text"),
    [
        (conversions.ONLINE, 1, "online"),
        (conversions.ONLINE, 0, "offline"),
        (conversions.CHARGING, 0, "!chrg"),
        (conversions.OFF, 0, "off"),
        (conversions.NOBATTERY, 1, "!nobattery"),
        (conversions.FULLYCHARGED, 0, "notfullycharged"),
        (conversions.LOWBATT, 2, None),
        (conversions.BEEPER, 2.9, "enabled"),
        (conversions.TEST_READ, 6, "No test initiated"),
        (conversions.DATE, 22705, "2024/05/17"),
        (conversions.DATE, 0, "not set"),
        (conversions.DIVIDE_BY_10, 274, "27.4"),
        (conversions.DIVIDE_BY_100, 274, "2.7"),
        (conversions.KELVIN_CELSIUS, 301.15, "28.0"),
        (conversions.KELVIN_CELSIUS, 28, "28.0"),
        (conversions.KELVIN_CELSIUS, 373.0, "99.9"),
        (conversions.KELVIN_CELSIUS, 374, "374.0"),
    ],
)
def test_a_value_becomes_nuts_text(convert: Conversion, value: float, text: str | None) -> None:
    """Texts are those of NUT's tables; a number that a table lacks publishes nothing."""
    assert convert.text(value, Context()) == text


def test_strings_are_read_by_their_index() -> None:
    """A missing string publishes nothing."""
    assert conversions.STRINGID.text(4, device(s4="PbAc")) == "PbAc"
    assert conversions.STRINGID.text(5, device(s4="PbAc")) is None


@pytest.mark.parametrize(
    ("convert", "text", "value"),
    [
        (conversions.BEEPER, "muted", 3),
        (conversions.BEEPER, "Muted", None),
        (conversions.YES_NO, "yes", 1),
        (conversions.YES_NO, None, None),
        (conversions.DATE, "2024/05/17", 22705),
        (conversions.DATE, "05/17/24", None),
        (conversions.DATE, "1979/05/17", None),
        (conversions.DATE, "2108/01/01", None),
        (conversions.DATE, "soon", None),
        (conversions.DATE, None, None),
    ],
)
def test_a_text_becomes_the_value_to_write(
    convert: Conversion, text: str | None, value: float | None
) -> None:
    """What is no text of the table, or no date, is refused instead of written as something else."""
    assert convert.value(text, Context()) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_shown(value: float) -> None:
    """A value that a broken exponent made endless publishes nothing."""
    assert conversions.DIVIDE_BY_10.text(value, Context()) is None
    assert conversions.ONLINE.text(value, Context()) is None


def test_choices_are_the_texts_that_can_be_read_back() -> None:
    """A writable list offers each text that its own device can show."""
    even = Conversion("even", ((1, "one"), (2, "two")), to_text=lambda value, _: "x" if value == 2 else None)
    assert even.choices(Context()) == ("two",)
    assert conversions.YES_NO.choices(Context()) == ("no", "yes")


def test_masks_scales_and_flags() -> None:
    """The builders of the tables do what their rows say."""
    context = Context(memory={"factor": 0.1})
    assert conversions.masked("x", 0x10, "set", "clear").text(0x30, context) == "set"
    assert conversions.masked("x", 0x10, "set", "clear").text(0x20, context) == "clear"
    assert conversions.nonzero("chrg").text(7, context) == "chrg"
    assert conversions.nonzero("chrg").text(0, context) == "!chrg"
    assert conversions.scaled("x", 10).text(2.3, context) == "23.0"
    assert conversions.scaled_by_memory("x", "factor").text(230, context) == "23.0"
    assert conversions.scaled_by_memory("x", "none", 2).text(230, context) == "230.00"
    assert conversions.silent("x").text(1, context) is None


@pytest.mark.parametrize(
    ("text", "whole", "number"),
    [("12", 12, 12.0), (" -3x", -3, -3.0), ("1.5V", 1, 1.5), (".5", 0, 0.5), ("x", 0, 0.0), (None, 0, 0.0)],
)
def test_numbers_at_the_beginning_of_a_text(text: str | None, whole: int, number: float) -> None:
    """Settings are read as C's atol and atof read them."""
    assert leading_int(text) == whole
    assert leading_float(text) == number


@settings(max_examples=60)
@given(st.integers(1980, 2107), st.integers(1, 12), st.integers(1, 31))
def test_dates_survive(year: int, month: int, day: int) -> None:
    """A date is read back as it was written."""
    text = f"{year:04d}/{month:02d}/{day:02d}"
    assert parse_date(text) == (year, month, day)
    value = conversions.DATE.value(text, Context())
    assert value is not None
    assert conversions.DATE.text(value, Context()) == text

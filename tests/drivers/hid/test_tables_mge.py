# SPDX-License-Identifier: GPL-2.0-or-later
"""Eaton's conversions: what ABM, series and limits make of a reading."""

from __future__ import annotations

from datetime import UTC

import pytest

from ridethrough.drivers.hid.rows import Context
from ridethrough.drivers.hid.tables import mge_battery, mge_modes, mge_words
from ridethrough.drivers.hid.tables.mge import MGE
from ridethrough.drivers.hid.tables.mge_models import MODEL, SERIES, Series, model_name, series_of


def model(product: str | None, string: str | None = None, power: float | None = None) -> Context:
    """An Eaton whose model string and nominal power are given."""
    items = {"UPS.PowerSummary.iModel": 7.0 if string is not None else None}
    items["UPS.Flow.[4].ConfigApparentPower"] = power
    return Context(0x0463, 0xFFFF, "EATON", product, item=items.get, string=lambda index: string)


@pytest.mark.parametrize(
    ("product", "string", "power", "name", "series"),
    [
        ("Eaton 5P", "1150", None, "5P 1150", Series.EATON_5P),
        ("Ellipse ECO", "650", None, "Ellipse ECO 650", Series.PEGASUS),
        ("3S", "700", None, "3S 700", Series.PEGASUS),
        ("ELLIPSE", "600", None, "Ellipse 600", Series.OFFLINE),
        ("Ellipse PRO", "1200 ", None, "Eaton 5S1200", Series.EATON_5P),
        ("Ellipse PRO", "1200", None, "Ellipse PRO 1200", Series.DEFAULT),
        ("Evolution", "650", None, "Evolution 650", Series.EVOLUTION),
        ("Eaton 5SC", None, 750.0, "Eaton 5SC 750", Series.EATON_5P),
        ("Eaton 5SC", "", 750.0, "Eaton 5SC 750", Series.EATON_5P),
        ("Eaton 5SC", None, None, "Eaton 5SC", Series.DEFAULT),
        (None, None, 2000.0, "9E2000i (presumed)", Series.EATON_9E),
        (None, None, None, None, Series.DEFAULT),
        ("EX", "11RT", None, "EX 11 RT", Series.DEFAULT),
    ],
)
def test_the_model_and_its_series(
    product: str | None, string: str | None, power: float | None, name: str | None, series: Series
) -> None:
    """Product and model string name the model; without a model string the nominal power does."""
    context = model(product, string, power)
    assert model_name(context) == name
    assert series_of(context)[0] is series


def test_dell_names_its_own() -> None:
    """Dell's product string is complete."""
    context = model("Dell UPS Tower 1000W", "1000")
    context.vendor_id = 0x047C
    assert model_name(context) == "Dell UPS Tower 1000W"


def test_the_maker_is_eaton_where_no_string_says_so() -> None:
    """A device that does not tell its maker is Eaton's."""
    assert MGE.mfr(Context()) == "Eaton"


def test_without_abm_the_plain_bits_count() -> None:
    """Charging and Discharging are believed; a float charge at 100 % is no charging."""
    context = Context()
    assert mge_battery.EATON_CHARGING.text(1, context) == "chrg"
    assert mge_battery.EATON_CHARGING.text(0, context) == "!chrg"
    assert mge_battery.EATON_DISCHARGING.text(1, context) == "dischrg"
    assert mge_battery.EATON_ABM_CHRG_DISCHRG.text(1, context) is None
    context.variables["battery.charge"] = "100"
    assert mge_battery.EATON_CHARGING.text(1, context) == "!chrg"


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        (
            "MODE",
            {
                1: ("charging", "chrg"),
                2: ("discharging", "dischrg"),
                3: ("floating", "chrg"),
                4: ("resting", None),
            },
        ),
        (
            "STATUS",
            {
                1: ("charging", "chrg"),
                2: ("floating", "chrg"),
                3: ("resting", None),
                4: ("discharging", "dischrg"),
            },
        ),
    ],
)
def test_abm_tells_its_own_states(path: str, texts: dict[int, tuple[str, str | None]]) -> None:
    """With ABM on, the path seen first gives the numbers their meaning; the plain bits are cleared."""
    context = Context()
    assert mge_battery.EATON_ABM_ENABLED.text(1, context) is None
    first = getattr(mge_battery, f"EATON_ABM_PATH_{path}")
    other = mge_battery.EATON_ABM_PATH_STATUS if path == "MODE" else mge_battery.EATON_ABM_PATH_MODE
    assert first.text(1, context) is other.text(1, context) is None
    for number, (state, word) in texts.items():
        assert mge_battery.EATON_ABM_STATUS.text(number, context) == state
        assert mge_battery.EATON_ABM_CHRG_DISCHRG.text(number, context) == word
    assert mge_battery.EATON_ABM_STATUS.text(6, context) == "off"
    assert mge_battery.EATON_ABM_STATUS.text(5, context) is None
    assert mge_battery.EATON_CHARGING.text(1, context) == "!chrg"
    assert mge_battery.EATON_DISCHARGING.text(1, context) == "!dischrg"


def test_abm_switched_off_takes_its_status_back() -> None:
    """The charger's status goes, and the other path may be used the next time."""
    context = Context(variables={"battery.charger.status": "resting"})
    mge_battery.EATON_ABM_ENABLED.text(1, context)
    mge_battery.EATON_ABM_PATH_MODE.text(4, context)
    mge_battery.EATON_ABM_ENABLED.text(0, context)
    assert mge_battery.EATON_ABM_STATUS.text(4, context) is None
    assert "battery.charger.status" not in context.variables
    mge_battery.EATON_ABM_PATH_MODE.text(4, context)
    mge_battery.EATON_ABM_ENABLED.text(1, context)
    mge_battery.EATON_ABM_PATH_STATUS.text(3, context)
    assert mge_battery.EATON_ABM_STATUS.text(3, context) == "resting"


def test_the_clock_is_split_and_joined() -> None:
    """Seconds since 1970 are a date and a time; setting one keeps the other."""
    context = Context(zone=UTC)
    seconds = 1715940296
    context.variables["ups.date"] = mge_battery.MGE_DATE.text(seconds, context) or ""
    context.variables["ups.time"] = mge_battery.MGE_TIME.text(seconds, context) or ""
    assert (context.variables["ups.date"], context.variables["ups.time"]) == ("2024/05/17", "10:04:56")
    assert mge_battery.MGE_DATE.value("2024/05/17", context) == seconds
    assert mge_battery.MGE_TIME.value("10:04:57", context) == seconds + 1
    assert mge_battery.MGE_DATE.value("17.05.2024", context) is None
    assert mge_battery.MGE_TIME.value(None, context) is None
    assert mge_battery.MGE_DATE.text(1e30, context) is None
    assert mge_battery.MGE_TIME.text(1e30, context) is None


@pytest.mark.parametrize(
    ("series", "name", "voltage", "nominal"),
    [
        (Series.EATON_5P, "Eaton 5P 850", "27.2", "24"),
        (Series.EVOLUTION, "Evolution 650", "27.2", "12"),
        (Series.EVOLUTION, "Evolution 850", "27.2", "24"),
        (Series.DEFAULT, "Ellipse PRO 650", None, None),
        (Series.PEGASUS, "3S 700", None, None),
    ],
)
def test_battery_voltages_of_the_series_that_mean_them(
    series: Series, name: str, voltage: str | None, nominal: str | None
) -> None:
    """Other series send something else under this path."""
    context = Context(memory={SERIES: series, MODEL: name})
    assert mge_battery.MGE_BATTERY_VOLTAGE.text(27.2, context) == voltage
    assert mge_battery.MGE_BATTERY_VOLTAGE_NOMINAL.text(24, context) == nominal


def test_outlets_that_save_energy() -> None:
    """Only the series with such outlets show and set them."""
    with_outlets, without = Context(memory={SERIES: Series.PEGASUS}), Context()
    assert mge_words.PEGASUS_YES_NO.text(1, with_outlets) == "yes"
    assert mge_words.PEGASUS_YES_NO.text(0, with_outlets) == "no"
    assert mge_words.PEGASUS_YES_NO.value("yes", with_outlets) == 1
    assert mge_words.PEGASUS_THRESHOLD.choices(with_outlets) == ("10", "25", "60")
    assert mge_words.PEGASUS_YES_NO.text(1, without) is None
    assert mge_words.PEGASUS_YES_NO.value("yes", without) == 0
    assert mge_words.PEGASUS_THRESHOLD.choices(without) == ()


@pytest.mark.parametrize(
    ("series", "volts", "offered"),
    [
        (Series.DEFAULT, 230, ("200", "208", "220", "230", "240")),
        (Series.OFFLINE, 230, ("220", "230", "240")),
        (Series.OFFLINE, 208, ("200", "208")),
        (Series.DEFAULT, 208, ("200", "208", "220", "230", "240")),
        (Series.DEFAULT, 120, ("100", "110", "120", "127")),
    ],
)
def test_output_voltages_that_can_be_set(series: Series, volts: int, offered: tuple[str, ...]) -> None:
    """Choices belong to the group of the voltage that was read first."""
    context = Context(memory={SERIES: series})
    assert mge_words.NOMINAL_OUTPUT_VOLTAGE.text(volts, context) == str(volts)
    assert mge_words.NOMINAL_OUTPUT_VOLTAGE.choices(context) == offered


def test_an_odd_output_voltage_is_shown() -> None:
    """A voltage of no group is told as it is."""
    assert mge_words.NOMINAL_OUTPUT_VOLTAGE.text(48, Context()) == "48"


def test_real_power_is_estimated() -> None:
    """Load, nominal power and power factor stand in for a measurement; without them nothing is said."""
    context = Context(variables={"ups.load": "33", "ups.power.nominal": "850"})
    assert mge_words.EATON_COMPUTE_REALPOWER.text(1, context) == "224"
    context.variables["output.powerfactor"] = "0.90"
    assert mge_words.EATON_COMPUTE_REALPOWER.text(1, context) == "252"
    assert mge_words.EATON_COMPUTE_REALPOWER.text(1, Context()) is None


def test_the_converter_says_nothing_while_off() -> None:
    """A UPS that is off is not on battery."""
    assert mge_words.EATON_CONVERTER_ONLINE.text(0, Context()) == "!online"
    assert mge_words.EATON_CONVERTER_ONLINE.text(1, Context()) == "online"
    assert mge_words.EATON_CONVERTER_ONLINE.text(0, Context(status={"off"})) is None


GOOD = {
    "input.bypass.voltage": "229",
    "input.bypass.frequency": "50.0",
    "output.voltage.nominal": "230",
    "output.frequency.nominal": "50",
    "input.bypass.switch.on": "disabled",
    "input.bypass.switch.off": "disabled",
    "input.eco.switchable": "normal",
}


@pytest.mark.parametrize(
    ("changed", "eco", "bypass"),
    [
        ({}, "ECO", "on"),
        ({"input.bypass.voltage": "200"}, None, "on"),
        ({"input.bypass.voltage": "300"}, None, None),
        (
            {
                "input.bypass.voltage": "200",
                "input.transfer.eco.low": "190",
                "input.transfer.eco.high": "250",
            },
            "ECO",
            "on",
        ),
        ({"input.bypass.frequency": "54"}, None, "on"),
        ({"input.bypass.frequency": "57"}, None, None),
        ({"input.bypass.frequency": "50.6", "input.transfer.frequency.bypass.range": "1"}, "ECO", None),
    ],
)
def test_modes_are_entered_within_their_limits(
    changed: dict[str, str], eco: str | None, bypass: str | None
) -> None:
    """Limits are the device's own, or a share of the nominal values."""
    context = Context(variables=GOOD | changed)
    assert mge_modes.EATON_INPUT_ECO_MODE_ON_OFF.text(1, context) == eco
    assert context.buzzwords == {mge_modes.ECO_MODE_WORD if eco else mge_modes.NORMAL_MODE}
    assert mge_modes.EATON_INPUT_BYPASS_MODE_ON.text(1, context) == bypass
    assert context.variables["input.bypass.switch.off"] == ("disabled" if bypass else "off")


def test_modes_that_can_not_be_judged_are_not_entered() -> None:
    """Without the readings the switch goes back to normal."""
    context = Context()
    assert mge_modes.EATON_INPUT_ECO_MODE_ON_OFF.text(1, context) is None
    assert context.variables == {"input.eco.switchable": "normal"}
    assert not context.buzzwords


def test_the_words_of_the_economy_switch() -> None:
    """Texts in both directions; what is unknown is refused."""
    convert, context = mge_modes.EATON_INPUT_ECO_MODE_ON_OFF, Context()
    assert [convert.text(number, context) for number in (0, 2, 3)] == ["normal", "ESS", None]
    words = ("normal", "ECO", "vendor:mge-hid:ESS", "x", None)
    assert [convert.value(word, context) for word in words] == [0, 1, 2, None, None]
    assert mge_modes.EATON_INPUT_BYPASS_MODE_ON.text(0, context) == "disabled"
    assert mge_modes.EATON_INPUT_BYPASS_MODE_ON.text(2, context) is None


def test_the_economy_mode_by_way_of_the_bypass() -> None:
    """It is entered from rest, left by two settings, and otherwise stays as it is."""
    convert = mge_modes.EATON_INPUT_ECO_MODE_AUTO_ON_OFF
    context = Context(variables=dict(GOOD))
    assert convert.value("1", context) == 1
    context.variables["input.eco.switchable"] = "ECO"
    assert convert.value("1", context) == 0
    assert convert.value("0", context) == 0
    assert context.orders == [("input.bypass.switch.off", "off"), ("input.eco.switchable", "normal")]
    context.variables["input.bypass.switch.off"] = "off"
    assert convert.value("0", context) == 1
    assert convert.value("1", Context()) == 0
    assert convert.value("0", Context(variables=dict(GOOD))) == 1

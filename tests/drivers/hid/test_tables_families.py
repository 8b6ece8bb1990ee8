# SPDX-License-Identifier: GPL-2.0-or-later
"""Conversions that one family of devices has for itself."""

from __future__ import annotations

import pytest

from ridethrough.drivers.hid.matching import SUBDRIVERS, default_settings
from ridethrough.drivers.hid.rows import Context, Conversion
from ridethrough.drivers.hid.tables import (
    apc,
    belkin,
    cps,
    delta_ups,
    ecoflow,
    ever_words,
    legrand,
    openups,
    powercom_words,
    tripplite,
)


def device(key: str, vendor_id: int, product_id: int) -> Context:
    """A device after its sub-driver has taken it."""
    context = Context(vendor_id, product_id)
    default_settings(next(one for one in SUBDRIVERS if one.key == key), context)
    return context


def test_apcs_dates() -> None:
    """Each digit of month, day and year has four bits."""
    assert apc.APC_DATE.text(0x102202, Context()) == "2002/10/22"
    assert apc.APC_DATE.text(0x010199, Context()) == "1999/01/01"
    assert apc.APC_DATE.text(0, Context()) == "not set"
    assert apc.APC_DATE.value("2002/10/22", Context()) == 0x102202
    assert apc.APC_DATE.value("2070/10/22", Context()) is None
    assert apc.APC_DATE.value("22.10.2002", Context()) is None


@pytest.mark.parametrize(
    ("product", "model", "variables"),
    [
        (
            "Back-UPS CS 650 FW:817.v3 .I USB FW:v3",
            "Back-UPS CS 650",
            {"ups.firmware": "817.v3 .I", "ups.firmware.aux": "v3"},
        ),
        ("Smart-UPS 750 FW:651.13.I", "Smart-UPS 750", {"ups.firmware": "651.13.I"}),
        ("Smart-UPS_1500", "Smart-UPS_1500", {}),
        (None, "unknown", {}),
    ],
)
def test_apcs_model_and_firmware(product: str | None, model: str, variables: dict[str, str]) -> None:
    """The product string is taken apart."""
    context = Context(0x051D, 2, product=product)
    assert apc.APC.model(context) == model
    assert context.variables == variables


def test_lieberts_line_voltages() -> None:
    """Units with broken exponents are set right, and keep their factor."""
    context = Context()
    assert belkin.LIEBERT_LINE_VOLTAGE.text(230, context) == "230.0"
    assert belkin.LIEBERT_LINE_VOLTAGE.text(0.001212, context) == "121.2"
    assert belkin.LIEBERT_LINE_VOLTAGE.text(2.201e-05, context) == "220.1"
    assert belkin.LIEBERT_LINE_VOLTAGE.text(1.39e-06, context) == "13.9"


def test_lieberts_nominal_voltage() -> None:
    """1e-7 stands for 10 V and corrects the line voltages as well; other values stay."""
    context = Context()
    assert belkin.LIEBERT_CONFIG_VOLTAGE.text(24, context) == "24.0"
    assert belkin.LIEBERT_CONFIG_VOLTAGE.text(1e-7, context) == "10.0"
    assert context.memory[belkin.LINE_FACTOR] == 1e7


def test_belkins_strings() -> None:
    """Blanks before the maker go; a missing serial number is looked for in the power summary."""
    strings = {3: "SN1"}
    empty = Context(vendor="  ", product="", string=strings.get, item=lambda path: 3.0)
    full = Context(vendor=" Belkin UPS", product="F6C", serial="S")
    assert (belkin.BELKIN.mfr(empty), belkin.BELKIN.model(empty)) == ("Belkin", "unknown")
    assert (belkin.BELKIN.mfr(full), belkin.BELKIN.model(full)) == ("Belkin UPS", "F6C")
    assert (belkin.BELKIN.serial(empty), belkin.BELKIN.serial(full)) == ("SN1", "S")
    assert belkin.BELKIN.serial(Context()) is None


def test_belkins_packed_fields() -> None:
    """Firmware, type and sensitivity share bits; unknown ones have a default."""
    context = Context()
    assert belkin.BELKIN_FIRMWARE.text(0x52, context) == "5"
    assert belkin.BELKIN_UPSTYPE.text(0x52, context) == "line-interactive"
    assert belkin.BELKIN_UPSTYPE.text(0x5F, context) == "online"
    assert [belkin.BELKIN_SENSITIVITY.text(number, context) for number in (0, 1, 2)] == [
        "normal",
        "reduced",
        "low",
    ]


def test_cyberpowers_battery_voltage() -> None:
    """Product 0501 may tell 1.5 times the voltage: found out once the nominal one is known."""
    context = device("cps", 0x0764, 0x0501)
    assert cps.CPS_BATTVOLT.text(36, context) == "36.0"
    context.variables["battery.voltage.nominal"] = "24"
    assert cps.CPS_BATTVOLT.text(40.5, context) == "27.0"
    assert cps.CPS_BATTVOLT.text(30, context) == "20.0"
    sane = device("cps", 0x0764, 0x0601)
    sane.variables["battery.voltage.nominal"] = "24"
    assert cps.CPS_BATTVOLT.text(40.5, sane) == "40.5"


@pytest.mark.parametrize(
    ("value", "variables", "shown"),
    [
        (49.9, {}, "49.9"),
        (499, {}, "49.9"),
        (601, {}, "60.1"),
        (30, {}, "30.0"),
        (470, {"input.frequency.low": "47", "input.frequency.high": "53"}, "47.0"),
        (530, {"input.frequency.nominal": "50", "input.frequency.high": "53"}, "53.0"),
    ],
)
def test_cyberpowers_frequency(value: float, variables: dict[str, str], shown: str) -> None:
    """Tenths of a hertz are told from hertz by what a mains frequency can be."""
    context = device("cps", 0x0764, 0x0501)
    context.variables.update(variables)
    assert cps.CPS_INPUT_FREQ.text(value, context) == shown


def test_cyberpowers_frequency_factor_stays() -> None:
    """Once known, it is kept for each side on its own."""
    context = device("cps", 0x0764, 0x0501)
    assert cps.CPS_INPUT_FREQ.text(499, context) == "49.9"
    assert cps.CPS_INPUT_FREQ.text(10, context) == "1.0"
    assert cps.CPS_OUTPUT_FREQ.text(50, context) == "50.0"
    assert cps.CPS_INPUT_FREQ.text(499, device("cps", 0x0764, 0x0601)) == "499.0"


def test_cyberpowers_charge_ends_at_100() -> None:
    """More than a full battery is a full battery."""
    assert cps.CPS_BATTCHARGE.text(104, Context()) == "100"
    assert cps.CPS_BATTCHARGE.text(99, Context()) == "99"
    assert cps.CPS_BATTSTATUS.text(100, Context()) == "100%"


def test_deltas_types_and_model() -> None:
    """The low four bits tell the type; the model stands in a string of its own."""
    texts = [delta_ups.DELTA_UPS_TYPE.text(number, Context()) for number in (0, 3, 4, 5, 6, 7, 0x12)]
    assert texts == [
        "online",
        "offline",
        "line-interactive",
        "3-phase",
        "split-phase",
        None,
        "line-interactive",
    ]
    named = Context(product="P", item=lambda path: 5.0, string=lambda index: "Amplon R")
    assert delta_ups.DELTA_UPS.model(named) == "Amplon R"
    assert delta_ups.DELTA_UPS.model(Context(product="P")) == "P"


def test_ecoflow_tells_minutes() -> None:
    """The runtime is shown in seconds, as NUT wants it."""
    assert ecoflow.ECOFLOW_RUNTIME.text(40, Context()) == "2400"
    assert ecoflow.ECOFLOW_RUNTIME.text(-1, Context()) is None


def test_legrands_factors() -> None:
    """The descriptor's exponents are off by different powers of ten."""
    assert legrand.LEGRAND_TIMES100K.text(0.00231, Context()) == "231.0"
    assert legrand.LEGRAND_TIMES1M.text(0.000231, Context()) == "231.0"
    assert legrand.LEGRAND_TIMES10M.text(0.0000231, Context()) == "231.0"


@pytest.mark.parametrize(
    ("product_id", "volts", "amperes"),
    [(0xD004, "35.45", "0.827"), (0xD005, "1.00", "1.000"), (0x9999, "10.00", "10.000")],
)
def test_openups_factors(product_id: int, volts: str, amperes: str) -> None:
    """Each board has factors of its own, an unknown one none."""
    context = device("openups", 0x04D8, product_id)
    assert openups.OPENUPS_VIN.text(10, context) == volts
    assert openups.OPENUPS_CCHARGE.text(10, context) == amperes


@pytest.mark.parametrize(
    ("value", "degrees"),
    [(0.1, "-40"), (0.49, "-40"), (0.64, "-35"), (5.12, "25"), (5.30, "26.91"), (9.72, "125"), (50, "125")],
)
def test_openups_thermistor(value: float, degrees: str) -> None:
    """Between two entries of the table the temperature is interpolated."""
    assert openups.OPENUPS_TEMPERATURE.text(value, Context()) == degrees


@pytest.mark.parametrize(
    ("product_id", "battery", "line", "hertz"),
    [
        (0x1003, "2.7", "27.0", "27.0"),
        (0x4003, "27.0", "27.0", "27.0"),
        (0x3016, "2700000.0", "2700000.0", "0.3"),
    ],
)
def test_tripp_lites_factors(product_id: int, battery: str, line: str, hertz: str) -> None:
    """Known products have wrong exponents of their own."""
    context = device("tripplite", 0x09AE, product_id)
    assert tripplite.TRIPPLITE_BATTVOLT.text(27, context) == battery
    assert tripplite.TRIPPLITE_IOVOLT.text(27, context) == line
    assert tripplite.TRIPPLITE_IOFREQ.text(27, context) == hertz


def test_tripp_lites_chemistry() -> None:
    """Two products point to a wrong string."""
    good, bad = Context(product_id=0x4003), Context(product_id=0x2005)
    good.string = bad.string = {1: "PbAc"}.get
    assert tripplite.TRIPPLITE_CHEMISTRY.text(1, good) == "PbAc"
    assert tripplite.TRIPPLITE_CHEMISTRY.text(1, bad) == "unknown"


@pytest.mark.parametrize(
    ("options", "text", "shutdown", "stayoff", "startup"),
    [
        ({}, "90", 0x015E, 0x019E, 0x0100),
        ({}, "0", 0x0041, 0x0081, 0),
        ({}, None, 0x0140, 0x0180, 0x0200),
        ({"offdelay": "75", "ondelay": "180"}, "", 0x014F, 0x018F, 0x0300),
        ({"powercom_sdcmd_byte_order_fallback": ""}, "90", 0x5E01, 0x9E01, 0x0100),
        ({"powercom_sdcmd_discrete_delay": ""}, "90", 10, 0x019E, 1),
        ({"powercom_sdcmd_discrete_delay": ""}, "9999", 18, 0xA6A7, 166),
        ({}, "-1", None, None, 0),
        ({}, "-60", None, None, None),
        ({}, "70000", None, None, 0x8E04),
    ],
)
def test_powercoms_delays(
    options: dict[str, str], text: str | None, shutdown: int | None, stayoff: int | None, startup: int | None
) -> None:
    """Minutes and seconds with a wish for afterwards; a delay that has no bytes is refused."""
    context = Context(options=options)
    assert powercom_words.POWERCOM_SHUTDOWN.value(text, context) == shutdown
    assert powercom_words.POWERCOM_STAYOFF.value(text, context) == stayoff
    assert powercom_words.POWERCOM_STARTUP.value(text, context) == startup


def test_powercoms_delays_are_shown_in_seconds() -> None:
    """The same bytes mean other delays in the old order."""
    old = Context(options={"powercom_sdcmd_byte_order_fallback": ""})
    assert powercom_words.POWERCOM_SHUTDOWN.text(0x011E, Context()) == "90"
    assert powercom_words.POWERCOM_SHUTDOWN.text(0x1E01, old) == "90"
    assert powercom_words.POWERCOM_STARTUP.text(0x0200, Context()) == "120"
    assert (
        powercom_words.POWERCOM_SHUTDOWN.value("", Context(variables={"ups.delay.shutdown": "61"})) == 0x0141
    )


def test_powercoms_voltage_comes_as_text() -> None:
    """What can't be read leaves the last reading."""
    reports = {powercom_words.VOLTAGE_REPORT: b"\xa4 13.7 2"}
    context = Context(report=reports.get)
    assert powercom_words.POWERCOM_HACK_VOLTAGE.text(1, context) == "13.7"
    for bad in (b"\xa4 137", b"\xa4", b"", b"\xa4\x00 9.9"):
        reports[powercom_words.VOLTAGE_REPORT] = bad
        assert powercom_words.POWERCOM_HACK_VOLTAGE.text(1, context) == "13.7"
    assert powercom_words.POWERCOM_HACK_VOLTAGE.text(1, Context()) == "0.0"


def test_powercoms_trim_and_boost_share_bits() -> None:
    """0x08 is trim, 0x18 boost, 0x10 neither."""
    shown = {
        number: (
            powercom_words.POWERCOM_TRIM.text(number, Context()),
            powercom_words.POWERCOM_BOOST.text(number, Context()),
        )
        for number in (0x08, 0x10, 0x18)
    }
    assert shown == {0x08: ("trim", "!boost"), 0x10: ("!trim", "!boost"), 0x18: ("!trim", "boost")}


EVER = {
    74: b"\x4a\x08",
    75: b"\x4b\x44\x0c",
    76: b"\x4c\x03\x01",
    210: b"\xd2\x00\x1a\xff\x03\x04\x05",
    230: b"\xe6\xc0\xa8\x00\x0a",
    215: b"\xd7\x01\x02\x00\x00",
}


@pytest.mark.parametrize(
    ("convert", "text"),
    [
        (ever_words.EVER_WORKMODE, "ONBATTERY"),
        (ever_words.EVER_ON_OFF, "!off"),
        (ever_words.EVER_MESSAGES, "BOOST CHARGING OVERHEAT"),
        (ever_words.EVER_ALARMS, "OVERLOAD SHORT-CIRCUIT CRITICAL_BATT_VOLTAGE"),
        (ever_words.EVER_MAC_ADDRESS, "00:1a:ff:03:04:05"),
        (ever_words.ip_address(230), "192.168.0.10"),
        (ever_words.packets(215), "513"),
    ],
)
def test_ever_reads_whole_reports(convert: Conversion, text: str) -> None:
    """The report is shown, not the field; a report that is not there shows nothing."""
    assert convert.text(0, Context(report=EVER.get)) == text
    assert convert.text(0, Context()) is None
    assert convert.text(0, Context(report=lambda report_id: b"\x01")) is None


def test_evers_versions() -> None:
    """Revision letters and packed numbers; a letter behind Z is none."""
    assert ever_words.EVER_FORMAT_HARDWARE.text(0x0203, Context()) == "rev.Bv03"
    assert ever_words.EVER_FORMAT_HARDWARE.text(0xFF03, Context()) is None
    assert ever_words.EVER_FORMAT_VERSION.text(0x1A05, Context()) == "v1.Ab05"
    waiting = Context(report={74: b"\x4a\x20"}.get)
    assert ever_words.EVER_WORKMODE.text(0, waiting) == "WAITING"
    assert ever_words.EVER_ON_OFF.text(0, waiting) == "off"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Eaton's and MGE's models: what they are called, and to which series they belong.

Facts learned from NUT's drivers/mge-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from ridethrough.drivers.hid.rows import Context

SERIES = "series"  # memory
MODEL = "model"  # memory: "Evolution 650"
DELL = 0x047C


class Series(IntEnum):
    """Families of models; those from DEFAULT up are line-interactive or online."""

    OFFLINE = 0x000
    PEGASUS = 0x100  # Protection Station, Ellipse ECO and 3S: outlets controlled to save energy
    DEFAULT = 0x200
    EVOLUTION = 0x300
    PULSAR_M = 0x400
    EATON_5P = 0x500
    EATON_9E = 0x900


@dataclass(frozen=True, slots=True)
class _Group:
    """Models of one product string: the model string -> the name shown (None: both strings)."""

    product: str
    series: Series
    names: Mapping[str, str | None]


_GROUPS = (
    _Group(
        "ELLIPSE",
        Series.OFFLINE,
        {
            "300": "ellipse 300",
            "500": "ellipse 500",
            "650": "ellipse 650",
            "800": "ellipse 800",
            "1200": "ellipse 1200",
        },
    ),
    _Group(
        "ellipse",
        Series.OFFLINE,
        {
            "PR500": "ellipse premium 500",
            "PR650": "ellipse premium 650",
            "PR800": "ellipse premium 800",
            "PR1200": "ellipse premium 1200",
        },
    ),
    _Group(
        "ELLIPSE",
        Series.OFFLINE,
        {"600": "Ellipse 600", "750": "Ellipse 750", "1000": "Ellipse 1000", "1500": "Ellipse 1500"},
    ),
    _Group("Ellipse MAX", Series.OFFLINE, {"600": None, "850": None, "1100": None, "1500": None}),
    _Group(
        "PROTECTIONCENTER",
        Series.OFFLINE,
        {"420": "Protection Center 420", "500": "Protection Center 500", "675": "Protection Center 675"},
    ),
    _Group("Protection Station", Series.PEGASUS, {"500": None, "650": None, "800": None}),
    _Group("Ellipse ECO", Series.PEGASUS, {"650": None, "800": None, "1200": None, "1600": None}),
    _Group("3S", Series.OFFLINE, {"450": None, "550": None}),
    _Group("3S", Series.PEGASUS, {"700": None, "750": None}),
    _Group(
        "Evolution",
        Series.DEFAULT,
        {
            "500": "Pulsar Evolution 500",
            "800": "Pulsar Evolution 800",
            "1100": "Pulsar Evolution 1100",
            "1500": "Pulsar Evolution 1500",
            "2200": "Pulsar Evolution 2200",
            "3000": "Pulsar Evolution 3000",
            "3000XL": "Pulsar Evolution 3000 XL",
        },
    ),
    _Group(
        "Evolution",
        Series.EVOLUTION,
        {
            "650": None,
            "850": None,
            "1150": None,
            "S 1250": None,
            "1550": None,
            "S 1750": None,
            "2000": None,
            "S 2500": None,
            "S 3000": None,
        },
    ),
    _Group(
        "Eaton 5P", Series.EATON_5P, {"650": "5P 650", "850": "5P 850", "1150": "5P 1150", "1550": "5P 1550"}
    ),
    _Group("Eaton 5PX", Series.EATON_5P, {"1500": None, "2200": None, "3000": None}),
    _Group(
        "Eaton 5SC",
        Series.EATON_5P,
        {"500": None, "750": None, "1000": None, "1500": None, "2200": None, "3000": None},
    ),
    _Group(
        "Ellipse PRO",
        Series.EATON_5P,
        {"1200 ": "Eaton 5S1200", "1500 ": "Eaton 5S1500", "1600 ": "Eaton 5S1600"},
    ),
    _Group(
        "Eaton 9E",
        Series.EATON_9E,
        {
            "1000": "9E1000",
            "1000i": "9E1000i",
            "1000iau": "9E1000iau",
            "1000ir": "9E1000ir",
            "2000": "9E2000",
            "2000i": "9E2000i",
            "2000iau": "9E2000iau",
            "2000ir": "9E2000ir",
            "3000": "9E3000",
            "3000i": "9E3000i",
            "3000iau": "9E3000iau",
            "3000ir": "9E3000ir",
            "3000ixl": "9E3000ixl",
            "3000ixlau": "9E3000ixlau",
        },
    ),
    _Group(
        "unknown",
        Series.EATON_9E,
        {"1000": "9E1000i (presumed)", "2000": "9E2000i (presumed)", "3000": "9E3000i (presumed)"},
    ),
    _Group(
        "Eaton 9SX",
        Series.EATON_9E,
        {
            "700i": "9SX700i",
            "1000i": "9SX1000i",
            "1000im": "9SX1000im",
            "1500i": "9SX1500i",
            "2000i": "9SX2000i",
            "3000i": "9SX3000i",
            "3000im": "9SX3000im",
            "1000ir": "9SX1000ir",
            "1500ir": "9SX1500ir",
            "2000ir": "9SX2000ir",
            "3000ir": "9SX3000ir",
        },
    ),
    _Group(
        "Eaton 9PX",
        Series.EATON_9E,
        {
            "1000irt2u": "9px1000irt2u",
            "1500irt2u": "9px1500irt2u",
            "1500irtm": "9px1500irtm",
            "2200irt2u": "9px2200irt2u",
            "2200irt3u": "9px2200irt3u",
            "3000irt2u": "9px3000irt2u",
            "3000irt3u": "9px3000irt3u",
            "3000irtm": "9px3000irtm",
        },
    ),
    _Group("PULSAR M", Series.PULSAR_M, {"2200": None, "3000": None, "3000 XL": None}),
    _Group("EX", Series.PULSAR_M, {"2200": None, "3000": None, "3000 XL": None}),
    _Group("PULSAR", Series.DEFAULT, {"MX4000": "Pulsar MX 4000 RT", "MX5000": "Pulsar MX 5000 RT"}),
    _Group(
        "NOVA AVR",
        Series.DEFAULT,
        {
            "500": "Nova 500 AVR",
            "600": "Nova 600 AVR",
            "625": "Nova 625 AVR",
            "1100": "Nova 1100 AVR",
            "1250": "Nova 1250 AVR",
        },
    ),
    _Group(
        "EXtreme",
        Series.DEFAULT,
        {
            "700C": "Pulsar EXtreme 700C",
            "1000C": "Pulsar EXtreme 1000C",
            "1500C": "Pulsar EXtreme 1500C",
            "1500CCLA": "Pulsar EXtreme 1500C CLA",
            "2200C": "Pulsar EXtreme 2200C",
            "3200C": "Pulsar EXtreme 3200C",
        },
    ),
    _Group(
        "EX",
        Series.DEFAULT,
        {
            "700RT": "Pulsar EX 700 RT",
            "1000RT": "Pulsar EX 1000 RT",
            "1500RT": "Pulsar EX 1500 RT",
            "2200RT": "Pulsar EX 2200 RT",
            "3200RT": "Pulsar EX 3200 RT",
            "5RT31": "EX 5 RT 3:1",
            "7RT31": "EX 7 RT 3:1",
            "11RT31": "EX 11 RT 3:1",
            "5RT": "EX 5 RT",
            "7RT": "EX 7 RT",
            "11RT": "EX 11 RT",
        },
    ),
    _Group(
        "GALAXY",
        Series.DEFAULT,
        {
            "3000_10": "Galaxy 3000 10 kVA",
            "3000_15": "Galaxy 3000 15 kVA",
            "3000_20": "Galaxy 3000 20 kVA",
            "3000_30": "Galaxy 3000 30 kVA",
        },
    ),
)


def series_of(context: Context) -> tuple[Series, str]:
    """The series of a device, and product and model as it tells them; DEFAULT until `model_name` ran."""
    return Series(int(context.memory.get(SERIES, Series.DEFAULT))), str(context.memory.get(MODEL, ""))


def model_name(context: Context) -> str | None:
    """The model to show; also notes the series in the device's memory.

    The model string stands in the device, else the nominal power takes its place.
    """
    if context.vendor_id == DELL:
        return context.product
    product = context.product if context.product is not None else "unknown"
    model = _model_string(context)
    if not model:
        return context.product
    context.memory[MODEL] = f"{product} {model}"
    for group in _GROUPS:
        if group.product == product and model in group.names:
            context.memory[SERIES] = group.series
            return group.names[model] or f"{product} {model}"
    return f"{product} {model}"


def _model_string(context: Context) -> str:
    index = context.item("UPS.PowerSummary.iModel")
    model = context.string(int(index)) if index is not None else None
    if model:
        return model.rstrip("\n")
    power = context.item("UPS.Flow.[4].ConfigApparentPower")
    return "" if power is None else str(int(power))

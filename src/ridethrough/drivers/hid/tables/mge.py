# SPDX-License-Identifier: GPL-2.0-or-later
"""Eaton, MGE, Dell, Powerware, HP R/T, AEG, IBM and KSTAR: who is claimed, and all rows in order.

Facts learned from NUT's drivers/mge-hid.c (GPL-2.0-or-later).
"""

from __future__ import annotations

from ridethrough.drivers.hid.rows import Maker, Match, Subdriver, maker_or
from ridethrough.drivers.hid.tables.mge_measures import ROWS as MEASURES
from ridethrough.drivers.hid.tables.mge_models import DELL, model_name
from ridethrough.drivers.hid.tables.mge_settings import ROWS as SETTINGS
from ridethrough.drivers.hid.tables.mge_usages import USAGES

_MGE = 0x0463
_HP = 0x03F0
_PHOENIXTEC = 0x06DA
_KSTAR = 0x09D6

MGE = Subdriver(
    key="mge",
    name="MGE HID 1.59",
    maker="Eaton / MGE",
    matches=(
        Match(_MGE, 0x0001),
        Match(_MGE, 0xFFFF),
        Match(DELL, 0xFFFF),
        Match(0x0592, 0x0004),  # Powerware PW9140
        Match(_HP, 0x1FE5),  # R/T3000
        Match(_HP, 0x1FE6),
        Match(_HP, 0x1FE7),
        Match(_HP, 0x1FE8),
        Match(0x2B2D, 0xFFFF),  # AEG PROTECT B, NAS
        Match(_PHOENIXTEC, 0xFFFF),  # AEG PROTECT NAS
        Match(0x04B3, 0x0001),  # IBM 6000 VA LCD 4U
        Match(_KSTAR, 0x0001),  # MasterPower MF-UPS650VA, MicroPower
    ),
    rows=MEASURES + SETTINGS,
    usages=USAGES,
    model=model_name,
    mfr=maker_or("Eaton"),
    makers={
        _PHOENIXTEC: Maker(in_vendor=("AEG",), in_product=("AEG",), any_product=True),
        _KSTAR: Maker(in_vendor=("KSTAR",), any_product=True),
    },
    quiet=frozenset({_HP, DELL}),
)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The values that sub-driver tables are made of."""

from __future__ import annotations

from ridethrough.drivers.hid.conversions import BEEPER, ONLINE
from ridethrough.drivers.hid.rows import (
    QUICK,
    Context,
    Flags,
    Kind,
    Maker,
    Row,
    Subdriver,
    alarm,
    command,
    kept,
    maker_or,
    status,
    var,
)


def test_builders_say_what_a_row_is() -> None:
    """Each builder gives its kind; a length makes a variable writable, also a length of 0."""
    assert var("a", "UPS.Input", "%.1f", QUICK) == Row("a", "UPS.Input", format="%.1f", flags=QUICK)
    assert var("a", "UPS.Input", BEEPER).convert is BEEPER
    assert var("a", "UPS.Input", "%.0f", length=0).flags == Flags.RW | Flags.STRING
    assert var("a", "UPS.Input", BEEPER, length=5) == Row(
        "a", "UPS.Input", flags=Flags.RW | Flags.STRING, length=5, convert=BEEPER
    )
    assert status("UPS.Input", ONLINE).kind is Kind.STATUS
    assert alarm("UPS.Input", ONLINE) == Row("ups.alarm", "UPS.Input", Kind.ALARM, convert=ONLINE)
    assert kept("a", "UPS.Input", "20", 10).flags == Flags.ABSENT | Flags.RW | Flags.STRING
    assert command("load.off", "UPS.Input", None, required=True).flags == Flags.PARAM_REQUIRED
    assert command("load.off", "UPS.Input", "0").flags == Flags.NONE


def test_a_sub_driver_without_words_of_its_own_shows_the_usb_strings() -> None:
    """Maker, model and serial are the strings; a fallback stands in for a maker that is not told."""
    plain = Subdriver("key", "name", "maker", (), ())
    told, silent = Context(vendor="V", product="P", serial="S"), Context()
    assert (plain.mfr(told), plain.model(told), plain.serial(told)) == ("V", "P", "S")
    assert (plain.mfr(silent), plain.model(silent), plain.serial(silent)) == (None, None, None)
    assert (maker_or("M")(told), maker_or("M")(silent)) == ("V", "M")


def test_a_maker_is_recognised_by_part_of_a_string() -> None:
    """Vendor and product string are searched for parts of their own; a missing string has none."""
    maker = Maker(in_vendor=("BMS",), in_product=("Smart",))
    assert maker.known("-BMS-", None)
    assert maker.known(None, "Smart-Battery")
    assert not maker.known("Smart", "BMS")
    assert not maker.known(None, None)


def test_contexts_share_nothing() -> None:
    """What one device leaves behind is never another's."""
    first, second = Context(), Context()
    first.memory["x"] = 1
    first.variables["x"] = "1"
    first.status.add("x")
    first.orders.append(("x", "1"))
    first.buzzwords.add("x")
    assert second == Context(string=second.string, item=second.item, report=second.report)
    assert (second.string(1), second.item("x"), second.report(1)) == (None, None, None)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What ups.conf lays over a driver's readings."""

from __future__ import annotations

import pytest

from ridethrough.config.models import UpsSection
from ridethrough.config.ups import parse_ups
from ridethrough.drivers.adjust import (
    Adjustments,
    DriverInfo,
    adjustments,
    begin,
    can_tell_low,
    publish,
    started,
    unknown_options,
)
from ridethrough.ups.state import EMPTY, Draft, Snapshot
from ridethrough.ups.variables import Variable, VarKind

INFO = DriverInfo(
    "dummy-ups", "9.9", "1.2", options=frozenset({"mode", "community"}), secret=frozenset({"community"})
)


def section(text: str) -> UpsSection:
    """The section of a piece of ups.conf."""
    conf, _ = parse_ups(f"[u]\ndriver = dummy-ups\nport = x.dev\n{text}\n".encode())
    return conf.sections[0]


def raw(**values: str) -> Snapshot:
    """What a driver said; `__` stands for a dot."""
    draft = Draft(EMPTY)
    for name, value in values.items():
        draft.put(Variable(name.replace("__", "."), value, rw=True, kind=VarKind.STRING, max_length=32))
    return draft.commit()[0]


def test_an_override_wins_and_can_not_be_written() -> None:
    """An overridden variable has the written value, whatever the device says, and is read-only."""
    adjust = adjustments(section("override.battery.charge.low = 30"), INFO)
    told, _ = publish(EMPTY, raw(battery__charge__low="10"), adjust)
    assert told.variables["battery.charge.low"] == Variable("battery.charge.low", "30")


def test_a_default_only_fills_a_gap() -> None:
    """A default stands while the device says nothing, gives way to a reading, and comes back."""
    adjust = adjustments(section("default.input.voltage.nominal = 230"), INFO)
    first, _ = publish(EMPTY, raw(), adjust)
    second, _ = publish(first, raw(input__voltage__nominal="120"), adjust)
    third, _ = publish(second, raw(), adjust)
    assert [told.get("input.voltage.nominal") for told in (first, second, third)] == ["230", "120", "230"]


@pytest.mark.parametrize(
    ("status", "readings", "expected"),
    [
        ("OB LB", {}, "OB"),
        ("OB LB", {"battery.charge": "50", "battery.charge.low": "20"}, "OB"),
        ("OB", {"battery.charge": "19", "battery.charge.low": "20"}, "OB LB"),
        ("OB", {"battery.charge": "20", "battery.charge.low": "20"}, "OB"),
        ("OB", {"battery.charge": "19.9", "battery.charge.low": "19.1"}, "OB"),
        ("OB", {"battery.runtime": "100", "battery.runtime.low": "180"}, "OB LB"),
        ("OL CHRG LB", {"battery.charge": "5", "battery.charge.low": "20"}, "OL CHRG LB"),
        ("OB", {"battery.charge": "rubbish", "battery.charge.low": "20"}, "OB LB"),
    ],
)
def test_ignorelb(status: str, readings: dict[str, str], expected: str) -> None:
    """The device's LB is dropped; ours stands where a reading is below its threshold (whole numbers)."""
    names = {name.replace(".", "__"): value for name, value in readings.items()}
    told, _ = publish(EMPTY, raw(ups__status=status, **names), Adjustments(ignorelb=True))
    assert told.get("ups.status") == expected


def test_our_lb_goes_away_again() -> None:
    """LB that we set does not stick to a driver that sets its status only now and then."""
    adjust = adjustments(section("ignorelb\noverride.battery.charge.low = 30"), INFO)
    low, _ = publish(EMPTY, raw(ups__status="OB", battery__charge="29"), adjust)
    back, change = publish(low, raw(ups__status="OB", battery__charge="31"), adjust)
    assert low.get("ups.status") == "OB LB"
    assert back.get("ups.status") == "OB"
    assert change.status_removed == ("LB",)


def test_ignorelb_needs_something_to_decide_on() -> None:
    """A threshold without a reading, or a reading without one, can't tell a low battery."""
    assert not can_tell_low(raw(battery__charge="50"))
    assert not can_tell_low(raw(battery__runtime__low="50"))
    assert can_tell_low(raw(battery__runtime__low="50", battery__runtime="7"))


def test_driver_variables() -> None:
    """`driver.*` tells name, versions, parameters and flags, and keeps secrets and common options back."""
    text = "mode = dummy-once\nignorelb\ncommunity = private\nsdorder = 1\noverride.ups.id = a"
    adjust = adjustments(section(text), INFO, pollinterval_s=5, synchronous="no")
    assert adjust.driver == {
        "driver.name": "dummy-ups",
        "driver.version": "9.9",
        "driver.version.internal": "1.2",
        "driver.parameter.mode": "dummy-once",
        "driver.parameter.override.ups.id": "a",
        "driver.parameter.port": "x.dev",
        "driver.parameter.pollinterval": "5",
        "driver.parameter.synchronous": "no",
        "driver.flag.ignorelb": "enabled",
    }


def test_unknown_options_are_found() -> None:
    """An option that nobody reads is named; common ones, overrides and defaults are not."""
    found = unknown_options(section("mode = x\nmaxstartdelay = 3\ndefault.a.b = 1\npollfrq = 2"), INFO)
    assert found == ("pollfrq",)


def test_device_variables_come_from_ups() -> None:
    """`device.type` is there from the start, and `device.mfr` is what `ups.mfr` is shown as."""
    draft = Draft(EMPTY)
    begin(draft)
    draft.set("ups.mfr", "Acme")
    draft.set("ups.model", "X")
    started(draft, adjustments(section("override.ups.model = Y"), INFO))
    assert [draft.get(f"device.{name}") for name in ("type", "mfr", "model", "serial")] == [
        "ups",
        "Acme",
        "Y",
        "",
    ]


def test_commands_and_deletions_pass_through() -> None:
    """What the driver no longer says or offers is no longer told."""
    draft = Draft(EMPTY)
    draft.set("a.b", "1")
    draft.add_command("load.off")
    first, _ = publish(EMPTY, draft.commit()[0], Adjustments())
    second, change = publish(first, raw(c__d="2"), Adjustments())
    assert second.commands == frozenset()
    assert (change.deleted, change.commands_removed) == (("a.b",), ("load.off",))

# SPDX-License-Identifier: GPL-2.0-or-later
"""The engine on a small UPS: what is read when, what comes of it, what an interrupt changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ridethrough.drivers.hid import conversions
from ridethrough.drivers.hid.descriptor import parse
from ridethrough.drivers.hid.engine import MAX_NOTES, Device, Settings, Walk
from ridethrough.drivers.hid.plausible import HELD
from ridethrough.drivers.hid.rows import Context, Conversion, var
from ridethrough.ups.variables import VarKind
from tests.support.hid import SMALL
from tests.support.hid_small import BITS, ON_BATTERY, ON_LINE, PS, ROWS, TABLE, start, ups, values


def test_the_first_walk() -> None:
    """Everything is read once, the first row that gives a value has its name, strings are asked for."""
    bench = ups()
    device = start(bench)
    assert values(device) == {
        "ups.mfr": "Maker",
        "ups.model": "Small 1",
        "ups.serial": "S1",
        "ups.vendorid": "1234",
        "ups.productid": "abcd",
        "ups.status": "OL CHRG",
        "battery.charge": "87",
        "battery.runtime": "1860",
        "battery.voltage": "27.2",
        "ups.timer.shutdown": "-1",
        "ups.beeper.status": "enabled",
        "ups.id": "second",
        "ups.delay.shutdown": "20",
        "ups.delay.start": "30",
    }
    assert device.commands == {
        *("load.off", "load.on", "load.off.delay", "load.on.delay", "shutdown.return", "shutdown.stayoff")
    }
    assert sorted(bench.read) == [1, 2, 3, 4, 5, 6]
    assert [level for level, text in device.notes if "What?" in text] == ["warning"]


def test_types_and_rights() -> None:
    """What can be SET, to which texts, and how long."""
    found = start(ups()).variables()
    beeper = found["ups.beeper.status"]
    assert (beeper.rw, beeper.kind, beeper.max_length) == (True, VarKind.STRING, 10)
    assert beeper.enum == ("disabled", "enabled", "muted")
    assert not found["battery.charge"].rw
    assert found["ups.delay.start"].rw


@pytest.mark.parametrize(
    ("walk", "pollonly", "read"),
    [
        (Walk.QUICK, False, [1]),
        (Walk.FULL, False, [1, 2, 3, 6]),
        (Walk.FULL, True, [1, 2, 3, 5, 6]),
    ],
)
def test_what_a_walk_reads(walk: Walk, pollonly: bool, read: list[int]) -> None:
    """A quick poll reads the status; what never changes is read again only where that shows a lost cable."""
    bench = ups()
    device = start(bench, Settings(pollonly=pollonly))
    bench.read.clear()
    assert bench.run(device.poll(walk, 10.0))
    assert sorted(bench.read) == read


def test_an_interrupt_is_the_status_at_once() -> None:
    """OB from the input report, and not polled away within the poll interval."""
    bench = ups()
    device = start(bench)
    assert device.take_input(ON_BATTERY, 10.0)
    assert values(device)["ups.status"] == "OB DISCHRG"
    bench.run(device.poll(Walk.QUICK, 10.5))
    assert values(device)["ups.status"] == "OB DISCHRG"
    bench.run(device.poll(Walk.QUICK, 13.0))
    assert values(device)["ups.status"] == "OL CHRG"


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x09\x01", b"\x05\x00\x00"])
def test_inputs_that_say_nothing(data: bytes) -> None:
    """Empty, too short, of a report or field that no row has: nothing changes."""
    device = start(ups())
    assert not device.take_input(data, 10.0)
    assert values(device)["ups.status"] == "OL CHRG"


def test_a_part_of_an_input_counts() -> None:
    """A short input changes only the fields that are in it."""
    device = start(ups())
    assert device.take_input(bytes.fromhex("0250"), 10.0)
    assert (values(device)["battery.charge"], values(device)["battery.runtime"]) == ("80", "1860")


def test_stalled_reports() -> None:
    """What can't be read at the start is not there; a command that can't be read is not offered."""
    bench = ups()
    bench.stalled = {2, 3}
    device = start(bench)
    assert "battery.charge" not in values(device)
    assert values(device)["battery.runtime"] == "27", "the second row has the name then"
    assert "load.off.delay" not in device.commands
    bench.stalled = {1, 2, 3, 4, 5, 6}
    assert not bench.run(device.poll(Walk.FULL, 10.0))
    assert values(device)["ups.status"] == "OL", "the runner decides that it is stale"


def test_alarms() -> None:
    """Alarms of rows and of status words, and ALARM before the status; gone when they are over."""
    bench = ups()
    device = start(bench)
    bench.reports[6] = b"\x06\x01"
    bench.reports[1] = b"\x01\x13"
    bench.run(device.poll(Walk.FULL, 10.0))
    assert values(device)["ups.alarm"] == "Too loud! Shutdown imminent!"
    assert values(device)["ups.status"] == "ALARM OL CHRG LB"
    bench.reports |= {6: b"\x06\x02", 1: ON_LINE}
    bench.run(device.poll(Walk.FULL, 20.0))
    assert "ups.alarm" not in values(device)
    assert values(device)["ups.status"] == "OL CHRG"


def test_interrupt_only() -> None:
    """Nothing is asked; values come with the inputs."""
    bench = ups()
    device = start(bench, Settings(interruptonly=True))
    bench.run(device.poll(Walk.FULL, 5.0))
    assert bench.read == []
    assert values(device)["ups.status"] == ""
    assert device.take_input(ON_BATTERY, 10.0)
    assert device.take_input(bytes.fromhex("02 64 10000000"), 10.0)
    assert values(device)["ups.status"] == "OB DISCHRG"
    assert values(device)["battery.charge"] == "100"


def test_options_and_what_is_kept() -> None:
    """Delays of ups.conf; what was SET before a replug wins over them; what makes no sense is told."""
    device = start(ups(), Settings(options={"offdelay": "60", "ondelay": "90 s"}))
    assert (values(device)["ups.delay.shutdown"], values(device)["ups.delay.start"]) == ("60", "90")
    again = start(ups(), Settings(options={"offdelay": "60"}), {"ups.delay.shutdown": "45"})
    assert values(again)["ups.delay.shutdown"] == "45"
    assert again.kept() == {"ups.delay.shutdown": "45", "ups.delay.start": "30"}
    doubtful = start(ups(), Settings(options={"lbrb_log_delay_sec": "soon"}))
    assert any("lbrb_log_delay_sec" in text for _, text in doubtful.notes)


def test_skipped_reports() -> None:
    """A report that a device must not be asked for is not."""
    bench = ups()
    table = replace(TABLE, skipped_reports={(0, 0xABCD): (2,)})
    device = Device(parse(SMALL), table, Context(product_id=0xABCD))
    bench.run(device.poll(Walk.INIT, 0.0))
    bench.run(device.poll(Walk.FULL, 10.0))
    assert 2 not in bench.read


def test_a_wild_sample_is_held_back() -> None:
    """Runtime 0 on line with a full battery needs a second reading; it shows, and stands in the log."""
    bench = ups()
    device = start(bench)
    bench.reports[2] = bytes.fromhex("02 64 00000000")
    bench.run(device.poll(Walk.FULL, 10.0))
    assert values(device)["battery.runtime"] == "1860"
    assert values(device)[HELD] == "battery.runtime=0 (0 on line, with a charge of 100)"
    assert any("held back" in text for _, text in device.notes)
    bench.run(device.poll(Walk.FULL, 20.0))
    assert values(device)["battery.runtime"] == "0"
    assert HELD not in values(device)


def test_which_walk_is_due() -> None:
    """First everything, then the status; everything each `pollfreq`, after a write, and in doubt."""
    bench = ups()
    device = Device(parse(SMALL), TABLE, Context(), Settings(full_s=30.0))
    assert device.due(0.0) is Walk.INIT
    bench.run(device.poll(Walk.INIT, 0.0))
    assert device.due(29.0) is Walk.QUICK
    bench.run(device.poll(Walk.QUICK, 29.0))
    assert device.due(30.0) is Walk.FULL
    bench.reports[2] = bytes.fromhex("02 64 00000000")
    bench.run(device.poll(Walk.FULL, 30.0))
    assert device.due(31.0) is Walk.FULL, "a second reading of what is held back"
    bench.run(device.poll(Walk.FULL, 31.0))
    assert device.due(32.0) is Walk.QUICK
    device.changed = True
    assert device.due(32.0) is Walk.FULL


def test_a_pipe_that_is_not_to_be_believed() -> None:
    """With `pollonly`, inputs change nothing."""
    device = start(ups(), Settings(pollonly=True))
    assert not device.take_input(ON_BATTERY, 10.0)
    assert values(device)["ups.status"] == "OL CHRG"


def test_rows_of_one_field_follow_an_interrupt_together() -> None:
    """A variable and a status of the same field are never of different times."""
    rows = (*ROWS, var("outlet.status", f"{BITS}.ACPresent", conversions.ON_OFF))
    device = Device(parse(SMALL), replace(TABLE, rows=rows), Context())
    ups().run(device.poll(Walk.INIT, 0.0))
    device.take_input(ON_BATTERY, 10.0)
    assert (values(device)["ups.status"], values(device)["outlet.status"]) == ("OB DISCHRG", "off")


def test_a_self_test_is_not_low_battery() -> None:
    """LB in the middle of a self-test does not reach the status; after it, LB is LB."""
    test = Conversion("test", ((2, "No test initiated"), (3, "In progress")))
    rows = (*ROWS, var("ups.test.result", f"{PS}.AudibleAlarmControl", test))
    bench = ups()
    device = Device(parse(SMALL), replace(TABLE, rows=rows), Context())
    bench.run(device.poll(Walk.INIT, 0.0))
    bench.reports |= {1: b"\x01\x0c", 6: b"\x06\x03"}
    bench.run(device.poll(Walk.FULL, 30.0))
    assert values(device)["ups.status"] == "OB DISCHRG"
    assert values(device)[HELD].startswith("LB (in a self-test")
    bench.reports[6] = b"\x06\x02"
    bench.run(device.poll(Walk.FULL, 32.0))
    assert values(device)["ups.status"] == "OB DISCHRG LB"
    assert HELD not in values(device)


def test_the_log_hears_of_discharging_on_line() -> None:
    """It is said once, and what nobody takes out of `notes` is bounded."""
    bench = ups()
    device = start(bench)
    bench.reports[1] = b"\x01\x05"
    for now in range(30, 300, 30):
        bench.run(device.poll(Walk.FULL, float(now)))
    assert sum("discharging" in text for _, text in device.notes) == 1
    for _ in range(MAX_NOTES):
        device.note("info", "again")
    assert len(device.notes) == MAX_NOTES

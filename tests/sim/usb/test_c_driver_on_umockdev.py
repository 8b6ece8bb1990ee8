# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's C usbhid-ups takes our virtual UPSes for real ones, in good and in bad times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import cnut
from tests.support.hid import NAMES, RECORDED, facts_of
from tests.support.usb_bench import CUsbhid, UsbBench, c_usbhid_ups, usb_bench
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.umockdev, pytest.mark.cnut]

SEEN_S = 12.0
"""C looks once in a second, may lose one report to the next, and MAXAGE of upsd is longer than that."""
STALE = "Error: Data stale"


@contextmanager
def driven(tmp_path: Path, profile: str) -> Iterator[tuple[UsbBench, CUsbhid]]:
    """A virtual UPS and C's driver on it."""
    with usb_bench(profile) as bench, c_usbhid_ups(bench, tmp_path) as ups:
        yield bench, ups


def becomes(ups: CUsbhid, *words: str) -> str:
    """Wait until the status has just these of the words OL, OB and LB."""

    def status() -> str:
        shown = ups.get()
        return shown if {"OL", "OB", "LB"} & set(shown.split()) == set(words) else ""

    return wait_until(status, SEEN_S, f"ups.status {' '.join(words)}")


@pytest.mark.parametrize(
    ("profile", "told"),
    [
        (
            "eaton-ellipse",
            {
                "ups.mfr": "EATON",
                "ups.model": "Ellipse PRO 850",
                "ups.serial": "VIRTUAL0001",
                "battery.charge": "100",
                "battery.runtime": "1740",
                "input.voltage": "231.5",
                "input.frequency": "49.9",
                "ups.type": "offline / line interactive",
                "outlet.1.status": "on",
            },
        ),
        (
            "salicru-soho",
            {
                "ups.mfr": "PPC",
                "ups.model": "Offline UPS",
                "battery.charge": "100",
                "battery.voltage": "13.60",
                "output.frequency": "50.00",
            },
        ),
        (
            "cyberpower",
            {
                "ups.mfr": "CPS",
                "battery.type": "PbAcid",
                "battery.runtime.low": "300",
                "input.transfer.high": "264",
                "ups.realpower.nominal": "780",
            },
        ),
    ],
)
def test_outage_is_seen_from_begin_to_end(tmp_path: Path, profile: str, told: dict[str, str]) -> None:
    """Identity and readings are those of the profile; OL, OB, LB and OL again arrive in the server."""
    with driven(tmp_path, profile) as (bench, ups):
        shown = ups.everything()
        assert {name: shown.get(name) for name in told} == told
        becomes(ups, "OL")
        bench.tell("ob")
        becomes(ups, "OB")
        bench.tell("lb")
        becomes(ups, "OB", "LB")
        bench.tell("ol")
        becomes(ups, "OL")


def test_commands_and_settings_arrive_as_bytes(tmp_path: Path) -> None:
    """What upscmd and upsrw ask of the driver reaches the device as feature reports."""
    with driven(tmp_path, "eaton-ellipse") as (bench, ups):
        access = ("-u", "admin", "-p", "secret")
        for words in (
            ("upscmd", *access, ups.target, "beeper.disable"),
            ("upscmd", *access, ups.target, "load.off.delay", "45"),
            ("upsrw", "-s", "battery.charge.low=30", *access, ups.target),
        ):
            assert cnut.c_tool(*words).returncode == 0
        wanted = {
            "set feature 1f 1f 01 -> ok",
            "set feature 09 09 2d 00 00 00 -> ok",
            "set feature 08 08 1e -> ok",
        }
        wait_until(lambda: wanted <= set(bench.log()), SEEN_S, "all three reports")


def test_unplugged_is_stale_and_replugged_is_fresh(tmp_path: Path) -> None:
    """A pulled plug makes the data stale; what has changed meanwhile is there after it is plugged in."""
    with driven(tmp_path, "eaton-ellipse") as (bench, ups):
        becomes(ups, "OL")
        bench.tell("unplug")
        wait_until(lambda: ups.get() == STALE, SEEN_S, "stale data")
        bench.tell("ob")
        bench.tell("replug")
        becomes(ups, "OB")
        assert bench.tell("state")["number"] == 3


def is_trouble(line: str) -> bool:
    """Whether a line of the log is a request without an answer, or a report that begins with another id."""
    asked, _, told = line.partition(" -> ")
    wrong = asked.startswith("get feature") and asked.split()[-1] != told[:2]
    return told in ("stall", "silence") or wrong


@pytest.mark.parametrize("fault", ["stall 4", "silence 7", "garbage 4"])
def test_driver_lives_through_faults(tmp_path: Path, fault: str) -> None:
    """After stalls, silence or garbage of the device the driver is still there and shows the truth."""
    with driven(tmp_path, "salicru-soho") as (bench, ups):
        becomes(ups, "OL")
        bench.tell(fault)
        bench.tell("ob")
        wait_until(lambda: bench.tell("state")["fault"] == "none", 20.0, "end of the fault")
        wait_until(lambda: {"OB"} <= set(ups.get().split()), 30.0, "on battery after the fault")
        assert ups.process.returncode is None
        assert any(is_trouble(line) for line in bench.log()), "the fault was not noticed at all"


@pytest.mark.skipif(not NAMES, reason="the recorded devices are not here")
@pytest.mark.parametrize("name", ["06da-ffff-salicru-soho-plus-500", "0463-ffff-eaton-5sc-750"])
def test_recording_reads_as_it_did_elsewhere(tmp_path: Path, name: str) -> None:
    """A recorded device on our bench gives C the very variables that it gave on another bench."""
    then = json.loads((RECORDED / "oracle-2.8.0-stall" / f"{name}.json").read_text())
    texts = {"strings": then["strings"], "string_indexes": then["string_indexes"]}
    recording = tmp_path / "recording.json"
    recording.write_text(json.dumps(facts_of(name) | texts))
    recording.with_suffix(".hex").write_bytes((RECORDED / f"{name}.hex").read_bytes())
    wanted = {key: told["value"] for key, told in then["variables"].items()}
    with driven(tmp_path, str(recording)) as (_, ups):
        shown = ups.everything()
    assert without_driver(shown) == without_driver(wanted)


def without_driver(variables: dict[str, str]) -> dict[str, str]:
    """What is of the device alone."""
    return {name: value for name, value in variables.items() if not name.startswith("driver.")}

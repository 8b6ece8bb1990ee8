# SPDX-License-Identifier: GPL-2.0-or-later
"""From a found device to its engine: who takes it, with which options, with or without repairs."""

from __future__ import annotations

import pytest

from ridethrough.drivers.hid.adopt import NotOursError, adopt
from ridethrough.drivers.hid.descriptor import DescriptorError, Kind
from ridethrough.drivers.hid.matching import Identity
from tests.support.hid import SMALL

EATON = Identity(0x0463, 0xFFFF, "EATON", "Ellipse ECO")
CPS = Identity(0x0764, 0x0501, "CPS", "CP1500")
POWER = bytes.fromhex("0584 0904 a101 8518 0944 1500 26c201 7510 9501 b122 c0")
"""UPS.ConfigActivePower in report 24, 450 at most."""


def limit(options: dict[str, str]) -> int:
    """The highest nominal power that is read."""
    found = adopt(CPS, POWER, options).descriptor.find((0x00840004, 0x00840044), Kind.FEATURE)
    assert found is not None
    return found.logical_max


def test_the_model_has_its_defaults() -> None:
    """What ups.conf sets wins over what the model needs; both are in the options."""
    device = adopt(EATON, SMALL, {"offdelay": "60"})
    assert device.subdriver.key == "mge"
    assert (device.settings.full_s, device.settings.pollonly) == (30.0, False)
    assert device.context.options["offdelay"] == "60"
    assert adopt(CPS, SMALL, {}).settings.full_s == 12.0
    assert adopt(CPS, SMALL, {"pollfreq": "40 s"}).settings.full_s == 40.0
    assert adopt(CPS, SMALL, {"pollfreq": "often"}).settings.full_s == 0.0
    assert adopt(CPS, SMALL, {"pollonly": "", "interruptonly": ""}).settings.interruptonly


def test_repairs_can_be_left_out() -> None:
    """`disable_fix_report_desc` leaves the limits as the device tells them; repairs are told."""
    assert limit({}) == 2048
    assert limit({"disable_fix_report_desc": ""}) == 450
    assert any("read as" in text for _, text in adopt(CPS, POWER, {}).notes)


def test_what_was_kept_comes_back() -> None:
    """Settings that the driver keeps outlive the device."""
    device = adopt(EATON, SMALL, {}, kept={"ups.delay.shutdown": "45"})
    assert device.subdriver.key == "mge"
    assert device.kept() == {}, "before the first walk nothing is known to be kept"


@pytest.mark.parametrize(
    ("identity", "part"),
    [
        (Identity(0x1234, 0x5678), "1234:5678 is no UPS"),
        (Identity(0x0463, 0x1234), "productid = 1234"),
    ],
)
def test_devices_of_others(identity: Identity, part: str) -> None:
    """A device that nobody takes is refused in words."""
    with pytest.raises(NotOursError, match=part):
        adopt(identity, SMALL, {})


def test_a_descriptor_without_fields() -> None:
    """The parser's error comes through."""
    with pytest.raises(DescriptorError):
        adopt(EATON, b"\xc0", {})

# SPDX-License-Identifier: GPL-2.0-or-later
"""`ridethrough udev`, as it is typed."""

from __future__ import annotations

import pytest

from ridethrough.cli import main
from ridethrough.drivers.hid.matching import usb_ids


def test_every_known_device_can_be_opened(capsys: pytest.CaptureFixture[str]) -> None:
    """Each device of the match tables has a rule for its hidraw node and one for its USB node."""
    assert main.main(["ridethrough", "udev"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for each in usb_ids():
        numbers = f'=="{each.vendor_id:04x}", ', f'=="{each.product_id:04x}", '
        found = [line for line in lines if all(number in line for number in numbers)]
        assert {line[:5] for line in found if line.endswith('GROUP="nut"')} == {"ATTRS", "ATTR{"}


def test_another_group_may_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The rules name it; what is no group is refused in one line."""
    assert main.main(["ridethrough", "udev", "--group", "ups"]) == 0
    assert 'GROUP="ups"' in capsys.readouterr().out
    assert main.main(["ridethrough", "udev", "--group", "u ps"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "ridethrough udev: 'u ps' is no name of a group\n"

# SPDX-License-Identifier: GPL-2.0-or-later
"""The udev rules that are made from the match tables."""

from __future__ import annotations

import pytest

from ridethrough.drivers.transport.udev_rules import rules


def test_each_device_gets_its_rules_once() -> None:
    """One for hidraw, closed to others, and one for the USB node, readable to all as NUT's own has it."""
    text = rules([(0x463, 0xFFFF, "Eaton"), (0x463, 0xFFFF, "MGE"), (0x51D, 2, "APC")], "ups")
    assert text.count('"ffff"') == 2
    assert 'ATTRS{idVendor}=="0463", ATTRS{idProduct}=="ffff", MODE="0660", GROUP="ups"\n' in text
    assert 'ATTR{idVendor}=="051d", ATTR{idProduct}=="0002", MODE="0664", GROUP="ups"\n' in text


def test_a_whole_vendor_makes_its_single_products_needless() -> None:
    """A rule without a product covers them all."""
    text = rules([(0x51D, 2, "APC"), (0x51D, None, "APC")])
    assert "idProduct" not in text
    assert text.count('=="051d"') == 2


def test_each_jump_has_its_label() -> None:
    """udev ignores a whole file silently where a GOTO leads nowhere."""
    text = rules([(0x463, 0xFFFF, "Eaton")])
    jumps = {line.partition('GOTO="')[2].rstrip('"') for line in text.splitlines() if 'GOTO="' in line}
    labels = [
        line.removeprefix('LABEL="').rstrip('"') for line in text.splitlines() if line.startswith("LABEL")
    ]
    assert jumps == set(labels)
    assert len(labels) == 3
    assert labels[-1] == "ridethrough_end"


def test_a_makers_name_can_not_become_a_rule() -> None:
    """A comment stays one line."""
    text = rules([(1, 2, 'Evil\nRUN+="x"')])
    assert not any(line.startswith("RUN") for line in text.splitlines())


@pytest.mark.parametrize("group", ["", 'nut", RUN+="x', "a b", "1a", "x" * 40])
def test_what_is_no_group_is_refused(group: str) -> None:
    """Nothing else gets into a file that root will obey."""
    with pytest.raises(ValueError, match="no name of a group"):
        rules([], group)

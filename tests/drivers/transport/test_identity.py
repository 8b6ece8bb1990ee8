# SPDX-License-Identifier: GPL-2.0-or-later
"""Which device is meant, and whether it is the same one again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ridethrough.drivers.transport.identity import (
    Choice,
    UsbDevice,
    WantedError,
    again,
    beware,
    choose,
    identify,
    usable_serial,
    wanted,
)


def ups(port: str, serial: str = "", ids: tuple[int, int] = (0x0463, 0xFFFF), number: int = 4) -> UsbDevice:
    return UsbDevice(port, int(port.partition("-")[0]), number, *ids, "EATON", "Ellipse ECO", serial)


APC = (0x051D, 0x0002)


@pytest.mark.parametrize("serial", ["", "  ", "0", "00000000", "Blank", "0.0", "N/A", "none", "-"])
def test_serial_numbers_that_all_units_share_are_none(serial: str) -> None:
    """What a maker leaves in every unit of a series tells nothing apart."""
    assert not usable_serial(serial)


@pytest.mark.parametrize("serial", ["G355E28064", "000000001", "0A", "Blank1"])
def test_real_serial_numbers_are_used(serial: str) -> None:
    """A number with a digit in it that counts."""
    assert usable_serial(serial)


# -- the settings of ups.conf --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "pattern", "fits"),
    [
        ("vendorid", "0463", True),
        ("vendorid", "463", True),  # searched for, as C does
        ("vendorid", "^463", False),
        ("productid", "FFFF", True),
        ("vendor", "eaton", True),
        ("product", "Ellipse.*", True),
        ("product", "^PRO", False),
        ("serial", "G[[:digit:]]+[[:alpha:]]", True),
        ("serial", "^ G35", False),  # spaces around a string don't count
        ("serial", "G355E$", True),
        ("bus", "001", True),
        ("device", "^004$", True),
        ("busport", "004", True),
        ("busport", "^002$", False),
        ("busport", "1-2.4", True),
        ("busport", "1-2", False),  # a whole path, or digits
    ],
)
def test_settings_choose_as_in_nut(setting: str, pattern: str, fits: bool) -> None:
    """Each is a regular expression, searched for in any case; bus, device and busport have three digits."""
    device = replace(ups("1-2.4", " G355E \n"), vendor_id=0x0463)
    assert wanted([(setting, pattern), ("port", "auto"), ("offdelay", None)]).matches(device) is fits


@pytest.mark.parametrize("pattern", ["*", "(", "[a", "a" * 300])
def test_a_setting_that_is_no_pattern_is_named(pattern: str) -> None:
    """The message says which setting it is."""
    with pytest.raises(WantedError, match="serial"):
        wanted([("serial", pattern)])


# -- the first choice ----------------------------------------------------------------------------


def test_the_only_ups_is_taken_without_a_word() -> None:
    """`port = auto` and nothing else works."""
    only = ups("1-2")
    assert choose(wanted([]), [only]) == Choice(only)


def test_one_of_several_is_taken_and_the_setting_that_keeps_it_is_named() -> None:
    """The lowest port comes first, and the words tell what to write."""
    first, second = ups("1-9", "G1"), ups("1-10", "G2")
    found = choose(wanted([]), [second, first], section="rack")
    assert found.device == first
    assert "2 devices fit [rack]" in found.words
    assert found.words.endswith("write serial = G1 there to keep to it")
    assert choose(wanted([("serial", "G2")]), [first, second]) == Choice(second)


def test_twins_without_serial_numbers_are_told_apart_by_their_port() -> None:
    """Where the digits of the ports are alike, too, the whole path is what helps."""
    first, second = ups("1-2"), ups("1-3")
    assert choose(wanted([]), [first, second]).words.endswith("write busport = 002 there to keep to it")
    assert choose(wanted([("busport", "003")]), [first, second]) == Choice(second)
    hub = ups("1-3.2")
    assert choose(wanted([]), [first, hub]).words.endswith("write busport = 1-2 there to keep to it")
    assert choose(wanted([("busport", "1-2")]), [first, hub]) == Choice(first)
    same = [ups("1-2", "G1"), ups("1-3", "G1")]
    assert "busport = 002" in choose(wanted([]), same).words


def test_a_device_of_another_section_is_not_taken() -> None:
    """Two sections with `port = auto` get one UPS each."""
    first, second = ups("1-2"), ups("1-3")
    assert choose(wanted([]), [first, second], taken={"1-2"}).device == second
    none = choose(wanted([]), [first], taken={"1-2"})
    assert none.device is None
    assert "in use by another section" in none.words


def test_no_device_is_explained() -> None:
    """What is there is listed, so that a mistyped setting is seen."""
    assert choose(wanted([]), []).words == "no UPS is plugged in by USB"
    found = choose(wanted([("serial", "G9")]), [ups("1-2", "G1")])
    assert found == Choice(
        None, "no device fits serial = G9; there is: EATON Ellipse ECO (0463:ffff, serial G1, port 1-2)"
    )


# -- knowing it again ----------------------------------------------------------------------------


def test_a_serial_number_is_followed_to_any_port() -> None:
    """Moved to another port it is the same UPS, also when another one took its old port."""
    identity = identify(ups("1-2", "G1"))
    assert again(identity, [ups("1-5", "G1"), ups("1-2", "G2")]).device == ups("1-5", "G1")


def test_another_unit_on_its_port_is_not_taken_for_it() -> None:
    """The serial number says that it is not the same; the words say what is there."""
    found = again(identify(ups("1-2", "G1")), [ups("1-2", "G2")])
    assert found.device is None
    assert found.words.startswith("another device is on its port now: ")


def test_a_device_that_could_not_say_its_serial_is_known_by_its_port() -> None:
    """Enumerated in mid-trouble the strings are missing: it is taken, and that is told; either way round."""
    found = again(identify(ups("1-2", "G1")), [ups("1-2"), ups("1-3", "G7")])
    assert found.device == ups("1-2")
    assert "known by its port" in found.words
    assert again(identify(ups("1-2")), [ups("1-2", "G1")]).device == ups("1-2", "G1")


def test_a_lone_device_without_serial_may_move() -> None:
    """With one UPS of its kind there is nothing to mix up."""
    identity = identify(ups("1-2"), [ups("1-2"), ups("1-3", ids=APC), ups("1-4", "G1")])
    assert again(identity, [ups("1-7", number=9)]).device == ups("1-7", number=9)
    assert again(identity, [ups("1-7")], taken={"1-7"}) == Choice(None)
    assert again(identity, [ups("1-7", ids=APC)]) == Choice(None)


def test_the_twin_that_is_still_there_is_never_taken_for_the_one_that_went() -> None:
    """A UPS that vanished is not replaced by its neighbour's readings."""
    twins = [ups("1-2"), ups("1-3")]
    identity = identify(twins[0], twins)
    found = again(identity, [twins[1]])
    assert found.device is None
    assert "plug yours into port 1-2 again" in found.words
    assert again(identity, twins).device == twins[0]
    later = beware(identify(ups("1-2")), twins)
    assert again(later, [twins[1]]).device is None
    shared = [ups("1-2", "G1"), ups("1-3", "G1")]
    assert again(identify(shared[0], shared), [shared[1]]).device is None


def test_two_strangers_without_serial_are_not_guessed_between() -> None:
    """Either could be it."""
    assert again(identify(ups("1-2")), [ups("1-5"), ups("1-6")]).device is None


DEVICES = st.lists(
    st.builds(
        ups,
        st.sampled_from(["1-1", "1-2", "1-2.1", "2-1"]),
        st.sampled_from(["", "G1", "G2", "000"]),
        st.sampled_from([(0x0463, 0xFFFF), APC]),
        st.integers(1, 9),
    ),
    max_size=4,
    unique_by=lambda device: device.port,
)


@settings(max_examples=200)
@given(DEVICES.filter(bool), DEVICES)
def test_a_device_is_never_taken_for_one_that_it_can_not_be(
    before: list[UsbDevice], after: list[UsbDevice]
) -> None:
    """Whatever is plugged and unplugged: the model is the same, a known serial never changes into another, a
    device with twins never changes its port, and what has stayed is found."""
    old = before[0]
    identity = identify(old, before)
    found = again(identity, after).device
    if found is not None:
        assert (found.vendor_id, found.product_id) == (old.vendor_id, old.product_id)
        if usable_serial(old.serial) and usable_serial(found.serial):
            assert found.serial == old.serial
        if identity.twins:
            assert found.port == old.port
    assert again(identity, before).device == old

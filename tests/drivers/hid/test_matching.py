# SPDX-License-Identifier: GPL-2.0-or-later
"""Which sub-driver takes a device."""

from __future__ import annotations

import pytest

from ridethrough.drivers.hid import matching
from ridethrough.drivers.hid.matching import SUBDRIVERS, Identity, by_name, choose, claim, default_settings
from ridethrough.drivers.hid.rows import Claim, Context
from ridethrough.drivers.hid.tables.belkin import BELKIN
from ridethrough.drivers.hid.tables.tripplite import TRIPPLITE


def taken(vendor_id: int, product_id: int, vendor: str = "", product: str = "", **options: str) -> str | None:
    """The key of the sub-driver that takes a device."""
    chosen = choose(Identity(vendor_id, product_id, vendor or None, product or None), options)
    return chosen.key if chosen else None


@pytest.mark.parametrize(
    ("vendor_id", "product_id", "key"),
    [
        (0x0463, 0xFFFF, "mge"),
        (0x051D, 0x0002, "apc"),
        (0x2A03, 0x8040, "arduino"),
        (0x050D, 0x0375, "belkin"),
        (0x10AF, 0x0001, "belkin"),
        (0x0764, 0x0501, "cps"),
        (0x05DD, 0x041B, "delta_ups"),
        (0x3746, 0xFFFF, "ecoflow"),
        (0x2E51, 0xFFFF, "ever"),
        (0x075D, 0x0300, "idowell"),
        (0x1CB0, 0x0038, "legrand"),
        (0x06DA, 0xFFFF, "liebert"),
        (0x04D8, 0xD004, "openups"),
        (0x0D9F, 0x0004, "powercom"),
        (0x4234, 0x0002, "powervar"),
        (0x2E66, 0x0302, "salicru"),
        (0x09AE, 0x3016, "tripplite"),
    ],
)
def test_each_family_takes_its_own(vendor_id: int, product_id: int, key: str) -> None:
    """Devices known by their numbers need no setting."""
    assert taken(vendor_id, product_id) == key


@pytest.mark.parametrize(
    ("vendor", "product", "key"),
    [
        ("AEG", "PROTECT NAS", "mge"),
        ("", "AEG PROTECT NAS", "mge"),
        ("-BMS-", "GM-1000", "idowell"),
        ("GoldenMate", "Smart-Battery", "idowell"),
        ("Phoenixtec", "Innova Unity", "liebert"),
        ("SALICRU", "SPS SOHO+", "liebert"),
        ("", "", "liebert"),
    ],
)
def test_one_vendor_id_with_several_makers(vendor: str, product: str, key: str) -> None:
    """06da:ffff is Eaton's for AEG, iDowell's for GoldenMate, and Liebert's for all others."""
    assert taken(0x06DA, 0xFFFF, vendor, product) == key


def test_shared_vendor_ids_are_told_apart_by_product() -> None:
    """ST's and HP's numbers are used by two families each."""
    assert (taken(0x0483, 0xA430), taken(0x0483, 0xA113)) == ("cps", "ever")
    assert (taken(0x03F0, 0x1FE5), taken(0x03F0, 0x1FE0)) == ("mge", "tripplite")
    assert (taken(0x05DD, 0x041B), taken(0x05DD, 0xA011)) == ("delta_ups", "tripplite")


def test_kstar_only_by_name() -> None:
    """09d6 belongs to somebody else: without KSTAR's name it is no UPS, whatever is set."""
    assert taken(0x09D6, 0x0001, "KSTAR") == "mge"
    assert taken(0x09D6, 0x7777, "KSTAR") == "mge"
    assert taken(0x09D6, 0x0001, "Other", productid="0001") is None


def test_an_unknown_product_waits_for_productid() -> None:
    """A known maker's unknown model is taken only when ups.conf names its product id."""
    assert taken(0x051D, 0x1234) is None
    assert taken(0x051D, 0x1234, productid="1234") == "apc"
    assert taken(0x10AF, 0x1000, productid="1000") == "belkin"
    assert claim(BELKIN, Identity(0x10AF, 0x1000), {}) is Claim.POSSIBLE


def test_unknown_products_under_phoenixtecs_id() -> None:
    """Eaton's takes AEG's at once; else the first of iDowell's and Liebert's in order, and only if asked."""
    assert taken(0x06DA, 0x0002, "AEG") == "mge"
    assert taken(0x06DA, 0x0002) is None
    assert taken(0x06DA, 0x0002, productid="0002") == "idowell"


@pytest.mark.parametrize(("vendor_id", "product_id"), [(0x050D, 0x0218), (0x09AE, 0x0001), (0x0D9F, 0x0002)])
def test_known_devices_of_other_kinds_are_refused(vendor_id: int, product_id: int) -> None:
    """A hub and two serial UPSes by the same makers are never taken."""
    assert taken(vendor_id, product_id, productid=f"{product_id:04x}") is None


def test_minuteman_is_never_guessed() -> None:
    """Tripp Lite's takes only two products of Delta's vendor id; Delta's may guess."""
    unknown = Identity(0x05DD, 0x9999)
    assert claim(TRIPPLITE, unknown, {"productid": "9999"}) is Claim.NO
    assert taken(0x05DD, 0x9999, productid="9999") == "delta_ups"


def test_explore_takes_everything_first() -> None:
    """The diagnostic sub-driver takes what nobody knows, and only when asked."""
    assert taken(0x0665, 0x5161) is None
    assert taken(0x0665, 0x5161, explore="") == "explore"
    assert taken(0x0463, 0xFFFF, explore="") == "explore"


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("TrippLite HID 0.85", "tripplite"),
        ("tripplite", "tripplite"),
        ("TRIPPLITE.*", "tripplite"),
        ("mge hid", "mge"),
        ("(phoenixtec|belkin)/liebert", "belkin"),
        (".*hid.*", "explore"),
    ],
)
def test_a_sub_driver_by_name(pattern: str, key: str) -> None:
    """`subdriver` is a name, a regular expression for the whole of it, or the beginning of one."""
    found = by_name(pattern)
    assert found is not None
    assert found.key == key
    assert taken(0x1234, 0x5678, subdriver=pattern) == key


@pytest.mark.parametrize("pattern", ["", "nonsense", "(", "x" * 5000])
def test_a_name_that_means_nothing(pattern: str) -> None:
    """What is no name and no pattern names nobody, and nothing breaks."""
    assert by_name(pattern) is None


def settings_of(vendor_id: int, product_id: int, **strings: str) -> tuple[dict[str, str], Context]:
    """The default settings of a device, and its context after them."""
    context = Context(vendor_id, product_id, strings.get("vendor"), strings.get("product"))
    chosen = choose(Identity(vendor_id, product_id), {"productid": ""})
    assert chosen is not None
    return default_settings(chosen, context), context


@pytest.mark.parametrize(
    ("vendor_id", "product_id", "wanted"),
    [
        (0x051D, 0x0003, {"pollonly": ""}),
        (0x1CB0, 0x0032, {"pollonly": ""}),
        (0x2341, 0x8036, {"usb_hid_ep_in": "4", "usb_hid_ep_out": "5", "usb_hid_rep_index": "2"}),
        (0x10AF, 0x0002, {"usb_hid_rep_index": "1"}),
        (0x10AF, 0x0001, {}),
        (0x4234, 0x7777, {"usb_hid_rep_index": "1"}),
        (0x0D9F, 0x0001, {"interruptonly": "", "interruptsize": "8"}),
        (0x0764, 0x0601, {"pollfreq": "12"}),
        (0x0463, 0xFFFF, {}),
    ],
)
def test_settings_that_a_device_needs(vendor_id: int, product_id: int, wanted: dict[str, str]) -> None:
    """Devices that need a setting to be read at all get it without the user's help."""
    assert settings_of(vendor_id, product_id)[0] == wanted


@pytest.mark.parametrize(
    ("vendor", "product", "hasty"),
    [
        ("American Power Conversion", "Back-UPS BX750MI  FW:295202G -302202G ", True),
        ("American Power Conversion", "Back-UPS BX750MI", True),
        ("APC", "BX2200MI", True),
        ("APC", "Back-UPS BVK650M2", True),
        ("APC", "Back-UPS BK650M2_CH", True),
        ("APC", "Back-UPS BK650M2-CH", True),
        ("APC", "Back-UPS XBX750MI", False),
        ("Other", "BX2200MI", False),
        (None, None, False),
    ],
)
def test_apcs_hasty_low_battery(vendor: str | None, product: str | None, hasty: bool) -> None:
    """APC models that flicker LB and RB get a delay of 3 s before that is believed."""
    assert matching.hasty_low_battery(vendor, product) is hasty
    context = Context(0x051D, 0x0002, vendor, product)
    chosen = choose(Identity(0x051D, 0x0002), {})
    assert chosen is not None
    assert default_settings(chosen, context).get("lbrb_log_delay_sec") == ("3" if hasty else None)


def test_back_ups_with_overflowing_reports() -> None:
    """Back-UPS CS and ES 525 send longer reports than they say."""
    assert settings_of(0x051D, 0x0002, product="Back-UPS CS 650 FW:817.v3 .I")[0] == {"maxreport": ""}
    assert settings_of(0x051D, 0x0002, product="Back-UPS ES 700")[0] == {}


def test_no_sub_driver_is_named_twice() -> None:
    """Keys and names are unique, so that a user's choice is one."""
    assert (
        len({one.key for one in SUBDRIVERS}) == len({one.name for one in SUBDRIVERS}) == len(SUBDRIVERS) == 17
    )


def test_no_device_is_listed_twice_by_a_family() -> None:
    """A second entry with the same numbers would never be looked at."""
    for one in SUBDRIVERS:
        numbers = [(match.vendor_id, match.product_id) for match in one.matches]
        assert len(set(numbers)) == len(numbers), one.key


def test_refusals_say_what_to_do() -> None:
    """A device that is not taken is explained in words, except where it is nobody's business."""
    assert "productid = 1234" in matching.refusal(Identity(0x051D, 0x1234))
    assert "'tripplite_usb'" in matching.refusal(Identity(0x09AE, 0x0001))
    assert "'powercom'" in matching.refusal(Identity(0x0D9F, 0x0002))
    assert matching.refusal(Identity(0x050D, 0x0218)) == ""
    assert matching.refusal(Identity(0x03F0, 0x0024)) == ""
    assert matching.refusal(Identity(0x1234, 0x5678)) == ""


def test_ids_for_udev_are_sorted_and_single() -> None:
    """Each device stands once, with all makers that may be behind it."""
    ids = matching.usb_ids()
    numbers = [(one.vendor_id, one.product_id) for one in ids]
    assert numbers == sorted(set(numbers))
    shared = next(one for one in ids if (one.vendor_id, one.product_id) == (0x06DA, 0xFFFF))
    assert shared.makers == ("Eaton / MGE", "iDowell", "Liebert")

# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings become profiles; what can't be read is refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ridethrough.sim.usb.commands import profile_of
from ridethrough.sim.usb.profile import ProfileError, from_recording
from tests.support.hid import NAMES, RECORDED, SMALL

FACTS: dict[str, Any] = {
    "id": "small",
    "vendor_id": "0x1234",
    "product_id": "0xabcd",
    "bcdDevice": "0203",
    "strings": {"product": "Small", "serial": "7"},
    "feature_reports": {"02": "02 64 10 0e 00 00", "01": "01 05"},
    "extra_input_reports": ["02 63 10 0e 00 00", "02 62 00 00 00 00"],
}


def test_recording_has_identity_texts_and_reports() -> None:
    """Numbers are hex, texts get indexes in order, an input report of its own is kept beside the feature."""
    profile = from_recording(FACTS, SMALL)
    assert (profile.vendor_id, profile.product_id, profile.release) == (0x1234, 0xABCD, 0x0203)
    assert (profile.manufacturer, profile.product, profile.serial) == (0, 1, 2)
    assert profile.texts == {1: "Small", 2: "7"}
    assert profile.features == {2: bytes.fromhex("0264100e0000"), 1: b"\1\5"}
    assert profile.inputs == {2: bytes.fromhex("0263100e0000")}


def test_texts_may_come_with_their_indexes() -> None:
    """Where the recording knows the indexes, they are the device's."""
    facts = {**FACTS, "strings": {"3": "Maker", "9": "X"}, "string_indexes": {"iManufacturer": 3}}
    profile = from_recording(facts, SMALL)
    assert (profile.manufacturer, profile.product, profile.text(9), profile.text(1)) == (3, 0, "X", "")


def test_reports_tell_the_indexes_of_texts() -> None:
    """Texts lie where the device's own reports say, the others where there is room."""
    descriptor = bytes.fromhex("0584 0904 a101 8507 1500 26ff00 7508 9501 09fd b102 09ff b102 c0")
    strings = {"manufacturer": "M", "product": "P", "serial": "S"}
    facts = {**FACTS, "strings": strings, "feature_reports": {"07": "07 02 09"}, "extra_input_reports": []}
    profile = from_recording(facts, descriptor)
    assert profile.texts == {2: "M", 1: "P", 9: "S"}
    assert (profile.manufacturer, profile.product, profile.serial) == (2, 1, 9)


@pytest.mark.parametrize(
    "broken",
    [
        {"vendor_id": "no"},
        {"feature_reports": {"02": "03 64"}},
        {"feature_reports": {"02": ""}},
        {"feature_reports": ["x"]},
        {"strings": {"x": "y"}, "string_indexes": {"iProduct": 1}},
    ],
)
def test_broken_recording_is_refused(broken: dict[str, Any]) -> None:
    """The error names the recording."""
    with pytest.raises(ProfileError, match="'small'"):
        from_recording({**FACTS, **broken}, SMALL)


def test_file_of_a_recording(tmp_path: Path) -> None:
    """The descriptor is read from the file beside it."""
    path = tmp_path / "small.json"
    path.write_text(json.dumps(FACTS))
    path.with_suffix(".hex").write_text(SMALL.hex(" "))
    assert profile_of(str(path)).report_descriptor == SMALL
    path.with_suffix(".hex").unlink()
    with pytest.raises(ProfileError, match=r"small\.json.*No such file"):
        profile_of(str(path))


def test_unknown_profile_names_the_known() -> None:
    """A misspelt name tells what there is."""
    with pytest.raises(ProfileError, match="eaton-ellipse, salicru-soho, cyberpower"):
        profile_of("eaton")


@pytest.mark.skipif(not NAMES, reason="the recorded devices are not here")
def test_all_recordings_can_be_played() -> None:
    """Every recorded device makes a profile."""
    for name in NAMES:
        profile = profile_of(str(RECORDED / f"{name}.json"))
        assert profile.parsed.fields, name
